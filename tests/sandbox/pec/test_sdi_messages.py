"""Messages of both families against the official schemas, and against the ministry's own examples."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from sandbox.pec.sdi_checks import verdict
from sandbox.pec.sdi_messages import PRIVATE, PUBLIC, Answer, MessageError, Transmission, build

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
TWO_ERRORS = (verdict("00421"), verdict("00200", "riga 7: " + "x" * 2000))


@pytest.fixture
def schemas(shared: Path) -> dict[str, etree.XMLSchema]:
    folder = shared / "fatturapa" / "messages-xsd"
    names = {PRIVATE: "MessaggiFatturaTypes_v1.0.xsd", PUBLIC: "MessaggiTypes_v1.1.xsd"}
    return {family: etree.XMLSchema(etree.parse(folder / name)) for family, name in names.items()}


def transmission(*, is_public: bool) -> Transmission:
    return Transmission(
        sdi_id=6782414,
        file_name="IT07643520567_00001.xml.p7m",
        sha256="ab" * 32,
        received_at=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        is_public=is_public,
        recipient_code="ABC123" if is_public else "ABC1234",
        documents=(("2026/00001", "2026"),),
        pec_id="opec1.20261120130000@pec.gestore.test",
    )


def build_message(kind: str, *, is_public: bool, outcome: str = "EC01") -> etree._Element:
    answer = Answer(kind, outcome, TWO_ERRORS if kind == "NS" else ())
    return etree.fromstring(build(transmission(is_public=is_public), answer, message_id=17, now=NOW))


@pytest.mark.parametrize(
    ("is_public", "kind", "root"),
    [
        (False, "RC", "RicevutaConsegna"),
        (False, "NS", "RicevutaScarto"),
        (False, "MC", "RicevutaImpossibilitaRecapito"),
        (True, "RC", "RicevutaConsegna"),
        (True, "NS", "NotificaScarto"),
        (True, "MC", "NotificaMancataConsegna"),
        (True, "NE", "NotificaEsito"),
        (True, "DT", "NotificaDecorrenzaTermini"),
        (True, "AT", "AttestazioneTrasmissioneFattura"),
    ],
)
def test_message_is_valid_by_its_official_schema(schemas, is_public, kind, root):
    message = build_message(kind, is_public=is_public)

    family = PUBLIC if is_public else PRIVATE
    assert message.tag == f"{{{family}}}{root}"
    assert schemas[family].validate(message), schemas[family].error_log
    assert message.findtext("IdentificativoSdI") == "6782414"
    assert message.findtext("MessageId") == "17"


@pytest.mark.parametrize("kind", ["RC", "NS", "MC", "NE", "DT", "AT"])
def test_public_message_has_the_fields_of_the_published_example(shared: Path, kind):
    path = shared / "fatturapa" / "samples-messages" / f"IT01234567890_11111_{kind}_001.xml"
    example = etree.parse(path).getroot()

    message = build_message(kind, is_public=True)

    optional = {"RiferimentoArchivio", "Note", "PecMessageId", "RiferimentoFattura"}
    assert message.tag == example.tag
    assert [e.tag for e in message if e.tag not in optional] == [e.tag for e in example if e.tag not in optional]


def test_private_message_carries_the_hash_and_a_suggestion_for_each_error():
    message = build_message("NS", is_public=False)

    assert message.findtext("Hash") == "ab" * 32
    assert [error.findtext("Codice") for error in message.iterfind("ListaErrori/Errore")] == ["00421", "00200"]
    assert [bool(error.findtext("Suggerimento")) for error in message.iterfind("ListaErrori/Errore")] == [True, True]


def test_times_are_written_in_three_ways():
    assert build_message("RC", is_public=False).findtext("DataOraRicezione") == "2026-11-20T13:00:00.000+01:00"
    assert build_message("NS", is_public=False).findtext("DataOraRicezione") == "2026-11-20T13:00:00"
    assert build_message("MC", is_public=False).findtext("DataOraRicezione") == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize("outcome", ["EC01", "EC02"])
def test_outcome_message_names_the_invoice_and_the_outcome(schemas, outcome):
    message = build_message("NE", is_public=True, outcome=outcome)

    assert schemas[PUBLIC].validate(message)
    assert message.findtext("EsitoCommittente/Esito") == outcome
    assert message.findtext("EsitoCommittente/RiferimentoFattura/NumeroFattura") == "2026/00001"


@pytest.mark.parametrize("kind", ["NE", "DT", "AT"])
def test_outcome_messages_do_not_exist_for_private_recipients(kind):
    with pytest.raises(MessageError, match="private"):
        build_message(kind, is_public=False)

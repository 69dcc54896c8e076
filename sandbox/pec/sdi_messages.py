"""The XML messages SDI sends to whoever transmitted a file, in both families.

The codes in file names (RC, NS, MC ...) are the same for private and public recipients; root elements, namespaces and
fields are not (MessaggiFatturaTypes 1.0 and MessaggiTypes 1.1).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from sandbox.pec.sdi_checks import ROME, Verdict

PRIVATE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0"
PUBLIC = "http://www.fatturapa.gov.it/sdi/messaggi/v1.0"
DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"

ROOTS = {
    (PRIVATE, "RC"): "RicevutaConsegna",
    (PRIVATE, "NS"): "RicevutaScarto",
    (PRIVATE, "MC"): "RicevutaImpossibilitaRecapito",
    (PUBLIC, "RC"): "RicevutaConsegna",
    (PUBLIC, "NS"): "NotificaScarto",
    (PUBLIC, "MC"): "NotificaMancataConsegna",
    (PUBLIC, "NE"): "NotificaEsito",
    (PUBLIC, "DT"): "NotificaDecorrenzaTermini",
    (PUBLIC, "AT"): "AttestazioneTrasmissioneFattura",
}
_MAX_DESCRIPTION = {PRIVATE: 1000, PUBLIC: 255}
_MAX_FILE_NAME = 50

Field = tuple[str, "str | Sequence[Field]"]


class MessageError(Exception):
    """This kind of message does not exist for this recipient."""


@dataclass(frozen=True)
class Transmission:
    """What a message says about the file it answers; `documents` are (number, year) of the invoices inside."""

    sdi_id: int
    file_name: str
    sha256: str
    received_at: datetime
    is_public: bool
    recipient_code: str
    documents: tuple[tuple[str, str], ...]
    pec_id: str

    @property
    def family(self) -> str:
        return PUBLIC if self.is_public else PRIVATE


@dataclass(frozen=True)
class Answer:
    """Which message to send: `outcome` (EC01, EC02) belongs to NE, `verdicts` to NS."""

    kind: str
    outcome: str = "EC01"
    verdicts: tuple[Verdict, ...] = ()


def build(transmission: Transmission, answer: Answer, *, message_id: int, now: datetime) -> bytes:
    """The message as bytes of XML, valid by its official schema."""
    family = transmission.family
    root_name = ROOTS.get((family, answer.kind))
    if root_name is None:
        raise MessageError(
            f"{answer.kind} does not exist for a {'public' if transmission.is_public else 'private'} recipient"
        )
    prefix = "types" if transmission.is_public else "ns3"
    root = etree.Element(f"{{{family}}}{root_name}", {"versione": "1.0"}, nsmap={prefix: family})
    fields: list[Field] = [("IdentificativoSdI", str(transmission.sdi_id))]
    if answer.kind != "DT":
        fields += _file(transmission, with_hash=not transmission.is_public)
    fields += _BODIES[answer.kind](transmission, answer, now)
    fields += [("MessageId", str(message_id)), ("PecMessageId", transmission.pec_id)]
    if answer.kind == "AT":
        fields += [("Note", "Attestazione della trasmissione"), ("HashFileOriginale", transmission.sha256)]
    _append(root, fields)
    root.append(_signature(etree.tostring(root), now))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _file(transmission: Transmission, *, with_hash: bool) -> list[Field]:
    name: Field = ("NomeFile", transmission.file_name[:_MAX_FILE_NAME])
    return [name, ("Hash", transmission.sha256)] if with_hash else [name]


def _delivery(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    return [
        ("DataOraRicezione", transmission.received_at.astimezone(ROME).isoformat(timespec="milliseconds")),
        ("DataOraConsegna", now.astimezone(ROME).isoformat(timespec="milliseconds")),
        _recipient(transmission),
    ]


def _rejection(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    # without a zone, as the system also writes them: Italian time is meant
    received_at = transmission.received_at.astimezone(ROME).replace(tzinfo=None).isoformat(timespec="seconds")
    errors = [("Errore", _error(transmission, verdict)) for verdict in answer.verdicts[:200]]
    return [("DataOraRicezione", received_at), ("ListaErrori", errors)]


def _error(transmission: Transmission, verdict: Verdict) -> list[Field]:
    fields: list[Field] = [
        ("Codice", verdict.code),
        ("Descrizione", verdict.description[: _MAX_DESCRIPTION[transmission.family]]),
    ]
    if not transmission.is_public:
        fields.append(("Suggerimento", "Correggere il file e trasmetterlo di nuovo con un altro nome"))
    return fields


def _unavailable(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    received_at = transmission.received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if transmission.is_public:
        return [("DataOraRicezione", received_at), ("Descrizione", "Il canale dell'amministrazione non risponde")]
    available = now.astimezone(ROME) + timedelta(minutes=1)
    text = "Recapito non possibile: la fattura è a disposizione del cessionario nella sua area riservata"
    return [
        ("DataOraRicezione", received_at),
        ("DataMessaADisposizione", available.date().isoformat()),
        ("Descrizione", text),
    ]


def _outcome(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    is_refusal = answer.outcome == "EC02"
    fields: list[Field] = [
        ("IdentificativoSdI", str(transmission.sdi_id)),
        *_invoice_reference(transmission),
        ("Esito", answer.outcome),
        ("Descrizione", "Fattura rifiutata dall'amministrazione" if is_refusal else "Fattura accettata"),
        ("MessageIdCommittente", str(transmission.sdi_id)),
    ]
    return [("EsitoCommittente", fields)]


def _term_expiry(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    text = "Decorsi quindici giorni senza esito del committente"
    return [*_invoice_reference(transmission), *_file(transmission, with_hash=False), ("Descrizione", text)]


def _undeliverable(transmission: Transmission, answer: Answer, now: datetime) -> list[Field]:  # noqa: ARG001
    received_at = transmission.received_at.astimezone(ROME).isoformat(timespec="seconds")
    return [("DataOraRicezione", received_at), _recipient(transmission)]


_BODIES = {
    "RC": _delivery,
    "NS": _rejection,
    "MC": _unavailable,
    "NE": _outcome,
    "DT": _term_expiry,
    "AT": _undeliverable,
}


def _recipient(transmission: Transmission) -> Field:
    description = "Amministrazione di prova" if transmission.is_public else "Canale del cessionario"
    return ("Destinatario", [("Codice", transmission.recipient_code), ("Descrizione", description)])


def _invoice_reference(transmission: Transmission) -> list[Field]:
    if not transmission.documents:
        return []
    number, year = transmission.documents[0]
    return [("RiferimentoFattura", [("NumeroFattura", number), ("AnnoFattura", year), ("PosizioneFattura", "1")])]


def _append(parent: etree._Element, fields: Sequence[Field]) -> None:
    for name, content in fields:
        child = etree.SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            if name == "EsitoCommittente":
                child.set("versione", "1.0")
            _append(child, content)


def _signature(content: bytes, now: datetime) -> etree._Element:
    """An element shaped like SDI's XAdES signature. It is NOT one: the values are hashes, no key signed anything."""
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    value = base64.b64encode(hashlib.sha512(content).digest() * 4).decode()
    return etree.fromstring(
        f"""<ds:Signature xmlns:ds="{DS}" Id="Signature1"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference Id="reference-document" URI=""><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2">
<XPath xmlns="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">/descendant::ds:Signature</XPath>
</ds:Transform></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{digest}</ds:DigestValue>
</ds:Reference></ds:SignedInfo><ds:SignatureValue Id="SignatureValue1">{value}</ds:SignatureValue>
<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#Signature1">
<xades:SignedProperties Id="SignedProperties_1"><xades:SignedSignatureProperties>
<xades:SigningTime>{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</xades:SigningTime>
</xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature>"""
    )

"""Mails that come to the PEC mailbox: read tolerantly, believed carefully, each applied once."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from invoicing.clients import pec as mailbox
from invoicing.models import Document, Invoice, Mailbox, PecMessage, ReceivedMail
from invoicing.sdi import receipts
from invoicing.sdi.messages import ForReceiversError, UnknownMessageError, read_message
from invoicing.sdi.pec_mail import OtherMail, ProviderReceipt, SdiMail, classify, parse_mail
from notifications.models import Mail
from sandbox.pec.signing import SigningAuthority
from tests.conftest import Control
from tests.invoicing.flow import Post, drop, issue, on_its_way, read_until, receive, send, story
from tests.waiting import until

pytestmark = pytest.mark.django_db
SAMPLE = "IT01234567890_11111"


@pytest.fixture
def message(post: Post) -> PecMessage:
    return on_its_way(issue())


@pytest.fixture
def verifying(post: Post, settings: Any) -> None:
    settings.SDI_PEC_SIGNER_CA_FILE = str(post.authorities)


def sample(shared: Path, kind: str) -> bytes:
    return (shared / "fatturapa" / "samples-messages" / f"{SAMPLE}_{kind}_001.xml").read_bytes()


def is_untouched(message: PecMessage) -> bool:
    """Nothing of what came in has moved the invoice."""
    invoice = Invoice.objects.get(pk=message.file.invoice_id)
    return (invoice.state, story(invoice), invoice.sdi_identifier) == ("sent", ["issued", "sending", "sent"], "")


@pytest.mark.parametrize(
    ("kind", "outcome", "note"),
    [
        ("RC", "", ""),
        ("NS", "", ""),
        ("MC", "", "Notifica di esempio"),
        ("NE", "EC01", "Notifica di esempio"),
        ("DT", "", "Notifica di esempio"),
        ("AT", "", ""),
    ],
)
def test_published_message_is_read(kind: str, outcome: str, note: str, shared: Path):
    message = read_message(sample(shared, kind))

    assert (message.kind, message.is_public, message.outcome) == (kind, True, outcome)
    assert (message.file_name, message.identifier, message.file_hash) == (f"{SAMPLE}.xml.p7m", "111", "")
    assert message.note == note


def test_published_rejection_tells_its_errors(shared: Path):
    errors = read_message(sample(shared, "NS")).errors

    assert [(error.code, error.description, error.hint) for error in errors] == [
        ("00100", "Certificato di firma scaduto", "")
    ]


@pytest.mark.parametrize("root", ["MetadatiInvioFile", "NotificaEsitoCommittente", "ScartoEsitoCommittente"])
def test_message_for_those_who_receive_is_filed_and_changes_nothing(root: str, message: PecMessage, post: Post):
    content = f"""<m:{root} xmlns:m="http://www.fatturapa.gov.it/sdi/messaggi/v1.0" versione="1.0">
      <IdentificativoSdI>7</IdentificativoSdI><NomeFile>{message.file.file_name}</NomeFile>
    </m:{root}>""".encode()

    row = receive(post.envelope(content, f"{message.file.file_name[:-4]}_XX_001.xml"))

    assert (row.outcome, row.invoice, is_untouched(message)) == ("foreign", None, True)
    is_metadata = root == "MetadatiInvioFile"
    assert ("is not with its metadata" if is_metadata else root) in row.reason


@pytest.mark.parametrize("kind", ["EC", "SE", "MT"])
def test_message_for_receivers_is_no_business_of_ours(kind: str, shared: Path, message: PecMessage, post: Post):
    with pytest.raises(ForReceiversError):
        read_message(sample(shared, kind))

    row = receive(post.envelope(sample(shared, kind), f"{SAMPLE}_{kind}_001.xml"))

    assert (row.outcome, row.invoice, is_untouched(message)) == ("foreign", None, True)


@pytest.mark.parametrize("kind", ["RC", "NS", "MC"])
def test_message_of_the_private_family_is_read(kind: str, message: PecMessage, post: Post):
    message_data = read_message(post.message(message.file, kind))

    assert (message_data.kind, message_data.is_public, message_data.identifier) == (kind, False, "6782414")
    assert (message_data.file_name, message_data.file_hash) == (message.file.file_name, message.file.xml.sha256)
    assert [error.code for error in message_data.errors] == (["00311"] if kind == "NS" else [])


@pytest.mark.parametrize(
    "content",
    [b"<RicevutaConsegna/>", b'<a:RicevutaConsegna xmlns:a="urn:x"/>', b"<FatturaElettronica/>"],
)
def test_root_without_sdis_namespace_is_no_message(content: bytes):
    with pytest.raises(UnknownMessageError):
        read_message(content)


@pytest.mark.parametrize(
    "name",
    [
        "IT11847200968_00001.xml",
        "IT11847200968_00001.xml.p7m",
        "11847200968_00001.xml",
        "11847200968_00001.xml.p7m",
        "IT11847200968_00001",
    ],
)
def test_file_is_found_by_any_of_its_names(name: str, message: PecMessage, post: Post):
    row = receive(post.sdi(message.file, "RC", about=name))

    assert (row.outcome, row.kind, row.invoice) == ("applied", "RC", message.file.invoice)
    assert row.invoice.state == "delivered"


@pytest.mark.parametrize("name", ["IT99999999999_00001.xml", "IT11847200968_00002.xml", "IT11847200968_0000"])
def test_message_about_an_unknown_file_is_kept_unmatched(name: str, message: PecMessage, post: Post):
    row = receive(post.sdi(message.file, "NS", about=name))

    assert (row.outcome, row.reason) == ("unmatched", f"no file of ours is {name}")
    assert is_untouched(message)


def test_receipt_about_an_unknown_message_is_kept_unmatched(message: PecMessage, post: Post):
    other = PecMessage(message_id="<other@x>", recipient="sdi01@pec.fatturapa.it")

    row = receive(post.receipt(other, "errore-consegna"))

    assert (row.outcome, row.reason, is_untouched(message)) == ("unmatched", "no message of ours is <other@x>", True)


def test_message_with_another_hash_is_quarantined(message: PecMessage, post: Post):
    row = receive(post.sdi(message.file, "NS", digest="0" * 64))

    assert (row.outcome, row.reason) == ("quarantined", "the hash is not that of the file we sent")
    assert is_untouched(message)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE a [" + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9)) + "]>",
    ],
)
def test_message_with_a_doctype_is_quarantined(declaration: str, message: PecMessage, post: Post):
    xml = post.message(message.file, "NS").replace(b"?>", b"?>" + declaration.encode(), 1)

    row = receive(post.envelope(xml))

    assert (row.outcome, is_untouched(message)) == ("quarantined", True)
    assert row.reason == "A DOCTYPE is not allowed: take that line away."


@pytest.mark.parametrize("content", [b"", b"no xml", b"<a>", b"\x00" * 64, b"<a/>"])
def test_attachment_that_is_no_message_is_quarantined(content: bytes, message: PecMessage, post: Post):
    row = receive(post.envelope(content))

    assert (row.outcome, is_untouched(message)) == ("quarantined", True)


def test_ordinary_mail_that_claims_to_be_sdi_is_quarantined(message: PecMessage, post: Post):
    certified = post.sdi(message.file, "NS")

    row = receive(certified.replace(b"X-Trasporto: posta-certificata\r\n", b""))

    assert (row.outcome, row.reason, is_untouched(message)) == ("quarantined", "not a certified mail", True)


def test_anomaly_envelope_is_quarantined(message: PecMessage, post: Post):
    xml = post.message(message.file, "NS")

    row = receive(post.envelope(xml, f"{message.file.file_name[:-4]}_NS_001.xml", is_anomaly=True))

    assert (row.outcome, is_untouched(message)) == ("quarantined", True)
    assert row.reason == "an anomaly envelope: ordinary mail, whoever it says it is from"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Reply-To: sdi03@pec.fatturapa.it", b"Reply-To: sdi03@pec.fatturapa.it.truffa.example"),
        (b"Reply-To: sdi03@pec.fatturapa.it", b"Reply-To: truffa@pec.example"),
        (b'"Per conto di: sdi03@pec.fatturapa.it"', b'"Per conto di: truffa@pec.example"'),
        (b'"Per conto di: sdi03@pec.fatturapa.it" ', b""),
    ],
)
def test_certified_mail_of_somebody_else_is_quarantined(old: bytes, new: bytes, message: PecMessage, post: Post):
    raw = post.sdi(message.file, "NS")
    assert old in raw

    row = receive(raw.replace(old, new))

    assert (row.outcome, is_untouched(message)) == ("quarantined", True)
    assert row.reason.startswith("certified mail of ")


def test_receipt_without_a_reference_is_quarantined(message: PecMessage, post: Post):
    raw = post.receipt(message, "errore-consegna").replace(b"X-Riferimento-Message-ID", b"X-Nothing")

    row = receive(raw)

    assert (row.outcome, row.reason) == ("quarantined", "a PEC receipt without a reference")
    assert is_untouched(message)


def test_real_envelopes_are_applied_where_signatures_are_checked(
    customer: Any, pec: Control, sandbox_env: dict[str, str], settings: Any
):
    settings.SDI_PEC_SIGNER_CA_FILE = sandbox_env["SANDBOX_PEC_SIGNERS"]

    invoice = read_until(send(issue(customer)), "delivered")
    receipts.read_mailbox()

    rows = ReceivedMail.objects.order_by("kind").values_list("kind", "outcome", "reason")
    assert invoice.state == "delivered"
    assert list(rows) == [("RC", "applied", ""), ("accettazione", "applied", ""), ("avvenuta-consegna", "applied", "")]


def change_content(raw: bytes) -> bytes:
    return raw.replace(b"Identificativo", b"identificativo", 1)


def with_a_further_part(raw: bytes) -> bytes:
    """Something after the signature, where mail readers look and the signature does not."""
    last = raw.rindex(b"\r\n--")
    boundary = raw[last + 2 : -4]
    return raw[:last] + b"\r\n" + boundary + b"\r\nContent-Type: text/plain\r\n\r\naltro" + raw[last:]


@pytest.mark.parametrize("kind", ["receipt", "sdi"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_content, "The content was changed after it was signed."),
        (with_a_further_part, "The envelope is not signed."),
        (lambda raw: raw.replace(b"multipart/signed", b"multipart/mixed"), "The envelope is not signed."),
        (lambda raw: re.sub(rb"MII[DE]", b"AAAA", raw), "The envelope's signature cannot be read."),
        (
            lambda raw: re.sub(rb"(<|From: )posta-certificata@", rb"\1altro@", raw),
            "The envelope is signed for another address than ",
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("verifying")
def test_envelope_that_was_tampered_with_is_quarantined(
    change: Any, reason: str, kind: str, message: PecMessage, post: Post
):
    raw = post.sdi(message.file, "NS") if kind == "sdi" else post.receipt(message, "errore-consegna")

    row = receive(change(raw))

    assert row.outcome == "quarantined"
    assert row.reason.startswith(reason)
    assert is_untouched(message)


@pytest.mark.usefixtures("verifying")
def test_envelope_as_it_was_signed_is_applied(message: PecMessage, post: Post):
    rows = [receive(post.receipt(message, "accettazione")), receive(post.sdi(message.file, "RC"))]

    assert [(row.outcome, row.reason) for row in rows] == [("applied", "")] * 2


@pytest.mark.usefixtures("verifying")
def test_envelope_stored_with_other_line_ends_is_still_believed(message: PecMessage, post: Post):
    row = receive(post.sdi(message.file, "RC").replace(b"\r\n", b"\n"))

    assert (row.outcome, row.reason) == ("applied", "")


@pytest.mark.usefixtures("verifying")
def test_envelope_of_an_unknown_signer_is_quarantined(message: PecMessage, tmp_path: Path):
    stranger = Post(SigningAuthority(tmp_path))

    row = receive(stranger.sdi(message.file, "NS"))

    assert row.outcome == "quarantined"
    assert "posta-certificata@pcert.sogei.it" in row.reason
    assert is_untouched(message)


def test_real_envelope_with_one_byte_changed_is_quarantined(
    customer: Any, pec: Control, sandbox_env: dict[str, str], settings: Any
):
    settings.SDI_PEC_SIGNER_CA_FILE = sandbox_env["SANDBOX_PEC_SIGNERS"]
    pec.post("/settings", sdi_delay_s=600)
    invoice = read_until(send(issue(customer)), "pec_delivered")
    uid = next(mail["uid"] for mail in pec.get("/mailbox") if mail["kind"] == "accettazione")
    raw = requests.get(f"{pec.base}/mailbox/{uid}", timeout=5).content

    row = drop(pec, raw.replace(b"accettato", b"Accettato"))

    invoice.refresh_from_db()
    assert (row.outcome, row.kind, invoice.state) == ("quarantined", "", "pec_delivered")


def test_assigned_address_is_used_for_the_next_sending_and_may_change(post: Post, settings: Any):
    settings.SDI_PEC_EMAIL = "fatture@pec.gestore.test"
    Mailbox.objects.create(address=settings.SDI_PEC_EMAIL)
    recipients = []
    for address in ("sdi48@pec.fatturapa.it", "SDI07@pec.fatturapa.it", ""):
        message = on_its_way(issue())
        recipients.append(message.recipient)
        text = f"Il nuovo indirizzo da utilizzare per inviare le prossime fatture e' {address}" if address else "Ciao"
        receive(post.envelope(post.message(message.file, "RC"), text=text))

    assert recipients == [settings.SDI_PEC_RECIPIENT, "sdi48@pec.fatturapa.it", "sdi07@pec.fatturapa.it"]
    assert Mailbox.objects.get().sdi_address == "sdi07@pec.fatturapa.it"


def test_address_in_a_mail_that_is_not_sdis_is_not_learned(post: Post, message: PecMessage, settings: Any):
    settings.SDI_PEC_EMAIL = "fatture@pec.gestore.test"
    Mailbox.objects.create(address=settings.SDI_PEC_EMAIL)
    text = "Il nuovo indirizzo da utilizzare e' sdi99@pec.fatturapa.it"

    receive(post.envelope(post.message(message.file, "RC"), text=text, sender="truffa@pec.example"))

    assert Mailbox.objects.get().sdi_address == ""


@pytest.mark.parametrize("kind", ["non-accettazione", "errore-consegna"])
def test_staff_are_told_when_the_provider_refuses(kind: str, message: PecMessage, post: Post, settings: Any):
    settings.STAFF_EMAIL = "fatture@aish.example"

    receive(post.receipt(message, kind))

    mail = Mail.objects.get(kind="invoice_attention")
    assert (mail.to_email, message.file.invoice.number in mail.text) == ("fatture@aish.example", True)
    assert PecMessage.objects.get().file.invoice.state == "send_failed"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_readers_at_once_apply_each_mail_once(customer: Any, pec: Control):
    invoice = send(issue(customer))
    until(lambda: len(pec.get("/mailbox")) >= 3, "SDI sent no receipts")

    def read(_number: int) -> int:
        try:
            return receipts.read_mailbox()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))

    invoice.refresh_from_db()
    assert (invoice.state, sorted(story(invoice)[3:])) == ("delivered", ["delivered", "pec_accepted", "pec_delivered"])
    assert (ReceivedMail.objects.count(), Mail.objects.filter(kind="invoice_ready").count()) == (3, 1)


@pytest.mark.parametrize("is_committed", [True, False])
def test_reader_killed_before_it_marks_a_mail_loses_and_doubles_nothing(
    is_committed: bool, customer: Any, pec: Control
):
    invoice = send(issue(customer))
    until(lambda: len(pec.get("/mailbox")) >= 3, "SDI sent no receipts")
    for mail in mailbox.fetch_since(0, 0)[1]:  # what the reader does, up to the moment of its end
        with transaction.atomic():
            receipts.receive(raw=mail.raw)
            transaction.set_rollback(not is_committed)

    read = receipts.read_mailbox()

    invoice.refresh_from_db()
    assert (read, invoice.state, len(story(invoice)), ReceivedMail.objects.count()) == (3, "delivered", 6, 3)
    assert {flag for mail in pec.get("/mailbox") for flag in mail["flags"]} >= {"\\Seen"}


POISON = [
    b"",
    b"\x00",
    b"Subject: =?utf-8?q?a=00b?=\r\nFrom: a\r\n\r\nx",
    b"Subject: caff\xe8 \xff\r\nFrom: \xe8@\xe8\r\n\r\nx",
    b"Message-ID: <\r\nFrom: <<<@>>\r\n\r\nx",
    b"Message-ID: \r\nFrom: \r\nSubject: \r\n\r\n",
    b"Content-Type: multipart/signed\r\nX-Trasporto: posta-certificata\r\n\r\nx",
    b"Content-Type: message/rfc822\r\nX-Trasporto: posta-certificata\r\nReply-To: sdi01@pec.fatturapa.it\r\n\r\n",
    b"X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID: <a\x00b>\r\n\r\nx",
    b"X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID: <a>\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nx",
    b'X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID: <a>\r\nContent-Type: text/plain; charset=""\r\n\r\n\xff',
    b"X-Ricevuta: " + b"x" * 500 + b"\r\nX-Riferimento-Message-ID: <" + b"y" * 500 + b">\r\n\r\nx",
    b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-9''%00\r\n\r\nx",
    b"X-Ricevuta: virus\r\nX-Riferimento-Message-ID: <a>\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
    b"Subject: =?utf-7?q?+2AA-?=\r\n\r\nx",
    b"From: " + b"a" * 2000 + b"@x\r\nSubject: " + b"s" * 2000 + b"\r\n\r\nx",
]  # fmt: skip


@pytest.mark.parametrize("raw", POISON)
def test_odd_mail_is_kept_and_does_not_stop_the_reader(raw: bytes):
    row = receive(raw)

    assert (bytes(ReceivedMail.objects.get().content), row.invoice) == (raw, None)


@given(st.data())
def test_no_damage_to_an_envelope_makes_the_reader_stumble(post: Post, data: Any):
    raw = bytearray(ENVELOPES.get(post) or ENVELOPES.setdefault(post, post.envelope(b"<a/>")))
    for _change in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))

    assert isinstance(classify(parse_mail(bytes(raw))), (SdiMail, ProviderReceipt, OtherMail))


ENVELOPES: dict[Post, bytes] = {}


def test_nothing_is_stored_of_a_foreign_mail_but_itself(message: PecMessage):
    before = Document.objects.count()

    row = receive(b"From: a@b.example\r\nSubject: Offerta\r\n\r\nCiao")

    assert (row.outcome, Document.objects.count(), django_settings.SDI_PEC_SIGNER_CA_FILE) == ("foreign", before, "")

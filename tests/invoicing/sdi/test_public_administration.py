"""Invoices to public administrations: signed before they leave, answered by the office."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.utils import timezone, translation

from core.models import AuditEntry
from invoicing import corrections, tasks
from invoicing.models import Document, Invoice, PecMessage, Submission
from invoicing.sdi import sending
from notifications.models import Mail
from sandbox.pec.signing import SigningAuthority
from tests.conftest import Control
from tests.invoicing.drafts import make_draft
from tests.invoicing.flow import (
    OFFICE,
    Post,
    issue,
    make_signer,
    on_its_way,
    read_until,
    receive,
    send,
    sign,
    sign_content,
    story,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(customer: Any) -> Invoice:
    return issue(customer, make_draft(OFFICE))


@pytest.fixture
def signed_invoice(invoice: Invoice, staff: Any) -> Invoice:
    sign(invoice, staff)
    return invoice


def xml_of(invoice: Invoice) -> bytes:
    return bytes(invoice.current_file().xml.content)


def attach(invoice: Invoice, content: bytes, staff: Any) -> Document:
    return sending.attach_signed(invoice=invoice, content=content, actor=staff, now=timezone.now())


def parse_signed(content: bytes) -> Any:
    return cms.ContentInfo.load(sign_content(content))


def sign_detached(content: bytes) -> bytes:
    signer = make_signer()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer.certificate, signer.key, SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature])


def without_signers(content: bytes) -> bytes:
    info = parse_signed(content)
    info["content"]["signer_infos"] = []
    return bytes(info.dump(force=True))


def without_certificates(content: bytes) -> bytes:
    info = parse_signed(content)
    info["content"]["certificates"] = []
    return bytes(info.dump(force=True))


def break_signature(content: bytes) -> bytes:
    info = parse_signed(content)
    signature = bytearray(info["content"]["signer_infos"][0]["signature"].native)
    signature[-1] ^= 1
    info["content"]["signer_infos"][0]["signature"] = bytes(signature)
    return bytes(info.dump(force=True))


def with_foreign_digest(content: bytes) -> bytes:
    """A true signature of another file around this one."""
    info = parse_signed(b"<other/>")
    info["content"]["encap_content_info"]["content"] = content
    return bytes(info.dump(force=True))


def change_amount(content: bytes) -> bytes:
    return sign_content(content).replace(b"4758.00", b"9758.00")


def test_invoice_to_an_office_waits_for_its_signature(invoice: Invoice):
    xml = xml_of(invoice)

    assert (invoice.state, invoice.submission(), story(invoice)) == ("to_sign", None, ["to_sign"])
    assert b"<FormatoTrasmissione>FPA12</FormatoTrasmissione>" in xml
    assert b"<CodiceDestinatario>UFE2Q1</CodiceDestinatario>" in xml


def test_unsigned_invoice_is_never_sent(invoice: Invoice, pec: Control):
    send(invoice)
    tasks.send_invoice(invoice_id=invoice.pk)
    tasks.send_due_invoices()

    invoice.refresh_from_db()
    assert (invoice.state, PecMessage.objects.count(), pec.get("/outgoing")) == ("to_sign", 0, [])


def test_submission_made_by_hand_does_not_send_it_unsigned(invoice: Invoice, pec: Control):
    Submission.objects.create(file=invoice.current_file())

    sending.send_due()

    invoice.refresh_from_db()
    assert (invoice.state, PecMessage.objects.count(), pec.get("/outgoing")) == ("to_sign", 0, [])


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_proper_signature_is_kept_byte_for_byte_and_releases_the_invoice(
    encoding: Encoding, invoice: Invoice, staff: Any
):
    content = sign_content(xml_of(invoice), encoding=encoding)

    document = attach(invoice, content, staff)

    invoice.refresh_from_db()
    file = invoice.current_file()
    entry = AuditEntry.objects.get(action="invoice.signed")
    assert (document.kind, document.name, bytes(document.content)) == ("signed", f"{file.file_name}.p7m", content)
    assert document.sha256 == file.sent.sha256 == hashlib.sha256(content).hexdigest() == entry.detail["sha256"]
    assert (invoice.state, invoice.submission().state, entry.actor) == ("issued", "pending", staff)
    assert invoice.events.get(state="issued").text == "Elena Dotti"


def test_file_signed_by_two_people_is_opened_to_its_invoice(invoice: Invoice, staff: Any):
    inner = sign_content(xml_of(invoice), make_signer("Elena Dotti"))

    attach(invoice, sign_content(inner, make_signer("Marco Riva")), staff)

    assert invoice.events.get(state="issued").text == "Marco Riva, Elena Dotti"


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (bytes, "This is not a signed file (.p7m)."),
        (lambda xml: b"", "This is not a signed file (.p7m)."),
        (lambda xml: sign_content(xml)[:-200], "This is not a signed file (.p7m)."),
        (sign_detached, "The signature is apart from the file: send the .p7m with the invoice inside."),
        (lambda xml: sign_content(b"<altra/>"), "The file inside is not the invoice {name} as we issued it."),
        (lambda xml: sign_content(xml + b"\n"), "The file inside is not the invoice {name} as we issued it."),
        (change_amount, "The file inside is not the invoice {name} as we issued it."),
        (without_signers, "The file carries no signature."),
        (without_certificates, "The signer's certificate is missing."),
        (break_signature, "The signature does not fit its certificate."),
        (with_foreign_digest, "The content was changed after it was signed."),
        (
            lambda xml: sign_content(xml, make_signer(days=(-800, -1))),
            "The certificate was not valid on the day of the signature.",
        ),
        (
            lambda xml: sign_content(xml, make_signer(days=(1, 365))),
            "The certificate was not valid on the day of the signature.",
        ),
        (
            lambda xml: sign_content(sign_content(sign_content(sign_content(xml)))),
            "The file is signed more often than we open it.",
        ),
    ],
)
def test_other_file_is_refused_and_changes_nothing(forge: Any, message: str, invoice: Invoice, staff: Any):
    name = invoice.current_file().file_name

    with translation.override("en"), pytest.raises(sending.SignatureRefusedError) as refusal:
        attach(invoice, forge(xml_of(invoice)), staff)

    invoice.refresh_from_db()
    assert (str(refusal.value), refusal.value.code, refusal.value.field) == (
        message.format(name=name),
        "signature",
        "file",
    )
    assert (invoice.state, invoice.current_file().signed, story(invoice)) == ("to_sign", None, ["to_sign"])
    assert Document.objects.count() == 1


def test_second_signature_is_refused(signed_invoice: Invoice, staff: Any):
    with pytest.raises(sending.CannotSendError) as refusal:
        attach(signed_invoice, sign_content(xml_of(signed_invoice)), staff)

    assert (refusal.value.code, Document.objects.filter(kind="signed").count()) == ("cannot_send", 1)


def test_private_invoice_takes_no_signature(customer: Any, staff: Any):
    invoice = issue(customer)

    with pytest.raises(sending.CannotSendError):
        attach(invoice, sign_content(xml_of(invoice)), staff)

    assert invoice.current_file().signed is None


def test_signed_invoice_leaves_as_p7m_and_sdi_takes_it(signed_invoice: Invoice, pec: Control):
    file = signed_invoice.current_file()

    read_until(send(signed_invoice), "delivered")

    (outgoing,) = pec.get("/outgoing")
    (received,) = pec.get("/invoices")
    assert outgoing["attachments"] == [{"name": f"{file.file_name}.p7m", "size": file.signed.size}]
    assert (received["sha256"], received["verdicts"], received["format"]) == (file.signed.sha256, [], "FPA12")


@pytest.mark.parametrize(
    ("plan", "steps"),
    [
        ({"NE": "EC01"}, ["delivered", "accepted"]),
        ({"NE": "EC02"}, ["delivered", "refused"]),
        ("DT", ["delivered", "expired"]),
        ("AT", ["not_delivered", "attested"]),
    ],
)
def test_office_answers_in_two_steps(plan: Any, steps: list[str], signed_invoice: Invoice, pec: Control):
    pec.post("/next", sdi=plan)

    read_until(send(signed_invoice), steps[-1])

    states = [state for state in story(signed_invoice) if state in Invoice.ANSWERS]
    assert states == steps
    assert [mail.kind for mail in Mail.objects.order_by("pk")] == ["invoice_ready"]


def test_office_that_could_not_be_reached_is_reached_later(signed_invoice: Invoice, pec: Control):
    pec.post("/next", sdi="MC")
    read_until(send(signed_invoice), "not_delivered")

    pec.post(f"/invoices/{signed_invoice.current_file().sent.name}/message", kind="RC")
    read_until(signed_invoice, "delivered")

    assert Mail.objects.filter(kind="invoice_ready").count() == 1


def test_refused_invoice_is_corrected_signed_and_accepted(signed_invoice: Invoice, staff: Any, pec: Control):
    pec.post("/next", sdi={"NE": "EC02"})
    read_until(send(signed_invoice), "refused")

    draft = corrections.draft_of(signed_invoice)
    now = timezone.now()
    corrections.correct_invoice(
        invoice=signed_invoice, draft=draft, actor=staff, today=timezone.localdate(now), now=now
    )
    sign(signed_invoice, staff)
    pec.post("/next", sdi={"NE": "EC01"})
    read_until(send(signed_invoice), "accepted")

    assert [file["state"] for file in pec.get("/invoices")] == ["refused", "accepted"]
    assert {document["number"] for file in pec.get("/invoices") for document in file["documents"]} == {"2026/00001"}


def test_messages_carry_the_hash_of_the_signed_file(signed_invoice: Invoice, post: Post):
    file = on_its_way(signed_invoice).file

    wrong = receive(post.envelope(add_hash(post, file, file.xml.sha256)))
    right = receive(post.envelope(add_hash(post, file, file.signed.sha256)))

    signed_invoice.refresh_from_db()
    assert (wrong.outcome, wrong.reason) == ("quarantined", "the hash is not that of the file we sent")
    assert (right.outcome, signed_invoice.state) == ("applied", "delivered")


def add_hash(post: Post, file: Any, digest: str) -> bytes:
    """The office's receipt with the hash that messages of the private family have."""
    name = b"</NomeFile>"
    return post.message(file, "RC").replace(name, name + f"<Hash>{digest}</Hash>".encode())


@pytest.mark.parametrize(("first", "state"), [("EC01", "accepted"), ("DT", "expired")])
def test_customer_is_told_once_even_when_the_last_answer_is_read_first(
    first: str, state: str, signed_invoice: Invoice, post: Post
):
    file = on_its_way(signed_invoice).file

    receive(post.sdi(file, first))
    receive(post.sdi(file, "RC"))

    signed_invoice.refresh_from_db()
    assert (signed_invoice.state, Mail.objects.filter(kind="invoice_ready").count()) == (state, 1)


def test_signature_of_an_unknown_authority_is_refused_where_authorities_are_named(
    invoice: Invoice, staff: Any, tmp_path: Path, settings: Any
):
    settings.INVOICE_SIGNER_CA_FILE = str(SigningAuthority(tmp_path).root_file)

    with pytest.raises(sending.SignatureRefusedError, match="Nessuna autorità di fiducia"):
        attach(invoice, sign_content(xml_of(invoice)), staff)

    invoice.refresh_from_db()
    assert (invoice.state, invoice.current_file().signed) == ("to_sign", None)

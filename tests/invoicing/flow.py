"""An invoice on its way, step by step: issued, signed, sent, and the mails that come back about it."""

import base64
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from django.utils import timezone

from invoicing import services
from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, InvoiceDraft
from invoicing.models import Invoice, InvoiceFile, PecMessage, ReceivedMail
from invoicing.sdi import receipts, sending
from sandbox.pec.envelopes import Original, Provider, Receipt, plain_mail, receipt_mail, transport_mail
from sandbox.pec.sdi_checks import verdict
from sandbox.pec.sdi_messages import Answer, Transmission, build
from sandbox.pec.signing import Signer, SigningAuthority
from tests.conftest import Control
from tests.invoicing.drafts import make_draft
from tests.queues import claim_row
from tests.waiting import until

OFFICE = Buyer(
    kind=BuyerKind.PUBLIC_ADMINISTRATION,
    name="Comune di Reggio nell'Emilia",
    tax_code="00145920351",
    recipient_code="UFE2Q1",
    address=Address("Piazza Prampolini 1", "42121", "Reggio nell'Emilia", "RE"),
)
SDI = "sdi03@pec.fatturapa.it"


def issue(customer: Any = None, draft: InvoiceDraft | None = None) -> Invoice:
    today = timezone.localdate()
    return services.issue_invoice(
        draft=(draft or make_draft()).with_date(today), customer=customer, reference="ORD-2026-00001",
        language="it", today=today, now=timezone.now(),
    )  # fmt: skip


def send(invoice: Invoice) -> Invoice:
    """Over SMTP, to the stand-in."""
    sending.send_invoice(invoice=invoice)
    invoice.refresh_from_db()
    return invoice


def begin_sending(invoice: Invoice) -> PecMessage:
    """A worker has written the intent, and is about to mail."""
    submission = invoice.submission()
    assert submission is not None
    message = sending._begin(claim_row(submission))
    assert message is not None
    return message


def lose_connection(invoice: Invoice) -> PecMessage:
    """The connection was lost after the content was handed over."""
    message = begin_sending(invoice)
    sending._wait_for_receipt(message.file.submission, message, "connection lost")
    return message


def on_its_way(invoice: Invoice) -> PecMessage:
    """Sent, as far as our tables know, without a provider."""
    message = begin_sending(invoice)
    sending._finish(message.file.submission, message)
    invoice.refresh_from_db()
    return message


def read_until(invoice: Invoice, *states: str) -> Invoice:
    """Read the mailbox as beat does, until the invoice is in one of the states."""

    def arrived() -> bool:
        if invoice.state not in states:
            receipts.read_mailbox()
            invoice.refresh_from_db()
        return invoice.state in states

    def tell() -> str:
        mails = list(ReceivedMail.objects.values_list("subject", "outcome", "reason"))
        return f"{invoice.state}, not {' or '.join(states)}, by {mails}"

    until(arrived, tell, limit_s=20)
    return invoice


def drop(pec: Control, raw: bytes, *, certified: bool = False) -> ReceivedMail:
    """Put a mail into the mailbox, and read it from there."""
    existing_ids = set(ReceivedMail.objects.values_list("pk", flat=True))
    pec.post("/mail", raw=base64.b64encode(raw).decode(), certified=certified)

    def read() -> ReceivedMail | None:
        receipts.read_mailbox()
        return ReceivedMail.objects.exclude(pk__in=existing_ids).first()

    return until(read, "the mail was not read")


def receive(raw: bytes) -> ReceivedMail:
    return receipts.receive(raw=raw)[0]


def story(invoice: Invoice) -> list[str]:
    """The states on the timeline, in the order they were told."""
    return list(invoice.events.order_by("pk").values_list("state", flat=True))


@dataclass(frozen=True)
class Post:
    """Mails as Sogei's provider and ours write them, signed with keys of the test's own (`authorities` vouch)."""

    keys: SigningAuthority

    @property
    def authorities(self) -> Path:
        return self.keys.root_file

    def provider(self, domain: str = "pcert.sogei.it") -> Provider:
        return Provider("Gestore di prova", domain, self.keys.signer(f"posta-certificata@{domain}"))

    def receipt(self, message: PecMessage, kind: str) -> bytes:
        """The provider's word on one sending of ours."""
        original = Original(
            "fatture@pec.gestore.test",
            (message.recipient,),
            "fattura",
            message.message_id,
            "opec1",
            b"Subject: a\r\n\r\n",
        )
        error = "altro" if "errore" in kind or kind.startswith("non") else "nessuno"
        return receipt_mail(self.provider("pec.gestore.test"), original, Receipt(kind, error), datetime.now(UTC))

    def message(self, file: InvoiceFile, kind: str, *, about: str = "", digest: str = "", number: int = 1) -> bytes:
        """The XML SDI writes about a file; `kind` is RC, NS, MC, EC01, EC02, DT or AT, `about` another name for it."""
        transmission = Transmission(
            sdi_id=6782414, file_name=about or file.sent.name, sha256=digest or file.sent.sha256,
            received_at=datetime.now(UTC), is_public=file.invoice.is_public, recipient_code="X4K7P2Q",
            documents=((file.invoice.number, "2026"),), pec_id="opec1",
        )  # fmt: skip
        answer = Answer("NE", kind) if kind.startswith("EC") else Answer(kind, verdicts=(verdict("00311"),))
        return build(transmission, answer, message_id=number, now=datetime.now(UTC))

    def sdi(self, file: InvoiceFile, kind: str, **fields: Any) -> bytes:
        """The envelope with such a message in it."""
        code = "NE" if kind.startswith("EC") else kind
        stem = (fields.get("about") or file.file_name).split(".")[0]
        return self.envelope(self.message(file, kind, **fields), f"{stem}_{code}_003.xml")

    def envelope(
        self,
        content: bytes,
        name: str = "IT11847200968_00001_RC_001.xml",
        *,
        sender: str = SDI,
        text: str = "Si trasmette il file.",
        domain: str = "pcert.sogei.it",
        is_anomaly: bool = False,
    ) -> bytes:
        message_id = f"<{time.monotonic_ns()}@pec.fatturapa.it>"
        headers = [("From", sender), ("To", "fatture@pec.gestore.test"), ("Subject", "Ricevuta")]
        inner = plain_mail([*headers, ("Message-ID", message_id)], text, (name, content), quoted=False)
        original = Original(sender, ("fatture@pec.gestore.test",), "Ricevuta", message_id, "opec2", inner)
        return transport_mail(self.provider(domain), original, datetime.now(UTC), is_anomaly=is_anomaly)


def make_signer(name: str = "Elena Dotti", *, days: tuple[int, int] = (-1, 365)) -> Signer:
    """A person with a certificate that is valid between these days from today."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    return Signer(builder.serial_number(x509.random_serial_number()).sign(key, SHA256()), key)


def sign_content(content: bytes, signer: Signer | None = None, *, encoding: Encoding = Encoding.DER) -> bytes:
    """The content inside a CAdES-like envelope."""
    signer = signer or make_signer()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer.certificate, signer.key, SHA256())
    return builder.sign(encoding, [pkcs7.PKCS7Options.Binary])


def sign(invoice: Invoice, actor: Any) -> bytes:
    """Upload a proper signature; returns the signed bytes."""
    content = sign_content(bytes(invoice.current_file().xml.content))
    sending.attach_signed(invoice=invoice, content=content, actor=actor, now=timezone.now())
    invoice.refresh_from_db()
    return content

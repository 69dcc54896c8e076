"""Invoices and everything that was sent and received about them; what is issued is frozen by the database itself."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.fiscal_identity import FiscalIdentity


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user: Any) -> "InvoiceQuerySet":
        return self.filter(customer=user)

    def due(self, now: datetime) -> "InvoiceQuerySet":
        """To be sent to SDI by now: new, or put off after trouble that may pass."""
        return self.filter(state__in=[Invoice.State.ISSUED, Invoice.State.SEND_FAILED], next_send_at__lte=now)


class Invoice(FiscalIdentity):
    """An issued document: number, date, the buyer as they were, the sums. Only `state` and what SDI says may change."""

    class State(models.TextChoices):
        ISSUED = "issued", _("issued")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent by PEC")
        PEC_ACCEPTED = "pec_accepted", _("accepted by the PEC provider")
        PEC_DELIVERED = "pec_delivered", _("received by SDI")
        SEND_FAILED = "send_failed", _("not sent")
        DELIVERED = "delivered", _("delivered")
        MADE_AVAILABLE = "made_available", _("in the tax drawer")
        REJECTED = "rejected", _("rejected by SDI")

    # What SDI says last, in the private flow.
    FINAL: ClassVar[frozenset[str]] = frozenset({State.DELIVERED, State.MADE_AVAILABLE, State.REJECTED})
    # Mails arrive in any order: one that would lead back is kept and shown, but changes nothing.
    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        State.ISSUED: frozenset({State.SENDING}),
        State.SENDING: frozenset({State.SENT, State.SEND_FAILED, State.PEC_ACCEPTED, State.PEC_DELIVERED, *FINAL}),
        State.SEND_FAILED: frozenset({State.SENDING, State.PEC_ACCEPTED, State.PEC_DELIVERED, *FINAL}),
        State.SENT: frozenset({State.SEND_FAILED, State.PEC_ACCEPTED, State.PEC_DELIVERED, *FINAL}),
        State.PEC_ACCEPTED: frozenset({State.SEND_FAILED, State.PEC_DELIVERED, *FINAL}),
        State.PEC_DELIVERED: FINAL,
        State.MADE_AVAILABLE: frozenset({State.DELIVERED}),
        State.DELIVERED: frozenset(),
        State.REJECTED: frozenset(),
    }

    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="invoices",
        verbose_name=_("customer"),
    )
    number = models.CharField(_("number"), max_length=20, unique=True)
    document_type = models.CharField(_("type"), max_length=4)
    issue_date = models.DateField(_("date"))
    reference = models.CharField(_("order"), max_length=30, blank=True, help_text=_("what the invoice is about"))
    net_amount = models.DecimalField(_("net"), max_digits=12, decimal_places=2)
    vat_amount = models.DecimalField(_("VAT"), max_digits=12, decimal_places=2)
    gross_amount = models.DecimalField(_("total"), max_digits=12, decimal_places=2)
    language = models.CharField(max_length=2, default="it")
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.ISSUED)
    sdi_identifier = models.CharField(_("SDI identifier"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    send_attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_send_at = models.DateTimeField(
        _("next send"), null=True, blank=True, help_text=_("when it will be sent by itself")
    )

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "issued", "sending", "sent", "pec_accepted", "pec_delivered", "send_failed",
                        "delivered", "made_available", "rejected",
                    ]
                ),
                name="invoicing_invoice_state",
            ),
            models.CheckConstraint(
                condition=Q(gross_amount=models.F("net_amount") + models.F("vat_amount")), name="invoicing_invoice_sum"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("invoicing:show_invoice", args=[self.number])

    def current_file(self) -> "InvoiceFile":
        """The file last made for this invoice: the one that was or will be sent."""
        return self.files.order_by("-pk")[0]

    def advance(
        self, state: "Invoice.State", *, now: datetime, text: str = "", document: "Document | None" = None
    ) -> bool:
        """Note what happened, and move on unless that would lead back. The caller holds the row's lock."""
        moved = state in self.ALLOWED[self.State(self.state)]
        InvoiceEvent.objects.create(invoice=self, at=now, state=state, text=text, document=document)
        if moved:
            self.state = state
            self.save(update_fields=["state"])
        return moved


class Document(models.Model):
    """Every byte sent and received about an invoice, write-once by trigger, with its SHA-256."""

    class Kind(models.TextChoices):
        XML = "xml", _("electronic invoice")
        PDF = "pdf", _("courtesy copy")
        PEC_RECEIPT = "pec_receipt", _("PEC receipt")
        SDI_MESSAGE = "sdi_message", _("SDI message")

    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=120)
    content_type = models.CharField(max_length=80)
    content = models.BinaryField()
    sha256 = models.CharField("SHA-256", max_length=64)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        return len(self.content)


class InvoiceFile(models.Model):
    """The file sent to SDI under a name that is never used again, and its courtesy copy."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="files")
    file_name = models.CharField(_("file name"), max_length=50, unique=True)
    xml = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    pdf = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("written"), auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name


class PecMessage(models.Model):
    """One sending of a file to SDI: written before it leaves, so that its receipts find it by Message-ID."""

    class State(models.TextChoices):
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNCERTAIN = "uncertain", _("perhaps sent")

    file = models.ForeignKey(InvoiceFile, on_delete=models.PROTECT, related_name="messages", verbose_name=_("file"))
    message_id = models.CharField("Message-ID", max_length=200, unique=True)
    recipient = models.EmailField(_("to"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.SENDING)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)
    last_error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("sent PEC mail")
        verbose_name_plural = _("sent PEC mails")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["sending", "sent", "failed", "uncertain"]), name="invoicing_pecmessage_state"
            )
        ]

    def __str__(self) -> str:
        return self.message_id


class ReceivedMail(models.Model):
    """Every mail found in the PEC mailbox, known by its content: read twice it is still one."""

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("applied")
        UNMATCHED = "unmatched", _("belongs to no invoice of ours")
        QUARANTINED = "quarantined", _("not trusted")
        FOREIGN = "foreign", _("not about invoices")

    sha256 = models.CharField(max_length=64, unique=True)
    message_id = models.CharField("Message-ID", max_length=300, blank=True)
    sender = models.CharField(_("from"), max_length=320, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    outcome = models.CharField(_("outcome"), max_length=11, choices=Outcome.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    invoice = models.ForeignKey(
        Invoice, null=True, on_delete=models.PROTECT, related_name="received_mails", verbose_name=_("invoice")
    )
    content = models.BinaryField()
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("received PEC mail")
        verbose_name_plural = _("received PEC mails")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=["applied", "unmatched", "quarantined", "foreign"]),
                name="invoicing_receivedmail_outcome",
            )
        ]

    def __str__(self) -> str:
        return self.subject or self.sha256[:12]


class Mailbox(models.Model):
    """How far the PEC mailbox has been read, and the SDI address last assigned to us."""

    address = models.EmailField(_("address"), unique=True)
    uid_validity = models.PositiveBigIntegerField("UIDVALIDITY", default=0)
    last_uid = models.PositiveBigIntegerField(_("last UID"), default=0)
    read_at = models.DateTimeField(_("read"), null=True)
    last_error = models.TextField(_("error"), blank=True)
    sdi_address = models.EmailField(_("SDI’s address"), blank=True)

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.address


class InvoiceEvent(models.Model):
    """One step on an invoice's timeline, with the words of whoever reported it."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("when"))
    state = models.CharField(_("state"), max_length=14, choices=Invoice.State.choices)
    text = models.TextField(_("text"), blank=True)
    document = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.invoice} {self.state}"

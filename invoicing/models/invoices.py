"""Invoices and everything that was sent and received about them; what is issued is frozen by the database itself."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from core import audit
from core.queue import QueuedRow, QueueQuerySet, seconds
from invoicing.fatturapa.law import CREDIT_NOTE
from invoicing.fatturapa.routing import ABROAD
from invoicing.fatturapa.view import read_invoice
from invoicing.querysets import InvoiceQuerySet
from notifications.models import Mail


class FrozenError(Exception):
    """Somebody tried to change or delete what is issued; corrections are documents of their own."""


class Invoice(FiscalIdentity):
    """An issued document: number, date, the buyer as they were, the sums. Only `state` and what SDI says may change.

    A document that SDI rejected counts as not issued. One that an office refused has been issued, and its number may be
    used again all the same (00404): `corrections.correct_invoice` may put either right under its number and date, and
    nothing else may.
    """

    class State(models.TextChoices):
        TO_SIGN = "to_sign", _("to be signed")
        ISSUED = "issued", _("issued")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent by PEC")
        PEC_ACCEPTED = "pec_accepted", _("accepted by the PEC provider")
        PEC_DELIVERED = "pec_delivered", _("received by SDI")
        SEND_FAILED = "send_failed", _("not sent")
        DELIVERED = "delivered", _("delivered")
        MADE_AVAILABLE = "made_available", _("in the tax drawer")
        REJECTED = "rejected", _("rejected by SDI")
        # public administrations only
        NOT_DELIVERED = "not_delivered", _("not delivered yet")
        ACCEPTED = "accepted", _("accepted by the office")
        REFUSED = "refused", _("refused by the office")
        EXPIRED = "expired", _("office silent, term expired")
        ATTESTED = "attested", _("cannot be delivered, attested")

    WAITING: ClassVar[tuple[str, ...]] = (State.SENT, State.PEC_ACCEPTED, State.PEC_DELIVERED)
    # What SDI says; the last four words are the office's, or about its silence.
    ANSWERS: ClassVar[frozenset[str]] = frozenset(
        {
            State.DELIVERED, State.MADE_AVAILABLE, State.REJECTED,
            State.NOT_DELIVERED, State.ACCEPTED, State.REFUSED, State.EXPIRED, State.ATTESTED,
        }
    )  # fmt: skip
    # The number is free for another try, as far as SDI is concerned (00404).
    CORRECTABLE: ClassVar[frozenset[str]] = frozenset({State.REJECTED, State.REFUSED})
    # SDI has taken the document, whatever became of it afterwards: the customer may have the copy.
    TAKEN: ClassVar[frozenset[str]] = ANSWERS - CORRECTABLE
    # Mails arrive in any order: one that would lead back is kept and shown, but changes nothing.
    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        State.TO_SIGN: frozenset({State.ISSUED}),
        State.ISSUED: frozenset({State.SENDING}),
        State.SENDING: frozenset({State.SENT, State.SEND_FAILED, State.PEC_ACCEPTED, State.PEC_DELIVERED, *ANSWERS}),
        # not to "accepted": that receipt may be read after the one of the failed delivery that followed it
        State.SEND_FAILED: frozenset({State.SENDING, State.PEC_DELIVERED, *ANSWERS}),
        State.SENT: frozenset({State.SEND_FAILED, State.PEC_ACCEPTED, State.PEC_DELIVERED, *ANSWERS}),
        State.PEC_ACCEPTED: frozenset({State.SEND_FAILED, State.PEC_DELIVERED, *ANSWERS}),
        State.PEC_DELIVERED: ANSWERS,
        State.MADE_AVAILABLE: frozenset({State.DELIVERED}),
        State.NOT_DELIVERED: frozenset({State.DELIVERED, State.ACCEPTED, State.REFUSED, State.EXPIRED, State.ATTESTED}),
        State.DELIVERED: frozenset({State.ACCEPTED, State.REFUSED, State.EXPIRED}),
        State.REJECTED: frozenset({State.ISSUED, State.TO_SIGN}),
        State.REFUSED: frozenset({State.ISSUED, State.TO_SIGN}),
        State.ACCEPTED: frozenset(),
        State.EXPIRED: frozenset(),
        State.ATTESTED: frozenset(),
    }
    # How a state looks wherever it is shown: shape, colour and word (static/css/components.css).
    MARKS: ClassVar[dict[str, str]] = {
        **dict.fromkeys((State.DELIVERED, State.ACCEPTED, State.EXPIRED), "done"),
        **dict.fromkeys((State.MADE_AVAILABLE, State.NOT_DELIVERED, State.ATTESTED, State.TO_SIGN), "warn"),
        **dict.fromkeys((State.SEND_FAILED, State.REJECTED, State.REFUSED), "stop"),
        **dict.fromkeys((State.ISSUED, State.SENDING, State.SENT, State.PEC_ACCEPTED, State.PEC_DELIVERED), "now"),
    }
    # RC or MC, for XXXXXXX both say no more than that SDI has it.
    FILED_ABROAD: ClassVar[frozenset[str]] = frozenset({State.DELIVERED, State.MADE_AVAILABLE})
    CHANGEABLE: ClassVar[frozenset[str]] = frozenset(
        {"state", "sdi_identifier", "rejected_at", "alerted_at", "customer", "copy_email"}
    )
    # art. 21 DPR 633/1972 and Circ. 13/E 2018: so long a rejected document may be sent again with its number and date
    CORRECTION_DAYS: ClassVar[int] = 5

    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="invoices",
        verbose_name=_("customer"),
    )
    number = models.CharField(_("number"), max_length=20, unique=True)
    series = models.CharField(_("series"), max_length=6, blank=True)
    document_type = models.CharField(_("type"), max_length=4)
    issue_date = models.DateField(_("date"))
    reference = models.CharField(_("order"), max_length=30, blank=True, help_text=_("what the invoice is about"))
    net_amount = models.DecimalField(_("net"), max_digits=12, decimal_places=2)
    vat_amount = models.DecimalField(_("VAT"), max_digits=12, decimal_places=2)
    rounding = models.DecimalField(_("rounding"), max_digits=12, decimal_places=2, default=0)
    gross_amount = models.DecimalField(_("total"), max_digits=12, decimal_places=2)
    language = models.CharField(max_length=2, default="it")
    copy_email = models.EmailField(
        _("copy by mail to"), blank=True, default="", db_default="", help_text=_("Empty: to the customer’s account.")
    )
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.ISSUED)
    sdi_identifier = models.CharField(_("SDI identifier"), max_length=20, blank=True)
    # the first invoice that a credit note names; what it takes off each of them is a `Credit`
    credited = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="credit_notes",
        verbose_name=_("credit note on"),
    )
    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replacements",
        verbose_name=_("takes the place of"),
    )
    # of the page of the back office that issued it, which issues one document; None for one that no page issued
    page_key = models.UUIDField(null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    rejected_at = models.DateTimeField(_("rejected"), null=True, blank=True)
    alerted_at = models.DateTimeField(_("staff alerted"), null=True, blank=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        # the latest date of a series is looked up by each preview
        indexes: ClassVar = [models.Index(fields=["series", "issue_date"], name="invoicing_invoice_date")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "to_sign", "issued", "sending", "sent", "pec_accepted", "pec_delivered", "send_failed",
                        "delivered", "made_available", "rejected",
                        "not_delivered", "accepted", "refused", "expired", "attested",
                    ]
                ),
                name="invoicing_invoice_state",
            ),
            models.CheckConstraint(
                condition=Q(gross_amount=models.F("net_amount") + models.F("vat_amount") + models.F("rounding")),
                name="invoicing_invoice_sum",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("invoicing:show_invoice", args=[self.number])

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Frozen once issued: the trigger refuses it too, this says it in words."""
        fields = kwargs.get("update_fields")
        if not self._state.adding and (fields is None or not set(fields) <= self.CHANGEABLE):
            raise FrozenError(f"invoice {self.number} is issued: correct it by another document")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise FrozenError(f"invoice {self.number} is issued and cannot be deleted")

    def get_state_display(self) -> str:  # type: ignore[no-redef]  # Django's own steps aside for it
        """The state in words; what SDI delivers to nobody abroad is in nobody's tax drawer either."""
        return state_label(self.state, is_abroad=self.is_abroad)

    @property
    def mark(self) -> str:
        return "done" if self.is_abroad and self.state in self.FILED_ABROAD else self.MARKS[self.state]

    @property
    def is_abroad(self) -> bool:
        """Whether its code is XXXXXXX: SDI takes such a document and brings it to nobody, whatever it answers."""
        return self.recipient_code == ABROAD

    @property
    def is_public(self) -> bool:
        return self.kind == self.Kind.PUBLIC_ADMINISTRATION

    @property
    def is_credit_note(self) -> bool:
        return self.document_type == CREDIT_NOTE

    @property
    def correct_until(self) -> datetime | None:
        """Until when SDI's rejection lets a document be sent again under its number; None when it was not rejected."""
        if self.state != self.State.REJECTED or self.rejected_at is None:
            return None
        return self.rejected_at + timedelta(days=self.CORRECTION_DAYS)

    def stands(self) -> bool:
        """Whether it counts as issued (`InvoiceQuerySet.standing`)."""
        return self.state not in self.CORRECTABLE or Invoice.objects.standing().filter(pk=self.pk).exists()

    def replacement(self) -> "Invoice | None":
        """The document that has taken this one's place; if that one fails, too, it is the one to put right."""
        return self.replacements.order_by("pk").last()

    def successor(self) -> "Invoice":
        """The document that stands for this one now: itself, or what has taken its place in the end."""
        document = self
        while document.state in self.CORRECTABLE and (other := document.replacement()):
            document = other
        return document

    def credited_amount(self, *, without: str = "") -> Decimal:
        """What credit notes have taken off this document, less the one with the number `without`.

        One that SDI has rejected does not count: it was not issued.
        """
        shares = self.credits_received.exclude(note__state=self.State.REJECTED).exclude(note__number=without)
        return shares.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)

    def creditable_amount(self, *, without: str = "") -> Decimal:
        """What can still be credited, VAT included; by the note `without`, which may be written anew."""
        return self.gross_amount - self.credited_amount(without=without)

    def amount_due(self) -> Decimal:
        """What the customer owes, as the current file says: the total less tax withheld and VAT that is split."""
        return read_invoice(bytes(self.current_file().xml.content)).due

    def current_file(self) -> "InvoiceFile":
        """The file last made for this invoice: the one that was or will be sent."""
        return self.files.order_by("-pk")[0]

    def submission(self) -> "Submission | None":
        """The way of the current file to SDI; None while it waits for a signature."""
        return Submission.objects.filter(file=self.current_file()).first()

    def advance(
        self, state: "Invoice.State", *, now: datetime, text: str = "", document: "Document | None" = None,
        answered_at: datetime | None = None,
    ) -> bool:  # fmt: skip
        """Note what happened, and move on unless that would lead back. The caller holds the row's lock.

        `answered_at` is when SDI said so, if it did: terms run from there, not from when it is read.
        """
        is_allowed = state in self.ALLOWED[self.State(self.state)]
        InvoiceEvent.objects.create(invoice=self, at=now, state=state, text=text, document=document)
        if is_allowed:
            audit.record(action="invoice.moved", target=self, changes={"state": [self.state, str(state)]})
            self.state = state
            if state in self.CORRECTABLE:
                self.rejected_at = answered_at or now
            self.save(update_fields=["state", "rejected_at"])
        return is_allowed


class Credit(models.Model):
    """What a credit note takes off one of the invoices it names, VAT included."""

    note = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credits_given")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credits_received")
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["note", "invoice"], name="invoicing_credit_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="invoicing_credit_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.note} {self.invoice}"


class Document(models.Model):
    """Every byte sent and received about an invoice, write-once by trigger, with its SHA-256."""

    class Kind(models.TextChoices):
        XML = "xml", _("electronic invoice")
        SIGNED = "signed", _("signed invoice")
        PDF = "pdf", _("courtesy copy")
        PEC_RECEIPT = "pec_receipt", _("PEC receipt")
        SDI_MESSAGE = "sdi_message", _("SDI message")
        RECEIVED = "received", _("supplier’s invoice")

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
    """The file sent to SDI under a name that is never used again, the draft it was made of, and its courtesy copy."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="files")
    file_name = models.CharField(_("file name"), max_length=50, unique=True)
    draft = models.JSONField(_("draft"), default=dict)
    xml = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    signed = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    pdf = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("written"), auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name

    @property
    def sent(self) -> Document:
        """The very bytes that go to SDI: signed where they must be."""
        return self.signed or self.xml


class Submission(QueuedRow):
    """The way of one file to SDI: waits for its turn, for another try, or for the provider's word on a mail that may
    have left. Each mail is a `PecMessage`."""

    LEASE = timedelta(minutes=15)
    BACKOFF = seconds(60, 300, 1200, 3600, 14400)

    file = models.OneToOneField(InvoiceFile, on_delete=models.CASCADE, related_name="submission")

    objects = QueueQuerySet["Submission"].as_manager()

    class Meta(QueuedRow.Meta):
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="invoicing_submission_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file} {self.state}"


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

    def mark(self, state: "PecMessage.State", error: str = "") -> None:
        self.state, self.last_error = state, error
        self.save(update_fields=["state", "last_error"])


class InvoiceEvent(models.Model):
    """One step on an invoice's timeline, with the words of whoever reported it."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("when"))
    state = models.CharField(_("state"), max_length=14, choices=Invoice.State.choices)
    text = models.TextField(_("text"), blank=True)
    document = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.invoice} {self.state}"

    def get_state_display(self) -> str:  # type: ignore[no-redef]  # Django's own steps aside for it
        return state_label(self.state, is_abroad=self.invoice.is_abroad)


def state_label(state: str, *, is_abroad: bool) -> str:
    """A state of an invoice in words."""
    if is_abroad and state in Invoice.FILED_ABROAD:
        return str(_("taken by SDI"))
    return str(Invoice.State(state).label)


class InvoiceCopy(models.Model):
    """One mail that brings a customer the copy of an invoice; how it went is told by the outbox's row.

    `mail` is None when that row was deleted with the customer's account.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="copies")
    mail = models.OneToOneField(Mail, null=True, on_delete=models.SET_NULL, related_name="invoice_copy")

    class Meta:
        verbose_name = _("copy by mail")
        verbose_name_plural = _("copies by mail")

    def __str__(self) -> str:
        return f"{self.invoice} {self.mail or '–'}"

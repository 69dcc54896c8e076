"""The PEC mailbox: how far it has been read, every mail that was found in it, and suppliers' invoices among them."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.queue import QueuedRow, QueueQuerySet
from invoicing.models.invoices import Document, Invoice


class ReceivedMailQuerySet(QueueQuerySet["ReceivedMail"]):
    def to_deal_with(self) -> Self:
        """Not ours by proof, or not applied: somebody has to look, and nobody has said so yet."""
        is_open = Q(outcome__in=ReceivedMail.FOR_A_PERSON) | Q(state=ReceivedMail.State.FAILED)
        return self.filter(is_open, dealt_at=None)

    def to_mark(self, uid_validity: int) -> Self:
        """Filed or dealt with, and still unread in the mailbox of this UIDVALIDITY."""
        is_filed = Q(outcome=ReceivedMail.Outcome.APPLIED) | Q(dealt_at__isnull=False)
        return self.filter(is_filed, uid_validity=uid_validity, uid__isnull=False, marked_at=None)


class ReceivedMail(QueuedRow):
    """Every mail found in the PEC mailbox, known by its content: kept first, then applied; read twice it is one.

    What is ours by proof is filed by itself. Everything else is somebody's work until a person says that it is done,
    and stays unread in the mailbox as long.
    """

    class Outcome(models.TextChoices):
        OPEN = "open", _("not applied yet")
        APPLIED = "applied", _("applied")
        UNMATCHED = "unmatched", _("belongs to no invoice of ours")
        QUARANTINED = "quarantined", _("not trusted")
        SUPPLIER = "supplier", _("a supplier’s invoice")
        FOREIGN = "foreign", _("not about our invoices")

    FOR_A_PERSON: ClassVar[tuple[str, ...]] = (
        Outcome.UNMATCHED, Outcome.QUARANTINED, Outcome.SUPPLIER, Outcome.FOREIGN,
    )  # fmt: skip

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    message_id = models.CharField("Message-ID", max_length=300, blank=True)
    sender = models.CharField(_("from"), max_length=320, blank=True)
    subject = models.CharField(pgettext_lazy("of a mail", "subject"), max_length=300, blank=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    outcome = models.CharField(_("outcome"), max_length=11, choices=Outcome.choices, default=Outcome.OPEN)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    invoice = models.ForeignKey(
        Invoice, null=True, on_delete=models.PROTECT, related_name="received_mails", verbose_name=_("invoice")
    )
    content = models.BinaryField()
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    # where it lies in the mailbox; None for one that came as a file
    uid = models.PositiveBigIntegerField("UID", null=True)
    uid_validity = models.PositiveBigIntegerField("UIDVALIDITY", default=0, db_default=0)
    marked_at = models.DateTimeField(_("marked as read"), null=True)
    told_at = models.DateTimeField(_("staff told"), null=True)
    dealt_at = models.DateTimeField(_("dealt with"), null=True)
    dealt_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("dealt with by"),
    )

    objects = ReceivedMailQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("received PEC mail")
        verbose_name_plural = _("received PEC mails")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="invoicing_receivedmail_state"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["open", "applied", "unmatched", "quarantined", "supplier", "foreign"]),
                name="invoicing_receivedmail_outcome",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.sha256[:12]

    @property
    def is_to_deal_with(self) -> bool:
        is_open = self.outcome in self.FOR_A_PERSON or self.state == self.State.FAILED
        return is_open and self.dealt_at is None


class Mailbox(models.Model):
    """How far the PEC mailbox has been read, and the SDI address last assigned to us."""

    address = models.EmailField(_("address"), unique=True)
    uid_validity = models.PositiveBigIntegerField("UIDVALIDITY", default=0)
    last_uid = models.PositiveBigIntegerField(_("last UID"), default=0)
    read_at = models.DateTimeField(_("read"), null=True)
    failing_since = models.DateTimeField(_("not read since"), null=True)
    told_at = models.DateTimeField(_("staff told"), null=True)
    last_error = models.TextField(_("error"), blank=True)
    sdi_address = models.EmailField(_("SDI’s address"), blank=True)

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.address


class ReceivedInvoice(models.Model):
    """A document that a supplier sent us through SDI; the file as it came is kept for ten years like our own."""

    mail = models.ForeignKey(ReceivedMail, on_delete=models.PROTECT, related_name="invoices", verbose_name=_("mail"))
    file = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+", verbose_name=_("file"))
    sdi_identifier = models.CharField(_("SDI identifier"), max_length=20)
    position = models.PositiveSmallIntegerField(_("position in the file"))
    supplier = models.CharField(_("supplier"), max_length=200)
    vat_number = models.CharField(_("partita IVA"), max_length=30)
    document_type = models.CharField(_("type"), max_length=4)
    number = models.CharField(_("number"), max_length=20)
    issue_date = models.DateField(_("date"))
    total = models.DecimalField(_("total"), max_digits=15, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("supplier’s invoice")
        verbose_name_plural = _("suppliers’ invoices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sdi_identifier", "position"], name="invoicing_receivedinvoice_once")
        ]

    def __str__(self) -> str:
        return f"{self.supplier} {self.number}"

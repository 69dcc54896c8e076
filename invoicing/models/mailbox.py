"""The PEC mailbox: how far it has been read, and every mail that was found in it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.queue import QueuedRow, QueueQuerySet
from invoicing.models.invoices import Invoice


class ReceivedMail(QueuedRow):
    """Every mail found in the PEC mailbox, known by its content: kept first, then applied; read twice it is one."""

    class Outcome(models.TextChoices):
        OPEN = "open", _("not applied yet")
        APPLIED = "applied", _("applied")
        UNMATCHED = "unmatched", _("belongs to no invoice of ours")
        QUARANTINED = "quarantined", _("not trusted")
        FOREIGN = "foreign", _("not about invoices")

    sha256 = models.CharField(max_length=64, unique=True)
    message_id = models.CharField("Message-ID", max_length=300, blank=True)
    sender = models.CharField(_("from"), max_length=320, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    outcome = models.CharField(_("outcome"), max_length=11, choices=Outcome.choices, default=Outcome.OPEN)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    invoice = models.ForeignKey(
        Invoice, null=True, on_delete=models.PROTECT, related_name="received_mails", verbose_name=_("invoice")
    )
    content = models.BinaryField()
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    objects = QueueQuerySet["ReceivedMail"].as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("received PEC mail")
        verbose_name_plural = _("received PEC mails")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="invoicing_receivedmail_state"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["open", "applied", "unmatched", "quarantined", "foreign"]),
                name="invoicing_receivedmail_outcome",
            ),
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

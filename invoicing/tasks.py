"""Celery's door to invoicing."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.sweeps import sweep


@shared_task(name="invoicing.send_invoice")
def send_invoice(*, invoice_id: int) -> None:
    from invoicing.models import Invoice
    from invoicing.sdi import sending

    invoice = Invoice.objects.filter(pk=invoice_id).first()
    if invoice and settings.SDI_PEC_SMTP_HOST:
        sending.send_invoice(invoice=invoice)


@sweep("invoicing.send_due_invoices", every=timedelta(seconds=30), about=_("Invoices are sent to SDI"))
def send_due_invoices() -> int:
    from invoicing.sdi import sending

    if settings.SDI_PEC_SMTP_HOST:
        return sending.send_due()
    return 0


_POLL = timedelta(seconds=settings.SDI_PEC_POLL_SECONDS)


@sweep("invoicing.read_pec_mailbox", every=_POLL, about=_("The PEC mailbox is read"))
def read_pec_mailbox() -> int:
    from invoicing.sdi import receipts

    if settings.SDI_PEC_IMAP_HOST:
        return receipts.read_mailbox()
    return 0


@sweep("invoicing.watch_receipts", every=timedelta(minutes=15), about=_("Invoices without an answer are told to staff"))
def watch_receipts() -> int:
    from invoicing.sdi import sending

    return sending.watch_receipts(now=timezone.now())


@sweep("invoicing.build_packages", every=timedelta(minutes=1), about=_("Archive packages are built"))
def build_packages() -> int:
    from invoicing.archive import packages

    return packages.build_due()


@sweep(
    "invoicing.request_last_month", every=timedelta(hours=6), about=_("The package of the month before is asked for")
)
def request_last_month() -> int:
    from invoicing.archive import packages

    today = timezone.localdate()
    return packages.request_last_month(today=today) + packages.request_outdated(today=today)

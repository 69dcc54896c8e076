"""Celery's door to invoicing."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone


@shared_task(name="invoicing.send_invoice")
def send_invoice(*, invoice_id: int) -> None:
    from invoicing import sending
    from invoicing.models import Invoice

    invoice = Invoice.objects.filter(pk=invoice_id).first()
    if invoice and settings.SDI_PEC_SMTP_HOST:
        sending.send_invoice(invoice=invoice)


@shared_task(name="invoicing.send_due_invoices")
def send_due_invoices() -> None:
    from invoicing import sending

    if settings.SDI_PEC_SMTP_HOST:
        sending.send_due()


@shared_task(name="invoicing.read_pec_mailbox")
def read_pec_mailbox() -> None:
    from invoicing import receipts

    if settings.SDI_PEC_IMAP_HOST:
        receipts.read_mailbox()


@shared_task(name="invoicing.watch_receipts")
def watch_receipts() -> None:
    from invoicing import sending

    sending.watch_receipts(now=timezone.now())


@shared_task(name="invoicing.build_packages")
def build_packages() -> None:
    from invoicing import packages

    packages.build_due()


@shared_task(name="invoicing.request_last_month")
def request_last_month() -> None:
    from invoicing import packages

    packages.request_last_month(today=timezone.localdate())

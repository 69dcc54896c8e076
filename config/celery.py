"""The Celery app and its timetable. Every entry is a sweep: run twice or by two beats it does no harm."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("aish")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_HOUR = 3600.0
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": max(seconds, 60.0)}}
    for name, seconds in {
        "core.seal_audit": 10.0,
        "core.heartbeat": 20.0,
        "notifications.send_due_mails": 20.0,
        "billing.process_due_stripe_events": 15.0,
        "billing.invoice_due_payments": 30.0,
        "invoicing.send_due_invoices": 30.0,
        "invoicing.read_pec_mailbox": float(os.environ.get("SDI_PEC_POLL_SECONDS", "60")),
        "invoicing.watch_receipts": 15 * 60.0,
        "invoicing.build_packages": 60.0,
        "invoicing.request_last_month": 6 * _HOUR,
        "chatbot.ingest_due_documents": 60.0,
        "chatbot.look_at_due_pages": 600.0,
        "chatbot.watch_tickets": 60.0,
        "chatbot.group_questions": 600.0,
        "accounts.clear_expired": 24 * _HOUR,
        "accounts.build_exports": 60.0,
        "accounts.clear_exports": _HOUR,
        "accounts.erase_due": _HOUR,
        "notifications.forget_sent": _HOUR,
        "billing.delete_at_stripe": _HOUR,
        "billing.clear_old_carts": 24 * _HOUR,
        "chatbot.clear_old_conversations": _HOUR,
    }.items()
}
app.conf.beat_max_loop_interval = 5

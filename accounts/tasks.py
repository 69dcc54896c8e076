"""Celery's door to the accounts."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.sweeps import sweep


@sweep("accounts.clear_expired", every=timedelta(days=1), about=_("Sessions and links that have ended are deleted"))
def clear_expired() -> int:
    from accounts import services

    return services.clear_expired(now=timezone.now())


@sweep("accounts.send_links", every=timedelta(minutes=1), about=_("Links that people asked for are mailed"))
def send_links() -> int:
    from accounts import links

    return links.send_due()


@sweep("accounts.build_exports", every=timedelta(minutes=1), about=_("Copies of people’s data are built"))
def build_exports() -> int:
    from accounts.privacy import exports

    return exports.build_due()


@sweep("accounts.clear_exports", every=timedelta(hours=1), about=_("Copies of data whose week is over are deleted"))
def clear_exports() -> int:
    from accounts.privacy import exports

    return exports.clear_expired(now=timezone.now())


@sweep(
    "accounts.reconcile_documents", every=timedelta(hours=1), about=_("Files of documents are compared with their rows")
)
def reconcile_documents() -> int:
    from accounts.documents import storage

    return storage.reconcile(now=timezone.now())


@sweep("accounts.erase_due", every=timedelta(hours=1), about=_("Accounts whose week is over are erased"))
def erase_due() -> int:
    from accounts.privacy import erasure

    return erasure.carry_out_due()

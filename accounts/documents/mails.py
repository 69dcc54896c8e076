"""Mails about documents. None holds a file, and none to staff holds a word of its customer's."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import CustomerDocument, DocumentVersion
from notifications.services import Recipient, notify

# what a customer sends within this time after another is found by the mail about the first
_TELL_AGAIN = timedelta(hours=1)


def tell_customer(document: CustomerDocument, version: DocumentVersion) -> None:
    """That there is something new, and where: whoever reads the mailbox still has to sign in."""
    link = f"{settings.SITE_URL}{document.get_absolute_url()}"
    context = {"document": document, "version": version, "link": link}
    notify(to=Recipient.of(document.customer), kind="document_shared", context=context)


def tell_staff(document: CustomerDocument, now: datetime) -> None:
    """Write to STAFF_EMAIL, where there is one, of a customer's first upload within the hour."""
    uploads = CustomerDocument.objects.filter(customer=document.customer, origin=CustomerDocument.Origin.UPLOAD)
    recent = uploads.filter(created_at__gt=now - _TELL_AGAIN).exclude(pk=document.pk)
    if not settings.STAFF_EMAIL or recent.exists():
        return
    to = Recipient(settings.STAFF_EMAIL, settings.MS_GRAPH_SENDER_NAME, settings.LANGUAGE_CODE)
    path = f"{settings.ADMIN_PATH}/accounts/customerdocument/?customer__id__exact={document.customer_id}"
    notify(to=to, kind="document_uploaded", context={"page": f"{settings.SITE_URL}/{path}"})

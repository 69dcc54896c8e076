"""Mail to staff about what waits for a person."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from invoicing.models import Invoice
from notifications.services import find_staff, notify

REASONS = {
    "silent": _("Neither the PEC provider nor SDI has answered."),
    "rejected": _("SDI has rejected the document: it counts as not issued."),
    "rejected_late": _(
        "SDI has rejected the document, and the five days to correct it are over. Issue another one in its place."
    ),
    "refused": _("The office has refused the document. Correct it, credit it, or issue another one in its place."),
    "send_failed": _("The document could not be sent."),
}


def alert_staff(*, invoice: Invoice, reason: str, text: str = "") -> None:
    """Write to STAFF_EMAIL, where there is one, why the invoice needs somebody; `text` holds SDI's own words."""
    to = find_staff()
    if to is None:
        return
    page = back_office(f"invoice/{invoice.pk}/change/")
    context = {"invoice": invoice, "reason": REASONS[reason], "words": text, "page": page}
    notify(to=to, kind="invoice_attention", context=context)


def back_office(path: str) -> str:
    """The address of one of invoicing's pages in the back office."""
    return f"{settings.SITE_URL}/{settings.ADMIN_PATH}/invoicing/{path}"

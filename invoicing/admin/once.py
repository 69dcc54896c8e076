"""A page of the back office issues one document: pressed twice, or sent again, it leads to the one it issued.

Each page that can issue has a key in a hidden field, which stays the same from its form to the button that issues; the
document it issues keeps the key in a column that is unique.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from invoicing.services import AlreadyIssuedError, ensure_not_issued

View = Callable[..., HttpResponse]


def issues_once(view: View) -> View:
    """Whatever is sent from a page that has issued leads to its document, and says so."""

    @wraps(view)
    def answer(admin: Any, request: HttpRequest, *args: Any) -> HttpResponse:
        try:
            ensure_not_issued(read_key(request))
            return view(admin, request, *args)
        except AlreadyIssuedError as error:
            text = gettext(
                "This page has issued %(number)s already: nothing else was issued. For another document begin on a "
                "new page."
            )
            messages.warning(request, text % {"number": error.invoice})
            return redirect(reverse("admin:invoicing_invoice_change", args=[error.invoice.pk]))

    return answer


def read_key(request: HttpRequest) -> UUID | None:
    """The key of the page that was sent; None for one that came without, or with something else in its place."""
    try:
        return UUID(request.POST.get("page_key", ""))
    except ValueError:
        return None


def key_for_page(request: HttpRequest) -> UUID:
    """The key of the page that is shown: that of the page it follows from, or a new one."""
    return read_key(request) or uuid4()

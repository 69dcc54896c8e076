"""Ways from other tables of the back office to a customer's documents."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.models import User
from core.admin import button


def share_button(find_customer: Callable[[Any], User], find_order: Callable[[Any], str] = lambda _row: "") -> Any:
    """A button of another table's page that leads to sharing, with the row's customer filled in, and their order."""

    def is_offered(row: Any) -> bool:
        customer = find_customer(row)
        return not customer.is_staff and customer.erased_at is None

    @button(needs="accounts.add_customerdocument", description=_("Share a document"), is_offered=is_offered)
    def share_document(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        query = {"customer": find_customer(row).pk, "order": find_order(row)}
        return redirect(reverse("admin:accounts_customerdocument_share_page", query=query))

    return share_document


@display(description=_("documents"))
def documents_link(_admin: Any, customer: User) -> str:
    """A column of a customer's page: how many there are, with the way to their list."""
    url = reverse("admin:accounts_customerdocument_changelist", query={"customer__id__exact": customer.pk})
    return format_html('<span class="beside"><a href="{}">{}</a></span>', url, customer.documents.count())

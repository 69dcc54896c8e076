"""The back office's page that credits an invoice: how much and why, then the credit note as it would be, to issue."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.clock import database_now, database_today
from core.errors import DomainError
from invoicing import corrections, services
from invoicing.admin.forms import CreditForm
from invoicing.admin.once import issues_once, key_for_page, read_key
from invoicing.fatturapa import confirmation
from invoicing.models import Invoice


@issues_once
def credit(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The form; filled in, the document it leads to, which is issued by its button if it is still that one."""
    invoice = admin.get_object(request, unquote(object_id))
    if invoice is None:
        raise Http404
    form = CreditForm(request.POST or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("action") == "issue":
                return _issue(request, invoice, form.cleaned_data)
        except confirmation.NotAsShownError as error:
            messages.error(request, str(error))
        except DomainError as error:
            form.add_error(None, str(error))
        context = _preview(form, invoice)
    context |= {**admin.admin_site.each_context(request), "title": _("Credit"), "opts": admin.opts}
    context |= {"form": form, "credited": invoice, "left": invoice.creditable_amount()}
    context["page_key"] = key_for_page(request)
    return TemplateResponse(request, "admin/invoicing/credit.html", context)


def _issue(request: HttpRequest, invoice: Invoice, data: dict[str, Any]) -> HttpResponse:
    now, page_key = database_now(), read_key(request)
    actor: Any = request.user
    note = corrections.issue_credit_note(
        invoice=invoice, amount=data["amount"], reason=data["reason"], actor=actor, today=timezone.localdate(now),
        now=now, shown=request.POST.get("shown", "") if page_key else "", page_key=page_key,
    )  # fmt: skip
    messages.success(request, gettext("Credit note %(number)s is issued.") % {"number": note.number})
    return redirect(reverse("admin:invoicing_invoice_change", args=[invoice.pk]))


def _preview(form: CreditForm, invoice: Invoice) -> dict[str, Any]:
    """The credit note as it would be issued now; nothing, and the reason in the form, when there can be none."""
    data, today = form.cleaned_data, database_today()
    if form.errors:
        return {}
    try:
        draft = corrections.credit_note_draft(
            invoice=invoice, amount=data["amount"], reason=data["reason"], today=today
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return {}
    result = services.preview(draft=draft, number=None, today=today)
    return {"draft": draft, "preview": result, "errors": result.errors, "shown": confirmation.describe(draft)}

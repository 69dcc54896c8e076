"""The back office's pages to write a document by hand and to put a rejected one right.

First a form for the usual document, then the draft as JSON with what it comes to and what SDI would say; from there it
is issued. What is issued is what was shown: anything else is shown again (`fatturapa.confirmation`).
"""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingProfile, User
from core.clock import database_now, database_today
from core.errors import DomainError
from invoicing import corrections, pdf, services
from invoicing.admin.forms import DocumentForm, DraftJsonForm, LineFormSet, draft_json, empty_document
from invoicing.fatturapa import confirmation
from invoicing.fatturapa.draft import Buyer, InvoiceDraft
from invoicing.fatturapa.draft_json import DraftUnreadableError, read_draft, to_json
from invoicing.fatturapa.preview import Preview
from invoicing.models import Invoice


def write(admin: Any, request: HttpRequest) -> HttpResponse:
    """The form of the usual document; filled in, it leads to the page that checks it."""
    if request.method != "POST":
        document, lines = DocumentForm(initial=empty_document(database_today())), LineFormSet(prefix="line")
        return _page(admin, request, "write", _("New invoice by hand"), document=document, lines=lines)
    document, lines = DocumentForm(request.POST), LineFormSet(request.POST, prefix="line")
    if document.is_valid() and lines.is_valid():
        return _check_page(admin, request, draft_json(document, lines), None)
    return _page(admin, request, "write", _("New invoice by hand"), document=document, lines=lines)


def check(admin: Any, request: HttpRequest) -> HttpResponse:
    """A draft as JSON: checked, drawn as a PDF marked as a draft, or issued, by the button that was pressed."""
    return _act(admin, request, None)


def correct(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """The same for a rejected document, beginning with what it was made of."""
    invoice = get_object_or_404(Invoice, pk=pk)
    if obstacle := corrections.correction_obstacle(invoice, now=database_now()):
        messages.error(request, str(obstacle))
        return redirect(reverse("admin:invoicing_invoice_change", args=[pk]))
    if request.method != "POST":
        draft = json.dumps(to_json(corrections.draft_of(invoice)), ensure_ascii=False, indent=2)
        return _check_page(admin, request, draft, invoice)
    return _act(admin, request, invoice)


def replace(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """The page that checks a draft, with that of a new document in the place of a rejected or refused one."""
    invoice = get_object_or_404(Invoice, pk=pk)
    try:
        draft = corrections.replacement_draft(invoice=invoice, today=database_today())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(reverse("admin:invoicing_invoice_change", args=[pk]))
    return _check_page(admin, request, json.dumps(to_json(draft), ensure_ascii=False, indent=2), None)


def _act(admin: Any, request: HttpRequest, invoice: Invoice | None) -> HttpResponse:
    content = request.POST.get("draft", "{}")
    if request.POST.get("action") == "issue":
        try:
            return _issue(request, content, invoice)
        except (DomainError, DraftUnreadableError) as error:
            messages.error(request, str(error))
    elif request.POST.get("action") == "pdf" and (response := _draw_pdf(content, invoice)):
        return response
    return _check_page(admin, request, content, invoice)


def _issue(request: HttpRequest, content: str, invoice: Invoice | None) -> HttpResponse:
    draft, now = _read(content, invoice), database_now()
    confirmation.ensure_as_shown(draft, request.POST.get("shown", ""))
    actor: Any = request.user
    if invoice:
        corrections.correct_invoice(invoice=invoice, draft=draft, actor=actor, today=timezone.localdate(now), now=now)
        message = gettext("Document %(number)s is corrected and on its way.")
    else:
        invoice = services.issue_invoice(
            draft=draft, customer=_find_customer(draft.buyer), reference="",
            language="it" if draft.buyer.country == "IT" else "en", today=timezone.localdate(now), now=now,
        )  # fmt: skip
        message = gettext("Document %(number)s is issued.")
    messages.success(request, message % {"number": invoice.number})
    return redirect(reverse("admin:invoicing_invoice_change", args=[invoice.pk]))


def _draw_pdf(content: str, invoice: Invoice | None) -> HttpResponse | None:
    """The PDF with its watermark, or None while the draft cannot become one."""
    try:
        result = _make_preview(_read(content, invoice), invoice)
    except DraftUnreadableError:
        return None
    if result.xml is None or any(violation.code == "00200" for violation in result.errors):
        return None
    pdf_content = pdf.render(result.xml, file_name=gettext("draft"), sha256="–", is_draft=True)
    return HttpResponse(
        pdf_content, content_type="application/pdf", headers={"Content-Disposition": 'attachment; filename="bozza.pdf"'}
    )


def _check_page(admin: Any, request: HttpRequest, content: str, invoice: Invoice | None) -> HttpResponse:
    draft, result, errors, shown = None, None, [], ""
    try:
        draft = _read(content, invoice)
        result, shown = _make_preview(draft, invoice), confirmation.describe(draft)
        errors = list(result.errors)
    except DraftUnreadableError as error:
        errors = error.violations
    title = _("Correct %(number)s") % {"number": invoice} if invoice else _("Check the draft")
    return _page(
        admin, request, "check", title, form=DraftJsonForm(initial={"draft": content}), preview=result,
        errors=errors, invoice=invoice, draft=draft, shown=shown,
    )  # fmt: skip


def _make_preview(draft: InvoiceDraft, invoice: Invoice | None) -> Preview:
    return services.preview(draft=draft, number=invoice.number if invoice else None, today=database_today())


def _read(content: str, invoice: Invoice | None) -> InvoiceDraft:
    draft = read_draft(content, **services.draft_defaults(database_today()))
    return draft if invoice else services.in_series(draft)


def _find_customer(buyer: Buyer) -> User | None:
    """The one customer with this fiscal identity, so that they find the document in their area."""
    by = {"vat_number": buyer.vat_number} if buyer.vat_number else {"tax_code": buyer.tax_code}
    if not any(by.values()):
        return None
    profiles = BillingProfile.objects.filter(**by).select_related("user")[:2]
    return profiles[0].user if len(profiles) == 1 else None


def _page(admin: Any, request: HttpRequest, name: str, title: Any, **more: Any) -> HttpResponse:
    context = {**admin.admin_site.each_context(request), "title": title, "opts": admin.opts, **more}
    return TemplateResponse(request, f"admin/invoicing/draft_{name}.html", context)

"""The back office's pages to write a document by hand and to put a rejected one right.

First a form for the usual document, then the draft as JSON with what it comes to and what SDI would say; from there it
is issued. What is issued is what was shown: anything else is shown again (`fatturapa.confirmation`). A correction is a
form from beginning to end.
"""

import base64
import json
from pathlib import PurePath
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
from invoicing.admin import correction_form
from invoicing.admin.forms import DocumentForm, DraftJsonForm, LineFormSet, draft_json, empty_document, to_text
from invoicing.admin.once import issues_once, key_for_page, read_key
from invoicing.fatturapa import confirmation
from invoicing.fatturapa.draft import Buyer, InvoiceDraft
from invoicing.fatturapa.draft_json import DraftUnreadableError, read_draft, to_json
from invoicing.fatturapa.preview import Preview
from invoicing.models import Invoice


@issues_once
def write(admin: Any, request: HttpRequest) -> HttpResponse:
    """The form of the usual document; filled in, it leads to the page that checks it."""
    if request.method != "POST":
        document, lines = DocumentForm(initial=empty_document(database_today())), LineFormSet(prefix="line")
        return _page(admin, request, "write", _("New invoice by hand"), document=document, lines=lines)
    document, lines = DocumentForm(request.POST), LineFormSet(request.POST, prefix="line")
    if document.is_valid() and lines.is_valid():
        return _check_page(admin, request, draft_json(document, lines), None)
    return _page(admin, request, "write", _("New invoice by hand"), document=document, lines=lines)


@issues_once
def check(admin: Any, request: HttpRequest) -> HttpResponse:
    """A draft as JSON: checked, drawn as a PDF marked as a draft, or issued, by the button that was pressed."""
    return _act(admin, request, None)


def correct(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """A rejected document as a form, with SDI's reason above it, and as JSON for what the form has no field for."""
    invoice = get_object_or_404(Invoice, pk=pk)
    if obstacle := corrections.correction_obstacle(invoice, now=database_now()):
        messages.error(request, str(obstacle))
        return redirect(reverse("admin:invoicing_invoice_change", args=[pk]))
    if "draft" in request.POST:
        return _act(admin, request, invoice)
    data = to_json(corrections.draft_of(invoice))
    document, lines = correction_form.forms_for(data, request.POST if request.method == "POST" else None)
    content = to_text(data)
    if request.method == "POST":
        if not (document.is_valid() and lines.is_valid()):
            return _correction_page(admin, request, invoice, document, lines, content)
        content = to_text(correction_form.merge(data, document, lines))
        if answer := _press(request, content, invoice):
            return answer
    return _correction_page(admin, request, invoice, document, lines, content, is_checked=True)


def replace(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """The page that checks a draft, with that of a new document in the place of a rejected or refused one."""
    invoice = get_object_or_404(Invoice, pk=pk)
    try:
        draft = corrections.replacement_draft(invoice=invoice, today=database_today())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(reverse("admin:invoicing_invoice_change", args=[pk]))
    data = to_json(draft)
    if data.pop("attachments", None):
        messages.warning(
            request, gettext("The files of %(number)s are not in it: attach them again.") % {"number": invoice}
        )
    return _check_page(admin, request, to_text(data), None)


def _act(admin: Any, request: HttpRequest, invoice: Invoice | None) -> HttpResponse:
    content = request.POST.get("draft", "{}")
    complete = _with_files(content, request.FILES.getlist("files"), invoice)
    if answer := _press(request, complete, invoice):
        return answer
    return _check_page(admin, request, content, invoice, complete=complete)


def _press(request: HttpRequest, content: str, invoice: Invoice | None) -> HttpResponse | None:
    """What the button leads to; None when the page comes again."""
    if request.POST.get("action") == "issue":
        try:
            return _issue(request, content, invoice)
        except (DomainError, DraftUnreadableError) as error:
            messages.error(request, str(error))
    elif request.POST.get("action") == "pdf":
        return _draw_pdf(content, invoice)
    return None


def _with_files(content: str, files: list[Any], invoice: Invoice | None) -> str:
    """The draft with the files that came with it; without any, a correction keeps those of the rejected document."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return content  # whoever reads it says what is wrong
    if not isinstance(data, dict):
        return content
    attachments = [
        {
            "name": file.name[-60:],
            "format": PurePath(file.name).suffix.lstrip(".").upper()[:10],
            "content": base64.b64encode(file.read()).decode(),
        }
        for file in files
    ]
    if not attachments and invoice and "attachments" not in data:
        attachments = to_json(corrections.draft_of(invoice)).get("attachments", [])
    if not attachments:
        return content
    return to_text(data | {"attachments": [*(data.get("attachments") or []), *attachments]})


def _issue(request: HttpRequest, content: str, invoice: Invoice | None) -> HttpResponse:
    draft, now = _read(content, invoice), database_now()
    page_key = read_key(request)
    confirmation.ensure_as_shown(draft, request.POST.get("shown", "") if page_key or invoice else "")
    actor: Any = request.user
    if invoice:
        corrections.correct_invoice(invoice=invoice, draft=draft, actor=actor, today=timezone.localdate(now), now=now)
        message = gettext("Document %(number)s is corrected and on its way.")
    else:
        invoice = services.issue_invoice(
            draft=draft, customer=_find_customer(draft.buyer), reference="",
            language="it" if draft.buyer.country == "IT" else "en", today=timezone.localdate(now), now=now,
            page_key=page_key,
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


def _check_page(
    admin: Any, request: HttpRequest, content: str, invoice: Invoice | None, *, complete: str = ""
) -> HttpResponse:
    """`complete` is the draft with its attachments, for which a page of text has no room."""
    title = _("Correct %(number)s") % {"number": invoice} if invoice else _("Check the draft")
    return _page(
        admin, request, "check", title, form=DraftJsonForm(initial={"draft": content}), invoice=invoice,
        **_look_at(complete or content, invoice),
    )  # fmt: skip


def _correction_page(
    admin: Any, request: HttpRequest, invoice: Invoice, document: Any, lines: Any, content: str,
    *, is_checked: bool = False,
) -> HttpResponse:  # fmt: skip
    checked = _look_at(content, invoice) if is_checked else {}
    if document.is_bound:
        for error in checked.get("errors", ()):
            correction_form.place(error, document, lines)
    plain = {key: value for key, value in json.loads(content).items() if key != "attachments"}
    return _page(
        admin, request, "correct", _("Correct %(number)s") % {"number": invoice}, invoice=invoice, document=document,
        lines=lines, form=DraftJsonForm(initial={"draft": to_text(plain)}), **checked,
    )  # fmt: skip


def _look_at(content: str, invoice: Invoice | None) -> dict[str, Any]:
    """What `_document.html` shows: the draft, what it comes to, what speaks against it, and what is confirmed."""
    try:
        draft = _read(content, invoice)
    except DraftUnreadableError as error:
        return {"errors": error.violations}
    preview = _make_preview(draft, invoice)
    return {
        "draft": draft, "preview": preview, "errors": list(preview.errors), "shown": confirmation.describe(draft)
    }  # fmt: skip


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
    if not more.get("invoice"):  # a correction issues nothing new
        context["page_key"] = key_for_page(request)
    return TemplateResponse(request, f"admin/invoicing/draft_{name}.html", context)

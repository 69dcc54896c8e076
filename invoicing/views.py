"""The HTML door of invoicing: the customer's invoices and their files."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from invoicing.courtesy_copy import draw_pdf
from invoicing.downloads import file_response
from invoicing.fatturapa.view import read_invoice
from invoicing.models import Invoice
from invoicing.timeline import invoice_notice, invoice_steps


@require_safe
def list_invoices(request: HttpRequest) -> HttpResponse:
    page = Paginator(Invoice.objects.visible_to(request.user).for_table(), 20).get_page(request.GET.get("pagina"))
    return render(request, "invoicing/invoices.html", {"page": page, "section": "invoices"})


@require_safe
def show_invoice(request: HttpRequest, number: str) -> HttpResponse:
    invoice = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    file = invoice.current_file()
    context = {
        "invoice": invoice,
        "notice": invoice_notice(invoice),
        "steps": invoice_steps(invoice),
        "file": file,
        "document": read_invoice(bytes(file.xml.content)),
        "section": "invoices",
    }
    return render(request, "invoicing/invoice.html", context)


@require_safe
def download_pdf(request: HttpRequest, number: str) -> HttpResponse:
    invoice = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    return file_response(draw_pdf(invoice=invoice))


@require_safe
def download_xml(request: HttpRequest, number: str) -> HttpResponse:
    invoice = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    return file_response(invoice.current_file().xml)

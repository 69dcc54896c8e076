"""The back office's view of invoices: what was sent, what came back, and what can be done about it."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.admin import ReadOnlyAdmin, ReadOnlyInline
from core.errors import DomainError
from core.templatetags.ui import eur
from invoicing import services
from invoicing.models import Document, Invoice, InvoiceEvent, InvoiceFile, Mailbox, PecMessage, ReceivedMail
from invoicing.views import file_response

_LABELS = {
    "issued": "info", "sending": "info", "sent": "info", "pec_accepted": "info", "pec_delivered": "info",
    "send_failed": "danger", "delivered": "success", "made_available": "success", "rejected": "danger",
}  # fmt: skip


class EventInline(ReadOnlyInline):
    model = InvoiceEvent
    fields = ("at", "state", "text", "document_link")
    readonly_fields = fields
    ordering = ("at", "pk")
    verbose_name_plural = _("Timeline")

    @display(description=_("document"))
    def document_link(self, event: InvoiceEvent):
        return _link(event.document) if event.document else "–"


class FileInline(ReadOnlyInline):
    model = InvoiceFile
    fields = ("file_name", "xml_link", "pdf_link", "sha256", "created_at")
    readonly_fields = fields
    verbose_name_plural = _("Files")

    @display(description="XML")
    def xml_link(self, file: InvoiceFile):
        return _link(file.xml)

    @display(description="PDF")
    def pdf_link(self, file: InvoiceFile):
        return _link(file.pdf) if file.pdf else "–"

    @display(description="SHA-256")
    def sha256(self, file: InvoiceFile):
        return file.xml.sha256


def _link(document: Document):
    return format_html(
        '<a href="{}">{}</a>', reverse("admin:invoicing_document_download", args=[document.pk]), document
    )


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ("number", "issue_date", "buyer", "reference", "total", "state_badge", "sdi_identifier")
    list_filter = ("state", "document_type", "kind")
    search_fields = (
        "number",
        "company_name",
        "last_name",
        "vat_number",
        "tax_code",
        "reference",
        "sdi_identifier",
        "files__file_name",
    )
    date_hierarchy = "issue_date"
    ordering = ("-issue_date", "-pk")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "document_type", "issue_date"),
                    ("state", "sdi_identifier"),
                    "reference",
                    "customer",
                )
            },
        ),
        (_("Amounts"), {"fields": (("net_amount", "vat_amount", "gross_amount"),)}),
        (
            _("Customer"),
            {
                "fields": (
                    "buyer",
                    ("vat_number", "tax_code"),
                    ("recipient_code", "pec"),
                    ("street", "postcode", "city", "province", "country"),
                )
            },
        ),
        (_("Sending"), {"fields": (("send_attempts", "next_send_at"),)}),
    )
    readonly_fields = ("buyer",)
    inlines = (EventInline, FileInline)
    actions_detail = ("send_again",)

    @display(description=_("customer"))
    def buyer(self, invoice: Invoice):
        return invoice.display_name

    @display(description=_("total"), ordering="gross_amount")
    def total(self, invoice: Invoice):
        return eur(invoice.gross_amount)

    @display(description=_("state"), ordering="state", label=_LABELS)
    def state_badge(self, invoice: Invoice):
        return invoice.state, invoice.get_state_display()

    @action(description=_("Send to SDI again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        try:
            services.send_again(invoice=Invoice.objects.get(pk=object_id), actor=request.user, now=timezone.now())
        except DomainError as error:
            messages.error(request, str(error.message))
        else:
            messages.success(request, _("The invoice is being sent again."))
        return redirect(reverse("admin:invoicing_invoice_change", args=[object_id]))

    def has_send_again_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return bool(request.user.is_staff)


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "created_at", "sha256")
    list_filter = ("kind",)
    search_fields = ("name", "sha256")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("name", "kind", "content_type", "sha256", "created_at", "download")
    readonly_fields = ("download",)

    @display(description=_("file"))
    def download(self, document: Document):
        return _link(document)

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("content")

    def get_urls(self):
        download = self.admin_site.admin_view(self.download_view)
        return [path("<int:pk>/download/", download, name="invoicing_document_download"), *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return file_response(Document.objects.get(pk=pk))


@admin.register(PecMessage)
class PecMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "file", "recipient", "state", "last_error")
    list_filter = ("state",)
    search_fields = ("message_id", "file__file_name")
    list_select_related = ("file",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")


@admin.register(ReceivedMail)
class ReceivedMailAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "sender", "subject", "kind", "outcome", "invoice", "reason")
    list_filter = ("outcome", "kind")
    search_fields = ("subject", "sender", "message_id", "invoice__number")
    list_select_related = ("invoice",)
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    exclude = ("content",)


@admin.register(Mailbox)
class MailboxAdmin(ReadOnlyAdmin):
    list_display = ("address", "read_at", "last_uid", "sdi_address", "last_error")

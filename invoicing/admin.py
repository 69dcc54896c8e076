"""The back office's view of invoices: what was sent, what came back, and what can be done about it."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import ReadOnlyAdmin, ReadOnlyInline, amount, badge, confirmed
from invoicing import services
from invoicing.models import Document, Invoice, InvoiceEvent, InvoiceFile, Mailbox, PecMessage, ReceivedMail
from invoicing.views import file_response

_LOOKS = {
    "issued": "now", "sending": "now", "sent": "now", "pec_accepted": "now", "pec_delivered": "now",
    "send_failed": "stop", "delivered": "done", "made_available": "done", "rejected": "stop",
}  # fmt: skip


class EventInline(ReadOnlyInline):
    model = InvoiceEvent
    fields = ("at", "state_badge", "text", "document_link")
    readonly_fields = fields
    ordering = ("at", "pk")
    verbose_name_plural = _("Timeline")

    state_badge = badge("state", _("state"), _LOOKS)

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
                    ("state_badge", "sdi_identifier"),
                    "reference",
                    "customer",
                )
            },
        ),
        (_("Amounts"), {"fields": (("net", "vat", "total"),)}),
        (
            _("Billed to"),
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
    readonly_fields = ("buyer", "state_badge", "net", "vat", "total")
    inlines = (EventInline, FileInline)
    actions_detail = ("send_again",)

    state_badge = badge("state", _("state"), _LOOKS)
    net = amount("net_amount", _("net"))
    vat = amount("vat_amount", _("VAT"))
    total = amount("gross_amount", _("total"))

    @display(description=_("billed to"))
    def buyer(self, invoice: Invoice):
        return invoice.display_name

    @confirmed(
        description=_("Send to SDI again"),
        question=_("The same file leaves by PEC once more, under the same name."),
        offered=lambda invoice: invoice.state == Invoice.State.SEND_FAILED,
    )
    def send_again(self, request: HttpRequest, invoice: Invoice) -> str:
        services.send_again(invoice=invoice, actor=request.user, now=timezone.now())
        return gettext("The invoice is being sent again.")


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
        return file_response(get_object_or_404(Document, pk=pk))


@admin.register(PecMessage)
class PecMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "file", "recipient", "state_badge", "last_error")
    list_filter = ("state",)
    search_fields = ("message_id", "file__file_name")
    list_select_related = ("file",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("file", ("recipient", "message_id"), ("state_badge", "created_at"), "last_error")
    readonly_fields = ("state_badge",)

    state_badge = badge("state", _("state"), {"sending": "now", "sent": "done", "failed": "stop", "uncertain": "warn"})


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

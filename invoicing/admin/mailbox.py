"""The back office's view of the PEC mailbox: what left, what came, what of it is somebody's work."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import QueueAdmin, ReadOnlyAdmin, ReadOnlyInline, YesFilter, another_try, badge, confirmed_action
from core.templatetags.ui import eur
from core.web.downloads import attachment
from invoicing.admin.invoices import document_link
from invoicing.models import Mailbox, PecMessage, ReceivedInvoice, ReceivedMail
from invoicing.sdi import in_tray, receipts
from invoicing.sdi.reasons import in_words


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


class ReceivedInvoiceInline(ReadOnlyInline):
    model = ReceivedInvoice
    fields = ("supplier", "vat_number", "document_type", "number", "issue_date", "sum", "file_link")
    readonly_fields = ("sum", "file_link")
    ordering = ("position",)
    verbose_name_plural = _("Suppliers’ invoices")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("file").defer("file__content")

    @display(description=_("total"))
    def sum(self, invoice: ReceivedInvoice):
        return _sum(invoice)

    @display(description=_("file"))
    def file_link(self, invoice: ReceivedInvoice):
        return document_link(invoice.file)


class ToDealWithFilter(YesFilter):
    """Mails that are somebody's work, as the overview counts them."""

    title = _("to deal with")
    parameter_name = "to_deal_with"

    def narrow(self, queryset):
        return queryset.to_deal_with()


@admin.register(ReceivedMail)
class ReceivedMailAdmin(QueueAdmin):
    list_display = ("received_at", "sender", "subject", "outcome", "why", "dealt_at", "invoice", "last_error")
    list_filter = (ToDealWithFilter, "outcome", "state", "kind")
    search_fields = ("subject", "sender", "message_id", "invoice__number")
    list_select_related = ("invoice",)
    actions = ("settle_selected",)
    actions_detail = ("settle", "try_again")
    inlines = (ReceivedInvoiceInline,)
    readonly_fields = ("why", "download")
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    fields = (
        ("received_at", "outcome", "invoice"), ("sender", "subject", "kind"), "why", ("dealt_at", "dealt_by"),
        ("download", "message_id", "sha256"), ("uid", "marked_at", "told_at"),
        ("state", "attempts", "next_try_at"), "last_error",
    )  # fmt: skip

    def has_settle_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("invoicing.settle_receivedmail")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("content")

    def get_urls(self):
        download = self.page("<int:pk>/download/", self.download_view, "download", needs="view")
        return [download, *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        mail = get_object_or_404(ReceivedMail, pk=pk)
        self.record_reading(request, mail, "downloaded")
        return attachment(bytes(mail.content), name=f"pec-{mail.pk}.eml", content_type="message/rfc822")

    @display(description=_("reason"))
    def why(self, mail: ReceivedMail):
        return in_words(mail)

    @display(description=_("mail"))
    def download(self, mail: ReceivedMail):
        url = reverse("admin:invoicing_receivedmail_download", args=[mail.pk])
        return format_html('<a href="{}">{}</a>', url, _("Download as it came (.eml)"))

    @confirmed_action(
        needs="settle",
        description=_("Dealt with"),
        question=_("Whatever this mail asks for is done: it leaves the overview and is marked as read in the mailbox."),
        is_offered=lambda mail: mail.is_to_deal_with,
    )
    def settle(self, request: HttpRequest, mail: ReceivedMail) -> str:
        in_tray.settle(mail=mail, actor=request.user, now=timezone.now())
        return gettext("The mail is dealt with.")

    @admin.action(description=_("Dealt with"), permissions=["settle"])
    def settle_selected(self, request: HttpRequest, queryset) -> None:
        mails = list(queryset.to_deal_with())
        for mail in mails:
            in_tray.settle(mail=mail, actor=request.user, now=timezone.now())
        message = ngettext("One mail is dealt with.", "%(count)s mails are dealt with.", len(mails))
        self.message_user(request, message % {"count": len(mails)})

    try_again = another_try(
        description=_("Apply again"),
        question=_("The mail is read once more as it was received. What it already did is not done twice."),
        answer=_("The mail is back in the queue."),
        verb="applied_again",
        revive=lambda mail: receipts.apply_again(mail=mail),
    )


class UnreadableFilter(YesFilter):
    title = _("cannot be read")
    parameter_name = "unreadable"

    def narrow(self, queryset):
        return queryset.exclude(failing_since=None)


@admin.register(Mailbox)
class MailboxAdmin(ReadOnlyAdmin):
    list_display = ("address", "read_at", "failing_since", "last_uid", "sdi_address", "last_error")
    list_filter = (UnreadableFilter,)


@admin.register(ReceivedInvoice)
class ReceivedInvoiceAdmin(ReadOnlyAdmin):
    """Suppliers' invoices as SDI delivered them; the file is kept for ten years."""

    list_display = (
        "received_at",
        "supplier",
        "vat_number",
        "document_type",
        "number",
        "issue_date",
        "sum",
        "file_link",
    )
    list_filter = ("document_type",)
    list_select_related = ("file",)
    search_fields = ("supplier", "vat_number", "number", "sdi_identifier")
    date_hierarchy = "issue_date"
    ordering = ("-received_at", "-pk")
    fields = (
        ("supplier", "vat_number"), ("document_type", "number", "issue_date", "sum"), ("sdi_identifier", "position"),
        ("received_at", "mail", "file_link"),
    )  # fmt: skip
    readonly_fields = ("sum", "file_link")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("file__content")

    @display(description=_("total"), ordering="total")
    def sum(self, invoice: ReceivedInvoice):
        return _sum(invoice)

    @display(description=_("file"))
    def file_link(self, invoice: ReceivedInvoice):
        return document_link(invoice.file)


def _sum(invoice: ReceivedInvoice) -> str:
    return eur(invoice.total) if invoice.currency == "EUR" else f"{invoice.total} {invoice.currency}"

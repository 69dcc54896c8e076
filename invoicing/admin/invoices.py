"""The back office's view of invoices: what was sent, what came back, and what can be done about it."""

from functools import partial

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import (
    QUEUE_LOOKS,
    HouseAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    YesFilter,
    amount,
    another_try,
    badge,
    button,
    confirmed_action,
    moment,
)
from core.clock import database_now
from core.templatetags.ui import eur
from core.web.downloads import file_attachment
from invoicing import corrections
from invoicing.admin import by_hand, crediting
from invoicing.admin.forms import CopyForm, SignedFileForm
from invoicing.archive import packages
from invoicing.archive.contents import BadPeriodError, Period
from invoicing.courtesy_copy import can_have_copy, find_recipient, send_copy
from invoicing.downloads import file_response
from invoicing.fatturapa.schema import MAX_BYTES
from invoicing.models import (
    ArchivePackage,
    Document,
    Invoice,
    InvoiceCopy,
    InvoiceEvent,
    InvoiceFile,
)
from invoicing.sdi import sending
from invoicing.timeline import next_action

_CHANGE = "admin:invoicing_invoice_change"


class EventInline(ReadOnlyInline):
    model = InvoiceEvent
    fields = ("at", "state_badge", "text", "document_link")
    readonly_fields = fields
    ordering = ("at", "pk")
    verbose_name_plural = _("Timeline")

    state_badge = badge("state", _("state"), Invoice.MARKS)

    def get_fields(self, request: HttpRequest, obj=None):
        if request.user.has_perm("invoicing.view_document"):
            return self.fields
        return tuple(name for name in self.fields if name != "document_link")

    @display(description=_("document"))
    def document_link(self, event: InvoiceEvent):
        return document_link(event.document) if event.document else "–"


class FileInline(ReadOnlyInline):
    model = InvoiceFile
    fields = ("file_name", "xml_link", "signed_link", "pdf_link", "sha256", "created_at")
    readonly_fields = fields
    verbose_name_plural = _("Files")

    @display(description="XML")
    def xml_link(self, file: InvoiceFile):
        return document_link(file.xml)

    @display(description=_("signed"))
    def signed_link(self, file: InvoiceFile):
        return document_link(file.signed) if file.signed else "–"

    @display(description="PDF")
    def pdf_link(self, file: InvoiceFile):
        return document_link(file.pdf) if file.pdf else "–"

    @display(description="SHA-256")
    def sha256(self, file: InvoiceFile):
        return file.sent.sha256


class CopyInline(ReadOnlyInline):
    """The mails that brought the customer the copy, as the outbox tells of them."""

    model = InvoiceCopy
    fields = ("mail_link", "state", "written_at", "sent_at", "last_error")
    readonly_fields = fields
    ordering = ("pk",)
    verbose_name_plural = _("Copies by mail")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("mail").defer("mail__html", "mail__text")

    @display(description=_("to"))
    def mail_link(self, copy: InvoiceCopy):
        if copy.mail is None:
            return "–"
        url = reverse("admin:notifications_mail_change", args=[copy.mail.pk])
        return format_html('<a href="{}">{}</a>', url, copy.mail.to_email)

    @display(description=_("state"))
    def state(self, copy: InvoiceCopy):
        if copy.mail is None:
            return _("deleted with the account")
        word = capfirst(copy.mail.get_state_display())
        return format_html('<span class="badge badge--{}">{}</span>', QUEUE_LOOKS[copy.mail.state], word)

    @display(description=_("written"))
    def written_at(self, copy: InvoiceCopy):
        return moment(copy.mail.created_at) if copy.mail else "–"

    @display(description=_("sent"))
    def sent_at(self, copy: InvoiceCopy):
        return moment(copy.mail.sent_at) if copy.mail and copy.mail.sent_at else "–"

    @display(description=_("error"))
    def last_error(self, copy: InvoiceCopy):
        return (copy.mail and copy.mail.last_error) or "–"


def document_link(document: Document):
    """A document's name, which downloads it."""
    return format_html(
        '<a href="{}">{}</a>', reverse("admin:invoicing_document_download", args=[document.pk]), document
    )


class UnansweredFilter(YesFilter):
    """Documents nobody has answered for in time: staff were told of them."""

    title = _("without an answer")
    parameter_name = "unanswered"

    def narrow(self, queryset):
        return queryset.unanswered().exclude(alerted_at=None)


class NotSentFilter(YesFilter):
    """Documents that did not reach SDI."""

    title = _("not sent")
    parameter_name = "not_sent"

    def narrow(self, queryset):
        return queryset.not_sent()


class WithoutCopyFilter(YesFilter):
    """Documents that SDI brought to nobody and of which no mail brings the copy."""

    title = _("without a copy")
    parameter_name = "without_copy"

    def narrow(self, queryset):
        return queryset.without_copy()


class RejectedFilter(YesFilter):
    """Documents that SDI rejected and nothing has taken the place of."""

    title = _("rejected, to be put right")
    parameter_name = "rejected"

    def narrow(self, queryset):
        return queryset.rejected()


class RefusedFilter(YesFilter):
    """Documents that an office refused and that were neither credited nor replaced."""

    title = _("refused, to be put right")
    parameter_name = "refused"

    def narrow(self, queryset):
        return queryset.refused()


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    view_on_site = False  # the customer's page is the customer's alone
    list_display = ("number", "issue_date", "buyer", "reference", "total", "state_badge", "sdi_identifier")
    list_filter = (
        "state", NotSentFilter, UnansweredFilter, RejectedFilter, RefusedFilter, WithoutCopyFilter, "document_type",
        "kind", "series",
    )  # fmt: skip
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
                    ("state_badge", "next_action", "sdi_identifier"),
                    ("reference", "customer"),
                    ("credits", "replaces", "replaced_by"),
                )
            },
        ),
        (_("Amounts"), {"fields": (("net", "vat", "total", "due", "creditable"),)}),
        (
            _("Billed to"),
            {
                "fields": (
                    "buyer",
                    ("vat_number", "tax_code"),
                    ("recipient_code", "pec", "copy_email"),
                    ("street", "postcode", "city", "province", "country"),
                )
            },
        ),
        (_("Sending"), {"fields": (("tries", "next_send_at"), "send_error")}),
    )
    readonly_fields = (
        "buyer", "state_badge", "next_action", "credits", "replaced_by", "net", "vat", "total", "due", "creditable",
        "tries", "next_send_at", "send_error",
    )  # fmt: skip
    inlines = (EventInline, CopyInline, FileInline)
    actions_list = ("write_by_hand",)
    actions_detail = ("send_again", "attach_signed", "correct", "replace", "credit", "mail_copy")

    state_badge = badge("state", _("state"), Invoice.MARKS)
    net = amount("net_amount", _("net"))
    vat = amount("vat_amount", _("VAT"))
    total = amount("gross_amount", _("total"))

    @display(description=_("billed to"))
    def buyer(self, invoice: Invoice):
        return invoice.display_name

    @display(description=_("to pay"))
    def due(self, invoice: Invoice):
        return eur(invoice.amount_due())

    @display(description=_("can be credited"))
    def creditable(self, invoice: Invoice):
        return eur(invoice.creditable_amount()) if corrections.stands_for_credit(invoice) else "–"

    @display(description=_("credit note on"))
    def credits(self, invoice: Invoice):
        rows = invoice.credits_given.select_related("invoice").order_by("pk")
        pairs = ((reverse(_CHANGE, args=[row.invoice_id]), row.invoice, eur(row.amount)) for row in rows)
        return format_html_join(", ", '<a href="{}">{}</a> {}', pairs) or "–"

    @display(description=_("replaced by"))
    def replaced_by(self, invoice: Invoice):
        replacement = invoice.replacement()
        if replacement is None:
            return "–"
        return format_html('<a href="{}">{}</a>', reverse(_CHANGE, args=[replacement.pk]), replacement)

    @display(description=_("tries"))
    def tries(self, invoice: Invoice):
        submission = invoice.submission()
        return submission.attempts if submission else "–"

    @display(description=_("next send"))
    def next_send_at(self, invoice: Invoice):
        submission = invoice.submission()
        return moment(submission.next_try_at) if submission and submission.next_try_at else "–"

    @display(description=_("error"))
    def send_error(self, invoice: Invoice):
        submission = invoice.submission()
        return (submission and submission.last_error) or "–"

    @display(description=_("next step"))
    def next_action(self, invoice: Invoice):
        return next_action(invoice)

    def get_urls(self):
        issuing = partial(self.page, needs="invoicing.issue_invoice")
        return [
            issuing("by-hand/", partial(by_hand.write, self), "write"),
            issuing("by-hand/check/", partial(by_hand.check, self), "check"),
            issuing("<int:pk>/corrected/", partial(by_hand.correct, self), "corrected"),
            issuing("<int:pk>/replaced/", partial(by_hand.replace, self), "replaced"),
            *super().get_urls(),
        ]

    @button(needs="invoicing.issue_invoice", description=_("New invoice by hand"))
    def write_by_hand(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:invoicing_invoice_write")

    @confirmed_action(
        needs="invoicing.send_invoice",
        description=_("Upload the signed file"),
        question=_(
            "Sign the XML of this invoice with your device (CAdES) and upload the .p7m: it is compared and sent."
        ),
        is_offered=lambda invoice: invoice.state == Invoice.State.TO_SIGN,
        form_class=SignedFileForm,
    )
    def attach_signed(self, request: HttpRequest, invoice: Invoice, data: dict) -> str:
        content = data["file"].read(MAX_BYTES + 1)
        sending.attach_signed(invoice=invoice, content=content, actor=request.user, now=timezone.now())
        return gettext("The signed invoice is on its way.")

    @button(
        needs="invoicing.issue_invoice",
        description=_("Correct"),
        is_offered=lambda invoice: corrections.correction_obstacle(invoice, now=database_now()) is None,
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:invoicing_invoice_corrected", pk=object_id)

    @button(
        needs="invoicing.issue_invoice",
        description=_("New document in its place"),
        is_offered=corrections.can_be_replaced,
    )
    def replace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:invoicing_invoice_replaced", pk=object_id)

    @button(
        needs="invoicing.issue_invoice",
        description=_("Credit"),
        is_offered=corrections.can_be_credited,
    )
    def credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return crediting.credit(self, request, object_id)

    @confirmed_action(
        needs="invoicing.mail_invoice",
        description=_("Mail the copy"),
        question=_("PDF and XML are mailed to this address. Whoever had them before keeps them."),
        is_offered=can_have_copy,
        form_class=CopyForm,
        initial=lambda invoice: {"email": to.email} if (to := find_recipient(invoice)) else {},
    )
    def mail_copy(self, request: HttpRequest, invoice: Invoice, data: dict) -> str:
        send_copy(invoice=invoice, email=data["email"], actor=request.user)
        return gettext("The mail with the copy is in the outbox.")

    @confirmed_action(
        needs="invoicing.send_invoice",
        description=_("Send to SDI again"),
        question=_("The same file leaves by PEC once more, under the same name."),
        is_offered=sending.can_be_sent_again,
    )
    def send_again(self, request: HttpRequest, invoice: Invoice) -> str:
        sending.send_again(invoice=invoice, actor=request.user)
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
        return document_link(document)

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("content")

    def get_urls(self):
        download = self.page("<int:pk>/download/", self.download_view, "download", needs="view")
        return [download, *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        document = get_object_or_404(Document, pk=pk)
        self.record_reading(request, document, "downloaded")
        return file_response(document)


class PackageForm(forms.ModelForm):
    """A year or a month to pack."""

    class Meta:
        model = ArchivePackage
        fields = ("period",)

    def clean_period(self):
        try:
            return str(Period.parse(self.cleaned_data["period"]))
        except BadPeriodError as error:
            raise forms.ValidationError(_("Write a year (2026) or a month (2026-11).")) from error


@admin.register(ArchivePackage)
class ArchivePackageAdmin(HouseAdmin):
    form = PackageForm
    list_display = ("period", "state_badge", "progress", "finished_at", "download")
    list_filter = ("state",)
    search_fields = ("period",)
    date_hierarchy = "requested_at"
    ordering = ("-period",)
    readonly_fields = ("state_badge", "progress", "download", "sha256", "readable_size", "last_error", "finished_at")
    actions_detail = ("try_again",)

    state_badge = badge("state", _("state"), QUEUE_LOOKS)

    def get_fields(self, request, obj=None):
        return ("period",) if obj is None else ("period", *self.readonly_fields)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request, obj, form, change):
        obj.pk = packages.request_package(period=form.cleaned_data["period"]).pk
        obj.refresh_from_db()

    def get_urls(self):
        download = self.page("<int:pk>/download/", self.download_view, "download", needs="view")
        return [download, *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        package = get_object_or_404(ArchivePackage, pk=pk, state=ArchivePackage.State.DONE)
        if not package.path.exists():
            raise Http404
        self.record_reading(request, package, "downloaded")
        return file_attachment(request, package.path, name=package.path.name, content_type="application/zip")

    @display(description=_("size"))
    def readable_size(self, package: ArchivePackage):
        return filesizeformat(package.size) if package.size else "–"

    @display(description=_("progress"))
    def progress(self, package: ArchivePackage):
        label = _("%(done)s of %(all)s documents") % {"done": package.done_count, "all": package.total_count}
        return format_html(
            '<progress value="{}" max="{}" aria-label="{}"></progress> {}/{}',
            package.done_count, package.total_count or 1, label, package.done_count, package.total_count,
        )  # fmt: skip

    @display(description=_("file"))
    def download(self, package: ArchivePackage):
        if package.state != ArchivePackage.State.DONE:
            return "–"
        url = reverse("admin:invoicing_archivepackage_download", args=[package.pk])
        return format_html('<a href="{}">{}</a>', url, package.path.name)

    try_again = another_try(
        description=_("Build again"),
        question=_("The package is written anew from what is in the archive now."),
        answer=_("The package is being built."),
        verb="requested",
        is_offered=lambda package: package.state in (ArchivePackage.State.DONE, ArchivePackage.State.FAILED),
        revive=lambda package: packages.request_package(period=package.period).state == ArchivePackage.State.PENDING,
    )

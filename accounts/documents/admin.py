"""Customers' documents in the back office: what came in, what was delivered, and who downloaded which version."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.documents import services
from accounts.documents.downloads import version_response
from accounts.models import CustomerDocument, User
from core import audit
from core.admin import ReadOnlyAdmin, YesFilter, badge, button, confirmed_action
from core.errors import DomainError
from core.models import AuditEntry
from core.web.fields import EmailField

_ORIGIN_LOOKS = {"upload": "todo", "deliverable": "done"}
_DOWNLOADS = 50


class FileForm(forms.Form):
    """A new version."""

    file = forms.FileField(label=_("File"), widget=UnfoldAdminFileFieldWidget())


class ShareForm(FileForm):
    """A document for a customer, who is named by the address of their account."""

    email = EmailField(label=_("E-mail address of the customer"), widget=UnfoldAdminEmailInputWidget())
    title = forms.CharField(
        label=_("Title"), max_length=CustomerDocument.MAX_TITLE, widget=UnfoldAdminTextInputWidget(),
        help_text=_("The customer reads it, also in the mail."),
    )  # fmt: skip
    order_number = forms.CharField(
        label=_("Order number"), max_length=16, required=False, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Where the document belongs to an order of the customer’s."),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Note to the customer"), max_length=CustomerDocument.MAX_NOTE, required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip
    field_order = ("email", "title", "order_number", "note", "file")

    def clean_email(self) -> User:
        customer = User.objects.find(self.cleaned_data["email"])
        if customer is None or customer.is_staff:
            raise forms.ValidationError(_("There is no customer with this address."))
        return customer


class ToLookAtFilter(YesFilter):
    title = _("to look at")
    parameter_name = "to_look_at"

    def narrow(self, queryset):
        return queryset.to_look_at()


class WithoutFileFilter(YesFilter):
    title = _("file missing")
    parameter_name = "without_file"

    def narrow(self, queryset):
        return queryset.without_file()


def _about(document: CustomerDocument) -> str:
    return format_html("<p>{}, {}</p>", document.title, document.customer.email)


@admin.register(CustomerDocument)
class CustomerDocumentAdmin(ReadOnlyAdmin):
    list_display = ("title", "customer", "origin_badge", "state_badge", "changed_at", "version_number", "order_number")
    list_filter = (ToLookAtFilter, "origin", WithoutFileFilter)
    search_fields = ("title", "customer__email", "customer__last_name", "order_number", "reference")
    list_select_related = ("customer",)
    date_hierarchy = "changed_at"
    ordering = ("-changed_at", "-pk")
    view_on_site = False  # the customer's page is the customer's alone
    fields = (
        ("title", "customer"), ("origin_badge", "state_badge", "order_number"),
        ("created_at", "changed_at", "opened_at", "withdrawn_at"), "note", "versions_table", "downloads_table",
    )  # fmt: skip
    readonly_fields = ("origin_badge", "state_badge", "versions_table", "downloads_table")
    actions_list = ("share",)
    actions_detail = ("add_version", "withdraw", "delete_file")

    origin_badge = badge("origin", _("origin"), _ORIGIN_LOOKS)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("versions")

    def lookup_allowed(self, lookup, value, request=None):
        return lookup == "customer__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_urls(self):
        return [
            self.page("share-with-customer/", self.share_view, "share_page", needs="accounts.add_customerdocument"),
            self.page("<int:pk>/versions/<int:number>/", self.download_view, "download", needs="view"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, *args, **kwargs):
        if self.has_view_permission(request) and self.get_object(request, unquote(object_id)) is None:
            return redirect("admin:accounts_customerdocument_changelist")  # deleted here, or by its customer
        return super().change_view(request, object_id, *args, **kwargs)

    @display(description=_("version"))
    def version_number(self, document: CustomerDocument):
        return document.newest().number

    @display(description=_("state"), ordering="opened_at")
    def state_badge(self, document: CustomerDocument):
        if document.withdrawn_at:
            look, word = "stop", gettext("Withdrawn")
        elif document.opened_at:
            look, word = "done", gettext("Opened by us") if document.is_upload else gettext("Read by the customer")
        elif document.is_upload:
            look, word = "warn", gettext("To look at")
        else:
            look, word = "now", gettext("Not read yet")
        return format_html('<span class="badge badge--{}">{}</span>', look, word)

    @display(description=_("files"))
    def versions_table(self, document: CustomerDocument):
        versions = document.versions.select_related("added_by").order_by("-number")
        return render_to_string("admin/accounts/_document_versions.html", {"document": document, "versions": versions})

    @display(description=_("downloads"))
    def downloads_table(self, document: CustomerDocument):
        """As the audit trail has them; of somebody whose account is erased there is the number."""
        entries = AuditEntry.objects.filter(target=audit.name_of(document), action="customerdocument.downloaded")
        latest = entries.select_related("actor").order_by("-at", "-pk")[:_DOWNLOADS]
        return render_to_string("admin/accounts/_document_downloads.html", {"entries": latest})

    @button(needs="accounts.add_customerdocument", description=_("Share a document"), variant=ActionVariant.PRIMARY)
    def share(self, request: HttpRequest):
        return redirect("admin:accounts_customerdocument_share_page")

    def share_view(self, request: HttpRequest) -> HttpResponseBase:
        """Choose customer, title and file; `customer` in the address fills in whose page one comes from."""
        customer = _find_customer(request.GET.get("customer", ""))
        initial = {"email": customer.email if customer else "", "order_number": request.GET.get("order", "")}
        form = ShareForm(request.POST or None, request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                addition = self._share(request, form.cleaned_data)
            except DomainError as error:
                field = {"customer": "email"}.get(error.field or "", error.field)
                form.add_error(field if field in form.fields else None, str(error.message))
            else:
                return redirect("admin:accounts_customerdocument_change", addition.document.pk)
        context = self.admin_site.each_context(request) | {
            "title": _("Share a document"), "form": form, "opts": self.opts,
            "page": reverse("admin:accounts_customerdocument_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/accounts/share_document.html", context)

    def _share(self, request: HttpRequest, values: dict) -> services.Addition:
        addition = services.share_document(
            customer=values["email"], title=values["title"], note=values["note"], file=values["file"],
            order_number=values["order_number"], actor=request.user, now=timezone.now(),
        )  # fmt: skip
        if addition.is_new:
            messages.success(request, gettext("The document is shared, and a mail is on its way to the customer."))
        else:
            messages.info(request, gettext("The customer has this very document already: it was not shared again."))
        return addition

    def download_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
        if request.method != "GET":
            raise Http404
        document = get_object_or_404(CustomerDocument, pk=pk)
        try:
            return version_response(request, document, number, request.user)
        except DomainError as error:
            messages.error(request, str(error.message))
            return redirect("admin:accounts_customerdocument_change", pk)

    @confirmed_action(
        needs="accounts.add_customerdocument",
        description=_("New version"),
        question=_("The customer has it as new and gets a mail. The versions before stay downloadable."),
        is_offered=lambda document: not document.is_upload and not document.withdrawn_at,
        form_class=FileForm,
        preview=_about,
        variant=ActionVariant.PRIMARY,
    )
    def add_version(self, request: HttpRequest, document: CustomerDocument, data: dict) -> str:
        version = services.replace_document(
            document=document, file=data["file"], actor=request.user, now=timezone.now()
        )
        return gettext("Version %(number)d is shared, and a mail is on its way.") % {"number": version.number}

    @confirmed_action(
        needs="accounts.withdraw_customerdocument",
        description=_("Withdraw"),
        question=_(
            "The customer does not find it any more, and its files are deleted for good. Who downloaded it before is "
            "below its files. It can be shared anew."
        ),
        is_offered=lambda document: not document.is_upload and not document.withdrawn_at,
        preview=_about,
        variant=ActionVariant.DANGER,
    )
    def withdraw(self, request: HttpRequest, document: CustomerDocument) -> str:
        services.withdraw_document(document=document, actor=request.user, now=timezone.now())
        return gettext("The document is withdrawn, and its files are deleted.")

    @confirmed_action(
        needs="accounts.withdraw_customerdocument",
        description=_("Delete the file"),
        question=_("What the customer has sent is deleted for good, from their area, too. There is no way back."),
        is_offered=lambda document: document.is_upload,
        preview=_about,
        variant=ActionVariant.DANGER,
    )
    def delete_file(self, request: HttpRequest, document: CustomerDocument) -> str:
        services.delete_upload(document=document, actor=request.user)
        return gettext("The file is deleted.")


def _find_customer(number: str) -> User | None:
    is_number = number.isdecimal() and len(number) < 19  # what fits into the column
    return User.objects.filter(pk=number).first() if is_number else None

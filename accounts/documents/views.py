"""The customer's pages: what we delivered, what they sent, and sending more."""

from http import HTTPStatus

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.current_user import require_user
from accounts.documents import services
from accounts.documents.downloads import version_response
from accounts.documents.forms import UploadForm
from accounts.documents.limits import check_upload_allowed
from accounts.models import CustomerDocument, User
from core.errors import DomainError
from core.web.error_pages import error_page


@require_http_methods(["GET", "HEAD", "POST"])
def list_documents(request: HttpRequest) -> HttpResponse:
    """Everything there is, the newest first; with POST, one more file."""
    user = require_user(request)
    data, uploads = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = UploadForm(data, uploads, usage=services.usage_of(user))
    status = HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.BAD_REQUEST
        if form.is_valid():
            try:
                _upload(request, user, form)
            except DomainError as refused:
                form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
                status = HTTPStatus(refused.status)
            else:
                return redirect("accounts:list_documents")
    documents = CustomerDocument.objects.visible_to(user).for_list()
    page = Paginator(documents, 20).get_page(request.GET.get("pagina"))
    context = {"page": page, "form": form, "section": "documents"}
    return render(request, "accounts/documents.html", context, status=status)


def _upload(request: HttpRequest, user: User, form: UploadForm) -> None:
    check_upload_allowed(user)
    values = form.cleaned_data
    addition = services.upload_document(customer=user, file=values["file"], note=values["note"], now=timezone.now())
    title = {"title": addition.document.title}
    if addition.is_new:
        messages.success(request, _("“%(title)s” is with us.") % title)
    else:
        messages.info(request, _("“%(title)s” was with us already: the very same file is kept once.") % title)


@require_safe
def show_document(request: HttpRequest, reference: str) -> HttpResponse:
    """One document with its versions; opening it, the customer has read it."""
    user = require_user(request)
    own = CustomerDocument.objects.filter(customer=user).prefetch_related("versions")
    document = get_object_or_404(own, reference=reference)
    if document.withdrawn_at:  # whoever comes by the mailed link is told more than that there is nothing
        title, text = _("This document has been withdrawn"), _("If you need it, write to us.")
        return error_page(request, HTTPStatus.GONE, title, text)
    is_new = document.is_new
    services.mark_opened(document=document, actor=user, now=timezone.now())
    versions = sorted(document.versions.all(), key=lambda version: version.number, reverse=True)
    context = {"document": document, "is_new": is_new, "versions": versions, "section": "documents"}
    return render(request, "accounts/document.html", context)


@require_GET
def download_document(request: HttpRequest, reference: str, version: int) -> HttpResponseBase:
    """A version of one's own document."""
    user = require_user(request)
    document = get_object_or_404(CustomerDocument.objects.visible_to(user), reference=reference)
    try:
        return version_response(request, document, version, user)
    except DomainError as refused:
        return error_page(request, refused.status, _("This file cannot be downloaded"), refused.message)


@require_POST
def delete_document(request: HttpRequest, reference: str) -> HttpResponse:
    """Delete what one has sent, as long as nobody of ours has opened it."""
    user = require_user(request)
    document = get_object_or_404(CustomerDocument.objects.visible_to(user), reference=reference)
    try:
        services.delete_upload(document=document, actor=user)
    except DomainError as refused:
        messages.warning(request, str(refused.message))
    else:
        messages.success(request, _("“%(title)s” is deleted.") % {"title": document.title})
    return redirect("accounts:list_documents")

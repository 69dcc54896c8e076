"""The knowledge base in the back office: files and web pages in, passages to look at."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from chatbot import tasks
from chatbot.admin.fields import ManyFilesWidget
from chatbot.clients import web
from chatbot.knowledge import ingest, webpages
from chatbot.knowledge.parsing.words import list_omissions, translate_error
from chatbot.models import Chunk, Document, WebPage
from chatbot.tickets.forms import FilesField
from core.admin import QUEUE_LOOKS, AuditedAdmin, ReadOnlyAdmin, another_try, badge, confirmed_action
from core.errors import DomainError, PermanentError
from core.tasks import enqueue
from core.uploads import detect_kind


class DocumentsField(FilesField):
    """Files for the knowledge base: one that cannot be taken refuses them all, and is named."""

    def clean(self, data, initial=None):
        files = super().clean(data, initial)
        errors = []
        for file in files:
            try:
                detect_kind(file, name=file.name, size=file.size, allowed=ingest.KINDS)
            except DomainError as error:
                errors.append(f"{file.name}: {error.message}")
        if errors:
            raise forms.ValidationError(errors)
        return files


class DocumentForm(forms.ModelForm):
    """New documents are files; an old one can be renamed, sorted and switched off."""

    files = DocumentsField(
        label=_("Files"),
        required=False,
        widget=ManyFilesWidget,
        help_text=_(
            "PDF, Word, OpenDocument text, PowerPoint, Excel, HTML, TXT or MD, up to 10 MB each, as many as you like. "
            "They are read and embedded in the background. A file of the same name as one in use is its new version "
            "and takes its place."
        ),
    )

    class Meta:
        model = Document
        fields = ("title", "topic", "language", "version", "is_active")

    def clean_files(self):
        files = self.cleaned_data.get("files")
        if self.instance.pk is None and not files:
            raise forms.ValidationError(_("Choose a file."))
        return files

    def clean(self):
        super().clean()
        values = self.cleaned_data
        if values.get("title") and len(values.get("files") or ()) > 1:
            self.add_error("title", _("Several files cannot have one title: leave it empty, they bring their own."))
        return values


@admin.register(Document)
class DocumentAdmin(AuditedAdmin):
    form = DocumentForm
    list_display = ("title_or_name", "topic", "language", "kind", "state_badge", "progress", "is_active", "created_at")
    list_filter = ("state", "topic", "language", "is_active", "is_article", "kind")
    search_fields = ("title", "name", "sha256")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    actions = ("switch_on", "switch_off")
    actions_detail = ("try_again",)

    state_badge = badge("state", _("status"), QUEUE_LOOKS)

    def get_fieldsets(self, request, obj=None):
        main_fieldset = (None, {"fields": ("files",) if obj is None else ("title",)})
        about = ("title", "topic", "language") if obj is None else ("topic", "language", "version", "is_active")
        if obj is None:
            return (main_fieldset, (_("About"), {"fields": about}))
        is_over = obj.state in (Document.State.DONE, Document.State.FAILED)
        result = ("passages_link", "completed_at") if is_over else ("progress",)
        omissions = ("not_read",) if obj.omissions else ()
        error = ("error",) if obj.last_error else ()
        state = ("state_badge", *error, *result, *omissions, "name", "kind", "size", "sha256", "page", "replaces")
        return (main_fieldset, (_("About"), {"fields": about}), (_("Reading"), {"fields": state}))

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else (
            "name", "kind", "size", "sha256", "page", "replaces", "state_badge", "progress", "error", "completed_at",
            "passages_link", "not_read",
        )  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).defer("content")

    def get_deleted_objects(self, objs, request):
        to_delete, model_count, perms_needed, protected = super().get_deleted_objects(objs, request)
        # passages go with their document, though nobody deletes one by itself
        return to_delete, model_count, perms_needed - {Chunk._meta.verbose_name}, protected

    def save_model(self, request, obj, form, change):
        if change:
            obj.save(update_fields=["title", "topic", "language", "version", "is_active"])
            return
        values = form.cleaned_data
        documents = [
            ingest.add_document(
                file=file, name=file.name, size=file.size, now=timezone.now(),
                title=values["title"], topic=values["topic"], language=values["language"],
            )
            for file in values["files"]
        ]  # fmt: skip
        for document in documents[1:]:  # the first one is recorded by the page itself
            self.record(request, document, "created")
        if len(documents) > 1:
            messages.info(request, _("%(count)d files are being read.") % {"count": len(documents)})
        obj.pk = documents[0].pk
        obj.refresh_from_db()

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        enqueue(tasks.count_words)

    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)
        enqueue(tasks.count_words)

    @admin.action(description=_("Use in answers"), permissions=["change"])
    def switch_on(self, request, queryset):
        self._switch(request, queryset, is_active=True)

    @admin.action(description=_("Leave out of answers"), permissions=["change"])
    def switch_off(self, request, queryset):
        self._switch(request, queryset, is_active=False)

    def _switch(self, request, queryset, *, is_active):
        documents = list(queryset.exclude(is_active=is_active))
        for document in documents:
            document.is_active = is_active
            document.save(update_fields=["is_active"])
            self.record(request, document, "changed", changes={"is_active": [not is_active, is_active]})
        message = ngettext("%(count)d document changed.", "%(count)d documents changed.", len(documents))
        messages.success(request, message % {"count": len(documents)})

    @display(description=_("title"), ordering="title")
    def title_or_name(self, document: Document):
        """A file that could not be read has not told its title."""
        return str(document)

    @display(description=_("passages"))
    def progress(self, document: Document):
        if document.state in (Document.State.DONE, Document.State.FAILED):
            return document.chunk_count
        total = document.chunk_count or 1
        bar = '<progress value="{}" max="{}" aria-label="{}"></progress> {}/{}'
        label = _("%(done)s of %(all)s passages") % {"done": document.embedded_count, "all": document.chunk_count}
        return format_html(bar, document.embedded_count, total, label, document.embedded_count, document.chunk_count)

    @display(description=_("error"))
    def error(self, document: Document):
        return translate_error(document.last_error) or "-"

    @display(description=_("not read"))
    def not_read(self, document: Document):
        return list_omissions(document.omissions)

    @display(description=_("passages"))
    def passages_link(self, document: Document):
        url = f"{reverse('admin:chatbot_chunk_changelist')}?document__id__exact={document.pk}"
        return format_html('<a href="{}">{}</a>', url, document.chunk_count)

    try_again = another_try(
        description=_("Read again"),
        question=_("Its passages are taken out of the answers until the document has been read once more."),
        answer=_("The document is read again in the background."),
        verb="read_again",
        is_offered=lambda document: document.state in (Document.State.DONE, Document.State.FAILED),
        revive=lambda document: ingest.read_again(document=document),
    )


class WebPageForm(forms.ModelForm):
    """A page by its address, which must be one that may be fetched."""

    class Meta:
        model = WebPage
        fields = ("url", "topic", "language", "every_days", "is_active")

    def clean_url(self):
        try:
            return web.clean_url(self.cleaned_data["url"])
        except PermanentError as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(WebPage)
class WebPageAdmin(AuditedAdmin):
    form = WebPageForm
    list_display = ("url", "topic", "is_active", "result_badge", "checked_at", "changed_at", "next_try_at")
    list_filter = ("is_active", "state", "topic", "language")
    search_fields = ("url",)
    date_hierarchy = "next_try_at"
    ordering = ("url",)
    actions_detail = ("look_now",)
    readonly_fields = ("result_badge", "error", "checked_at", "changed_at", "next_try_at", "documents_link")

    result_badge = badge("result", _("status"), {"new": "now", "read": "done", "failed": "stop"}, ordering="attempts")

    def get_fieldsets(self, request, obj=None):
        about = (None, {"fields": ("url", "topic", "language", "every_days", "is_active")})
        state = (_("Reading"), {"fields": self.readonly_fields})
        return (about,) if obj is None else (about, state)

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not change:
            enqueue(tasks.look_at_page, page_id=obj.pk)

    @display(description=_("error"))
    def error(self, page: WebPage):
        return translate_error(page.last_error) or "-"

    @display(description=_("documents"))
    def documents_link(self, page: WebPage):
        url = f"{reverse('admin:chatbot_document_changelist')}?page__id__exact={page.pk}"
        return format_html('<a href="{}">{}</a>', url, page.documents.count())

    @confirmed_action(
        needs="chatbot.change_webpage",
        description=_("Look at it now"),
        question=_("The page is fetched at once, and read anew if its text has changed."),
        is_offered=lambda page: page.is_active,
    )
    def look_now(self, request: HttpRequest, page: WebPage) -> str:
        webpages.look_now(page=page)
        self.record(request, page, "look_now")
        return gettext("The page is fetched in the background.")


@admin.register(Chunk)
class ChunkAdmin(ReadOnlyAdmin):
    list_display = ("document", "position", "heading", "page", "opening", "embedding_model")
    list_filter = ("language", "is_background", "embedding_model")
    search_fields = ("text", "heading")
    list_select_related = ("document",)
    ordering = ("document", "position")
    fields = (
        "document", "position", "path", "heading", "page", "is_background", "text", "language", "embedding_model",
        "sha256",
    )  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).defer("embedding", "search", "document__content")

    @display(description=_("text"))
    def opening(self, chunk: Chunk):
        return chunk.text[:80]

    def lookup_allowed(self, lookup, value, request=None):
        return lookup == "document__id__exact" or super().lookup_allowed(lookup, value, request)

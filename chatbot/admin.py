"""The back office's view of the assistant: documents in, passages, conversations."""

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from chatbot import ingest
from chatbot.models import Chunk, Citation, Conversation, Document, Message
from core.admin import AuditedAdmin, ReadOnlyAdmin, ReadOnlyInline, badge, confirmed
from core.errors import DomainError
from core.uploads import checked_kind

_LOOKS = {"pending": "now", "processing": "now", "completed": "done", "failed": "stop"}


class DocumentForm(forms.ModelForm):
    """A new document is a file; an old one can be renamed, sorted and switched off."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("PDF, DOCX, TXT or MD, up to 10 MB. It is read and embedded in the background."),
    )

    class Meta:
        model = Document
        fields = ("title", "topic", "language", "version", "is_active")

    def clean_file(self):
        file = self.cleaned_data.get("file")
        if self.instance.pk is None:
            if file is None:
                raise forms.ValidationError(_("Choose a file."))
            try:
                checked_kind(file, name=file.name, size=file.size, allowed=ingest.KINDS)
            except DomainError as error:
                raise forms.ValidationError(str(error.message)) from error
        return file


@admin.register(Document)
class DocumentAdmin(AuditedAdmin):
    form = DocumentForm
    list_display = ("title", "topic", "language", "kind", "status_badge", "progress", "is_active", "created_at")
    list_filter = ("status", "topic", "language", "is_active", "kind")
    search_fields = ("title", "name", "sha256")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    actions_detail = ("read_again",)

    status_badge = badge("status", _("status"), _LOOKS)

    def get_fieldsets(self, request, obj=None):
        told = (None, {"fields": ("file",) if obj is None else ("title",)})
        about = ("title", "topic", "language") if obj is None else ("topic", "language", "version", "is_active")
        if obj is None:
            return (told, (_("About"), {"fields": about}))
        state = ("name", "kind", "size", "sha256", "status_badge", "progress", "error", "completed_at", "passages_link")
        return (told, (_("About"), {"fields": about}), (_("Reading"), {"fields": state}))

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else (
            "name", "kind", "size", "sha256", "status_badge", "progress", "error", "completed_at", "passages_link",
        )  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).defer("content")

    def get_deleted_objects(self, objs, request):
        shown, counts, lacking, protected = super().get_deleted_objects(objs, request)
        # passages go with their document, though nobody deletes one by itself
        return shown, counts, lacking - {Chunk._meta.verbose_name}, protected

    def save_model(self, request, obj, form, change):
        if change:
            obj.save(update_fields=["title", "topic", "language", "version", "is_active"])
            return
        file, values = form.cleaned_data["file"], form.cleaned_data
        added = ingest.add_document(
            file=file, name=file.name, size=file.size, now=timezone.now(),
            title=values["title"], topic=values["topic"], language=values["language"],
        )  # fmt: skip
        obj.pk = added.pk
        obj.refresh_from_db()

    @display(description=_("progress"))
    def progress(self, document: Document):
        total = document.chunk_count or 1
        bar = '<progress value="{}" max="{}" aria-label="{}"></progress> {}/{}'
        label = _("%(done)s of %(all)s passages") % {"done": document.embedded_count, "all": document.chunk_count}
        return format_html(bar, document.embedded_count, total, label, document.embedded_count, document.chunk_count)

    @display(description=_("passages"))
    def passages_link(self, document: Document):
        url = f"{reverse('admin:chatbot_chunk_changelist')}?document__id__exact={document.pk}"
        return format_html('<a href="{}">{}</a>', url, document.chunk_count)

    @confirmed(
        description=_("Read again"),
        question=_("Its passages are taken out of the answers until the document has been read once more."),
        offered=lambda document: document.status in (Document.Status.COMPLETED, Document.Status.FAILED),
    )
    def read_again(self, request: HttpRequest, document: Document) -> str:
        ingest.read_again(document=document, now=timezone.now())
        self.record(request, document, "read_again")
        return gettext("The document is read again in the background.")


@admin.register(Chunk)
class ChunkAdmin(ReadOnlyAdmin):
    list_display = ("document", "position", "heading", "page", "opening", "embedding_model")
    list_filter = ("language", "embedding_model")
    search_fields = ("text", "heading")
    list_select_related = ("document",)
    ordering = ("document", "position")
    fields = ("document", "position", "heading", "page", "text", "language", "embedding_model", "sha256")

    def get_queryset(self, request):
        return super().get_queryset(request).defer("embedding", "search", "document__content")

    @display(description=_("text"))
    def opening(self, chunk: Chunk):
        return chunk.text[:80]

    def lookup_allowed(self, lookup, value, request=None):
        return lookup == "document__id__exact" or super().lookup_allowed(lookup, value, request)


class MessageInline(ReadOnlyInline):
    model = Message
    fields = ("created_at", "role", "text", "outcome", "input_tokens", "output_tokens")
    readonly_fields = fields
    ordering = ("pk",)
    verbose_name_plural = _("Messages")


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "language", "questions")
    list_filter = ("language",)
    search_fields = ("user__email", "token")
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("token", "user", "language", "created_at")
    inlines = (MessageInline,)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(message_count=Count("messages"))

    @display(description=_("messages"), ordering="message_count")
    def questions(self, conversation):
        return conversation.message_count


class CitationInline(ReadOnlyInline):
    model = Citation
    fields = ("number", "title", "heading", "page", "quote")
    verbose_name_plural = _("Sources")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "role", "opening", "outcome", "model", "input_tokens", "output_tokens")
    list_filter = ("role", "outcome", "model")
    search_fields = ("text",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    inlines = (CitationInline,)

    @display(description=_("text"))
    def opening(self, message: Message):
        return message.text[:80]

"""The back office's view of the outbox."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import QueueAdmin, ReadOnlyInline, another_try
from notifications import services
from notifications.models import Mail, MailAttachment


class AttachmentInline(ReadOnlyInline):
    model = MailAttachment
    fields = ("name", "content_type")
    verbose_name_plural = _("Attachments")


@admin.register(Mail)
class MailAdmin(QueueAdmin):
    list_display = ("created_at", "kind", "to_email", "subject", "state_badge", "attempts", "sent_at")
    list_filter = ("state", "kind", "language")
    search_fields = ("to_email", "subject", "reference")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = (
        "subject", "to_email", "to_name", "language", "kind", "reference", "state_badge", "attempts", "next_try_at",
        "sent_at", "last_error",
    )  # fmt: skip
    readonly_fields = ("state_badge",)
    inlines = (AttachmentInline,)

    def get_fields(self, request: HttpRequest, obj=None):
        """The text is for few: its one-time links set a password, that of a super administrator too."""
        return (*self.fields, "text") if request.user.has_perm("notifications.read_mail") else self.fields

    try_again = another_try(
        description=_("Send again"),
        question=_("The mail goes out once more, as it was written."),
        answer=_("The mail is back in the queue."),
        verb="sent_again",
        revive=lambda mail: services.send_again(mail=mail),
    )

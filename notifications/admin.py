"""The back office's view of the outbox."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import QUEUE_LOOKS, ReadOnlyAdmin, ReadOnlyInline, badge, confirmed
from core.errors import DomainError
from notifications import services
from notifications.models import Mail, MailAttachment


class AttachmentInline(ReadOnlyInline):
    model = MailAttachment
    fields = ("name", "content_type")
    verbose_name_plural = _("Attachments")


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "to_email", "subject", "state_badge", "attempts", "sent_at")
    list_filter = ("state", "kind", "language")
    search_fields = ("to_email", "subject", "reference")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = (
        "subject", "to_email", "to_name", "language", "kind", "reference", "state_badge", "attempts", "next_try_at",
        "sent_at", "last_error", "text",
    )  # fmt: skip
    readonly_fields = ("state_badge",)
    inlines = (AttachmentInline,)
    actions_detail = ("send_again",)

    state_badge = badge("state", _("state"), QUEUE_LOOKS)

    @confirmed(
        description=_("Send again"),
        question=_("The mail goes out once more, as it was written."),
        offered=lambda mail: mail.state == Mail.State.FAILED,
    )
    def send_again(self, request: HttpRequest, mail: Mail) -> str:
        if not services.send_again(mail=mail):
            raise DomainError(_("Only a mail that was given up can be sent again."))
        self.record(request, mail, "sent_again")
        return gettext("The mail is back in the queue.")

"""The back office's view of the outbox."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.admin import ReadOnlyAdmin, ReadOnlyInline
from notifications import services
from notifications.models import Mail, MailAttachment


class AttachmentInline(ReadOnlyInline):
    model = MailAttachment
    fields = ("name", "content_type")


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "to_email", "subject", "state_badge", "attempts", "sent_at")
    list_filter = ("state", "kind", "language")
    search_fields = ("to_email", "subject", "reference")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = (
        "subject", "to_email", "to_name", "language", "kind", "reference", "state", "attempts", "next_try_at",
        "sent_at", "last_error", "text",
    )  # fmt: skip
    inlines = (AttachmentInline,)
    actions_detail = ("send_again",)

    @display(
        description=_("state"),
        ordering="state",
        label={"pending": "info", "sending": "info", "sent": "success", "failed": "danger"},
    )
    def state_badge(self, mail: Mail):
        return mail.state, mail.get_state_display()

    @action(description=_("Send again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        mail = Mail.objects.get(pk=object_id)
        if mail.state == Mail.State.FAILED:
            services.send_again(mail=mail, now=timezone.now())
            messages.success(request, _("The mail is back in the queue."))
        else:
            messages.warning(request, _("Only a mail that was given up can be sent again."))
        return redirect(reverse("admin:notifications_mail_change", args=[object_id]))

    def has_send_again_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return bool(request.user.is_staff)

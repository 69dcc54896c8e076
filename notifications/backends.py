"""Microsoft Graph as a Django e-mail backend, chosen by EMAIL_BACKEND like SMTP and the console."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from notifications.clients import graph


class GraphBackend(BaseEmailBackend):
    """Sends each message by one sendMail call; errors are `TransientError` or `PermanentError`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            graph.send_mail(message.message().as_bytes())
        return len(email_messages)

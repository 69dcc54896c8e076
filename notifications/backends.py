"""Microsoft Graph as a Django e-mail backend, chosen by EMAIL_BACKEND like SMTP and the console."""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from notifications.clients import graph


class GraphBackend(BaseEmailBackend):
    """Sends each message by one sendMail call; errors are `TransientError` or `PermanentError`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            graph.send_mail(_as_graph_mail(message))
        return len(email_messages)


def _as_graph_mail(message: EmailMessage) -> graph.GraphMail:
    alternatives: list[Any] = list(message.alternatives) if isinstance(message, EmailMultiAlternatives) else []
    html = next((str(part.content) for part in alternatives if part.mimetype == "text/html"), None)
    return graph.GraphMail(
        to=[parseaddr(address) for address in message.recipients()],
        subject=str(message.subject),
        content=str(message.body) if html is None else html,
        is_html=html is not None,
        headers={name: value for name, value in message.extra_headers.items() if name.lower().startswith("x-")},
        attachments=[_attachment(item) for item in message.attachments],
    )


def _attachment(item: Any) -> tuple[str, str, bytes]:
    return item.filename or "file", item.mimetype or "application/octet-stream", _bytes(item.content)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content

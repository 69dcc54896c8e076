"""Writing mails into the outbox and getting them out of it."""

import smtplib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.encoding import punycode
from django.utils.translation import gettext_lazy as _

from core import channels
from core.errors import ChannelError, TransientError
from core.queue import work, work_due
from core.tasks import enqueue
from notifications import tasks
from notifications.models import Mail, MailAttachment

CHANNEL = channels.declare("mail", _("Mails"))
# To an address that is to be forgotten with the mail.
_LAST = "account_erased"
_TIME_FOR_A_PERSON = timedelta(days=7)


@dataclass(frozen=True)
class Attachment:
    """A file to send along."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Recipient:
    """Whom a mail goes to and in which language; `user` is set for people with a login."""

    email: str
    name: str
    language: str
    user: Any = None

    @classmethod
    def of(cls, user: Any) -> "Recipient":
        return cls(user.email, user.get_full_name(), user.language, user)


def find_staff() -> Recipient | None:
    """Whoever reads STAFF_EMAIL; None where there is none."""
    if not settings.STAFF_EMAIL:
        return None
    return Recipient(settings.STAFF_EMAIL, settings.MS_GRAPH_SENDER_NAME, settings.LANGUAGE_CODE)


@transaction.atomic
def notify(*, to: Recipient, kind: str, context: Mapping[str, Any], attachments: Iterable[Attachment] = ()) -> Mail:
    """Write one mail of `kind` (templates/emails/<kind>.*) into the outbox, in the caller's transaction."""
    with translation.override(to.language):
        values = {"recipient": to, **_house(), **context}
        subject = " ".join(render_to_string(f"emails/{kind}.subject.txt", values).split())
        text = render_to_string(f"emails/{kind}.txt", values).strip() + "\n"
        html = render_to_string(f"emails/{kind}.html", values | {"subject": subject})
    mail = Mail.objects.create(
        kind=kind, user=to.user, to_email=to.email, to_name=" ".join(to.name.split()), language=to.language,
        subject=subject, text=text, html=html,
    )  # fmt: skip
    MailAttachment.objects.bulk_create(
        MailAttachment(mail=mail, name=file.name, content_type=file.content_type, content=file.content)
        for file in attachments
    )
    enqueue(tasks.send_mail, mail_id=mail.pk)
    return mail


def send(*, mail_id: int) -> bool:
    """Send one mail if it is due and nobody else has it; its row tells how it went. True when there was one to send."""
    return work(Mail.objects.all(), mail_id, _send, channel=CHANNEL)


def send_due() -> int:
    """Send whatever a lost message, a crash or a back-off left behind; returns how many were tried."""
    return work_due(Mail.objects.all(), _send, channel=CHANNEL)


def _send(mail: Mail) -> None:
    try:
        _message(mail).send()
    except smtplib.SMTPAuthenticationError as error:
        raise ChannelError(f"SMTP login refused: {error.smtp_code}") from error
    except OSError as error:  # SMTP and sockets: the network's mood
        raise TransientError(f"{type(error).__name__}: {error}") from error
    mail.finish(sent_at=timezone.now())


@transaction.atomic
def send_again(*, mail: Mail) -> bool:
    """A person wants a given-up mail tried once more, from the start of the back-off. False for any other mail."""
    if not Mail.objects.failed().revive(mail.pk):
        return False
    enqueue(tasks.send_mail, mail_id=mail.pk)
    return True


def forget_sent(*, now: datetime) -> int:
    """Delete the last mails to erased accounts: at once when sent, a week later when given up. How many went."""
    last = Mail.objects.filter(kind=_LAST)
    failed = last.filter(state=Mail.State.FAILED, created_at__lte=now - _TIME_FOR_A_PERSON)
    _count, deleted = (last.filter(state=Mail.State.DONE) | failed).delete()
    return deleted.get(Mail._meta.label, 0)


def _house() -> dict[str, Any]:
    """What every mail says of its sender."""
    return {
        "site_url": settings.SITE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        "seller": {
            "name": settings.SELLER_NAME,
            "vat_number": settings.SELLER_VAT_NUMBER,
            "street": settings.SELLER_STREET,
            "town": f"{settings.SELLER_POSTCODE} {settings.SELLER_CITY}",
        },
    }


def _message(mail: Mail) -> EmailMultiAlternatives:
    local, _at, domain = mail.to_email.rpartition("@")
    to = formataddr((mail.to_name, f"{local}@{punycode(domain)}"))
    # the same Message-ID on every try: a mailbox that got the mail twice can tell
    house = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    headers = {"X-Mail-Reference": str(mail.reference), "Message-ID": f"<{mail.reference}@{house}>"}
    message = EmailMultiAlternatives(mail.subject, mail.text, to=[to], headers=headers)
    message.attach_alternative(mail.html, "text/html")
    for file in mail.attachments.order_by("pk"):
        message.attach(file.name, bytes(file.content), file.content_type)
    return message

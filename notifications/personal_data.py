"""What the outbox knows of a person: the mails written to them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.privacy import QUEUE_COLUMNS, Blocker, DataCategory, File, Outcome, Person, Table, same
from notifications.models import Mail, MailAttachment

_MAILS = DataCategory(_("Mails we sent you"), Outcome.ERASED, _("With the files that came along."))


def _mails(person: Person) -> QuerySet[Mail]:
    """To the account, or to its address before there was one: only its owner can have confirmed it."""
    return Mail.objects.filter(Q(user=person.user) | Q(to_email__iexact=person.email))


def _attachments(person: Person) -> QuerySet[MailAttachment]:
    return MailAttachment.objects.filter(mail__in=_mails(person))


def _content(pk: int) -> bytes:
    return bytes(MailAttachment.objects.get(pk=pk).content)


def _files(person: Person) -> Iterator[File]:
    for pk, mail, name in _attachments(person).order_by("pk").values_list("pk", "mail_id", "name"):
        yield File(f"mails/{mail}/{pk}-{name}", partial(_content, pk))


TABLES = (
    Table(
        model="notifications.Mail",
        category=_MAILS,
        rows=_mails,
        columns={"number": "pk"}
        | same("kind", "to_email", "to_name", "language", "subject", "state", "created_at", "sent_at"),
        left_out={
            **QUEUE_COLUMNS,
            "reference": "a number of ours",
            "user": "the person",
            "text": "may hold a link that confirms something; what it is about is in its subject and in its own table",
            "html": "the same as its text",
        },
    ),
    Table(
        model="notifications.MailAttachment",
        category=_MAILS,
        rows=_attachments,
        columns={"mail": "mail_id"} | same("name", "content_type"),
        left_out={"id": "a number of ours", "content": "is a file of the export"},
        files=_files,
    ),
)
NOT_PERSONAL: dict[str, str] = {}


def blockers(_person: Person, _now: datetime) -> Iterable[Blocker]:
    """None."""
    return ()


def erase(person: Person, _now: datetime) -> None:
    """Sent or not: whoever erases an account wants no more mail."""
    _mails(person).delete()

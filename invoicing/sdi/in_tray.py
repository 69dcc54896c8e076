"""What of the PEC mailbox is somebody's work: told to staff, settled by a person, and a mailbox that cannot be read."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import audit
from core.errors import DomainError
from core.tasks import enqueue
from invoicing import tasks
from invoicing.models import Mailbox, ReceivedMail
from invoicing.sdi.alerts import back_office
from notifications.services import find_staff, notify

# A provider may be away for a while; what lasts longer keeps receipts of SDI from us.
_OUTAGE = timedelta(hours=1)
_LISTED = 20


class NothingToSettleError(DomainError):
    """The mail is filed, or somebody has dealt with it."""

    code = "nothing_to_settle"
    message = _("Nothing was done: this mail is filed, or somebody has dealt with it.")


@transaction.atomic
def settle(*, mail: ReceivedMail, actor: User, now: datetime) -> None:
    """A person has dealt with a mail; the next reading marks it as read in the mailbox."""
    if not ReceivedMail.objects.to_deal_with().filter(pk=mail.pk).update(dealt_at=now, dealt_by=actor):
        raise NothingToSettleError
    audit.record(action="receivedmail.dealt_with", target=mail, actor=actor)
    enqueue(tasks.read_pec_mailbox)


@transaction.atomic
def tell_staff_of_mails(*, now: datetime) -> int:
    """One mail to STAFF_EMAIL about all that nobody was told of; returns how many mails it is about."""
    to = find_staff()
    if to is None:
        return 0
    untold = ReceivedMail.objects.to_deal_with().filter(told_at=None).select_for_update(skip_locked=True)
    mails = list(untold.defer("content").order_by("pk"))
    if not mails:
        return 0
    context = {
        "mails": mails[:_LISTED],
        "count": len(mails),
        "more": max(len(mails) - _LISTED, 0),
        "page": back_office("receivedmail/?to_deal_with=yes"),
    }
    notify(to=to, kind="pec_attention", context=context)
    ReceivedMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(told_at=now)
    return len(mails)


@transaction.atomic
def note_outage(mailbox: Mailbox, *, error: str, now: datetime) -> None:
    """Keep why the mailbox could not be read; after an hour of it staff are told, once."""
    locked = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    locked.last_error, locked.failing_since = error, locked.failing_since or now
    to = find_staff()
    if to and locked.told_at is None and now - locked.failing_since >= _OUTAGE:
        notify(to=to, kind="pec_unreachable", context={"mailbox": locked, "page": back_office("mailbox/")})
        locked.told_at = now
    locked.save(update_fields=["last_error", "failing_since", "told_at"])


def note_reading(mailbox: Mailbox, *, now: datetime) -> None:
    """The mailbox could be read: whatever was wrong is over."""
    Mailbox.objects.filter(pk=mailbox.pk).update(read_at=now, last_error="", failing_since=None, told_at=None)

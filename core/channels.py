"""The ways to a vendor that many rows share: while one is closed, no row on it is tried, and none of them is at fault.

A login that is refused, a key that has expired or a limit that is reached is a pause of the channel with its reason,
one tile and one line in the log, instead of a failure of each row. When the pause is over the next row tries again.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.functional import Promise

from core.errors import ChannelError
from core.models import ChannelPause

logger = logging.getLogger(__name__)

_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))
LABELS: dict[str, str | Promise] = {}


def declare(name: str, label: str | Promise) -> str:
    """Give a channel its name in words for staff; returns the name."""
    LABELS[name] = label
    return name


def is_paused(name: str) -> bool:
    """Whether rows on this channel have to wait."""
    return ChannelPause.objects.filter(name=name, until__gt=timezone.now()).exists()


def pause(name: str, error: ChannelError) -> datetime:
    """Close the channel for as long as the vendor says, or longer each time; returns until when."""
    now = timezone.now()
    row, created = ChannelPause.objects.get_or_create(name=name, defaults={"since": now, "until": now, "reason": ""})
    wait = _PAUSES[min(row.failures, len(_PAUSES) - 1)]
    if error.retry_after_s is not None:
        wait = timedelta(seconds=error.retry_after_s)
    until = now + wait
    ChannelPause.objects.filter(name=name).update(until=until, reason=str(error), failures=F("failures") + 1)
    log = logger.error if created else logger.warning
    log("channel %s paused until %s: %s", name, until.isoformat(timespec="seconds"), error)
    return until


def try_now(name: str) -> None:
    """A person has mended it: the next row need not wait for the end of the pause."""
    ChannelPause.objects.filter(name=name).update(until=timezone.now())


def reopen(name: str) -> bool:
    """Something went through: the pause is over. True when there was one."""
    return ChannelPause.objects.filter(name=name).delete()[0] == 1

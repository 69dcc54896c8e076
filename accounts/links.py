"""One-time links sent by mail: asked for at the same price by anybody for any address, written by a worker, used once.

A door only leaves a row (`LinkRequest`): whether somebody has the address is looked up afterwards, so that neither the
answer nor its time tells it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.login import tokens
from accounts.models import EmailToken, LinkRequest, User
from core.errors import DomainError, InvalidInputError
from core.queue import work_due
from core.tasks import enqueue
from notifications.services import Recipient, notify

# However often a link is asked for, or a sign-in repeated: a mailbox gets no more than these in 24 hours.
DAILY_CAP = 10

Purpose = EmailToken.Purpose


class LinkExpiredError(InvalidInputError):
    """A mailed link that is unknown, used or too old."""

    code = "link_expired"
    message = _("This link is no longer valid. Please ask for a new one.")


class TooManyLinksError(DomainError):
    """The mailbox has had its links for today."""

    code = "too_many_links"
    status = 429
    message = _("We have sent too many links to this address today. Please use the last one, or try again tomorrow.")


@dataclass(frozen=True)
class _Kind:
    path: str
    mail: str
    hours: int


def _kind_of(purpose: str) -> _Kind:
    hour = settings.PASSWORD_RESET_EXPIRE_HOURS
    return {
        Purpose.VERIFY: _Kind("account/verifica", "verify_email", settings.EMAIL_VERIFICATION_EXPIRE_HOURS),
        Purpose.RESET: _Kind("account/nuova-password", "reset_password", hour),
        Purpose.UNLOCK: _Kind("account/sblocca", "account_locked", hour),
        Purpose.ERASE: _Kind("area/dati/elimina", "erasure_link", hour),
    }[Purpose(purpose)]


def request_link(*, email: str, purpose: str, now: datetime) -> None:
    """Leave the wish for a link; a worker looks whether anybody has the address and waits for one."""
    from accounts.tasks import send_links  # noqa: PLC0415 -- the task's module imports this one

    LinkRequest.objects.create(email=User.normalise(email), purpose=purpose, requested_at=now, next_try_at=now)
    enqueue(send_links)


def send_due() -> int:
    """Mail the links that were asked for; returns how many wishes were looked at."""
    return work_due(LinkRequest.objects.all(), _send)


@transaction.atomic
def _send(request: LinkRequest) -> None:
    user = User.objects.find(request.email)
    if user and user.is_active and (request.purpose != Purpose.VERIFY or user.email_verified_at is None):
        # one that has had its links gets no other, and whoever asked learns nothing of it
        _mail_within_cap(user, request.purpose, request.requested_at)
    request.finish()


def _mail_within_cap(user: User, purpose: str, now: datetime) -> None:
    try:
        mail_link(user, purpose, now)
    except TooManyLinksError:
        return


@transaction.atomic
def mail_link(user: User, purpose: str, now: datetime, **context: Any) -> None:
    """Write a link into the outbox; older ones of the same purpose stop working.

    Raises `TooManyLinksError` when the mailbox has had its links for the day.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)  # of many requests at once none slips past the cap
    if EmailToken.objects.filter(user=locked, created_at__gt=now - timedelta(days=1)).count() >= DAILY_CAP:
        raise TooManyLinksError
    kind = _kind_of(purpose)
    EmailToken.objects.filter(user=user, purpose=purpose, used_at=None).update(used_at=now)
    token, token_hash = tokens.new_secret()
    expires_at = now + timedelta(hours=kind.hours)
    EmailToken.objects.create(user=user, purpose=purpose, token_hash=token_hash, created_at=now, expires_at=expires_at)
    link = f"{settings.SITE_URL}/{kind.path}/{token}/"
    notify(to=Recipient.of(user), kind=kind.mail, context={"link": link, "hours": kind.hours, **context})


def use_link(token: str, purpose: str, now: datetime, *, user: User | None = None) -> User:
    """Use up a mailed link and return whose it is; one that must be of `user` is no good to anybody else."""
    link = (
        EmailToken.objects.filter(token_hash=tokens.hash_secret(token), purpose=purpose).select_related("user").first()
    )
    if link is None or not link.user.is_active or (user and user.pk != link.user_id):
        raise LinkExpiredError
    if not EmailToken.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkExpiredError
    return link.user

"""Sessions: opened by every way to sign in, checked at every request, and ended by their owner, by time or for safety.

A browser's session is a row too: Django's own store holds the cart and the messages, the row decides whether it counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, login, logout, update_session_auth_hash
from django.contrib.sessions.backends.cached_db import SessionStore
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from accounts.login import tokens
from accounts.login.origin import Origin, origin_of
from accounts.models import RefreshToken, User, UserSession
from accounts.notices import tell
from core import audit
from core.errors import DomainError

SESSION_ID = "user_session"  # in the browser's stored session: the row it belongs to
# A use is written down once a minute: a page with ten pictures and calls is one use.
_TOUCH_EVERY = timedelta(minutes=1)
# A client that lost the answer to its refresh asks again within seconds; whoever stole the token comes later.
REFRESH_GRACE = timedelta(seconds=10)

Reason = UserSession.EndReason


class SessionRevokedError(DomainError):
    """A refresh token that is not good (any more)."""

    code = "session_revoked"
    status = 401
    message = _("This session has ended. Please sign in again.")


@dataclass(frozen=True)
class Lifetime:
    """How long a session lives without being used, and at the longest."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True)
class Proof:
    """By what somebody proved who they are, besides the first factor."""

    second_factor: str = UserSession.SecondFactor.NONE


def lifetime_of(user: User, kind: str) -> Lifetime:
    """Staff sign in every day (NIST SP 800-63B-4, 2.2.3: an hour idle, a working day at most); customers seldom."""
    if user.is_staff:
        return Lifetime(
            timedelta(minutes=settings.STAFF_SESSION_IDLE_MINUTES), timedelta(hours=settings.STAFF_SESSION_HOURS)
        )
    idle = (
        timedelta(days=settings.JWT_REFRESH_TOKEN_EXPIRE_DAYS)
        if kind == UserSession.Kind.API
        else timedelta(seconds=settings.SESSION_TTL_SECONDS)
    )
    return Lifetime(idle, timedelta(days=settings.SESSION_ABSOLUTE_DAYS))


def open_session(
    *, user: User, kind: str, origin: Origin, now: datetime, proof: Proof | None = None, session_key: str = ""
) -> UserSession:
    """The row of a new sign-in, once everything has been proved that has to be."""
    lifetime = lifetime_of(user, kind)
    return UserSession.objects.create(
        user=user,
        kind=kind,
        session_key=session_key,
        second_factor=(proof or Proof()).second_factor,
        created_at=now,
        authenticated_at=now,
        last_used_at=now,
        idle_end_at=now + min(lifetime.idle, lifetime.absolute),
        absolute_end_at=now + lifetime.absolute,
        network=origin.network,
        user_agent=origin.user_agent,
    )


@transaction.atomic
def open_api_session(*, user: User, origin: Origin, now: datetime, proof: Proof | None = None) -> tokens.TokenPair:
    """A new session over the API with its first pair of tokens."""
    session = open_session(user=user, kind=UserSession.Kind.API, origin=origin, now=now, proof=proof)
    _record_login(session)
    refresh, refresh_hash = tokens.new_secret()
    RefreshToken.objects.create(session=session, token_hash=refresh_hash)
    return _pair(session, refresh, now)


def sign_in(request: HttpRequest, user: User, *, now: datetime, proof: Proof | None = None) -> UserSession:
    """Sign a browser in, once everything has been proved: its stored session gets another key, and a row."""
    login(request, user)
    session = bind_session(request, user, now=now, proof=proof)
    _record_login(session)
    return session


def bind_session(request: HttpRequest, user: User, *, now: datetime, proof: Proof | None = None) -> UserSession:
    """The row of the browser that Django has just signed in; one that it had before ends."""
    _end_bound(request, Reason.REPLACED, now)
    if request.session.session_key is None:
        request.session.create()
    session = open_session(
        user=user,
        kind=UserSession.Kind.WEB,
        origin=origin_of(request),
        now=now,
        proof=proof,
        session_key=request.session.session_key or "",
    )
    request.session[SESSION_ID] = str(session.pk)
    request.session.set_expiry(session.absolute_end_at)
    user.session = session
    return session


def _record_login(session: UserSession) -> None:
    user = session.user
    audit.record(action="user.login", target=user, actor=user, kind=session.kind, second_factor=session.second_factor)


def sign_out(request: HttpRequest, *, now: datetime) -> None:
    """Sign a browser out: its row ends, and what was stored for it goes."""
    _end_bound(request, Reason.LOGOUT, now)
    logout(request)


def _end_bound(request: HttpRequest, reason: str, now: datetime) -> None:
    row_id = _row_id(request)
    session = UserSession.objects.filter(pk=row_id).select_related("user").first() if row_id else None
    if session:
        end_session(session=session, reason=reason, now=now, actor=session.user)


def find_web_user(request: HttpRequest, now: datetime) -> tuple[User | None, UserSession | None]:
    """The user of a browser, and the session's row; the row alone when it has ended, nothing when there is none."""
    row_id = _row_id(request)
    session = (
        UserSession.objects.filter(pk=row_id, kind=UserSession.Kind.WEB).select_related("user").first()
        if row_id
        else None
    )
    if session is None:
        return None, None
    user = session.user
    is_same = constant_time_compare(request.session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    if not (session.is_active(now) and user.is_active and is_same):
        return None, session
    use_session(session, now)
    user.session = session
    return user, session


_ENDS: dict[str, Any] = {
    Reason.ELSEWHERE: _("This session was ended from another one of yours."),
    Reason.PASSWORD: _("Your password has changed: please sign in with the new one."),
    Reason.EMAIL: _("Your e-mail address has changed: please sign in with the new one."),
    Reason.SECOND_FACTOR: _("Your second factor has changed: please sign in again."),
    Reason.ROLE: _("What you may do here has changed: please sign in again."),
    Reason.STAFF: _("Our staff have ended this session. If you do not know why, please write to us."),
}


def describe_end(session: UserSession) -> Any:
    """Why a session is over, for whoever comes back to it."""
    return _ENDS.get(session.end_reason, _("You were signed out because nothing had happened for a while."))


def find_api_session(row_id: UUID, now: datetime) -> UserSession | None:
    """The session an access token names, with its user, if both are active."""
    session = (
        UserSession.objects.active(now)
        .filter(pk=row_id, kind=UserSession.Kind.API, user__is_active=True)
        .select_related("user")
        .first()
    )
    if session:
        use_session(session, now)
        session.user.session = session
    return session


def use_session(session: UserSession, now: datetime) -> None:
    """Push the idle end out, at most once a minute."""
    if now - session.last_used_at < _TOUCH_EVERY:
        return
    session.last_used_at = now
    session.idle_end_at = min(now + lifetime_of(session.user, session.kind).idle, session.absolute_end_at)
    # a row that was ended a moment ago stays ended: these columns say nothing about it
    UserSession.objects.filter(pk=session.pk).update(last_used_at=session.last_used_at, idle_end_at=session.idle_end_at)


def sessions_of(user: User, now: datetime) -> QuerySet[UserSession]:
    """What is open now, the last used first."""
    return UserSession.objects.active(now).filter(user=user).order_by("-last_used_at", "-created_at")


@transaction.atomic
def end_session(*, session: UserSession, reason: str, now: datetime, actor: User | None = None) -> bool:
    """End one session at once; False when it had ended before."""
    ended = UserSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, end_reason=reason)
    if ended:
        audit.record(action="user.session_ended", target=session.user, actor=actor, kind=session.kind, reason=reason)
    return bool(ended)


@transaction.atomic
def end_sessions(
    *, user: User, reason: str, now: datetime, but: UserSession | None = None, actor: User | None = None
) -> int:
    """End every open session of a user, but the one in hand if there is one; returns how many."""
    rows = UserSession.objects.active(now).filter(user=user)
    if but:
        rows = rows.exclude(pk=but.pk)
    count = rows.update(ended_at=now, end_reason=reason)
    if count:
        audit.record(action="user.sessions_ended", target=user, actor=actor, count=count, reason=reason)
    return count


def renew_key(request: HttpRequest, user: User) -> None:
    """Keep the browser in hand signed in after its user's password has changed, under another key (ASVS 7.2.4)."""
    update_session_auth_hash(request, user)
    if user.session is not None:
        user.session.session_key = request.session.session_key or ""
        user.session.save(update_fields=["session_key"])


def forget_stored_sessions(user: User) -> None:
    """Delete what the user's browsers had stored with us, in the table and in the cache."""
    for key in UserSession.objects.filter(user=user).exclude(session_key="").values_list("session_key", flat=True):
        SessionStore(key).delete()


def refresh_api_session(*, refresh: str, origin: Origin, now: datetime) -> tokens.TokenPair:
    """A new pair for a refresh token never used before.

    The client that used it a moment ago gets the same successor again, for its answer may have been lost; any other
    second use ends the session and warns its owner (RFC 9700, 4.14.2).
    """
    token = RefreshToken.objects.filter(token_hash=tokens.hash_secret(refresh)).first()
    if token is None:
        raise SessionRevokedError
    with transaction.atomic():
        # the lock on the session makes its refreshes queue; of two with one token the second finds it used
        session = UserSession.objects.select_for_update(of=("self",)).select_related("user").get(pk=token.session_id)
        alive = session.is_active(now) and session.user.is_active
        token.refresh_from_db()
        if alive and token.used_at is None:
            token.used_at, token.used_by = now, origin.client
            token.save(update_fields=["used_at", "used_by"])
            successor = tokens.successor_of(refresh)
            RefreshToken.objects.create(session=session, token_hash=tokens.hash_secret(successor))
            use_session(session, now)
            return _pair(session, successor, now)
        if alive and _is_retry(token, origin, now):
            successor = tokens.successor_of(refresh)
            if RefreshToken.objects.filter(token_hash=tokens.hash_secret(successor), used_at=None).exists():
                return _pair(session, successor, now)
        if alive:
            _end_replayed(session, now)
    raise SessionRevokedError


def _is_retry(token: RefreshToken, origin: Origin, now: datetime) -> bool:
    return token.used_at is not None and now - token.used_at <= REFRESH_GRACE and token.used_by == origin.client


def _end_replayed(session: UserSession, now: datetime) -> None:
    session.ended_at, session.end_reason = now, Reason.REPLAY
    session.save(update_fields=["ended_at", "end_reason"])
    audit.record(action="user.refresh_replayed", target=session.user, actor=session.user)
    tell(session.user, "session_replayed")


def _pair(session: UserSession, refresh: str, now: datetime) -> tokens.TokenPair:
    lifetime_s = settings.JWT_ACCESS_TOKEN_EXPIRE_MINUTES * 60
    return tokens.TokenPair(tokens.access_token(session.pk, now), refresh, lifetime_s)


def _row_id(request: HttpRequest) -> UUID | None:
    value: Any = request.session.get(SESSION_ID)
    try:
        return UUID(value) if value else None
    except ValueError:
        return None

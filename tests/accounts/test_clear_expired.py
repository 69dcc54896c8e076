"""What is over is forgotten, after as long as it may still explain something; what is alive stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session

from accounts import services, tasks
from accounts.login.origin import Origin
from accounts.login.sessions import SessionRevokedError, refresh_api_session
from accounts.models import EmailToken, RefreshToken, User, UserSession
from core.models import RateBucket
from tests.factories import make_api_session, make_customer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=400)


def test_links_are_forgotten_a_month_after_their_end(customer: Any):
    for name, age in (("old", timedelta(days=30, seconds=1)), ("recent", timedelta(days=30))):
        EmailToken.objects.create(
            user=customer, purpose="verify", token_hash=name, created_at=NOW - age, expires_at=NOW - age
        )

    services.clear_expired(now=NOW)

    assert [token.token_hash for token in EmailToken.objects.all()] == ["recent"]


def test_api_sessions_are_forgotten_a_month_after_their_end_with_their_tokens(customer: Any):
    make_api_session(customer, now=NOW - timedelta(days=38))
    make_api_session(customer, now=NOW - timedelta(days=36))

    services.clear_expired(now=NOW)

    assert (UserSession.objects.count(), RefreshToken.objects.count()) == (1, 1)


def test_sessions_are_forgotten_a_month_after_they_were_ended(customer: Any, settings: Any):
    settings.SESSION_ABSOLUTE_DAYS = settings.JWT_REFRESH_TOKEN_EXPIRE_DAYS = 100
    for age in (30, 31):
        make_api_session(customer, now=NOW - timedelta(days=age, seconds=1))
        UserSession.objects.filter(ended_at=None).update(ended_at=NOW - timedelta(days=age), end_reason="logout")

    services.clear_expired(now=NOW)

    assert UserSession.objects.get().ended_at == NOW - timedelta(days=30)


def test_old_tokens_of_a_living_session_are_forgotten_and_it_lives_on(customer: Any, settings: Any):
    settings.SESSION_ABSOLUTE_DAYS = 100
    start = NOW - timedelta(days=60)
    first = pair = make_api_session(customer, now=start)
    for day in range(5, 61, 5):
        pair = refresh_api_session(refresh=pair.refresh, origin=Origin(), now=start + timedelta(days=day))

    services.clear_expired(now=NOW)

    assert RefreshToken.objects.count() == 8
    with pytest.raises(SessionRevokedError):  # forgotten, so it opens nothing; and it is no alarm any more
        refresh_api_session(refresh=first.refresh, origin=Origin(), now=NOW)
    assert refresh_api_session(refresh=pair.refresh, origin=Origin(), now=NOW).access != ""


def test_browser_sessions_and_limits_are_forgotten_at_their_end():
    for name, ends_at in (("over", NOW - timedelta(seconds=1)), ("alive", NOW + timedelta(seconds=1))):
        Session.objects.create(session_key=name, session_data="", expire_date=ends_at)
        RateBucket.objects.create(key=f"rate:login-account:192.0.2.1:{name}@esempio.example", free_at=ends_at)

    services.clear_expired(now=NOW)

    assert [session.session_key for session in Session.objects.all()] == ["alive"]
    assert [bucket.key for bucket in RateBucket.objects.all()] == ["rate:login-account:192.0.2.1:alive@esempio.example"]


def test_people_are_not_forgotten():
    make_customer("waiting@esempio.example", email_verified_at=None).email_tokens.create(
        purpose="verify", token_hash="h", created_at=OLD, expires_at=OLD
    )

    tasks.clear_expired()

    assert EmailToken.objects.count() == 0
    assert User.objects.get().email == "waiting@esempio.example"

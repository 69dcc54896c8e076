"""What is over is forgotten, after as long as it may still explain something; what is alive stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import services, tasks
from accounts.models import ApiSession, EmailToken, RefreshToken, User
from core.models import RateBucket
from tests.factories import make_customer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DEVICE = services.Device(None, "an app")


def test_links_are_forgotten_a_month_after_their_end(customer: Any):
    for name, age in (("old", timedelta(days=30, seconds=1)), ("recent", timedelta(days=30))):
        EmailToken.objects.create(user=customer, purpose="verify", token_hash=name, expires_at=NOW - age)

    services.clear_expired(now=NOW)

    assert [token.token_hash for token in EmailToken.objects.all()] == ["recent"]


def test_api_sessions_are_forgotten_a_month_after_their_end_with_their_tokens(customer: Any):
    services.open_api_session(user=customer, device=DEVICE, now=NOW - timedelta(days=38))
    services.open_api_session(user=customer, device=DEVICE, now=NOW - timedelta(days=36))

    services.clear_expired(now=NOW)

    assert (ApiSession.objects.count(), RefreshToken.objects.count()) == (1, 1)


def test_old_tokens_of_a_living_session_are_forgotten_and_it_lives_on(customer: Any):
    start = NOW - timedelta(days=60)
    pair = services.open_api_session(user=customer, device=DEVICE, now=start)
    for day in range(5, 61, 5):
        pair = services.refresh_api_session(refresh=pair.refresh, now=start + timedelta(days=day))

    services.clear_expired(now=NOW)

    assert RefreshToken.objects.count() == 8
    assert services.refresh_api_session(refresh=pair.refresh, now=NOW).access != ""


def test_token_forgotten_by_then_opens_nothing(customer: Any):
    start = NOW - timedelta(days=60)
    first = services.open_api_session(user=customer, device=DEVICE, now=start)
    services.refresh_api_session(refresh=first.refresh, now=start)
    services.clear_expired(now=NOW)

    with pytest.raises(services.SessionRevokedError):
        services.refresh_api_session(refresh=first.refresh, now=NOW)

    assert RefreshToken.objects.count() == 0


def test_browser_sessions_and_limits_are_forgotten_at_their_end():
    for name, ends_at in (("over", NOW - timedelta(seconds=1)), ("alive", NOW + timedelta(seconds=1))):
        Session.objects.create(session_key=name, session_data="", expire_date=ends_at)
        RateBucket.objects.create(key=f"rate:login-account:192.0.2.1:{name}@esempio.example", free_at=ends_at)

    services.clear_expired(now=NOW)

    assert [session.session_key for session in Session.objects.all()] == ["alive"]
    assert [bucket.key for bucket in RateBucket.objects.all()] == ["rate:login-account:192.0.2.1:alive@esempio.example"]


def test_people_are_not_forgotten():
    make_customer("waiting@esempio.example", email_verified_at=None).email_tokens.create(
        purpose="verify", token_hash="h", expires_at=timezone.now() - timedelta(days=400)
    )

    tasks.clear_expired()

    assert EmailToken.objects.count() == 0
    assert User.objects.get().email == "waiting@esempio.example"

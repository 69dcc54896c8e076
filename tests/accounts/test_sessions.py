"""Sessions of browsers: a row each, which decides whether the browser is signed in, by time and by its owner's will."""

import html
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.login import sessions
from accounts.login.origin import shorten
from accounts.models import User, UserSession
from core.models import AuditEntry
from tests.factories import PASSWORD, make_api_session, make_customer, sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def log_in(client: Client, user: User, **options: Any) -> UserSession:
    client.post("/account/accedi/", {"email": user.email, "password": PASSWORD}, **options)
    return UserSession.objects.filter(user=user).latest("created_at")


def is_signed_in(client: Client) -> bool:
    return client.get("/area/").status_code == 200


def test_sign_in_leaves_a_row_that_names_network_and_program(client: Client, customer: Any):
    session = log_in(client, customer, REMOTE_ADDR="203.0.113.77", headers={"User-Agent": "Firefox " * 40})

    assert (session.kind, session.network, session.user_agent) == ("web", "203.0.113.0/24", ("Firefox " * 40)[:200])
    assert (session.ended_at, session.end_reason, session.second_factor) == (None, "", "")
    assert session.session_key == client.session.session_key
    entry = AuditEntry.objects.get(action="user.login")
    assert (entry.actor, entry.detail) == (customer, {"kind": "web", "second_factor": ""})


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_address_is_kept_shortened(address: str, network: str):
    assert shorten(address) == network


@pytest.mark.parametrize(
    ("role", "idle", "absolute"),
    [("customer", timedelta(days=7), timedelta(days=30)), ("super_admin", timedelta(hours=1), timedelta(hours=12))],
)
def test_browser_is_signed_out_when_left_alone_and_after_a_time_in_any_case(
    role: str, idle: timedelta, absolute: timedelta
):
    user, client = make_customer("a@esempio.example", role=role), Client()
    with time_machine.travel(AT, tick=False) as clock:
        log_in(client, user)
        clock.move_to(AT + idle - SECOND)
        before_idle_end = is_signed_in(client)
        clock.shift(idle)
        after_idle_end = is_signed_in(client)

        clock.move_to(AT)
        log_in(client, user)
        while timezone.now() < AT + absolute - idle:
            clock.shift(idle - SECOND)
            assert is_signed_in(client)
        clock.move_to(AT + absolute - SECOND)
        before_absolute_end = is_signed_in(client)
        clock.shift(SECOND)
        after_absolute_end = is_signed_in(client)

    assert (before_idle_end, after_idle_end) == (True, False)
    assert (before_absolute_end, after_absolute_end) == (True, False)


def test_use_is_written_down_once_a_minute(client: Client, customer: Any, django_assert_max_num_queries: Any):
    with time_machine.travel(AT, tick=False) as clock:
        log_in(client, customer)
        clock.shift(59 * SECOND)
        client.get("/area/")
        soon = UserSession.objects.get().last_used_at
        clock.shift(SECOND)
        client.get("/area/")
        later = UserSession.objects.get().last_used_at

    assert (soon, later) == (AT, AT + 60 * SECOND)


def test_session_that_was_ended_elsewhere_is_over_at_its_next_request(client: Client, customer: Any):
    session = log_in(client, customer)
    before = is_signed_in(client)

    sessions.end_session(session=session, reason="elsewhere", now=timezone.now(), actor=customer)

    assert (before, is_signed_in(client)) == (True, False)
    assert SESSION_KEY not in client.session
    assert AuditEntry.objects.get(action="user.session_ended").detail == {"kind": "web", "reason": "elsewhere"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("elsewhere", "Questa sessione è stata chiusa da un’altra delle vostre."),
        ("password", "La vostra password è cambiata: accedete con quella nuova."),
        ("", "Vi abbiamo disconnessi perché da un po’ non succedeva nulla."),
    ],
)
def test_page_for_signing_in_says_why_the_session_is_over(reason: str, words: str, client: Client, customer: Any):
    session, now = log_in(client, customer), timezone.now()
    if reason:
        sessions.end_session(session=session, reason=reason, now=now, actor=customer)
    else:
        UserSession.objects.update(idle_end_at=now)

    page = client.get("/area/ordini/", follow=True)

    assert words in html.unescape(page.content.decode())
    assert page.redirect_chain == [("/account/accedi/?next=/area/ordini/", 302)]


def test_session_is_ended_once(client: Client, customer: Any):
    session, now = log_in(client, customer), timezone.now()

    outcomes = [
        sessions.end_session(session=session, reason=reason, now=now, actor=customer)
        for reason in ("elsewhere", "password")
    ]

    assert outcomes == [True, False]
    assert UserSession.objects.get().end_reason == "elsewhere"


def test_ending_all_but_the_one_in_hand_spares_it_and_other_people(client: Client, customer: Any, stranger: Any):
    mine = log_in(client, customer)
    others = [Client(), Client()]
    for other in others:
        log_in(other, customer)
    app = make_api_session(customer)
    theirs = Client()
    log_in(theirs, stranger)

    ended = sessions.end_sessions(user=customer, reason="elsewhere", now=timezone.now(), but=mine)

    assert ended == 3
    assert [is_signed_in(each) for each in (client, *others, theirs)] == [True, False, False, True]
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {app.access}"}).status_code == 401


def test_signing_out_ends_the_row(client: Client, customer: Any):
    log_in(client, customer)

    client.post("/account/esci/")

    session = UserSession.objects.get()
    assert (session.end_reason, session.ended_at is not None) == ("logout", True)


def test_signing_in_again_in_one_browser_leaves_one_session_open(client: Client, customer: Any, stranger: Any):
    sign_in(client, customer)
    sign_in(client, customer)

    assert sorted(UserSession.objects.values_list("end_reason", flat=True)) == ["", "replaced"]


def test_stored_session_without_its_row_signs_nobody_in(client: Client, customer: Any):
    """One stored before rows were kept, or whose row an erasure took away."""
    log_in(client, customer)

    UserSession.objects.all().delete()

    assert not is_signed_in(client)


@pytest.mark.parametrize("row", ["somebody else's", "nobody's", "no id"])
def test_stored_session_opens_no_other_row(row: str, client: Client, customer: Any, stranger: Any):
    """Whoever can write into one stored session still needs the hash of the other's password."""
    other = log_in(Client(), stranger)
    log_in(client, customer)
    stored = client.session
    stored[sessions.SESSION_ID] = {
        "somebody else's": str(other.pk), "nobody's": "00000000-0000-4000-8000-000000000000", "no id": "x' OR 1=1",
    }[row]  # fmt: skip
    stored.save()

    assert not is_signed_in(client)


def test_token_of_an_app_opens_no_page_and_a_browsers_row_no_api(client: Client, customer: Any):
    make_api_session(customer)
    log_in(client, customer)
    stored = client.session
    stored[sessions.SESSION_ID] = str(UserSession.objects.get(kind="api").pk)
    stored.save()
    web = UserSession.objects.get(kind="web")

    assert not is_signed_in(client)
    assert sessions.find_api_session(web.pk, timezone.now()) is None


def test_what_browsers_stored_goes_with_an_erased_account(client: Client, customer: Any):
    key = log_in(client, customer).session_key

    sessions.forget_stored_sessions(customer)

    assert not Session.objects.filter(session_key=key).exists()
    assert not is_signed_in(client)

"""Tokens of the API: short, single-use, tied to a session row, and worth nothing when anything about them is off."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.login import sessions, tokens
from accounts.login.origin import Origin
from accounts.models import RefreshToken, User, UserSession
from core.models import AuditEntry
from notifications.models import Mail
from tests.factories import PASSWORD, make_api_session, make_customer, sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NO_TOKEN = {
    "type": "urn:problem:token_invalid", "title": "This token is not valid or no longer valid.", "status": 401,
    "code": "token_invalid",
}  # fmt: skip
ENDED = {
    "type": "urn:problem:session_revoked", "title": "This session has ended. Please sign in again.", "status": 401,
    "code": "session_revoked", "errors": [],
}  # fmt: skip


def open_session(user: User, now: datetime | None = None) -> tokens.TokenPair:
    return make_api_session(user, now=now, network="127.0.0.0/24")


def forge(user: User, *, key: str | None = None, algorithm: str = "HS256", **changes: Any) -> str:
    """An access token as we make it, with some claims changed (or left out, as None)."""
    session = UserSession.objects.get(user=user)
    now = timezone.now()
    claims = {"iss": "aish", "aud": "api", "typ": "access", "sid": str(session.pk), "iat": now}
    claims |= {"exp": now + timedelta(minutes=15)} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, settings.JWT_SECRET_KEY if key is None else key, algorithm=algorithm)


def test_login_opens_a_session_that_names_its_device(client: Client, customer: Any):
    answer = client.post(
        "/api/v1/auth/login", {"email": customer.email, "password": PASSWORD}, content_type="application/json",
        headers={"User-Agent": "a" * 300}, REMOTE_ADDR="192.0.2.9",
    )  # fmt: skip

    session = UserSession.objects.get()
    pair = answer.json()
    assert (session.user, session.kind, session.network, session.user_agent) == (
        customer, "api", "192.0.2.0/24", "a" * 200,
    )  # fmt: skip
    assert (pair["expires_in_s"], tokens.session_id_of(pair["access"])) == (900, session.pk)
    assert RefreshToken.objects.get().token_hash == tokens.hash_secret(pair["refresh"])
    assert AuditEntry.objects.get().action == "user.login"


@pytest.mark.parametrize(("age", "status"), [(timedelta(minutes=15, seconds=-1), 200), (timedelta(minutes=15), 401)])
def test_access_token_is_good_for_a_quarter_of_an_hour(age: timedelta, status: int, api: Any, customer: Any):
    pair = open_session(customer, AT)

    with time_machine.travel(AT + age, tick=False):
        answer, _body = api("get", "me", token=pair.access)

    assert answer == status


def test_refresh_gives_a_new_pair_and_lengthens_the_session(api: Any, customer: Any):
    with time_machine.travel(AT, tick=False):
        first = open_session(customer)

    with time_machine.travel(AT + timedelta(days=6), tick=False):
        status, pair = api("post", "auth/refresh", {"refresh": first.refresh})
        me, _body = api("get", "me", token=pair["access"])

    session = UserSession.objects.get()
    assert (status, me) == (200, 200)
    assert pair["refresh"] != first.refresh
    assert (session.last_used_at, session.idle_end_at) == (AT + timedelta(days=6), AT + timedelta(days=13))


def test_refresh_token_lasts_seven_days_and_its_end_is_no_alarm(api: Any, customer: Any):
    pair = open_session(customer, AT)

    with time_machine.travel(AT + timedelta(days=7), tick=False):
        answer = api("post", "auth/refresh", {"refresh": pair.refresh}, language="en")

    assert answer == (401, ENDED)
    assert (UserSession.objects.get().ended_at, Mail.objects.count()) == (None, 0)


def use_up(api: Any, refresh: str) -> Any:
    """Refresh as the client that holds the token, long enough ago for a second use to be no retry."""
    with time_machine.travel(timezone.now() - sessions.REFRESH_GRACE - timedelta(seconds=1), tick=False):
        return api("post", "auth/refresh", {"refresh": refresh})[1]


def test_second_use_of_a_refresh_token_ends_its_whole_family(api: Any, customer: Any):
    stolen = open_session(customer)
    newest = use_up(api, stolen.refresh)

    replayed = api("post", "auth/refresh", {"refresh": stolen.refresh}, language="en")

    assert replayed == (401, ENDED)
    assert api("post", "auth/refresh", {"refresh": newest["refresh"]}, language="en") == (401, ENDED)
    assert api("get", "me", token=newest["access"], language="en") == (401, NO_TOKEN)
    assert UserSession.objects.get().end_reason == "replay"


def test_replay_is_told_to_the_owner_once_and_spares_other_sessions(api: Any, customer: Any):
    stolen, other = open_session(customer), open_session(customer)
    use_up(api, stolen.refresh)

    for _try in range(3):
        api("post", "auth/refresh", {"refresh": stolen.refresh})

    status, _body = api("get", "me", token=other.access)
    mails = Mail.objects.values_list("kind", "to_email", "subject")
    assert status == 200
    assert list(mails) == [
        ("security_notice", customer.email, "Abbiamo chiuso una sessione del tuo account"),
    ]
    assert AuditEntry.objects.filter(action="user.refresh_replayed").count() == 1


def test_refresh_whose_answer_was_lost_gets_the_same_successor_again(api: Any, customer: Any):
    pair = open_session(customer)
    _status, first = api("post", "auth/refresh", {"refresh": pair.refresh})

    status, second = api("post", "auth/refresh", {"refresh": pair.refresh})

    assert (status, second["refresh"]) == (200, first["refresh"])
    assert api("post", "auth/refresh", {"refresh": second["refresh"]})[0] == 200
    assert (UserSession.objects.get().ended_at, RefreshToken.objects.count()) == (None, 3)


@pytest.mark.parametrize("who", ["too late", "another program", "another network", "after the successor was used"])
def test_second_use_that_is_no_retry_is_a_replay(who: str, customer: Any):
    pair, now = open_session(customer), timezone.now()
    owner = Origin("203.0.113.0/24", "an app")
    newest = sessions.refresh_api_session(refresh=pair.refresh, origin=owner, now=now)
    if who == "after the successor was used":
        sessions.refresh_api_session(refresh=newest.refresh, origin=owner, now=now)
    origin = {"another program": replace(owner, user_agent="curl"), "another network": replace(owner, network="x")}
    later = timedelta(seconds=11) if who == "too late" else timedelta(seconds=9)

    with pytest.raises(sessions.SessionRevokedError):
        sessions.refresh_api_session(refresh=pair.refresh, origin=origin.get(who, owner), now=now + later)

    assert UserSession.objects.get().end_reason == "replay"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("programs", [1, 10])
def test_ten_refreshes_at_once_with_one_token_give_one_successor(programs: int, customer: Any):
    """One client that asked ten times lives on; with ten programs at it, somebody stole the token."""
    pair = open_session(customer)

    def work(number: int) -> str:
        try:
            origin = Origin("192.0.2.0/24", f"app {number % programs}")
            return sessions.refresh_api_session(refresh=pair.refresh, origin=origin, now=timezone.now()).refresh
        except sessions.SessionRevokedError:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        successors = list(pool.map(work, range(10)))

    assert RefreshToken.objects.count() == 2
    assert len({successor for successor in successors if successor}) == 1
    outcome = (successors.count(""), UserSession.objects.get().end_reason, Mail.objects.count())
    assert outcome == ((0, "", 0) if programs == 1 else (9, "replay", 1))


@pytest.mark.parametrize(
    ("role", "idle", "absolute"),
    [("customer", timedelta(days=7), timedelta(days=30)), ("super_admin", timedelta(hours=1), timedelta(hours=12))],
)
def test_refreshing_does_not_go_on_for_ever(role: str, idle: timedelta, absolute: timedelta):
    """Each refresh pushes the idle end out, never beyond the absolute one; staff's are shorter."""
    user, origin = make_customer("a@esempio.example", role=role), Origin("127.0.0.0/24", "an app")
    pair, now = open_session(user, AT), AT
    while now < AT + absolute - idle:
        now += idle - timedelta(seconds=1)
        pair = sessions.refresh_api_session(refresh=pair.refresh, origin=origin, now=now)

    assert UserSession.objects.get().idle_end_at == AT + absolute
    with pytest.raises(sessions.SessionRevokedError):
        sessions.refresh_api_session(refresh=pair.refresh, origin=origin, now=AT + absolute)


def test_logout_ends_both_tokens_of_this_session_only(api: Any, customer: Any):
    pair, other = open_session(customer), open_session(customer)

    left = api("post", "auth/logout", token=pair.access)

    assert left == (204, None)
    assert api("get", "me", token=pair.access, language="en") == (401, NO_TOKEN)
    assert api("post", "auth/refresh", {"refresh": pair.refresh}, language="en") == (401, ENDED)
    assert api("get", "me", token=other.access)[0] == 200
    assert (Mail.objects.count(), AuditEntry.objects.filter(action="user.session_ended").count()) == (0, 1)


def test_browsers_session_is_not_closed_over_the_api(customer_client: Client):
    answer = customer_client.post("/api/v1/auth/logout", headers={"Accept-Language": "en"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_an_api_session")
    assert answer.json()["title"] == "Only a session opened over the API can be closed here."
    assert customer_client.get("/area/").status_code == 200


def test_disabled_customers_tokens_stop_at_once(api: Any, customer: Any):
    pair = open_session(customer)

    User.objects.filter(pk=customer.pk).update(is_active=False)

    assert api("get", "me", token=pair.access, language="en") == (401, NO_TOKEN)
    assert api("post", "auth/refresh", {"refresh": pair.refresh}, language="en") == (401, ENDED)


def test_tokens_cannot_stand_in_for_each_other(api: Any, customer: Any):
    pair = open_session(customer)

    assert api("get", "me", token=pair.refresh, language="en") == (401, NO_TOKEN)
    assert api("post", "auth/refresh", {"refresh": pair.access}, language="en") == (401, ENDED)
    assert api("post", "auth/refresh", {"refresh": "guessed"}, language="en") == (401, ENDED)
    assert api("get", "me", token=pair.access)[0] == 200


def test_token_made_by_hand_like_ours_is_good(api: Any, customer: Any):
    open_session(customer)

    assert api("get", "me", token=forge(customer))[0] == 200


FORGERIES: dict[str, dict[str, Any]] = {
    "unsigned": {"key": "", "algorithm": "none"},
    "another key": {"key": "k" * 40},
    "another algorithm": {"algorithm": "HS512"},
    "another audience": {"aud": "admin"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "somebody"},
    "no issuer": {"iss": None},
    "another kind": {"typ": "refresh"},
    "no kind": {"typ": None},
    "no end": {"exp": None},
    "over": {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
    "no start": {"iat": None},
    "from the future": {"iat": datetime(2100, 1, 1, tzinfo=UTC)},
    "not yet": {"nbf": datetime(2100, 1, 1, tzinfo=UTC)},
    "no session": {"sid": None},
    "unknown session": {"sid": "00000000-0000-4000-8000-000000000000"},
    "session that is no id": {"sid": "1 OR 1=1"},
    "session that is a number": {"sid": 1},
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_forged_token_is_refused(forgery: str, api: Any, customer: Any):
    open_session(customer)

    answer = api("get", "me", token=forge(customer, **FORGERIES[forgery]), language="en")

    assert answer == (401, NO_TOKEN)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "...", "e30.e30.", "null"])
def test_what_is_no_token_is_refused(token: str, client: Client):
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"})

    assert (answer.status_code, answer.json()) == (401, NO_TOKEN)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer["Content-Type"] == "application/problem+json"


def test_token_with_another_signature_is_refused(api: Any, customer: Any):
    head, claims, signature = open_session(customer).access.split(".")

    cut = api("get", "me", token=f"{head}.{claims}.", language="en")
    turned = api("get", "me", token=f"{head}.{claims}.{signature[::-1]}", language="en")

    assert (cut, turned) == ((401, NO_TOKEN), (401, NO_TOKEN))


def test_wrong_token_is_refused_although_the_browser_is_signed_in(customer_client: Client):
    answer = customer_client.get("/api/v1/me", headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("header", [None, "Basic Z2l1bGlhOng=", "Token x"])
def test_without_a_bearer_token_nobody_is_known(header: str | None, client: Client):
    answer = client.get("/api/v1/me", headers={"Authorization": header} if header else {})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_wrong_token_does_not_keep_anybody_from_signing_in(api: Any, customer: Any):
    status, _pair = api("post", "auth/login", {"email": customer.email, "password": PASSWORD}, token="old")

    assert status == 200


def test_cookie_alone_changes_nothing_without_our_forms_token(customer: Any):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, customer)

    answer = client.patch("/api/v1/me", {"first_name": "Mallory"}, content_type="application/json")

    customer.refresh_from_db()
    assert (answer.status_code, answer.json()["code"], customer.first_name) == (403, "permission_denied", "Giulia")


def test_signed_in_user_is_shown_and_nobody_else(api: Any, customer: Any, stranger: Any):
    status, body = api("get", f"me?id={stranger.pk}&email={stranger.email}", token=open_session(customer).access)

    joined = datetime.fromisoformat(body.pop("date_joined"))
    assert (status, joined) == (200, customer.date_joined)
    assert body == {"email": customer.email, "first_name": "Giulia", "last_name": "Ferrante", "language": "it"}


def test_name_and_language_can_be_changed_and_nothing_else(api: Any, customer: Any):
    wish: dict[str, Any] = {
        "first_name": "Giulietta",
        "language": "en",
        "email": "x@esempio.example",
        "role": "super_admin",
    }
    wish |= {"is_staff": True, "is_active": False, "password": "x", "email_verified_at": None, "id": 1}

    status, _body = api("patch", "me", wish, token=open_session(customer).access)

    before = (customer.email, customer.password, customer.email_verified_at, customer.pk)
    customer.refresh_from_db()
    assert (status, customer.first_name, customer.language) == (200, "Giulietta", "en")
    assert (customer.email, customer.password, customer.email_verified_at, customer.pk) == before
    assert (customer.role, customer.is_active) == ("customer", True)


def test_new_name_undoes_nothing_that_happened_meanwhile(customer: Any):
    read_before = User.objects.get()
    User.objects.update(is_active=False, language="en")

    read_before.change(first_name="Giulietta")

    customer.refresh_from_db()
    assert (customer.first_name, customer.language, customer.is_active) == ("Giulietta", "en", False)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"first_name": ""}, "first_name", "blank"),
        ({"last_name": "x" * 61}, "last_name", "max_length"),
        ({"language": "de"}, "language", "invalid_choice"),
    ],
)
def test_impossible_name_or_language_is_refused(change: dict[str, str], field: str, code: str, api: Any, customer: Any):
    status, body = api("patch", "me", change, token=open_session(customer).access)

    assert (status, [(error["field"], error["code"]) for error in body["errors"]]) == (400, [(field, code)])


def test_calls_beyond_the_limit_wait_their_turn(client: Client, settings: Any):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_BURST = 2, 3

    answers = [client.get("/api/v1/services") for _call in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (answers[3].json()["code"], answers[3]["Retry-After"]) == ("throttled", "30")

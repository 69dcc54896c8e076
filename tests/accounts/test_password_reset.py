"""A forgotten password: a link for an hour and one use, after which nothing opened with the old one lives on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import links, services
from accounts.models import EmailToken, User, UserSession
from core.models import AuditEntry
from notifications.models import Mail
from tests.accounts.conftest import normalize_page
from tests.factories import PASSWORD, mail_link_to, make_api_session, make_customer

pytestmark = pytest.mark.django_db

NEW = "un-altra-frase-lunga"
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def ask(user: User) -> None:
    mail_link_to(user.email, "reset")


def token_in(path: str) -> str:
    return path.split("/")[-2]


def can_log_in(user: User, password: str) -> bool:
    answer = Client().post("/account/accedi/", {"email": user.email, "password": password})
    return answer.status_code == 302


def test_customer_sets_a_new_password_on_the_page(client: Client, customer: Any, mailed_link: Any):
    client.post("/account/nuova-password/", {"email": customer.email})

    saved = client.post(mailed_link(customer.email), {"password": NEW})

    assert (saved.status_code, saved["Location"]) == (302, "/account/accedi/")
    assert "_auth_user_id" not in client.session
    assert (can_log_in(customer, PASSWORD), can_log_in(customer, NEW)) == (False, True)


def test_customer_sets_a_new_password_over_the_api(api: Any, customer: Any, mailed_link: Any):
    request = api("post", "auth/password-reset", {"email": customer.email})
    body = {"token": token_in(mailed_link(customer.email)), "password": NEW}

    confirmation = api("post", "auth/password-reset/confirm", body)

    assert (request, confirmation) == ((202, None), (204, None))
    assert (can_log_in(customer, PASSWORD), can_log_in(customer, NEW)) == (False, True)


@pytest.mark.parametrize(("age", "is_good"), [(timedelta(minutes=60, seconds=-1), True), (timedelta(hours=1), False)])
def test_link_is_good_for_an_hour(age: timedelta, is_good: bool, client: Client, customer: Any, mailed_link: Any):
    with time_machine.travel(AT, tick=False):
        ask(customer)

    with time_machine.travel(AT + age, tick=False):
        page = client.post(mailed_link(customer.email), {"password": NEW})

    customer.refresh_from_db()
    assert (page.status_code, customer.check_password(NEW)) == (302 if is_good else 400, is_good)
    assert is_good or page.context["message"] == "Questo collegamento non è più valido. Chiedetene uno nuovo."


def test_link_is_good_once(api: Any, customer: Any, mailed_link: Any):
    ask(customer)
    token = token_in(mailed_link(customer.email))
    api("post", "auth/password-reset/confirm", {"token": token, "password": NEW})

    status, body = api("post", "auth/password-reset/confirm", {"token": token, "password": "e-una-terza-frase"})

    customer.refresh_from_db()
    assert (status, body["code"], customer.check_password(NEW)) == (400, "link_expired", True)


def test_newer_link_ends_the_older(client: Client, customer: Any, mailed_link: Any):
    ask(customer)
    older = mailed_link(customer.email)
    ask(customer)

    statuses = [client.post(path, {"password": NEW}).status_code for path in (older, mailed_link(customer.email))]

    assert statuses == [400, 302]


def test_link_that_is_only_opened_is_not_used_up(client: Client, customer: Any, mailed_link: Any):
    ask(customer)
    path = mailed_link(customer.email)

    opened = client.get(path)

    assert (opened.status_code, opened["Referrer-Policy"]) == (200, "same-origin")
    assert opened["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert client.post(path, {"password": NEW}).status_code == 302


def test_link_to_verify_an_address_sets_no_password(api: Any, mailed_link: Any):
    waiting = make_customer("waiting@esempio.example", email_verified_at=None)
    mail_link_to(waiting.email, "verify")
    body = {"token": token_in(mailed_link(waiting.email)), "password": NEW}

    status, answer = api("post", "auth/password-reset/confirm", body)

    waiting.refresh_from_db()
    assert (status, answer["code"], waiting.check_password(PASSWORD)) == (400, "link_expired", True)


@pytest.mark.parametrize("password", ["corta", "password1234", "giulia@brandolini.example", "x" * 129])
def test_weak_password_is_refused_and_leaves_the_link_usable(
    password: str, client: Client, customer: Any, mailed_link: Any
):
    ask(customer)
    path = mailed_link(customer.email)

    refused = client.post(path, {"password": password})

    customer.refresh_from_db()
    assert list(refused.context["form"].errors) == ["password"]
    assert customer.check_password(PASSWORD)
    assert client.post(path, {"password": NEW}).status_code == 302


def test_every_session_in_a_browser_ends(customer: Any, mailed_link: Any):
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.post("/account/accedi/", {"email": customer.email, "password": PASSWORD})
    before = [browser.get("/area/").status_code for browser in browsers]

    ask(customer)
    browsers[0].post(mailed_link(customer.email), {"password": NEW})

    after = [browser.get("/area/").status_code for browser in browsers]
    assert (before, after) == ([200, 200], [302, 302])


def test_every_token_of_the_api_stops(api: Any, customer: Any, stranger: Any, mailed_link: Any):
    pairs = [make_api_session(customer) for _app in range(2)]
    others = make_api_session(stranger)

    ask(customer)
    api("post", "auth/password-reset/confirm", {"token": token_in(mailed_link(customer.email)), "password": NEW})

    assert [api("get", "me", token=pair.access)[0] for pair in pairs] == [401, 401]
    assert [api("post", "auth/refresh", {"refresh": pair.refresh})[0] for pair in pairs] == [401, 401]
    assert set(UserSession.objects.filter(user=customer).values_list("end_reason", flat=True)) == {"password"}
    assert api("get", "me", token=others.access)[0] == 200


def test_every_other_link_ends(customer: Any, mailed_link: Any):
    ask(customer)
    token = token_in(mailed_link(customer.email))
    now = timezone.now()
    hour = timedelta(hours=1)
    verify = EmailToken.objects.create(
        user=customer, purpose="verify", token_hash="h", created_at=now, expires_at=now + hour
    )

    services.reset_password(token=token, password=NEW, now=now)

    verify.refresh_from_db()
    assert verify.used_at == now


def test_owner_is_told_and_the_audit_log_too(customer: Any, mailed_link: Any):
    ask(customer)

    services.reset_password(token=token_in(mailed_link(customer.email)), password=NEW, now=timezone.now())

    mail = Mail.objects.order_by("-pk")[0]
    assert (mail.kind, mail.to_email, mail.subject) == (
        "security_notice",
        customer.email,
        "La tua password è stata cambiata",
    )
    assert [entry.action for entry in AuditEntry.objects.all()] == ["user.password_reset"]


def test_link_proves_the_address_too(mailed_link: Any):
    waiting = make_customer("waiting@esempio.example", email_verified_at=None)
    ask(waiting)
    now = timezone.now()

    services.reset_password(token=token_in(mailed_link(waiting.email)), password=NEW, now=now)

    waiting.refresh_from_db()
    assert waiting.email_verified_at == now


@pytest.mark.parametrize("who", ["known", "waiting", "disabled", "unknown"])
def test_asking_has_one_answer_and_mails_only_who_can_enter(who: str, client: Client, api: Any):
    make_customer("known@esempio.example")
    make_customer("waiting@esempio.example", email_verified_at=None)
    make_customer("disabled@esempio.example", is_active=False)
    email = f"{who}@esempio.example"

    page = client.post("/account/nuova-password/", {"email": email})
    answer = api("post", "auth/password-reset", {"email": email.upper()})

    other = client.post("/account/nuova-password/", {"email": "nobody@esempio.example"})
    links.send_due()
    mailed = list(Mail.objects.values_list("kind", "to_email"))
    assert answer == (202, None)
    assert (page.status_code, normalize_page(page, email)) == (200, normalize_page(other, "nobody@esempio.example"))
    assert mailed == ([("reset_password", email)] * 2 if who in ("known", "waiting") else [])


def test_customer_disabled_after_asking_cannot_come_back(client: Client, customer: Any, mailed_link: Any):
    ask(customer)
    User.objects.filter(pk=customer.pk).update(is_active=False)

    page = client.post(mailed_link(customer.email), {"password": NEW})

    customer.refresh_from_db()
    assert (page.status_code, customer.is_active, customer.check_password(PASSWORD)) == (400, False, True)


@pytest.mark.parametrize("token", ["x", "a" * 100, "%00"])
def test_guessed_link_is_refused(token: str, client: Client, customer: Any):
    ask(customer)

    page = client.post(f"/account/nuova-password/{token}/", {"password": NEW})

    customer.refresh_from_db()
    assert (page.status_code, customer.check_password(PASSWORD)) == (400, True)


def test_fifth_mail_in_a_row_to_an_address_is_refused_known_or_not(client: Client, customer: Any):
    for email in (customer.email, "nobody@esempio.example"):
        pages = [client.post("/account/nuova-password/", {"email": email}) for _try in range(5)]

        assert [bool(page.context.get("form")) for page in pages] == [False] * 4 + [True]


def test_mail_speaks_the_persons_language(mailed_link: Any):
    anne = make_customer("anne@esempio.example", language="en")

    ask(anne)

    assert Mail.objects.get().subject == "Set a new password"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_link_used_five_times_at_once_counts_once(customer: Any, mailed_link: Any):
    ask(customer)
    token = token_in(mailed_link(customer.email))

    def work(number: int) -> bool:
        try:
            services.reset_password(token=token, password=f"{NEW}-{number}", now=timezone.now())
        except links.LinkExpiredError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(work, range(5)))

    customer.refresh_from_db()
    assert sorted(outcomes) == [False] * 4 + [True]
    assert customer.check_password(f"{NEW}-{outcomes.index(True)}")

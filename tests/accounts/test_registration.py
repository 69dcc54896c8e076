"""Opening an account: nobody enters before the mailed link, and no answer tells whether an address is known."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import links, services
from accounts.models import EmailToken, User
from core.models import AuditEntry
from notifications.models import Mail
from tests.accounts.conftest import normalize_page
from tests.factories import PASSWORD, mail_link_to, make_customer

pytestmark = pytest.mark.django_db

EMAIL = "nora@esempio.example"
PERSON = {"email": EMAIL, "password": PASSWORD, "first_name": "Nora", "last_name": "Nuova"}
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def register(email: str = EMAIL) -> None:
    services.register(**PERSON | {"email": email}, language="it", now=timezone.now())


def is_verified(email: str = EMAIL) -> bool:
    return User.objects.get(email=email).email_verified_at is not None


def mails_to(email: str) -> list[str]:
    return list(Mail.objects.filter(to_email=email).order_by("pk").values_list("kind", flat=True))


def test_login_on_the_page_is_refused_before_the_link_and_allowed_after(client: Client, mailed_link: Any):
    client.post("/account/registrati/", {**PERSON, "terms": "on"})

    early = client.post("/account/accedi/", {"email": EMAIL, "password": PASSWORD})
    confirmation = client.post(mailed_link(EMAIL))
    login = client.post("/account/accedi/", {"email": EMAIL, "password": PASSWORD})

    assert early.context["form"].non_field_errors() == [
        "Confermate prima il vostro indirizzo e-mail: il collegamento è di nuovo in arrivo."
    ]
    assert (confirmation.status_code, confirmation["Location"]) == (302, "/account/accedi/")
    assert (login.status_code, login["Location"]) == (302, "/area/")
    assert client.session["_auth_user_id"] == str(User.objects.get(email=EMAIL).pk)


def test_login_over_the_api_is_refused_before_the_link_and_allowed_after(api: Any, mailed_link: Any):
    registered = api("post", "auth/register", PERSON)

    early_status, early = api("post", "auth/login", {"email": EMAIL, "password": PASSWORD})
    confirmed = api("post", "auth/verify-email", {"token": mailed_link(EMAIL).split("/")[-2]})
    status, pair = api("post", "auth/login", {"email": EMAIL, "password": PASSWORD})

    assert (registered, confirmed) == ((202, None), (204, None))
    assert (early_status, early["code"]) == (403, "email_not_verified")
    assert (status, sorted(pair)) == (200, ["access", "expires_in_s", "refresh"])


def test_account_is_opened_with_the_least_rights_and_told_to_the_audit_log():
    register("  Nora@ESEMPIO.example ")

    user = User.objects.get()
    assert (user.email, user.role, user.is_staff, user.email_verified_at) == (EMAIL, "customer", False, None)
    assert (user.check_password(PASSWORD), user.get_full_name(), user.language) == (True, "Nora Nuova", "it")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_label) == ("user.registered", f"user {user.pk}")


@pytest.mark.parametrize(
    ("after", "status", "verified"),
    [
        (timedelta(hours=24) - timedelta(seconds=1), 204, True),
        (timedelta(hours=24), 400, False),
        (timedelta(days=3), 400, False),
    ],
)
def test_link_is_good_for_a_day(after: timedelta, status: int, verified: bool, api: Any, mailed_link: Any):
    with time_machine.travel(AT, tick=False):
        register()
    token = mailed_link(EMAIL).split("/")[-2]

    with time_machine.travel(AT + after, tick=False):
        answer, body = api("post", "auth/verify-email", {"token": token})

    assert (answer, is_verified()) == (status, verified)
    assert verified or body["code"] == "link_expired"


def test_link_is_good_once(client: Client, mailed_link: Any):
    register()
    client.post(mailed_link(EMAIL))

    again = client.post(mailed_link(EMAIL))

    assert again.status_code == 400
    assert again.context["message"] == "Questo collegamento non è più valido. Chiedetene uno nuovo."
    assert AuditEntry.objects.filter(action="user.email_verified").count() == 1


def test_link_that_is_only_opened_is_not_used_up(client: Client, mailed_link: Any):
    register()

    opened = client.get(mailed_link(EMAIL))

    assert (opened.status_code, is_verified()) == (200, False)
    client.post(mailed_link(EMAIL))
    assert is_verified()


def test_newer_link_ends_the_older(api: Any, mailed_link: Any):
    register()
    older = mailed_link(EMAIL).split("/")[-2]
    mail_link_to(EMAIL, "verify")

    status, body = api("post", "auth/verify-email", {"token": older})

    assert (status, body["code"], is_verified()) == (400, "link_expired", False)


def test_link_to_reset_a_password_verifies_no_address(api: Any, mailed_link: Any):
    register()
    mail_link_to(EMAIL, "reset")

    status, body = api("post", "auth/verify-email", {"token": mailed_link(EMAIL).split("/")[-2]})

    assert (status, body["code"], is_verified()) == (400, "link_expired", False)


@pytest.mark.parametrize("token", ["x", "a" * 100, "../../etc/passwd", "%00", "'; DROP TABLE accounts_user; --"])
def test_guessed_link_is_refused(token: str, api: Any):
    register()

    status, body = api("post", "auth/verify-email", {"token": token})

    assert (status, body["code"], is_verified()) == (400, "link_expired", False)


def test_only_the_hash_of_a_link_is_kept(mailed_link: Any):
    register()

    token = mailed_link(EMAIL).split("/")[-2]
    email_token = EmailToken.objects.get()
    assert len(token) == 43
    assert len(email_token.token_hash) == 64
    assert token not in email_token.token_hash


def test_page_answers_the_same_to_a_known_address(client: Client, customer: Any):
    known_page = client.post("/account/registrati/", {**PERSON, "terms": "on", "email": customer.email})

    unknown_page = client.post("/account/registrati/", {**PERSON, "terms": "on"})

    assert known_page.status_code == unknown_page.status_code == 200
    assert normalize_page(known_page, customer.email) == normalize_page(unknown_page, EMAIL)


@pytest.mark.parametrize("spelling", ["giulia@brandolini.example", "GIULIA@Brandolini.Example"])
def test_api_answers_the_same_to_a_known_address_and_tells_its_owner(spelling: str, api: Any, customer: Any):
    known_answer = api("post", "auth/register", PERSON | {"email": spelling, "password": "un-altra-frase-lunga"})

    unknown_answer = api("post", "auth/register", PERSON)

    customer.refresh_from_db()
    assert known_answer == unknown_answer == (202, None)
    assert (mails_to(customer.email), mails_to(EMAIL)) == (["already_registered"], ["verify_email"])
    assert (customer.first_name, customer.check_password(PASSWORD)) == ("Giulia", True)


def test_registering_hashes_once_whether_the_address_is_known_or_not(customer: Any, hashes: Any):
    register(customer.email)
    known_count = hashes.count

    register()

    assert (known_count, hashes.count - known_count) == (1, 1)


@pytest.mark.parametrize("who", ["waiting", "verified", "disabled", "unknown"])
def test_resending_answers_the_same_and_mails_only_who_waits(who: str, client: Client, api: Any):
    register("waiting@esempio.example")
    make_customer("verified@esempio.example")
    make_customer("disabled@esempio.example", email_verified_at=None, is_active=False)
    Mail.objects.all().delete()
    email = f"{who}@esempio.example"

    page = client.post("/account/verifica/", {"email": email})
    answer = api("post", "auth/resend-verification", {"email": email})

    elsewhere = client.post("/account/verifica/", {"email": "nobody@esempio.example"})
    links.send_due()
    assert answer == (202, None)
    assert (page.status_code, normalize_page(page, email)) == (200, normalize_page(elsewhere, "nobody@esempio.example"))
    assert mails_to(email) == (["verify_email"] * 2 if who == "waiting" else [])


def test_page_claims_no_mail_that_may_not_have_been_written(client: Client):
    welcome_page = client.post("/account/registrati/", {**PERSON, "terms": "on"}).content.decode()
    other_page = client.post("/account/verifica/", {"email": "nobody@esempio.example"}).content.decode()

    assert f"Stiamo scrivendo a {EMAIL}." in welcome_page
    assert "Se nobody@esempio.example è in attesa di conferma, un nuovo collegamento è in arrivo." in other_page
    assert [mails_to(email) for email in (EMAIL, "nobody@esempio.example")] == [["verify_email"], []]


PASSWORDS = [
    ("corta-123", "en", "This password is too short. It must contain at least 10 characters."),
    ("x" * 9, "en", "This password is too short. It must contain at least 10 characters."),
    ("password1234", "it", "Questa password è troppo comune."),
    ("QWERTYUIOP", "en", "This password is too common."),
    ("nora@esempio.example", "it", "La password è troppo simile a e-mail."),
    ("noranuovaa", "en", "The password is too similar to the last name."),
    ("é" * 129, "it", "Questa password è troppo lunga: il limite è di 128 caratteri."),
    ("é" * 129, "en", "This password is too long: the limit is 128 characters."),
]


@pytest.mark.parametrize(("password", "language", "message"), PASSWORDS)
def test_weak_password_is_refused_in_the_persons_language_and_opens_nothing(
    password: str, language: str, message: str, client: Client, api: Any
):
    values = PERSON | {"password": password, "last_name": "Nuovaa"}

    page = client.post("/account/registrati/", {**values, "terms": "on"}, headers={"Accept-Language": language})
    status, body = api("post", "auth/register", values, language=language)

    assert page.context["form"].errors == {"password": [message]}
    assert (status, body["code"], User.objects.count()) == (400, "weak_password", 0)
    assert body["errors"] == [{"field": "password", "code": "weak_password", "message": message}]


@pytest.mark.parametrize(
    "password", ["x7-Kd0!qzP", "solo minuscole", "4815162342108", "パスワードはとても長い", "é" * 128]
)
def test_ten_characters_are_enough_whatever_they_are(password: str, api: Any):
    status, _body = api("post", "auth/register", PERSON | {"password": password})

    assert (status, User.objects.get().check_password(password)) == (202, True)


def test_page_asks_for_the_terms(client: Client):
    page = client.post("/account/registrati/", PERSON)

    assert list(page.context["form"].errors) == ["terms"]
    assert User.objects.count() == 0


@pytest.mark.parametrize("door", ["page", "api"])
def test_rights_cannot_be_asked_for(door: str, client: Client, api: Any):
    wish = {"role": "super_admin", "is_staff": True, "is_superuser": True, "is_active": False, "pk": 7, "id": 7}
    wish |= {"email_verified_at": "2026-01-01T00:00:00Z", "terms": "on", **PERSON}

    if door == "page":
        client.post("/account/registrati/", wish)
    else:
        api("post", "auth/register", wish)

    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser, user.is_active) == ("customer", False, False, True)
    assert (user.email_verified_at, user.pk == 7) == (None, False)


@pytest.mark.parametrize(
    ("language", "subject"), [("it", "Conferma il tuo indirizzo e-mail"), ("en", "Confirm your e-mail address")]
)
def test_mail_comes_in_the_language_of_the_page(language: str, subject: str, client: Client):
    client.post("/account/registrati/", {**PERSON, "terms": "on"}, headers={"Accept-Language": language})

    assert (User.objects.get().language, Mail.objects.get().subject) == (language, subject)


@pytest.mark.parametrize("email", ["", "nora", "nora@", "nora@esempio", "nora@esempio.example\nBcc: altri@x.example"])
def test_what_is_no_address_is_refused_at_both_doors(email: str, client: Client, api: Any):
    page = client.post("/account/registrati/", {**PERSON, "terms": "on", "email": email})

    status, body = api("post", "auth/register", PERSON | {"email": email})

    assert (list(page.context["form"].errors), status) == (["email"], 400)
    assert [error["field"] for error in body["errors"]] == ["email"]
    assert (User.objects.count(), Mail.objects.count()) == (0, 0)


def test_fifth_mail_in_a_row_to_an_address_is_refused_known_or_not(api: Any, customer: Any):
    for email in (customer.email, EMAIL):
        answers = [api("post", "auth/resend-verification", {"email": email})[0] for _try in range(5)]

        assert answers == [202, 202, 202, 202, 429]


def test_page_says_when_too_many_mails_were_asked_for(client: Client):
    for _try in range(4):
        client.post("/account/verifica/", {"email": EMAIL})

    page = client.post("/account/verifica/", {"email": EMAIL})

    assert page.context["form"].non_field_errors() == [
        "Troppe richieste in poco tempo. Aspettate un momento e riprovate."
    ]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_address_registered_five_times_at_once_is_one_account():
    def work(_number: int) -> None:
        try:
            register()
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, range(5)))

    assert User.objects.count() == 1
    assert sorted(mails_to(EMAIL)) == ["already_registered"] * 4 + ["verify_email"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_link_clicked_five_times_at_once_counts_once(mailed_link: Callable[[str], str]):
    register()
    token = mailed_link(EMAIL).split("/")[-2]

    def work(_number: int) -> bool:
        try:
            services.verify_email(token=token, now=timezone.now())
        except links.LinkExpiredError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(work, range(5))) == [False] * 4 + [True]

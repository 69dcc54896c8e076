"""Signing in on the pages: one answer to every wrong try, a limit that no detour avoids, a session that ends."""

from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.accounts.conftest import normalize_page
from tests.authenticator import code_of, set_up_app
from tests.factories import PASSWORD, make_customer, sign_in

pytestmark = pytest.mark.django_db

WRONG = "non-la-mia-password"
TOO_MANY = "Troppe richieste in poco tempo. Aspettate un momento e riprovate."
NOT_RIGHT = "L’indirizzo e-mail o la password non sono corretti."


def log_in(client: Client, email: str, password: str = PASSWORD, **options: Any) -> HttpResponse:
    return client.post("/account/accedi/", {"email": email, "password": password}, **options)


def is_signed_in(client: Client) -> bool:
    return client.get("/area/").status_code == 200


def refusals(page: Any) -> list[str]:
    return list(page.context["form"].non_field_errors())


@pytest.mark.parametrize("email", ["giulia@brandolini.example", "  GIULIA@Brandolini.Example "])
def test_customer_enters_with_address_and_password(email: str, client: Client, customer: Any):
    response = log_in(client, email)

    customer.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, "/area/")
    assert is_signed_in(client)
    assert customer.last_login is not None


def test_session_gets_another_key_at_login(client: Client, customer: Any):
    session = client.session
    session["cart"] = "kept"
    session.save()
    before = str(session.session_key)

    log_in(client, customer.email)

    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert client.session.session_key != before
    assert client.session["cart"] == "kept"
    assert not is_signed_in(thief)
    assert not Session.objects.filter(session_key=before).exists()


def test_session_of_somebody_else_is_emptied_at_login(client: Client, customer: Any, stranger: Any):
    sign_in(client, stranger)
    session = client.session
    session["theirs"] = "secret"
    session.save()
    client.post("/account/esci/")

    log_in(client, customer.email)

    assert "theirs" not in client.session


def test_logging_out_ends_the_session_for_whoever_holds_it(client: Client, customer: Any):
    log_in(client, customer.email)
    copy = Client()
    copy.cookies[settings.SESSION_COOKIE_NAME] = client.cookies[settings.SESSION_COOKIE_NAME].value
    was_signed_in = is_signed_in(copy)

    response = client.post("/account/esci/")

    assert (was_signed_in, response["Location"]) == (True, "/")
    assert not is_signed_in(client)
    assert not is_signed_in(copy)


def test_link_from_elsewhere_cannot_log_somebody_out(customer_client: Client):
    answer = customer_client.get("/account/esci/")

    assert (answer.status_code, is_signed_in(customer_client)) == (405, True)


@pytest.mark.parametrize("path", ["/account/accedi/", "/account/registrati/", "/account/verifica/", "/account/esci/"])
def test_forms_without_our_token_are_refused(path: str, customer: Any):
    client = Client(enforce_csrf_checks=True)

    answer = client.post(path, {"email": customer.email, "password": PASSWORD})

    assert (answer.status_code, is_signed_in(client)) == (403, False)


def test_cookie_of_the_session_is_kept_from_scripts_and_other_sites(client: Client, customer: Any):
    with time_machine.travel(timezone.now(), tick=False):
        log_in(client, customer.email)

    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 30 * 24 * 3600)


@pytest.mark.parametrize("who", ["unknown", "known", "waiting", "disabled"])
def test_wrong_try_has_one_answer_whoever_it_is_about(who: str, client: Client, api: Any):
    make_customer("known@esempio.example")
    make_customer("waiting@esempio.example", email_verified_at=None)
    make_customer("disabled@esempio.example", is_active=False)
    email = f"{who}@esempio.example"

    page = log_in(client, email, WRONG)
    answer = api("post", "auth/login", {"email": email, "password": WRONG})

    other = log_in(client, "nobody@esempio.example", WRONG)
    assert refusals(page) == [NOT_RIGHT]
    assert normalize_page(page, email) == normalize_page(other, "nobody@esempio.example")
    assert answer == api("post", "auth/login", {"email": "nobody@esempio.example", "password": WRONG})
    assert (answer[0], answer[1]["code"]) == (401, "bad_credentials")


@pytest.mark.parametrize("email", ["giulia@brandolini.example", "nobody@esempio.example", "off@esempio.example"])
def test_wrong_try_hashes_once_whoever_it_is_about(email: str, client: Client, customer: Any, hashes: Any):
    make_customer("off@esempio.example", is_active=False)
    hashes.count = 0

    log_in(client, email, WRONG)

    assert hashes.count == 1


def test_disabled_customer_is_refused_with_the_right_password(client: Client, api: Any, customer: Any):
    User.objects.filter(pk=customer.pk).update(is_active=False)

    page = log_in(client, customer.email)
    status, body = api("post", "auth/login", {"email": customer.email, "password": PASSWORD})

    assert refusals(page) == [NOT_RIGHT]
    assert (status, body["code"], is_signed_in(client)) == (401, "bad_credentials", False)


def test_customer_disabled_while_signed_in_is_out_at_the_next_request(customer: Any, customer_client: Client):
    before = is_signed_in(customer_client)

    User.objects.filter(pk=customer.pk).update(is_active=False)

    after = customer_client.get("/area/")
    assert (before, after.status_code, after["Location"]) == (True, 302, "/account/accedi/?next=/area/")


def test_one_address_may_not_try_many_accounts(client: Client, customer: Any):
    for number in range(20):
        log_in(client, f"guess{number}@esempio.example", WRONG)

    page = log_in(client, customer.email)

    assert refusals(page) == [TOO_MANY]


def test_forged_forwarding_header_buys_no_tries(client: Client, customer: Any):
    for number in range(20):
        forged = {"X-Forwarded-For": f"192.0.2.{number}"}
        log_in(client, f"guess{number}@esempio.example", WRONG, headers=forged)

    page = log_in(client, customer.email, headers={"X-Forwarded-For": "192.0.2.99"})

    assert refusals(page) == [TOO_MANY]


def test_tries_are_counted_while_redis_is_away(client: Client, customer: Any, redis_away: None):
    first = log_in(client, customer.email, WRONG)
    for number in range(19):
        log_in(client, f"guess{number}@esempio.example", WRONG)

    page = log_in(client, customer.email)

    assert (refusals(first), refusals(page)) == ([NOT_RIGHT], [TOO_MANY])


def test_login_works_while_redis_is_away(client: Client, customer: Any, redis_away: None):
    response = log_in(client, customer.email)

    assert (response.status_code, is_signed_in(client)) == (302, True)


@pytest.mark.parametrize(
    ("target", "landing"),
    [
        ("/carrello/", "/carrello/"),
        ("/area/ordini/?page=2", "/area/ordini/?page=2"),
        ("http://testserver/carrello/", "/area/"),  # paths only
        ("è", "/area/"),
        ("config:show_home", "/area/"),
        ("", "/area/"),
        ("https://evil.example/", "/area/"),
        ("//evil.example/", "/area/"),
        ("/\\evil.example/", "/area/"),
        ("///evil.example", "/area/"),
        ("http:///evil.example", "/area/"),
        ("javascript:alert(1)", "/area/"),
        ("https://testserver@evil.example/", "/area/"),
        ("\x08//evil.example", "/area/"),
    ],
)
def test_login_leads_on_to_our_own_pages_only(target: str, landing: str, client: Client, customer: Any):
    response = client.post("/account/accedi/", {"email": customer.email, "password": PASSWORD, "next": target})

    repeat = client.get("/account/accedi/", {"next": target})

    assert (response["Location"], repeat["Location"]) == (landing, landing)


def test_page_for_customers_leads_over_the_login_and_back(client: Client, customer: Any):
    redirect = client.get("/area/ordini/")

    response = client.post(redirect["Location"], {"email": customer.email, "password": PASSWORD})

    assert (redirect["Location"], response["Location"]) == ("/account/accedi/?next=/area/ordini/", "/area/ordini/")


@pytest.mark.parametrize(("spoken", "chosen", "cookie"), [("en", None, "en"), ("en", "it", None)])
def test_login_brings_the_persons_language_unless_one_was_chosen(
    spoken: str, chosen: str | None, cookie: str | None, client: Client
):
    make_customer("anne@esempio.example", language=spoken)
    if chosen:
        client.cookies["django_language"] = chosen

    response = log_in(client, "anne@esempio.example")

    assert (response.cookies["django_language"].value if "django_language" in response.cookies else None) == cookie


def test_what_a_customer_sees_is_kept_out_of_caches(customer_client: Client):
    page = customer_client.get("/area/")

    assert page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_back_office_has_no_sign_in_of_its_own(client: Client, staff: Any):
    for _try in range(10):
        client.post("/admin/login/?next=/admin/", {"username": staff.email, "password": PASSWORD})
    has_session = "_auth_user_id" in client.session

    set_up_app(staff)

    redirect = client.get("/admin/", follow=True)
    password = client.post(redirect.redirect_chain[-1][0], {"email": staff.email, "password": PASSWORD})
    response = client.post(password["Location"], {"code": code_of(staff)})

    assert (has_session, redirect.redirect_chain[-1][0]) == (False, "/account/accedi/?next=/admin/")
    assert (password["Location"], response["Location"]) == ("/account/codice/", "/admin/")
    assert client.get("/admin/").status_code == 200


def test_unverified_staff_cannot_enter_the_back_office(client: Client, staff: Any):
    User.objects.filter(pk=staff.pk).update(email_verified_at=None)

    client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})
    page = log_in(client, staff.email)

    assert refusals(page) == ["Confermate prima il vostro indirizzo e-mail: il collegamento è di nuovo in arrivo."]
    assert "_auth_user_id" not in client.session


def test_back_office_is_closed_to_customers(customer_client: Client):
    page = customer_client.get("/admin/accounts/user/", follow=True)

    assert (page.status_code, page.request["PATH_INFO"]) == (403, "/admin/login/")


def test_unconfirmed_address_gets_a_new_link_only_for_the_right_password(client: Client, mailed_link: Any):
    waiting = make_customer("waiting@esempio.example", email_verified_at=None)
    log_in(client, waiting.email, WRONG)
    before = waiting.mails.count()

    log_in(client, waiting.email)
    client.post(mailed_link(waiting.email))

    waiting.refresh_from_db()
    assert (before, waiting.mails.count()) == (0, 1)
    assert waiting.email_verified_at <= timezone.now()

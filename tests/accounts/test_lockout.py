"""Five tries in vain close an account to devices it does not know, and no stranger closes it to its owner's own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import links, services
from accounts.login import throttle
from accounts.login.origin import Origin
from accounts.models import EmailToken, LoginThrottle
from notifications.models import Mail
from tests.accounts.conftest import normalize_page
from tests.factories import PASSWORD, mail_link_to

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WRONG = "non-la-mia-password"
LOCKED = (
    "Troppi tentativi errati: per un po’ da qui non si può accedere. Se l’account è vostro, vi abbiamo inviato un "
    "collegamento che lo riapre."
)


def log_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/account/accedi/", {"email": email, "password": password})


def fail(client: Client, email: str, times: int = 5) -> None:
    for _try in range(times):
        log_in(client, email, WRONG)


def is_in(answer: Any) -> bool:
    return answer.status_code == 302


def refusals(page: Any) -> list[str]:
    return list(page.context["form"].non_field_errors())


@pytest.mark.parametrize(("wrong", "enters"), [(4, True), (5, False)])
def test_fifth_wrong_password_closes_the_account(wrong: int, enters: bool, client: Client, customer: Any):
    fail(client, customer.email, wrong)

    assert is_in(log_in(client, customer.email)) is enters


def test_right_password_is_refused_for_half_an_hour_and_then_enters(client: Client, customer: Any):
    with time_machine.travel(AT, tick=False) as clock:
        fail(client, customer.email)
        clock.shift(timedelta(minutes=30) - timedelta(seconds=1))
        before = log_in(client, customer.email)
        clock.shift(timedelta(seconds=1))
        after = log_in(client, customer.email)

    assert (refusals(before), is_in(after)) == ([LOCKED], True)


def test_each_lock_is_twice_as_long_up_to_a_day(customer: Any):
    now, origin, waits = AT, Origin("192.0.2.0/24"), []
    for _try in range(4):
        throttle.take_attempt(email=customer.email, origin=origin, now=now)
    for _try in range(8):
        throttle.take_attempt(email=customer.email, origin=origin, now=now)
        locked_until = LoginThrottle.objects.get().locked_until
        assert locked_until is not None
        waits.append((locked_until - now) / timedelta(hours=1))
        now = locked_until

    assert waits == [0.5, 1, 2, 4, 8, 16, 24, 24]


def test_day_without_a_try_forgets_those_before(client: Client, customer: Any):
    with time_machine.travel(AT, tick=False) as clock:
        fail(client, customer.email, 4)
        clock.shift(timedelta(days=1, seconds=1))
        fail(client, customer.email, 4)

        assert is_in(log_in(client, customer.email))


def test_success_begins_the_count_anew(client: Client, customer: Any):
    fail(client, customer.email, 4)
    log_in(client, customer.email)
    other = Client()
    fail(other, customer.email, 4)

    assert is_in(log_in(other, customer.email))
    assert LoginThrottle.objects.count() == 0


@pytest.mark.parametrize("email", ["giulia@brandolini.example", "nobody@esempio.example"])
def test_lock_looks_the_same_whether_anybody_has_the_address(email: str, client: Client, customer: Any, api: Any):
    fail(client, email)

    page = log_in(client, email)
    status, body = api("post", "auth/login", {"email": email, "password": PASSWORD})

    assert refusals(page) == [LOCKED]
    assert (status, body["code"]) == (429, "account_locked")
    other = Client()
    fail(other, "somebody@esempio.example")
    assert normalize_page(page, email) == normalize_page(
        log_in(other, "somebody@esempio.example"), "somebody@esempio.example"
    )


def test_pages_and_api_count_together_and_say_when_to_come_back(client: Client, customer: Any, api: Any):
    fail(client, customer.email, 4)
    api("post", "auth/login", {"email": customer.email, "password": WRONG})

    answer = client.post(
        "/api/v1/auth/login", {"email": customer.email, "password": PASSWORD}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (429, "account_locked")
    assert 1790 <= int(answer["Retry-After"]) <= 1801


def test_stranger_locks_nobody_out_of_a_device_they_have_used(client: Client, customer: Any):
    log_in(client, customer.email)
    client.post("/account/esci/")
    fail(Client(), customer.email)

    unknown, known = log_in(Client(), customer.email), log_in(client, customer.email)

    assert (is_in(unknown), is_in(known)) == (False, True)


def test_known_device_has_five_tries_of_its_own(client: Client, customer: Any):
    """A laptop that was stolen guesses no longer than anybody."""
    log_in(client, customer.email)
    client.post("/account/esci/")
    fail(client, customer.email)

    known, unknown = log_in(client, customer.email), log_in(Client(), customer.email)

    assert (is_in(known), is_in(unknown)) == (False, True)


def test_cookie_of_one_persons_device_spares_nobody_elses_account(client: Client, customer: Any, stranger: Any):
    log_in(client, stranger.email)
    client.post("/account/esci/")
    fail(client, customer.email)

    assert not is_in(log_in(Client(), customer.email))


def test_owner_is_mailed_a_link_that_opens_the_account(client: Client, customer: Any, mailed_link: Any):
    fail(client, customer.email, 7)

    link = mailed_link(customer.email)
    shown = client.get(link)
    before = is_in(log_in(client, customer.email))
    opened = client.post(link)
    again = client.post(link)

    assert Mail.objects.filter(kind="account_locked").count() == 1
    assert (shown.status_code, before, opened["Location"], again.status_code) == (200, False, "/account/accedi/", 400)
    assert is_in(log_in(client, customer.email))


def test_nobody_is_written_to_when_nobody_has_the_address(client: Client, customer: Any):
    fail(client, "nobody@esempio.example")

    links.send_due()

    assert Mail.objects.count() == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_guesses_at_once_are_five(customer: Any):
    def work(number: int) -> str:
        try:
            services.check_login(
                email=customer.email, password=WRONG, origin=Origin(f"192.0.{number}.0/24"), now=timezone.now()
            )
        except (services.BadCredentialsError, throttle.AccountLockedError) as error:
            return error.code
        finally:
            connection.close()
        return "in"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(work, range(20)))

    assert {code: outcomes.count(code) for code in set(outcomes)} == {"bad_credentials": 5, "account_locked": 15}


def test_table_of_tries_does_not_tell_which_addresses_were_tried(client: Client, customer: Any):
    fail(client, customer.email, 1)

    row = LoginThrottle.objects.get()
    assert len(row.key) == 64
    assert "giulia" not in str(vars(row))


@pytest.mark.parametrize("way", ["login", "reset"])
def test_mailbox_gets_ten_links_a_day_however_they_are_asked_for(way: str, customer: Any):
    customer.email_verified_at = None
    customer.save()
    with time_machine.travel(AT, tick=False) as clock:
        for _time in range(15):
            clock.shift(timedelta(minutes=5))
            if way == "reset":
                mail_link_to(customer.email, "reset")
                continue
            with pytest.raises(services.EmailNotVerifiedError):
                services.check_login(email=customer.email, password=PASSWORD, origin=Origin(), now=timezone.now())
            links.send_due()
        today = EmailToken.objects.count()
        clock.shift(timedelta(days=1))
        mail_link_to(customer.email, "reset")

    assert (today, EmailToken.objects.count()) == (10, 11)

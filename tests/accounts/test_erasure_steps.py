"""Who may delete an account and how: password, mailed link, a week to change one's mind, and the doors of staff."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone, translation

from accounts import services
from accounts.models import AccountErasure, EmailToken
from accounts.privacy import erasure
from core.models import AuditEntry
from notifications.models import Mail
from tests.accounts.life import DATA, ELIMINATE, WEEK, Life, erase, fresh
from tests.chatbot.desk import write_to_us
from tests.clock import at
from tests.factories import PASSWORD, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def test_hijacked_session_erases_nothing(customer: Any, customer_client: Client):
    """Whoever has the cookie has neither the password nor the mailbox."""
    tries = [customer_client.post(ELIMINATE, {"password": guess}).status_code for guess in ("", "indovinata-così-male")]
    guessed = customer_client.post(f"{ELIMINATE}indovinato/").status_code

    assert (tries, guessed) == ([200, 200], 400)
    assert (EmailToken.objects.count(), AccountErasure.objects.count()) == (0, 0)
    assert Mail.objects.count() == 0


def test_password_cannot_be_guessed_there(customer: Any, customer_client: Client):
    for _try in range(30):
        customer_client.post(ELIMINATE, {"password": "sbagliata-di-nuovo"})

    right = customer_client.post(ELIMINATE, {"password": PASSWORD})

    assert right.status_code == 200
    assert EmailToken.objects.count() == 0


def test_password_alone_erases_nothing_and_the_owner_is_told(customer: Any, customer_client: Client):
    customer_client.post(ELIMINATE, {"password": PASSWORD})

    with at(timezone.now() + timedelta(days=30)):
        erasure.carry_out_due()

    assert Mail.objects.get().kind == "erasure_link"
    assert fresh(customer).erased_at is None


def test_link_is_for_its_own_account_and_once_and_for_an_hour(
    customer: Any, customer_client: Client, stranger: Any, mailed_link: Callable[[str], str]
):
    customer_client.post(ELIMINATE, {"password": PASSWORD})
    link = mailed_link(customer.email)
    other = Client()
    sign_in(other, stranger)

    statuses = [Client().post(link).status_code, other.post(link).status_code]
    EmailToken.objects.update(expires_at=timezone.now())
    expired = customer_client.post(link).status_code
    EmailToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    used = [customer_client.post(link).status_code for _time in range(2)]

    assert (statuses, expired, used) == ([302, 400], 400, [302, 400])
    assert AccountErasure.objects.get().user == customer


def test_new_password_ends_a_link_that_was_mailed(
    customer: Any, customer_client: Client, mailed_link: Callable[[str], str]
):
    customer_client.post(ELIMINATE, {"password": PASSWORD})
    link = mailed_link(customer.email)
    services.end_everything(user=customer, reason="password", now=timezone.now())
    sign_in(customer_client, customer)

    assert customer_client.post(link).status_code == 400


def test_forms_need_their_token(customer: Any):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, customer)
    paths = (ELIMINATE, f"{ELIMINATE}x/", "/area/dati/copia/", "/area/dati/conserva/")

    assert [client.post(path, {"password": PASSWORD}).status_code for path in paths] == [403] * 4


def test_signing_in_shows_how_to_keep_it_and_one_click_does(scheduled_erasure: AccountErasure, customer: Any):
    client = Client()
    login = client.post("/account/accedi/", {"email": customer.email, "password": PASSWORD})
    page = client.get(login["Location"])
    cancellation = client.post("/area/dati/conserva/")

    scheduled_erasure.refresh_from_db()
    assert (login["Location"], cancellation.status_code) == (DATA, 302)
    assert "/area/dati/conserva/" in page.content.decode()
    with at(scheduled_erasure.due_at + WEEK):
        assert (scheduled_erasure.state, erasure.carry_out_due()) == ("cancelled", 0)
    assert fresh(customer).email == customer.email
    assert Mail.objects.filter(kind="security_notice", to_email=customer.email).count() == 1


def test_mail_says_until_when_and_how(scheduled_erasure: AccountErasure, customer: Any):
    mail = Mail.objects.get(kind="erasure_scheduled")

    assert DATA in mail.text
    assert timezone.localtime(scheduled_erasure.due_at).strftime("%Y") in mail.subject


def test_nothing_to_cancel_is_no_error_for_people_and_one_for_programs(customer_client: Client):
    page = customer_client.post("/area/dati/conserva/")
    answer = customer_client.delete("/api/v1/me/erasure")

    assert (page.status_code, answer.status_code, answer.json()["code"]) == (302, 409, "no_erasure")


def test_cancelled_one_can_be_asked_for_again(
    scheduled_erasure: AccountErasure, customer: Any, customer_client: Client, mailed_link: Callable[[str], str]
):
    erasure.cancel_erasure(user=customer, now=timezone.now())
    customer_client.post(ELIMINATE, {"password": PASSWORD})
    customer_client.post(mailed_link(customer.email))

    assert sorted(AccountErasure.objects.values_list("state", flat=True)) == ["cancelled", "pending"]


def test_api_shows_asks_confirms_and_calls_off(
    customer: Any, customer_client: Client, mailed_link: Callable[[str], str]
):
    path = "/api/v1/me/erasure"

    def post(where: str, **body: str) -> Any:
        return customer_client.post(where, body, content_type="application/json")

    before = customer_client.get(path).json()
    wrong = post(path, password="sbagliata-e-basta")
    request = post(path, password=PASSWORD)
    token = mailed_link(customer.email).rstrip("/").rpartition("/")[2]
    answer = post(f"{path}/confirm", token=token)
    waiting = customer_client.get(path).json()
    cancellation = customer_client.delete(path)

    assert (before["due_at"], before["blockers"]) == (None, [])
    assert {line["outcome"] for line in before["lines"]} == {"anonymised", "erased"}
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "password_wrong")
    assert (request.status_code, answer.status_code, answer.json()["due_at"]) == (202, 200, waiting["due_at"])
    assert waiting["due_at"] is not None
    assert (cancellation.status_code, AccountErasure.objects.get().state) == (204, "cancelled")


def button(user: Any) -> str:
    return f"/admin/accounts/user/{user.pk}/erase_account/"


def test_staff_see_what_it_would_do_and_do_it_by_typing_the_address(life: Life, staff: Any, staff_client: Client):
    page = staff_client.get(button(life.user), headers={"Accept-Language": "en"}).content.decode()
    wrong = staff_client.post(button(life.user), {"email": "altro@esempio.example"})
    erased_before = fresh(life.user).erased_at
    response = staff_client.post(button(life.user), {"email": life.user.email.upper()})

    entry = AuditEntry.objects.get(action="user.erased")
    assert "Invoices and credit notes (1)" in page
    assert (wrong.status_code, erased_before, response.status_code) == (200, None, 302)
    assert fresh(life.user).erased_at is not None
    assert (entry.actor, entry.target, entry.detail) == (staff, f"accounts.user:{life.user.pk}", {})


def test_staff_cannot_erase_what_is_blocked(customer: Any, staff_client: Client):
    write_to_us(customer)

    page = staff_client.post(button(customer), {"email": customer.email}, headers={"Accept-Language": "en"})

    assert "is open. Mark it as solved first" in page.content.decode()
    assert fresh(customer).erased_at is None


def test_button_is_for_staff_and_never_about_staff(
    customer: Any, customer_client: Client, staff: Any, staff_client: Client
):
    own = customer_client.post(button(customer), {"email": customer.email})
    page = staff_client.get(f"/admin/accounts/user/{staff.pk}/change/").content.decode()

    assert (own.status_code, fresh(customer).erased_at) == (302, None)
    assert "erase_account" not in page


def test_erased_account_is_to_be_looked_at_only(customer: Any, staff_client: Client):
    erase(customer)
    page = f"/admin/accounts/user/{customer.pk}/change/"

    looked = staff_client.get(page)
    changed = staff_client.post(page, {"first_name": "Giulia", "is_active": "on"})

    assert (looked.status_code, changed.status_code) == (200, 403)
    assert "erase_account" not in looked.content.decode()


def test_command_says_the_same_and_does_it_without_dry_run(life: Life):
    dry_run, output = StringIO(), StringIO()

    with translation.override("en"):
        call_command("erase_account", life.user.email, "--dry-run", stdout=dry_run)
        erased_before = fresh(life.user).erased_at
        call_command("erase_account", life.user.email, stdout=output)

    assert erased_before is None
    assert "kept            1  Invoices and credit notes: With what was sent" in dry_run.getvalue()
    assert output.getvalue() == dry_run.getvalue() + "erased\n"
    assert fresh(life.user).erased_at is not None


def test_command_refuses_what_is_blocked_and_who_is_unknown(customer: Any):
    write_to_us(customer)
    stderr = StringIO()

    with translation.override("en"), pytest.raises(CommandError, match="cannot be erased yet"):
        call_command("erase_account", customer.email, stdout=StringIO(), stderr=stderr)
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_account", "nessuno@esempio.example")

    assert stderr.getvalue().startswith("first: Request TKT-")

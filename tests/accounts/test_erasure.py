"""What deleting an account does: whole or not at all, nothing left but what the law wants, and what stops it."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone, translation

from accounts import services
from accounts.login import sessions
from accounts.login.origin import Origin
from accounts.models import AccountErasure, BillingProfile, DataExport, EmailToken, User
from accounts.privacy import erasure, exports
from billing.models import Order, StripeCustomer
from billing.payments import services as payments
from chatbot.models import Conversation, Message, ModelCall, Ticket, TicketAttachment, TicketMessage
from core import audit
from core.models import AuditEntry
from core.queue import LostClaimError, SomeFailedError
from invoicing.models import Invoice
from notifications import services as mails
from notifications.models import Mail
from tests.accounts.life import ELIMINATE, FISCAL, SECRETS, WEEK, Life, erase, fresh, traces
from tests.chatbot.desk import write_to_us
from tests.clock import at
from tests.conftest import Control
from tests.factories import PASSWORD, make_api_session, make_customer, make_order, sign_in
from tests.invoicing.flow import issue
from tests.queues import claim_row
from tests.stripe_browser import deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def test_page_shows_first_what_would_happen_and_changes_nothing(life: Life):
    client = Client()
    sign_in(client, life.user)

    with translation.override("en"):
        page = client.get(ELIMINATE, headers={"Accept-Language": "en"}).content.decode()

    assert "Invoices and credit notes" in page
    assert "art. 2220" in page
    assert "art. 39 DPR 633/1972" in page
    assert fresh(life.user).email == life.user.email
    assert (AccountErasure.objects.count(), EmailToken.objects.filter(purpose="erase").count()) == (0, 0)


def test_password_link_and_a_week_and_then_it_is_done(
    life: Life, mailed_link: Callable[[str], str], django_capture_on_commit_callbacks: Any
):
    client = Client()
    sign_in(client, life.user)
    client.post(ELIMINATE, {"password": PASSWORD})
    link = mailed_link(life.user.email)
    opened = client.get(link)
    still_nothing = AccountErasure.objects.count()
    client.post(link)
    waiting = AccountErasure.objects.get()

    early = carry_out_at(waiting.due_at - timedelta(seconds=1))
    done = carry_out_at(waiting.due_at)

    assert (opened.status_code, still_nothing) == (200, 0)
    assert waiting.due_at - waiting.confirmed_at == WEEK
    assert (early, done) == (0, 1)
    assert AccountErasure.objects.get().state == "done"
    assert fresh(life.user).erased_at == waiting.due_at


def test_nothing_is_left_but_what_the_law_wants(life: Life, stripe_stand_in: Control):
    before = traces(*SECRETS, FISCAL)
    erase(life.user)
    mails.forget_sent(now=timezone.now())
    waiting = traces(life.user.email)
    Mail.objects.filter(kind="account_erased").update(state="done", next_try_at=None)
    mails.forget_sent(now=timezone.now())

    after = traces(*SECRETS, FISCAL)

    assert all(before[word] for word in SECRETS)
    assert waiting == {life.user.email: {"notifications_mail"}}
    assert {word: after[word] for word in SECRETS} == {word: set() for word in SECRETS}
    assert after[FISCAL] == {"billing_order", "invoicing_document", "invoicing_invoice", "invoicing_invoicefile"}
    cancelled = Order.objects.get(pk=life.cancelled.pk)
    assert (cancelled.company_name, cancelled.vat_number, cancelled.street) == ("", "", "")


def test_stripe_is_told_to_forget_and_what_it_then_says_is_not_kept(life: Life, stripe_stand_in: Control):
    customer_id = StripeCustomer.objects.get().stripe_customer_id
    erase(life.user)
    Mail.objects.all().delete()

    count = payments.delete_at_stripe(now=timezone.now())
    deliver(stripe_stand_in)
    payments.process_due_events()

    assert (count, StripeCustomer.objects.count()) == (1, 0)
    assert traces(life.user.email, "Ferrante") == {life.user.email: set(), "Ferrante": set()}
    assert customer_id.startswith("cus_")
    assert payments.delete_at_stripe(now=timezone.now()) == 0


def test_stripe_away_means_later(life: Life, stripe_stand_in: Control):
    erase(life.user)
    stripe_stand_in.fault(status=500, times=1)

    with pytest.raises(SomeFailedError, match="1 failed, 0 done"):
        payments.delete_at_stripe(now=timezone.now())
    still_there = StripeCustomer.objects.count()

    assert (still_there, payments.delete_at_stripe(now=timezone.now()), StripeCustomer.objects.count()) == (1, 1, 0)


def test_customer_whom_stripe_has_lost_already_is_done(life: Life, stripe_stand_in: Control):
    erase(life.user)
    StripeCustomer.objects.update(stripe_customer_id="cus_nobody")

    assert payments.delete_at_stripe(now=timezone.now()) == 1


def test_chain_and_archive_still_fit(life: Life):
    audit.seal()
    erase(life.user)
    audit.seal()

    output = StringIO()
    call_command("audit_verify", stdout=output)
    call_command("verify_archive", stdout=output)

    assert output.getvalue().startswith("OK: ")
    assert list(audit.broken_entries()) == []


def test_invoices_stay_frozen_and_are_there_for_staff_alone(life: Life, staff_client: Client):
    xml = bytes(life.invoice.current_file().xml.content)
    client = Client()
    sign_in(client, life.user)
    own = client.get(life.invoice.get_absolute_url()).status_code

    erase(life.user)

    invoice = Invoice.objects.get(pk=life.invoice.pk)
    page = staff_client.get(f"/admin/invoicing/invoice/{invoice.pk}/change/")
    assert (own, client.get(invoice.get_absolute_url()).status_code) == (200, 302)
    assert (invoice.customer, invoice.company_name) == (None, "Officine Brandolini S.r.l.")
    assert bytes(invoice.current_file().xml.content) == xml
    assert (page.status_code, invoice.number in page.content.decode()) == (200, True)


def test_statistics_keep_numbers_without_people(life: Life):
    erase(life.user)

    ticket = Ticket.objects.get(pk=life.ticket.pk)
    assert (ticket.status, ticket.subject, ticket.transcript, ticket.customer) == ("closed", "", "", None)
    assert ticket.number == life.ticket.number
    assert (TicketMessage.objects.count(), TicketAttachment.objects.count()) == (0, 0)
    assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)
    assert [(call.caller, call.question, call.cost > 0) for call in ModelCall.objects.all()] == [("", None, True)]


def test_signing_in_is_over_everywhere_and_the_address_is_free_again(life: Life, settings: Any):
    browser = Client()
    sign_in(browser, life.user)
    pair = make_api_session(life.user)
    email = life.user.email

    erase(life.user)

    page = browser.get("/area/")
    token = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {pair.access}"})
    login = Client().post("/account/accedi/", {"email": email, "password": PASSWORD})
    assert (page.status_code, token.status_code, login.status_code) == (302, 401, 200)
    assert Session.objects.filter(session_key=browser.cookies[settings.SESSION_COOKIE_NAME].value).count() == 0
    with pytest.raises(sessions.SessionRevokedError):
        sessions.refresh_api_session(refresh=pair.refresh, origin=Origin(), now=timezone.now())
    services.register(email=email, password=PASSWORD, first_name="G", last_name="F", language="it", now=timezone.now())
    assert User.objects.find(email).pk != life.user.pk
    assert User.objects.find(email).email_verified_at is None


def test_other_peoples_sessions_and_rows_stay(life: Life, stranger: Any):
    other = Client()
    sign_in(other, stranger)
    ticket = write_to_us(stranger, "Un altro.")

    erase(life.user)

    assert other.get("/area/").status_code == 200
    assert Ticket.objects.get(pk=ticket.pk).subject == "Un altro."
    assert Mail.objects.filter(to_email=stranger.email).exists()


def test_last_mail_goes_to_the_old_address_and_names_what_is_kept(life: Life):
    User.objects.filter(pk=life.user.pk).update(language="en")
    erase(fresh(life.user))

    mail = Mail.objects.get(kind="account_erased")
    assert (mail.to_email, mail.to_name, mail.user) == ("giulia@brandolini.example", "Giulia Ferrante", None)
    assert Mail.objects.filter(to_email=mail.to_email).count() == 1
    assert "Invoices and credit notes (1). With what was sent to SDI" in mail.text
    assert "art. 2220" in mail.html


def test_last_mail_that_cannot_be_sent_waits_a_week_for_a_person(life: Life):
    erase(life.user)
    Mail.objects.filter(kind="account_erased").update(state="failed", next_try_at=None)
    now = timezone.now()

    early, late = mails.forget_sent(now=now + timedelta(days=6)), mails.forget_sent(now=now + timedelta(days=8))

    assert (early, late, Mail.objects.filter(kind="account_erased").count()) == (0, 1, 0)


def test_files_of_copies_go_with_the_account(customer: Any, django_capture_on_commit_callbacks: Any):
    exports.request_export(user=customer, now=timezone.now())
    exports.build_due()
    path = DataExport.objects.get().path
    was_there = path.exists()

    with django_capture_on_commit_callbacks(execute=True):
        erase(customer)

    assert (was_there, path.exists(), DataExport.objects.count()) == (True, False, 0)


def test_file_that_a_crash_left_is_found_by_the_sweep(customer: Any):
    exports.request_export(user=customer, now=timezone.now())
    exports.build_due()
    path = DataExport.objects.get().path
    erase(customer)  # and nothing after the commit ran
    os.utime(path, (0, 0))

    assert (path.exists(), exports.clear_expired(now=timezone.now()), path.exists()) == (True, 1, False)


def test_second_run_does_nothing(life: Life):
    erase(life.user)
    state = list(User.objects.values()), AuditEntry.objects.count(), Mail.objects.count()

    again = erasure.erase_account(user=fresh(life.user), now=timezone.now())

    assert not again
    assert (list(User.objects.values()), AuditEntry.objects.count(), Mail.objects.count()) == state


def test_crash_in_the_middle_leaves_everything_and_the_next_run_ends_it(life: Life):
    AccountErasure.objects.create(user=life.user, confirmed_at=timezone.now() - WEEK, due_at=timezone.now())
    with connection.cursor() as cursor:  # the last table to be touched refuses
        cursor.execute("ALTER TABLE accounts_user ADD CONSTRAINT crash CHECK (erased_at IS NULL) NOT VALID")
    erasure.carry_out_due()
    failed = AccountErasure.objects.get()
    untouched = (fresh(life.user).email, Conversation.objects.count(), BillingProfile.objects.count())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user DROP CONSTRAINT crash")

    done = carry_out_at(failed.next_try_at)

    assert (failed.state, failed.attempts, untouched) == ("pending", 1, ("giulia@brandolini.example", 1, 1))
    assert (done, AccountErasure.objects.get().state) == (1, "done")
    assert traces("mirtillo") == {"mirtillo": set()}


def test_trigger_refuses_a_change_of_the_invoice_as_ever(life: Life):
    erase(life.user)

    with pytest.raises(DatabaseError):
        Invoice.objects.filter(pk=life.invoice.pk).update(company_name="")


def make_unpaid_order(user: Any) -> None:
    make_order(user)


def make_order_in_work(user: Any) -> None:
    make_order(user).move_to(Order.Status.PAID, actor=None, now=timezone.now())


def make_open_ticket(user: Any) -> None:
    write_to_us(user)


def make_invoice_on_its_way(user: Any) -> None:
    issue(user)


def make_rejected_invoice(user: Any) -> None:
    invoice = issue(user)
    Invoice.objects.filter(pk=invoice.pk).update(state="rejected", rejected_at=timezone.now())


OBSTACLES = [
    (make_unpaid_order, "awaits payment. Pay or cancel it first."),
    (make_order_in_work, "is paid and not completed."),
    (make_open_ticket, "is open. Mark it as solved first"),
    (make_invoice_on_its_way, "has not reached its end at SDI yet."),
    (make_rejected_invoice, "has not reached its end at SDI yet."),
]
each_obstacle = pytest.mark.parametrize(("make", "words"), OBSTACLES, ids=[make.__name__ for make, _words in OBSTACLES])


@each_obstacle
def test_what_is_open_stops_it_and_says_what_to_do(make: Any, words: str, customer: Any, customer_client: Client):
    make(customer)

    page = customer_client.get(ELIMINATE, headers={"Accept-Language": "en"}).content.decode()
    response = customer_client.post(
        "/api/v1/me/erasure", {"password": PASSWORD}, content_type="application/json", headers={"Accept-Language": "en"}
    )

    assert words in page
    assert 'name="password"' not in page
    assert (response.status_code, response.json()["code"]) == (409, "erasure_blocked")
    assert words in response.json()["title"]
    assert EmailToken.objects.count() == 0
    with pytest.raises(erasure.ErasureBlockedError):
        erasure.erase_account(user=customer, now=timezone.now())


def test_rejected_invoice_that_nobody_can_correct_any_more_is_no_obstacle(customer: Any):
    make_rejected_invoice(customer)

    assert erasure.plan_for(user=customer, now=timezone.now() + timedelta(days=6)).blockers == []


def test_staff_do_not_disappear_by_their_own_click(staff: Any, staff_client: Client):
    page = staff_client.get(ELIMINATE, headers={"Accept-Language": "en"}).content.decode()

    assert "This account belongs to our staff" in page
    with pytest.raises(erasure.ErasureBlockedError):
        erasure.erase_account(user=staff, now=timezone.now())


def test_what_was_opened_in_the_week_is_waited_for_and_told_once(scheduled_erasure: AccountErasure, customer: Any):
    User.objects.filter(pk=customer.pk).update(language="en")  # the worker's own language is Italian
    order = make_order(customer)
    due = scheduled_erasure.due_at
    for hours in (0, 1, 2):
        carry_out_at(due + timedelta(hours=hours))
    waiting = (fresh(customer).erased_at, AccountErasure.objects.get().attempts)
    notices = Mail.objects.filter(kind="erasure_blocked", text__contains="awaits payment. Pay or cancel it first.")
    mail_count, names_it = notices.count(), order.number in notices.get().text
    payments.cancel_order(order=order, actor=customer, now=timezone.now())

    carry_out_at(due + timedelta(hours=3))

    assert (waiting, mail_count, names_it, fresh(customer).erased_at) == ((None, 0), 1, True, due + timedelta(hours=3))


def test_account_taken_back_while_it_is_being_erased_stays(scheduled_erasure: AccountErasure, customer: Any):
    with at(scheduled_erasure.due_at):
        claimed_row = claim_row(scheduled_erasure)
    erasure.cancel_erasure(user=customer, now=timezone.now())

    with pytest.raises(LostClaimError):
        erasure._carry_out(claimed_row)

    assert (fresh(customer).erased_at, fresh(customer).email) == (None, "giulia@brandolini.example")


def test_account_erased_by_staff_meanwhile_is_done_with(scheduled_erasure: AccountErasure, customer: Any):
    with at(scheduled_erasure.due_at):
        claimed_row = claim_row(scheduled_erasure)
    erase(customer)

    erasure._carry_out(claimed_row)

    assert AccountErasure.objects.get().state == "done"


def carry_out_at(moment: datetime) -> int:
    with at(moment):
        return erasure.carry_out_due()


def test_erasing_costs_the_same_for_other_peoples_rows(customer: Any, django_assert_max_num_queries: Any):
    for number in range(3):
        write_to_us(make_customer(f"c{number}@esempio.example"), f"Domanda {number}")

    with django_assert_max_num_queries(200):
        erase(customer)

"""Acts outside the back office's own tables: each leaves an entry with what stood before, and no text of people."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import BillingProfile, User
from accounts.services import save_billing_profile
from billing.models import Order, StripeCustomer
from billing.ordering.services import advance_order
from billing.payments.services import cancel_order, delete_at_stripe
from chatbot.models import Ticket
from chatbot.tickets import services as tickets
from core.models import AuditEntry
from invoicing.models import Invoice
from tests.config.rows import MAKERS
from tests.factories import make_customer, make_order

pytestmark = pytest.mark.django_db

COMPANY = {
    "kind": "company", "company_name": "Mirtillo S.r.l.", "vat_number": "02764130353", "street": "Via Po 1",
    "postcode": "10121", "city": "Torino", "province": "TO", "country": "IT", "recipient_code": "ABC1234",
}  # fmt: skip


def kept(action: str) -> list[tuple[str, dict[str, Any]]]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("target", "detail"))


def test_billing_details_are_told_by_the_names_of_their_fields(customer: User):
    save_billing_profile(user=customer, values=COMPANY)
    save_billing_profile(user=customer, values=COMPANY)
    save_billing_profile(user=customer, values=COMPANY | {"company_name": "Lampone S.r.l."})

    (target, first), (_target, second) = kept("user.billing_saved")
    profile = BillingProfile.objects.get()
    part = {"table": "accounts.billingprofile", "key": str(profile.pk)}
    assert target == f"accounts.user:{customer.pk}"
    assert second == {"parts": [part | {"verb": "changed", "changes": {"company_name": None}}]}
    assert first["parts"][0] | {"changes": ...} == part | {"verb": "created", "changes": ...}
    assert {name for name, values in first["parts"][0]["changes"].items() if values} <= {"kind"}


def test_own_name_and_language_are_told_without_the_name(customer: User):
    customer.change(first_name="Mirtilla", language="en")
    customer.change(first_name="Mirtilla")

    assert kept("user.details_saved") == [
        (f"accounts.user:{customer.pk}", {"changes": {"first_name": None, "language": ["it", "en"]}})
    ]


def test_member_of_staff_made_on_the_server_is_an_entry():
    user = User.objects.create_superuser("elena@aish.example", "x", first_name="Elena", last_name="Dotti")

    assert kept("user.made_staff") == [
        (f"accounts.user:{user.pk}", {"changes": {"role": [None, "super_admin"]}})
    ]  # fmt: skip


def test_order_tells_from_which_state_to_which(staff: User, customer: User):
    cancelled, order = make_order(customer), make_order(customer)
    order.move_to(Order.Status.PAID, actor=None, now=timezone.now())

    cancel_order(order=cancelled, actor=staff, now=timezone.now())
    advance_order(order=order, status=Order.Status.PROCESSING, actor=staff, now=timezone.now())

    assert kept("order.cancelled") == [
        (f"billing.order:{cancelled.number}", {"changes": {"status": ["awaiting_payment", "cancelled"]}})
    ]
    assert kept("order.processing") == [
        (f"billing.order:{order.number}", {"changes": {"status": ["paid", "processing"]}})
    ]  # fmt: skip


def test_state_of_an_invoice_is_an_entry_each_time_it_moves_and_not_when_it_stays():
    invoice = MAKERS[Invoice](1)
    before = invoice.state

    moves = [invoice.advance(state, now=timezone.now()) for state in (Invoice.State.SENDING, Invoice.State.ISSUED)]

    assert moves == [True, False]
    assert kept("invoice.moved") == [
        (f"invoicing.invoice:{invoice.number}", {"changes": {"state": [before, "sending"]}})
    ]


def test_assignment_tells_who_had_the_ticket_before(staff: User):
    ticket = MAKERS[Ticket](1)
    before = ticket.assignee
    assert before

    tickets.assign(ticket=ticket, assignee=staff, actor=before, now=timezone.now())

    assert kept("ticket.assigned")[-1] == (
        f"chatbot.ticket:{ticket.number}",
        {"to": staff.pk, "changes": {"assignee": [str(before.pk), str(staff.pk)]}},
    )


def test_accounts_in_an_assignment_are_named_for_whoever_may_see_them(staff: User, staff_client: Client):
    ticket = MAKERS[Ticket](1)
    tickets.assign(ticket=ticket, assignee=staff, actor=staff, now=timezone.now())

    line = staff_client.get("/admin/core/auditentry/").context["cl"].result_list[0].line

    assert f">{staff.email}</a>" in line.what
    assert [(change.field, change.after) for change in line.changes] == [("Assegnata a", f"Account {staff.pk}")]


def test_what_stripe_deletes_is_an_entry():
    user = make_customer("giulia@esempio.example", erased_at=timezone.now())
    StripeCustomer.objects.create(user=user)

    assert delete_at_stripe(now=timezone.now()) == 1
    assert kept("user.deleted_at_stripe") == [(f"accounts.user:{user.pk}", {})]

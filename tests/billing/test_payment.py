"""From the order to the paid order: only Stripe's signed event makes the difference, and it counts once."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DataError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from djstripe.models import Event, PaymentIntent
from redis import Redis

from billing.models import Order, OrderEvent, Payment, StripeEvent
from billing.models.orders import IllegalMoveError
from billing.payments import services as payments
from billing.payments import webhooks
from core.models import AuditEntry
from invoicing.corrections import replacement_draft
from invoicing.models import Invoice
from invoicing.services import issue_invoice
from notifications.models import Mail
from tests.conftest import Control
from tests.factories import make_order
from tests.stripe_browser import DECLINED, THREE_D_SECURE, apost_event, confirm, deliver, post_event

pytestmark = pytest.mark.django_db


def work_off() -> None:
    """What the worker does with the inbox."""
    payments.process_due_events()
    payments.invoice_due()


def paid_order(customer: Any, stripe: Control) -> Order:
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe)
    work_off()
    order.refresh_from_db()
    return order


def test_signed_success_event_marks_the_order_paid(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)

    statuses = deliver(stripe_stand_in)
    work_off()

    order.refresh_from_db()
    payment = Payment.objects.get()
    assert set(statuses) == {200}
    assert (order.status, payment.status, payment.flag) == ("paid", "succeeded", "")
    assert (payment.card, payment.three_d_secure) == ("Visa ·· 4242", False)
    assert Invoice.objects.get().gross_amount == order.gross_amount


def test_confirming_alone_pays_nothing(customer: Any, customer_client: Client, stripe_stand_in: Control):
    order = make_order(customer)
    intent = payments.prepare_payment(order=order)
    confirm(intent.client_secret)

    page = customer_client.get(f"{order.get_absolute_url()}?payment_intent={intent.id}&redirect_status=succeeded")

    order.refresh_from_db()
    assert page.status_code == 200
    assert order.status == "awaiting_payment"


def test_three_d_secure_is_asked_and_noted(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    intent = confirm(payments.prepare_payment(order=order).client_secret, THREE_D_SECURE)
    deliver(stripe_stand_in)
    work_off()
    waiting = Payment.objects.get().status

    stripe_stand_in.post(f"/payment_intents/{intent['id']}/authorize", succeed=True)
    deliver(stripe_stand_in)
    work_off()

    payment = Payment.objects.get()
    assert (intent["status"], waiting) == ("requires_action", "requires_action")
    assert (payment.status, payment.three_d_secure) == ("succeeded", True)


def test_declined_card_can_be_tried_again_on_the_same_intent(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    intent = payments.prepare_payment(order=order)
    refusal = confirm(intent.client_secret, DECLINED)
    deliver(stripe_stand_in)
    work_off()
    payment = Payment.objects.get()
    declined = (payment.status, bool(payment.error))

    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    work_off()

    order.refresh_from_db()
    kinds = list(order.events.order_by("pk").values_list("kind", flat=True))
    assert refusal["error"]["code"] == "card_declined"
    assert declined == ("failed", True)
    assert (order.status, kinds) == ("paid", ["awaiting_payment", "payment_failed", "paid"])
    assert Payment.objects.get().stripe_payment_intent_id == intent.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("body", "another body than the one signed"),
        ("secret", "another secret"),
        ("old", "signed ten minutes ago"),
        ("future", "signed ten minutes ahead"),
        ("missing", "no signature"),
        ("garbage", "not a signature"),
    ],
)
def test_forged_event_is_refused_and_not_kept(change: str, reason: str, stripe_stand_in: Control):
    body = json.dumps(
        {"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded", "data": {"object": {}}}
    )
    now = int(timezone.now().timestamp())
    sign_requests: dict[str, dict[str, Any]] = {
        "body": {"payload": body + " "},
        "secret": {"payload": body, "secret": "whsec_somebodyelses"},
        "old": {"payload": body, "timestamp": now - 600},
        "future": {"payload": body, "timestamp": now + 600},
    }
    signature = (
        stripe_stand_in.post("/sign", **sign_requests[change])["signature"]
        if change in sign_requests
        else {"missing": ""}.get(change, "t=1,v1=00")
    )

    status = post_event(body, signature)

    assert status == 400, reason
    assert StripeEvent.objects.count() == 0


def test_oversized_event_is_refused_before_it_is_read(stripe_stand_in: Control):
    body = json.dumps({"id": "evt_big", "type": "x", "data": "a" * 300_000})

    status = post_event(body, stripe_stand_in.post("/sign", payload=body)["signature"])

    assert status == 413
    assert StripeEvent.objects.count() == 0


def test_events_of_one_moment_wake_the_worker_once(stripe_stand_in: Control, monkeypatch: pytest.MonkeyPatch):
    bodies = [json.dumps({"id": f"evt_{number}", "type": "x", "data": {"object": {}}}) for number in range(3)]
    signatures = [stripe_stand_in.post("/sign", payload=body)["signature"] for body in bodies]
    broker = Redis.from_url(settings.CELERY_BROKER_URL)
    broker.delete("default")
    monkeypatch.setattr(webhooks, "TOGETHER_S", 1.0)

    async def post_all_and_wait_for_a_message() -> list[int]:
        statuses = [await apost_event(body, signature) for body, signature in zip(bodies, signatures, strict=True)]
        # takes the message as a worker would, and puts it back
        _queue, message = await asyncio.to_thread(broker.blpop, ["default"], timeout=20)
        broker.lpush("default", message)
        return statuses

    statuses = async_to_sync(post_all_and_wait_for_a_message)()

    messages = [json.loads(message) for message in broker.lrange("default", 0, -1)]
    assert statuses == [200, 200, 200]
    assert [message["headers"]["task"] for message in messages] == ["billing.process_due_stripe_events"]


def test_events_of_one_moment_are_kept_in_a_few_statements(stripe_stand_in: Control):
    signed = [sign_event(stripe_stand_in, f"evt_{number}") for number in range(20)]

    with CaptureQueriesContext(connection) as queries:
        answers = post_at_once([*signed, *signed[:5]])

    assert answers == [200] * 25
    assert StripeEvent.objects.count() == 20
    assert len([query for query in queries if "billing_stripeevent" in query["sql"]]) <= 2


@pytest.mark.django_db(transaction=True)
def test_event_that_cannot_be_kept_takes_no_other_with_it(stripe_stand_in: Control):
    poisoned = sign_event(stripe_stand_in, "evt_poisoned", name="no \x00 in jsonb")
    signed = [sign_event(stripe_stand_in, f"evt_{number}") for number in range(6)]

    answers = post_at_once([*signed[:3], poisoned, *signed[3:]])

    assert isinstance(answers.pop(3), DataError), "the server makes it a 500, and Stripe sends it again"
    assert answers == [200] * 6
    assert set(StripeEvent.objects.values_list("pk", flat=True)) == {f"evt_{number}" for number in range(6)}


def sign_event(stripe: Control, event_id: str, **fields: str) -> tuple[str, str]:
    body = json.dumps({"id": event_id, "type": "x", "data": {"object": fields}})
    return body, stripe.post("/sign", payload=body)["signature"]


def post_at_once(signed: list[tuple[str, str]]) -> list[int | BaseException]:
    async def post_all() -> list[int | BaseException]:
        return await asyncio.gather(*(apost_event(*each) for each in signed), return_exceptions=True)

    return async_to_sync(post_all)()


def test_repeated_event_has_no_second_effect(customer: Any, stripe_stand_in: Control):
    order = paid_order(customer, stripe_stand_in)
    succeeded = StripeEvent.objects.get(type="payment_intent.succeeded")

    stripe_stand_in.post(f"/events/{succeeded.pk}/redeliver")
    statuses = deliver(stripe_stand_in)
    work_off()

    assert statuses == [200]
    assert StripeEvent.objects.filter(type="payment_intent.succeeded").count() == 1
    assert order.events.filter(kind="paid").count() == 1
    assert Mail.objects.filter(kind="payment_received").count() == 1
    assert Invoice.objects.count() == 1


def test_events_in_any_order_end_in_the_same_state(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    client_secret = payments.prepare_payment(order=order).client_secret
    confirm(client_secret, DECLINED)
    confirm(client_secret)
    stripe_stand_in.post("/deliveries/reorder")

    deliver(stripe_stand_in)
    for event in StripeEvent.objects.order_by("-type"):
        payments.process_event(event_id=event.pk)

    order.refresh_from_db()
    assert (order.status, Payment.objects.get().status) == ("paid", "succeeded")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_workers_on_one_event_have_one_effect(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    event_id = StripeEvent.objects.get(type="payment_intent.succeeded").pk

    def work(_number: int) -> None:
        try:
            payments.process_event(event_id=event_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(20)))

    assert order.events.filter(kind="paid").count() == 1
    assert Mail.objects.filter(kind="payment_received").count() == 1
    assert AuditEntry.objects.filter(action="order.paid").count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_workers_issue_one_invoice(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    payments.process_due_events()
    payment = Payment.objects.get()

    def work(_number: int) -> None:
        try:
            payments.invoice_payment(payment=payment)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))

    assert list(Invoice.objects.values_list("number", flat=True)) == [f"{timezone.localdate().year}/00001"]


def test_wrong_amount_is_flagged_not_paid(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    Order.objects.filter(pk=order.pk).update(net_amount=1, vat_amount=0, gross_amount=1)

    deliver(stripe_stand_in)
    work_off()

    order.refresh_from_db()
    payment = Payment.objects.get()
    assert order.status == "awaiting_payment"
    assert (payment.status, payment.flag) == ("succeeded", "paid 4758.00 eur, expected 1.00 eur")
    assert order.events.filter(kind="payment_flagged").count() == 1
    assert Invoice.objects.count() == 0


def test_money_for_a_cancelled_order_is_flagged(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    Order.objects.filter(pk=order.pk).update(status="cancelled")

    deliver(stripe_stand_in)
    work_off()

    order.refresh_from_db()
    assert (order.status, Payment.objects.get().flag) == ("cancelled", "the order was cancelled when the money came")


def test_stripe_down_while_processing_puts_the_event_off(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    now = timezone.now()
    event = StripeEvent.objects.get(type="payment_intent.succeeded")
    stripe_stand_in.fault(
        match="GET /v1/payment_intents", status=500, body={"error": {"type": "api_error", "message": "x"}}
    )

    with time_machine.travel(now, tick=False):
        payments.process_event(event_id=event.pk)
    event.refresh_from_db()
    waiting = (event.state, event.attempts, event.next_try_at - now)
    with time_machine.travel(now + timedelta(seconds=6), tick=False):
        payments.process_event(event_id=event.pk)

    order.refresh_from_db()
    event.refresh_from_db()
    assert waiting == ("pending", 1, timedelta(seconds=5))
    assert (event.state, order.status) == ("done", "paid")


def test_mirror_has_the_objects_and_its_trouble_stops_nothing(customer: Any, stripe_stand_in: Control):
    paid_order(customer, stripe_stand_in)

    events = StripeEvent.objects.all()
    assert {event.mirror_error for event in events} == {""}
    assert Event.objects.count() == events.count()
    assert PaymentIntent.objects.get().stripe_data["status"] == "succeeded"


def test_stripe_down_at_checkout_is_a_message_and_nothing_is_lost(
    customer: Any, customer_client: Client, stripe_stand_in: Control
):
    order = make_order(customer)
    stripe_stand_in.fault(
        match="POST /v1/", status=503, body={"error": {"type": "api_error", "message": "down"}}, times=9
    )

    page = customer_client.post(f"{order.get_absolute_url()}paga/prepara/", follow=True)
    stripe_stand_in.delete("/faults")
    again = customer_client.post(f"{order.get_absolute_url()}paga/prepara/", follow=True)

    order.refresh_from_db()
    assert (page.status_code, again.status_code, order.status) == (503, 200, "awaiting_payment")
    assert (
        "Non è stato addebitato nulla" in page.content.decode() or "Nulla è stato addebitato" in page.content.decode()
    )
    assert Payment.objects.count() == 1


def test_lost_answer_of_stripe_makes_no_second_intent(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    stripe_stand_in.fault(match="POST /v1/payment_intents", after=True)
    with pytest.raises(payments.PaymentProviderDownError):
        payments.prepare_payment(order=order)

    intent = payments.prepare_payment(order=order)

    made = [
        item["id"]
        for item in stripe_stand_in.get("/objects/payment_intent")
        if item["customer"] == customer.stripe_customer.stripe_customer_id
    ]
    assert made == [intent.id]


def test_customer_cancels_an_unpaid_order_here_and_at_stripe(
    customer: Any, customer_client: Client, stripe_stand_in: Control
):
    order = make_order(customer)
    intent = payments.prepare_payment(order=order)

    customer_client.post(f"{order.get_absolute_url()}annulla/")

    order.refresh_from_db()
    assert (order.status, Payment.objects.get().status) == ("cancelled", "canceled")
    assert confirm(intent.client_secret)["error"]["code"] == "payment_intent_unexpected_state"


def test_paid_order_cannot_be_cancelled(customer: Any, stripe_stand_in: Control):
    order = paid_order(customer, stripe_stand_in)

    with pytest.raises(IllegalMoveError):
        payments.cancel_order(order=order, actor=customer, now=timezone.now())

    order.refresh_from_db()
    assert order.status == "paid"
    assert not OrderEvent.objects.filter(kind="cancelled").exists()


def test_order_shows_the_document_in_the_place_of_a_rejected_one(
    customer: Any, customer_client: Client, stripe_stand_in: Control
):
    order = paid_order(customer, stripe_stand_in)
    rejected_at = timezone.now() - timedelta(days=6)
    old = Invoice.objects.get()
    Invoice.objects.filter(pk=old.pk).update(state="rejected", rejected_at=rejected_at)
    old.refresh_from_db()
    today = timezone.localdate()
    draft = replacement_draft(invoice=old, today=today)
    new = issue_invoice(draft=draft, customer=None, reference="", language="it", today=today, now=timezone.now())

    page = customer_client.get(order.get_absolute_url())
    state = customer_client.get(f"{order.get_absolute_url()}stato/").json()

    assert (page.context["invoice"], state["invoice"], state["invoice_state"]) == (new, new.number, "issued")
    assert (new.customer, new.reference) == (customer, order.number)


def test_strangers_order_is_not_found(stranger: Any, customer_client: Client, stripe_stand_in: Control):
    order = make_order(stranger)

    statuses = [
        customer_client.get(order.get_absolute_url()).status_code,
        customer_client.get(f"{order.get_absolute_url()}paga/").status_code,
        customer_client.get(f"{order.get_absolute_url()}stato/").status_code,
        customer_client.post(f"{order.get_absolute_url()}annulla/").status_code,
    ]

    order.refresh_from_db()
    assert (statuses, order.status) == ([404] * 4, "awaiting_payment")

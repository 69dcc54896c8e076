"""Subscriptions on test clocks, invoices, coupons, taxes, and the customer portal."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.frame import StandIn
from sandbox.stripe import StripeStandIn
from tests.sandbox.conftest import Running

START = 1_801_440_000  # 2027-02-01 00:00 UTC
DAY = 86_400
HOUR = 3_600
MARCH, APRIL, MAY = START + 28 * DAY, START + 59 * DAY, START + 89 * DAY


@pytest.fixture
def desk(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(StripeStandIn(tmp_path))


@pytest.fixture
def api(desk: Running) -> Any:
    return stripe.StripeClient(
        desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url}, max_network_retries=0
    ).v1


class Life:
    """A customer on a test clock, with a card unless told otherwise, and two monthly prices."""

    def __init__(self, api: Any, card: str | None = "pm_card_visa") -> None:
        self.api = api
        self.clock = api.test_helpers.test_clocks.create({"frozen_time": START})
        self.customer = api.customers.create({"email": "anna@example.com", "test_clock": self.clock.id})
        if card:
            self.set_card(card)
        self.product = api.products.create({"name": "DPO as a service"})
        self.small = self.price(20_000)
        self.large = self.price(50_000)

    def price(self, amount: int, interval: str = "month") -> str:
        return self.api.prices.create(
            {"product": self.product.id, "currency": "eur", "unit_amount": amount, "recurring": {"interval": interval}}
        ).id

    def set_card(self, name: str) -> str:
        method = self.api.payment_methods.attach(name, {"customer": self.customer.id})
        self.api.customers.update(self.customer.id, {"invoice_settings": {"default_payment_method": method.id}})
        return method.id

    def subscribe(self, **params: Any) -> Any:
        return self.api.subscriptions.create({"customer": self.customer.id, "items": [{"price": self.small}], **params})

    def to(self, moment: int) -> None:
        answer = self.api.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": moment})
        assert answer.status == "advancing"
        assert self.api.test_helpers.test_clocks.retrieve(self.clock.id).status == "ready"

    def invoices(self, **query: Any) -> list[tuple[int, str]]:
        """Amounts due and statuses, oldest first."""
        invoices = self.api.invoices.list({"customer": self.customer.id, "limit": 100, **query}).data
        return [(invoice.amount_due, invoice.status) for invoice in reversed(invoices)]

    def events(self, prefix: str) -> list[str]:
        events = self.api.events.list({"limit": 100}).auto_paging_iter()
        return [event.type for event in reversed(list(events)) if event.type.startswith(prefix)]


@pytest.fixture
def life(api: Any) -> Life:
    return Life(api)


def item_of(subscription: Any) -> Any:
    return subscription["items"].data[0]


# starting ------------------------------------------------------------------------------------------------------------


def test_saved_card_starts_it_at_once(api: Any, life: Life):
    subscription = life.subscribe(expand=["latest_invoice.payments"])

    assert (subscription.status, item_of(subscription).current_period_end) == ("active", MARCH)
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 20_000, "subscription_create")
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert [payment.status for payment in invoice.payments.data] == ["paid"]
    assert life.events("customer.subscription") == ["customer.subscription.created", "customer.subscription.updated"]
    assert life.events("invoice") == [
        "invoice.created", "invoice.finalized", "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded",
    ]  # fmt: skip


def test_default_incomplete_waits_for_the_browser(desk: Running, api: Any):
    life = Life(api, card=None)
    subscription = life.subscribe(
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments.data.payment.payment_intent"],
    )
    invoice = subscription.latest_invoice
    intent = invoice.payments.data[0].payment.payment_intent
    assert (subscription.status, invoice.status, intent.status) == ("incomplete", "open", "requires_payment_method")
    assert (invoice.confirmation_secret.client_secret, intent.amount) == (intent.client_secret, 20_000)

    intent = api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_threeDSecure2Required"})
    desk.post(f"/payment_intents/{intent.id}/authorize", succeed=True)

    after = api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice", "default_payment_method"]})
    assert (after.status, after.latest_invoice.status) == ("active", "paid")
    assert (after.default_payment_method.customer, after.default_payment_method.card.last4) == (
        life.customer.id, "3220",
    )  # fmt: skip


def test_first_payment_that_never_comes_expires_it(api: Any):
    life = Life(api, card=None)
    subscription = life.subscribe(payment_behavior="default_incomplete")

    life.to(START + 24 * HOUR)

    assert api.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert life.invoices() == [(20_000, "void")]
    assert [intent.status for intent in api.payment_intents.list().data] == ["canceled"]


@pytest.mark.parametrize(
    ("card", "code"), [(None, "resource_missing"), ("pm_card_chargeCustomerFail", "card_declined")]
)
def test_error_if_incomplete_leaves_nothing_behind(api: Any, card: str | None, code: str):
    life = Life(api, card=card)
    before = len(list(api.events.list({"limit": 100}).data))

    with pytest.raises(stripe.StripeError) as exc_info:
        life.subscribe(payment_behavior="error_if_incomplete")

    assert exc_info.value.code == code
    assert (api.subscriptions.list({"status": "all"}).data, life.invoices()) == ([], [])
    assert len(list(api.events.list({"limit": 100}).data)) == before


def test_declined_first_payment_is_incomplete(api: Any):
    life = Life(api, card="pm_card_chargeCustomerFail")

    subscription = life.subscribe()

    assert subscription.status == "incomplete"
    assert life.events("invoice.payment_failed") == ["invoice.payment_failed"]


# time ----------------------------------------------------------------------------------------------------------------


def test_renewals_follow_the_clock(api: Any, life: Life):
    subscription = life.subscribe()

    life.to(MARCH + 60)
    assert life.invoices() == [(20_000, "paid"), (20_000, "draft")]
    life.to(MARCH + 2 * HOUR)
    assert life.invoices() == [(20_000, "paid")] * 2
    life.to(APRIL + 2 * HOUR)

    assert life.invoices() == [(20_000, "paid")] * 3
    after = api.subscriptions.retrieve(subscription.id)
    assert (after.status, item_of(after).current_period_start, item_of(after).current_period_end) == (
        "active", APRIL, MAY,
    )  # fmt: skip
    numbers = [invoice.number for invoice in api.invoices.list({"customer": life.customer.id}).data]
    assert [number.rpartition("-")[2] for number in numbers] == ["0003", "0002", "0001"]


def test_clock_goes_two_periods_at_most_and_never_back(api: Any, life: Life):
    life.subscribe()

    for moment in (START, MAY):
        with pytest.raises(stripe.InvalidRequestError):
            api.test_helpers.test_clocks.advance(life.clock.id, {"frozen_time": moment})


def test_end_of_month_stays_the_end_of_month(api: Any):
    clock = api.test_helpers.test_clocks.create({"frozen_time": START - DAY})  # 31 January
    customer = api.customers.create({"test_clock": clock.id, "payment_method": "pm_card_visa"})
    card = api.customers.payment_methods.list(customer.id).data[0].id
    product = api.products.create(
        {"name": "X", "default_price_data": {"currency": "eur", "unit_amount": 900, "recurring": {"interval": "month"}}}
    )
    subscription = api.subscriptions.create(
        {"customer": customer.id, "items": [{"price": product.default_price}], "default_payment_method": card}
    )
    ends = [item_of(subscription).current_period_end]

    for _ in range(2):
        api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": ends[-1] + 2 * HOUR})
        ends.append(item_of(api.subscriptions.retrieve(subscription.id)).current_period_end)

    assert ends == [MARCH - DAY, APRIL - DAY, MAY - DAY]  # 28 February, 31 March, 30 April


def test_trial_is_free_then_paid(api: Any, life: Life):
    subscription = life.subscribe(trial_period_days=14)
    assert (subscription.status, subscription.trial_end) == ("trialing", START + 14 * DAY)
    assert life.invoices() == [(0, "paid")]

    life.to(START + 12 * DAY)
    assert life.events("customer.subscription.trial_will_end") == ["customer.subscription.trial_will_end"]
    life.to(START + 14 * DAY + 2 * HOUR)

    assert api.subscriptions.retrieve(subscription.id).status == "active"
    assert life.invoices() == [(0, "paid"), (20_000, "paid")]


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_trial_without_a_card_ends_as_told(api: Any, behavior: str, status: str):
    life = Life(api, card=None)
    subscription = life.subscribe(
        trial_period_days=7, trial_settings={"end_behavior": {"missing_payment_method": behavior}}
    )

    life.to(START + 7 * DAY + 2 * HOUR)

    assert api.subscriptions.retrieve(subscription.id).status == status
    assert life.invoices() == [(0, "paid")]


def test_paused_subscription_resumes_with_a_payment(api: Any):
    life = Life(api, card=None)
    subscription = life.subscribe(
        trial_period_days=7, trial_settings={"end_behavior": {"missing_payment_method": "pause"}}
    )
    life.to(START + 8 * DAY)
    life.set_card("pm_card_visa")

    subscription = api.subscriptions.resume(subscription.id)

    assert (subscription.status, life.invoices()) == ("active", [(0, "paid"), (20_000, "paid")])


def test_trial_collects_a_card_by_setup_intent(api: Any):
    life = Life(api, card=None)
    subscription = life.subscribe(
        trial_period_days=7, payment_behavior="default_incomplete", expand=["pending_setup_intent"]
    )

    api.setup_intents.confirm(subscription.pending_setup_intent.id, {"payment_method": "pm_card_visa"})

    after = api.subscriptions.retrieve(subscription.id, {"expand": ["default_payment_method"]})
    assert (after.pending_setup_intent, after.default_payment_method.card.last4) == (None, "4242")


# failing and recovering ----------------------------------------------------------------------------------------------


def test_failed_renewal_is_past_due_until_a_retry_succeeds(api: Any, life: Life):
    subscription = life.subscribe()
    life.set_card("pm_card_chargeCustomerFail")

    life.to(MARCH + 2 * HOUR)
    assert api.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = api.invoices.retrieve(api.subscriptions.retrieve(subscription.id).latest_invoice)
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == (
        "open", 1, MARCH + HOUR + 3 * DAY,
    )  # fmt: skip
    life.set_card("pm_card_visa")
    life.to(MARCH + 4 * DAY)

    assert api.subscriptions.retrieve(subscription.id).status == "active"
    assert life.invoices() == [(20_000, "paid")] * 2


def test_last_failed_retry_ends_it_and_a_late_payment_does_not_revive_it(api: Any, life: Life):
    subscription = life.subscribe()
    life.set_card("pm_card_chargeCustomerFail")

    life.to(MARCH + 17 * DAY)

    after = api.subscriptions.retrieve(subscription.id)
    assert (after.status, after.cancellation_details.reason) == ("canceled", "payment_failed")
    assert life.events("invoice.payment_failed") == ["invoice.payment_failed"] * 4
    life.set_card("pm_card_visa")
    assert api.invoices.pay(after.latest_invoice).status == "paid"
    assert api.subscriptions.retrieve(subscription.id).status == "canceled"


def test_renewal_that_needs_the_customer_says_so(desk: Running, api: Any, life: Life):
    subscription = life.subscribe()
    life.set_card("pm_card_authenticationRequired")

    life.to(MARCH + 2 * HOUR)

    assert life.events("invoice.payment_") == [
        "invoice.payment_succeeded", "invoice.payment_action_required", "invoice.payment_failed",
    ]  # fmt: skip
    assert api.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice.payments"]}).latest_invoice
    desk.post(f"/payment_intents/{invoice.payments.data[0].payment.payment_intent}/authorize", succeed=True)
    assert api.subscriptions.retrieve(subscription.id).status == "active"


# changing ------------------------------------------------------------------------------------------------------------


def test_previewed_upgrade_costs_what_is_then_charged(api: Any, life: Life):
    subscription = life.subscribe()
    life.to(START + 14 * DAY)  # half of February
    change = {
        "items": [{"id": item_of(subscription).id, "price": life.large}],
        "proration_behavior": "always_invoice",
        "proration_date": START + 14 * DAY,
    }

    preview = api.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})
    assert (preview.amount_due, [line.amount for line in preview.lines.data]) == (15_000, [-10_000, 25_000])
    assert life.invoices() == [(20_000, "paid")]
    update = api.subscriptions.update(subscription.id, change)

    assert life.invoices() == [(20_000, "paid"), (preview.amount_due, "paid")]
    assert (item_of(update).price.id, item_of(update).current_period_end) == (life.large, MARCH)
    life.to(MARCH + 2 * HOUR)
    assert life.invoices()[-1] == (50_000, "paid")


def test_downgrade_is_credited_on_the_next_invoice(api: Any, life: Life):
    subscription = life.subscribe(items=[{"price": life.large}])
    life.to(START + 14 * DAY)

    api.subscriptions.update(subscription.id, {"items": [{"id": item_of(subscription).id, "price": life.small}]})
    preview = api.invoices.create_preview({"subscription": subscription.id})
    life.to(MARCH + 2 * HOUR)

    assert [line.amount for line in preview.lines.data] == [-25_000, 10_000, 20_000]
    assert life.invoices() == [(50_000, "paid"), (5_000, "paid")]


def test_yearly_price_starts_a_new_period_at_once(api: Any, life: Life):
    subscription = life.subscribe()
    life.to(START + 14 * DAY)
    yearly = life.price(200_000, "year")

    update = api.subscriptions.update(subscription.id, {"items": [{"id": item_of(subscription).id, "price": yearly}]})

    assert item_of(update).current_period_start == START + 14 * DAY
    assert life.invoices() == [(20_000, "paid"), (190_000, "paid")]


def test_immediate_downgrade_credit_is_kept_as_balance(api: Any, life: Life):
    subscription = life.subscribe(items=[{"price": life.large}])
    life.to(START + 14 * DAY)

    api.subscriptions.update(
        subscription.id,
        {"items": [{"id": item_of(subscription).id, "price": life.small}], "proration_behavior": "always_invoice"},
    )

    assert api.customers.retrieve(life.customer.id).balance == -15_000
    life.to(MARCH + 2 * HOUR)
    assert life.invoices() == [(50_000, "paid"), (0, "paid"), (5_000, "paid")]


def test_failed_upgrade_is_undone_with_error_if_incomplete(api: Any, life: Life):
    subscription = life.subscribe()
    life.set_card("pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError):
        api.subscriptions.update(
            subscription.id,
            {
                "items": [{"id": item_of(subscription).id, "price": life.large}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
        )

    after = api.subscriptions.retrieve(subscription.id)
    assert (after.status, item_of(after).price.id, life.invoices()) == ("active", life.small, [(20_000, "paid")])


# ending --------------------------------------------------------------------------------------------------------------


def test_cancel_at_period_end_keeps_it_until_then(api: Any, life: Life):
    subscription = life.subscribe()

    update = api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (update.status, update.cancel_at, update.cancel_at_period_end) == ("active", MARCH, True)
    life.to(MARCH - DAY)
    assert api.subscriptions.retrieve(subscription.id).status == "active"
    life.to(MARCH + 2 * HOUR)

    after = api.subscriptions.retrieve(subscription.id)
    assert (after.status, after.ended_at) == ("canceled", MARCH)
    assert life.invoices() == [(20_000, "paid")]
    assert life.events("customer.subscription.deleted") == ["customer.subscription.deleted"]


def test_planned_cancellation_is_taken_back(api: Any, life: Life):
    subscription = life.subscribe()
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    update = api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    life.to(MARCH + 2 * HOUR)

    assert (update.cancel_at, update.canceled_at, update.cancel_at_period_end) == (None, None, False)
    assert life.invoices() == [(20_000, "paid")] * 2


def test_cancel_now(api: Any, life: Life):
    subscription = life.subscribe()

    after = api.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "too_expensive"}})

    assert (after.status, after.cancellation_details.feedback) == ("canceled", "too_expensive")
    assert api.subscriptions.list().data == []
    assert [entry.id for entry in api.subscriptions.list({"status": "ended"}).data] == [subscription.id]
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


# money ---------------------------------------------------------------------------------------------------------------


def test_vat_and_discount_are_summed(api: Any, life: Life):
    rate = api.tax_rates.create({"display_name": "IVA", "inclusive": False, "percentage": 22})
    coupon = api.coupons.create({"percent_off": 25, "duration": "once"})

    life.subscribe(default_tax_rates=[rate.id], discounts=[{"coupon": coupon.id}], expand=["latest_invoice"])
    life.to(MARCH + 2 * HOUR)

    second, first = api.invoices.list({"customer": life.customer.id}).data
    assert (first.subtotal, first.total_discount_amounts[0].amount, first.total_excluding_tax, first.total) == (
        20_000, 5_000, 15_000, 18_300,
    )  # fmt: skip
    assert [(tax.amount, tax.taxable_amount) for tax in first.total_taxes] == [(3_300, 15_000)]
    assert (second.total_excluding_tax, second.total) == (20_000, 24_400)


def test_inclusive_vat_is_inside_the_price(api: Any, life: Life):
    rate = api.tax_rates.create({"display_name": "IVA", "inclusive": True, "percentage": 22})

    invoice = life.subscribe(default_tax_rates=[rate.id], expand=["latest_invoice"]).latest_invoice

    assert (invoice.total, invoice.total_excluding_tax, invoice.total_taxes[0].amount) == (20_000, 16_393, 3_607)


def test_promotion_code_is_used_up(api: Any, life: Life):
    coupon = api.coupons.create({"amount_off": 3_000, "currency": "eur", "duration": "forever"})
    code = api.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "AUTUNNO", "max_redemptions": 1}
    )
    codes = api.promotion_codes.list({"code": "autunno"}).data
    assert [entry.id for entry in codes] == [code.id]

    life.subscribe(discounts=[{"promotion_code": code.id}])

    assert life.invoices() == [(17_000, "paid")]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be redeemed"):
        life.subscribe(discounts=[{"promotion_code": code.id}])


def test_preview_uses_no_coupon_up(api: Any, life: Life):
    coupon = api.coupons.create({"percent_off": 50, "duration": "once", "max_redemptions": 1})

    for _ in range(2):
        preview = api.invoices.create_preview(
            {
                "customer": life.customer.id,
                "subscription_details": {"items": [{"price": life.small}]},
                "discounts": [{"coupon": coupon.id}],
            }
        )
        assert preview.total == 10_000
    assert api.coupons.retrieve(coupon.id).times_redeemed == 0


def test_manual_invoice_from_items_to_payment(api: Any, life: Life):
    api.invoice_items.create(
        {"customer": life.customer.id, "amount": 12_000, "currency": "eur", "description": "Audit"}
    )
    draft = api.invoices.create({"customer": life.customer.id, "pending_invoice_items_behavior": "include"})
    api.invoice_items.create({"customer": life.customer.id, "amount": 500, "currency": "eur", "invoice": draft.id})

    open_invoice = api.invoices.finalize_invoice(draft.id)
    paid_invoice = api.invoices.pay(draft.id)

    assert (draft.status, draft.amount_due, open_invoice.status, open_invoice.amount_due) == (
        "draft",
        12_000,
        "open",
        12_500,
    )
    assert (paid_invoice.status, paid_invoice.amount_paid, paid_invoice.amount_remaining) == ("paid", 12_500, 0)
    assert "125,00" in requests.get(paid_invoice.hosted_invoice_url, headers={"Accept-Language": "it"}, timeout=5).text
    with pytest.raises(stripe.InvalidRequestError) as exc_info:
        api.invoices.pay(draft.id)
    assert exc_info.value.code == "invoice_already_paid"


def test_voided_invoice_cancels_its_payment(api: Any, life: Life):
    api.invoice_items.create({"customer": life.customer.id, "amount": 12_000, "currency": "eur"})
    draft = api.invoices.create({"customer": life.customer.id, "pending_invoice_items_behavior": "include"})
    api.invoices.finalize_invoice(draft.id)

    invoice = api.invoices.void_invoice(draft.id)

    assert invoice.status == "void"
    assert [(intent.status, intent.cancellation_reason) for intent in api.payment_intents.list().data] == [
        ("canceled", "void_invoice")
    ]


# portal --------------------------------------------------------------------------------------------------------------


def portal_url(life: Life, **params: Any) -> str:
    fields = {"customer": life.customer.id, "return_url": "https://shop.example/area", "locale": "it", **params}
    return str(life.api.billing_portal.sessions.create(fields).url)


def test_portal_cancels_and_keeps(api: Any, life: Life):
    subscription = life.subscribe()
    url = portal_url(life)
    assert "https://shop.example/area" in requests.get(url, timeout=5).text

    page = requests.post(f"{url}/cancel", data={"id": subscription.id}, timeout=5).text
    after = api.subscriptions.retrieve(subscription.id)
    requests.post(f"{url}/keep", data={"id": subscription.id}, timeout=5)

    assert "Termina il 01/03/2027" in page
    assert (after.cancel_at, after.cancel_at_period_end) == (MARCH, False)
    assert api.subscriptions.retrieve(subscription.id).cancel_at is None


def test_portal_changes_the_card_and_pays_what_is_open(api: Any, life: Life):
    subscription = life.subscribe()
    life.set_card("pm_card_chargeCustomerFail")
    life.to(MARCH + 2 * HOUR)
    url = portal_url(life)

    response = requests.post(
        f"{url}/card", data={"number": "5555555555554444", "expiry": "12/34", "cvc": "123"}, timeout=5
    )
    assert "La carta è stata salvata." in response.text
    unpaid = api.subscriptions.retrieve(subscription.id).latest_invoice
    requests.post(f"{url}/pay", data={"id": unpaid}, timeout=5)

    assert (api.invoices.retrieve(unpaid).status, api.subscriptions.retrieve(subscription.id).status) == (
        "paid",
        "active",
    )


def test_portal_sends_a_secure_card_to_its_bank(api: Any, life: Life):
    url = portal_url(life)
    card = {"number": "4000002500003155", "expiry": "12/34", "cvc": "123"}

    bank = requests.post(f"{url}/card", data=card, timeout=5)
    assert "Authorise" in bank.text
    back = requests.post(bank.url, data={"choice": "authorise"}, timeout=5)

    assert "La carta è stata salvata." in back.text
    customer = api.customers.retrieve(life.customer.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert customer.invoice_settings.default_payment_method.card.last4 == "3155"


def test_portal_refuses_bad_cards_strange_objects_and_old_links(api: Any, life: Life):
    stranger = Life(api)
    other = stranger.subscribe()
    url = portal_url(life)

    response = requests.post(
        f"{url}/card", data={"number": "4000000000000002", "expiry": "12/34", "cvc": "123"}, timeout=5
    )
    assert re.search(r'role="alert">Your card was declined', response.text)
    assert "No such subscription" in requests.post(f"{url}/cancel", data={"id": other.id}, timeout=5).text
    assert api.subscriptions.retrieve(other.id).cancel_at is None
    assert requests.get(f"{url}x", timeout=5).status_code == 410

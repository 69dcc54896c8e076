"""The life of an invoice: draft, open, paid, void or uncollectible, with its payment intent."""

from collections.abc import Callable

from sandbox.stripe import methods, payments
from sandbox.stripe.billing import totals
from sandbox.stripe.context import Context, new_id
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.billing import (
    NO_CREDITED,
    new_balance_entry,
    new_invoice,
    new_invoice_payment,
    new_line,
)
from sandbox.stripe.objects.payments import new_payment_intent
from sandbox.stripe.params import Params
from sandbox.stripe.payments import Confirmation
from sandbox.stripe.store import Object

DAY_S = 86_400
DRAFT_S = 3600
RETRY_DAYS = (3, 5, 7)
REASON_TEXTS = {
    "subscription_create": "Subscription creation",
    "subscription_update": "Subscription update",
    "subscription_cycle": "Subscription update",
    "manual": "Payment for Invoice",
}
PAID: list[Callable[[Context, Object, Object | None], None]] = []
PAYMENT_FAILED: list[Callable[[Context, Object], None]] = []


# drafting ------------------------------------------------------------------------------------------------------------


def line_of_item(entry: Object, default_rates: list[str]) -> Object:
    """The invoice line that an invoice item becomes."""
    subscription = entry["parent"]["subscription_details"]["subscription"] if entry["parent"] else None
    return new_line(
        entry["amount"],
        entry["currency"],
        entry["description"],
        (entry["period"]["start"], entry["period"]["end"]),
        discountable=entry["discountable"],
        metadata=dict(entry["metadata"]),
        quantity=entry["quantity"],
        pricing=entry["pricing"],
        subscription=subscription,
        parent={
            "invoice_item_details": {
                "invoice_item": entry["id"],
                "proration": entry["proration"],
                "proration_details": NO_CREDITED,
                "subscription": subscription,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        _tax_rates=entry["tax_rates"] or default_rates,
    )


def pending_items(ctx: Context, customer: Object, subscription: str | None) -> list[Object]:
    """Invoice items that wait for the next invoice, oldest first."""
    items = ctx.store.every("invoiceitem", newest_first=False)
    waiting = [entry for entry in items if entry["customer"] == customer["id"] and entry["invoice"] is None]
    return [
        entry
        for entry in waiting
        if (entry["parent"]["subscription_details"]["subscription"] if entry["parent"] else None)
        in {None, subscription}
    ]


def draft(
    ctx: Context,
    customer: Object,
    currency: str,
    reason: str,
    *,
    lines: list[Object] | None = None,
    items: list[Object] | None = None,
    discounts: list[Object] | None = None,
    subscription: Object | None = None,
    params: Params | None = None,
) -> Object:
    """A draft with `lines` and the pending `items`, told of as invoice.created."""
    invoice = compose(
        ctx,
        customer,
        currency,
        reason,
        lines=lines or [],
        items=items or [],
        discounts=discounts or [],
        subscription=subscription,
        params=params,
    )
    for entry in items or []:
        ctx.change(entry, invoice=invoice["id"])
    return ctx.add(invoice, "invoice.created")


def compose(
    ctx: Context,
    customer: Object,
    currency: str,
    reason: str,
    *,
    lines: list[Object],
    items: list[Object],
    discounts: list[Object],
    subscription: Object | None,
    params: Params | None = None,
) -> Object:
    """The invoice as it would be, not stored: also what a preview shows."""
    invoice = new_invoice(ctx, customer, currency, reason)
    if subscription:
        invoice["parent"] = {
            "quote_details": None,
            "subscription_details": {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]},
            "type": "subscription_details",
        }
        invoice["default_tax_rates"] = subscription["default_tax_rates"]
        invoice["collection_method"] = subscription["collection_method"]
        if subscription["days_until_due"] is not None:
            invoice["due_date"] = ctx.now + subscription["days_until_due"] * DAY_S
    invoice.update(params or {})
    rates = [rate["id"] for rate in invoice["default_tax_rates"]]
    every = [*(line_of_item(entry, rates) for entry in items), *lines]
    tax_ids = (entry for entry in ctx.store.every("tax_id", newest_first=False) if entry["customer"] == customer["id"])
    invoice["customer_tax_ids"] = [{"type": entry["type"], "value": entry["value"]} for entry in tax_ids]
    totals.compute(ctx, invoice, every, discounts)
    return invoice


def recompute(ctx: Context, invoice: Object) -> Object:
    """Sum a draft up anew after its items changed."""
    entries = ctx.store.every("invoiceitem", newest_first=False)
    items = [entry for entry in entries if entry["invoice"] == invoice["id"]]
    own = [line for line in invoice["lines"]["data"] if line["parent"]["type"] == "subscription_item_details"]
    rates = [rate["id"] for rate in invoice["default_tax_rates"]]
    discounts = [ctx.get("discount", ident) for ident in invoice["discounts"]]
    totals.compute(ctx, invoice, [*(line_of_item(entry, rates) for entry in items), *own], discounts)
    return ctx.save(invoice)


# opening -------------------------------------------------------------------------------------------------------------


def finalize(ctx: Context, invoice: Object, *, method: str | None = None, save_card: bool = False) -> Object:
    """Number it and open it; nothing to pay makes it paid at once."""
    if invoice["status"] != "draft":
        raise request_error(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable"
        )
    customer = ctx.get("customer", invoice["customer"])
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    _use_balance(ctx, invoice, customer)
    invoice["status_transitions"]["finalized_at"] = ctx.now
    ctx.change(
        invoice,
        status="open",
        effective_at=ctx.now,
        automatically_finalizes_at=None,
        hosted_invoice_url=f"{ctx.url}/i/{invoice['id']}",
    )
    if invoice["amount_due"] > 0:
        _make_payment(ctx, invoice, customer, method, save_card=save_card)
    ctx.emit("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        mark_paid(ctx, invoice, None, 0)
    return invoice


def _use_balance(ctx: Context, invoice: Object, customer: Object) -> None:
    """A credit lowers what is due; a negative invoice becomes a credit."""
    before = customer["balance"]
    due = max(0, invoice["total"] + before)
    if 0 < due < payments.MINIMUM.get(invoice["currency"], 50):
        due = 0
    after = before + invoice["total"] - due
    invoice.update(starting_balance=before, ending_balance=after, amount_due=due, amount_remaining=due)
    changes: Object = {"next_invoice_sequence": customer["next_invoice_sequence"] + 1, "currency": invoice["currency"]}
    if after != before:
        entry = new_balance_entry(ctx, customer, after - before, after, invoice["currency"], "applied_to_invoice")
        ctx.add({**entry, "invoice": invoice["id"]})
        changes["balance"] = after
    ctx.change(customer, "customer.updated", **changes)


def _make_payment(ctx: Context, invoice: Object, customer: Object, method: str | None, *, save_card: bool) -> None:
    intent = new_payment_intent(ctx, invoice["amount_due"], invoice["currency"])
    intent.update(
        automatic_payment_methods=None,
        capture_method="automatic",
        customer=customer["id"],
        description=REASON_TEXTS.get(invoice["billing_reason"], "Payment for Invoice"),
        receipt_email=None,
        setup_future_usage="off_session" if save_card else None,
        _invoice=invoice["id"],
    )
    if method:
        intent.update(payment_method=method, status="requires_confirmation")
    ctx.add(intent, "payment_intent.created")
    ctx.add(new_invoice_payment(ctx, invoice, intent))


def default_method(ctx: Context, invoice: Object) -> str | None:
    """The card that would pay: the invoice's, the subscription's, the customer's."""
    subscription = subscription_of(ctx, invoice)
    customer = ctx.get("customer", invoice["customer"])
    candidates = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        customer["invoice_settings"]["default_payment_method"],
    )
    return next((method for method in candidates if method), None)


def subscription_of(ctx: Context, invoice: Object) -> Object | None:
    parent = invoice["parent"]
    return ctx.find("subscription", parent["subscription_details"]["subscription"]) if parent else None


def payment_of(ctx: Context, invoice: Object) -> Object:
    entries = (entry for entry in ctx.store.every("invoice_payment") if entry["invoice"] == invoice["id"])
    return next(entries)


def intent_of(ctx: Context, invoice: Object) -> Object:
    return ctx.get("payment_intent", payment_of(ctx, invoice)["payment"]["payment_intent"])


# paying --------------------------------------------------------------------------------------------------------------


def pay(ctx: Context, invoice: Object, params: Params) -> Object:
    """Charge now, and raise what the card says."""
    if invoice["status"] == "paid":
        raise request_error("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "draft" and finalize(ctx, invoice)["status"] == "paid":
        return invoice
    if invoice["status"] not in {"open", "uncollectible"}:
        raise request_error(f"This invoice is {invoice['status']} and cannot be paid.")
    if params.get("paid_out_of_band"):
        _drop_payment(ctx, invoice)
        return mark_paid(ctx, invoice, None, 0)
    method = params.get("payment_method") or default_method(ctx, invoice)
    if method is None:
        raise request_error(
            "There is no `default_payment_method` set on this Customer or Invoice. Please attach one or pass "
            "`payment_method`.",
            code="resource_missing",
        )
    method_id = methods.get_method(ctx, method, "payment_method")["id"]
    attempt(ctx, invoice, method_id, off_session=params.get("off_session", True))
    if invoice["status"] != "paid":
        raise StripeError(
            "This payment requires additional user action before it can be completed successfully. Payment can be "
            "completed using the PaymentIntent associated with the invoice.",
            status=402,
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            keeps=True,
        )
    return invoice


def attempt(ctx: Context, invoice: Object, method: str, *, off_session: bool = True) -> None:
    """One try with the card; a refusal is raised after it left its marks."""
    intent = intent_of(ctx, invoice)
    intent["payment_method"] = method
    payments.confirm(ctx, intent, Confirmation(is_off_session=off_session))


def collect(ctx: Context, invoice: Object) -> None:
    """Try in the background: what goes wrong stays on the invoice."""
    method = default_method(ctx, invoice)
    if method is None:
        note_failure(ctx, invoice)
        return
    try:
        attempt(ctx, invoice, method)
    except StripeError as error:
        if not error.keeps:
            raise


def mark_paid(ctx: Context, invoice: Object, intent: Object | None, amount: int) -> Object:
    was_open = invoice["amount_due"] > 0
    invoice["status_transitions"]["paid_at"] = ctx.now
    ctx.change(
        invoice,
        status="paid",
        amount_paid=amount,
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if intent else 0),
        auto_advance=False,
        next_payment_attempt=None,
    )
    if was_open and intent:
        payment = payment_of(ctx, invoice)
        payment["status_transitions"]["paid_at"] = ctx.now
        ctx.change(payment, status="paid", amount_paid=amount)
        ctx.emit("invoice_payment.paid", payment)
    ctx.emit("invoice.paid", invoice)
    ctx.emit("invoice.payment_succeeded", invoice)
    for listener in PAID:
        listener(ctx, invoice, intent)
    return invoice


def note_failure(ctx: Context, invoice: Object) -> None:
    """Count the try, plan the next one and tell; after the last, nobody tries any more."""
    count = invoice["attempt_count"] + 1
    is_renewal = invoice["billing_reason"] == "subscription_cycle" and invoice["auto_advance"]
    has_next = is_renewal and count <= len(RETRY_DAYS)
    next_attempt = ctx.now + RETRY_DAYS[count - 1] * DAY_S if has_next else None
    ctx.change(invoice, attempt_count=count, attempted=True, next_payment_attempt=next_attempt)
    ctx.emit("invoice.payment_failed", invoice)
    for listener in PAYMENT_FAILED:
        listener(ctx, invoice)


def void(ctx: Context, invoice: Object) -> Object:
    if invoice["status"] not in {"open", "uncollectible"}:
        raise request_error(f"You can only void open or uncollectible invoices. This one is {invoice['status']}.")
    _drop_payment(ctx, invoice)
    invoice["status_transitions"]["voided_at"] = ctx.now
    ctx.change(invoice, status="void", auto_advance=False, next_payment_attempt=None, amount_remaining=0)
    ctx.emit("invoice.voided", invoice)
    return invoice


def _drop_payment(ctx: Context, invoice: Object) -> None:
    if invoice["amount_due"] == 0:
        return
    payment = payment_of(ctx, invoice)
    payment["status_transitions"]["canceled_at"] = ctx.now
    ctx.change(payment, status="canceled")
    intent = intent_of(ctx, invoice)
    if intent["status"] in payments.CANCELABLE:
        payments.cancel(ctx, intent, "void_invoice", by_invoice=True)


def mark_uncollectible(ctx: Context, invoice: Object) -> Object:
    if invoice["status"] != "open":
        raise request_error("You can only mark open invoices uncollectible.")
    invoice["status_transitions"]["marked_uncollectible_at"] = ctx.now
    ctx.change(invoice, status="uncollectible", auto_advance=False, next_payment_attempt=None)
    ctx.emit("invoice.marked_uncollectible", invoice)
    return invoice


def preview_id() -> str:
    return f"upcoming_{new_id('in')}"


# following the payment -----------------------------------------------------------------------------------------------


def _on_settled(ctx: Context, intent: Object) -> None:
    invoice = ctx.find("invoice", intent.get("_invoice"))
    if invoice and invoice["status"] in {"open", "uncollectible"}:
        mark_paid(ctx, invoice, intent, intent["amount_received"])


def _on_failed(ctx: Context, intent: Object) -> None:
    invoice = ctx.find("invoice", intent.get("_invoice"))
    if invoice and invoice["status"] == "open":
        note_failure(ctx, invoice)


def _on_action_required(ctx: Context, intent: Object) -> None:
    invoice = ctx.find("invoice", intent.get("_invoice"))
    if invoice and invoice["status"] == "open":
        ctx.emit("invoice.payment_action_required", invoice)
        if not intent.get("_uses_sdk"):
            note_failure(ctx, invoice)


payments.SETTLED.append(_on_settled)
payments.FAILED.append(_on_failed)
payments.ACTION_REQUIRED.append(_on_action_required)

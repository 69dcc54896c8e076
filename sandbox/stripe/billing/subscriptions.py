"""The life of a subscription: start, trial, change, renewal, failed payment, cancellation, resumption."""

import copy

from sandbox.stripe import methods, setups
from sandbox.stripe.billing import changes, invoices, periods, totals
from sandbox.stripe.context import Context, public
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.billing import new_subscription
from sandbox.stripe.params import Params, merge_metadata
from sandbox.stripe.payments import confirmation_from
from sandbox.stripe.store import Object

UPDATED = "customer.subscription.updated"
RUNNING = {"incomplete", "trialing", "active", "past_due", "unpaid", "paused"}
DAY_S = 86_400
INCOMPLETE_S = 23 * 3600


def running_of(ctx: Context, customer: Object) -> list[Object]:
    entries = ctx.store.every("subscription")
    return [entry for entry in entries if entry["customer"] == customer["id"] and entry["status"] in RUNNING]


# starting ------------------------------------------------------------------------------------------------------------


def create(ctx: Context, params: Params) -> Object:
    customer = ctx.get("customer", params["customer"], "customer")
    ctx = ctx.on_clock_of(customer)
    subscription = prepare(ctx, customer, params)
    items = subscription["items"]["data"]
    ctx.store.add(subscription)
    discounts = params.get("discounts") or []
    subscription["discounts"] = totals.make_discounts(ctx, customer, discounts, subscription=subscription["id"])
    first = _draft(
        ctx, subscription, "subscription_create", changes.cycle_lines(ctx, subscription, items, _period(items))
    )
    subscription["latest_invoice"] = first["id"]
    if subscription["collection_method"] == "send_invoice":
        subscription["status"] = "trialing" if subscription["trial_end"] else "active"
    ctx.save(subscription)
    ctx.emit("customer.subscription.created", subscription)
    _open_first(ctx, subscription, first, params)
    return subscription


def prepare(ctx: Context, customer: Object, params: Params) -> Object:
    """The subscription as its parameters describe it, not stored."""
    draft = new_subscription(ctx, customer, "eur")
    items = changes.change_items(ctx, draft, params["items"])
    draft["currency"] = items[0]["price"]["currency"]
    draft["items"]["data"] = items
    _apply(ctx, draft, params)
    trial_end = params.get("trial_end")
    if "trial_period_days" in params:
        trial_end = ctx.now + params["trial_period_days"] * DAY_S
    if trial_end and trial_end != "now":
        if trial_end <= ctx.now:
            raise request_error("Invalid timestamp: must be in the future", param="trial_end")
        draft.update(trial_start=ctx.now, trial_end=trial_end, status="trialing", billing_cycle_anchor=trial_end)
        end = trial_end
    else:
        end = periods.after(ctx.now, periods.interval_of(items[0]["price"]), 1)
    _set_period(items, ctx.now, end)
    if params.get("cancel_at_period_end"):
        _schedule_end(ctx, draft, end, at_period_end=True)
    return draft


def _apply(ctx: Context, subscription: Object, params: Params) -> None:
    names = ("collection_method", "days_until_due", "description", "trial_settings")
    subscription.update({name: params[name] for name in names if name in params})
    if subscription["collection_method"] == "send_invoice" and subscription["days_until_due"] is None:
        raise request_error(
            "`days_until_due` is required when `collection_method` is `send_invoice`.", param="days_until_due"
        )
    subscription["metadata"] = merge_metadata(subscription["metadata"], params.get("metadata"))
    if "default_tax_rates" in params:
        rates = [ctx.get("tax_rate", ident, "default_tax_rates") for ident in params["default_tax_rates"]]
        subscription["default_tax_rates"] = copy.deepcopy(rates)
    if "payment_settings" in params:
        subscription["payment_settings"] = {**subscription["payment_settings"], **params["payment_settings"]}
    if params.get("default_payment_method"):
        method = methods.get_method(ctx, params["default_payment_method"], "default_payment_method")
        if method["customer"] != subscription["customer"]:
            raise request_error(
                f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
                "attached to the customer.",
                code="resource_missing",
                param="default_payment_method",
            )
        subscription["default_payment_method"] = method["id"]
    elif "default_payment_method" in params:
        subscription["default_payment_method"] = None


def _period(items: list[Object]) -> tuple[int, int]:
    return items[0]["current_period_start"], items[0]["current_period_end"]


def _set_period(items: list[Object], start: int, end: int) -> None:
    for item in items:
        item.update(current_period_start=start, current_period_end=end)


def _draft(ctx: Context, subscription: Object, reason: str, lines: list[Object]) -> Object:
    customer = ctx.get("customer", subscription["customer"])
    return invoices.draft(
        ctx,
        customer,
        subscription["currency"],
        reason,
        lines=lines,
        items=invoices.pending_items(ctx, customer, subscription["id"]),
        discounts=_usable_discounts(ctx, subscription),
        subscription=subscription,
    )


def _usable_discounts(ctx: Context, subscription: Object) -> list[Object]:
    """Running discounts; one that holds once is left out after its first invoice."""
    discounts = totals.running_discounts(ctx, subscription["discounts"])
    return [discount for discount in discounts if not discount.get("_is_spent")]


def _spend_discounts(ctx: Context, invoice: Object) -> None:
    for ident in invoice["discounts"]:
        discount = ctx.get("discount", ident)
        if ctx.get("coupon", discount["source"]["coupon"])["duration"] == "once":
            discount["_is_spent"] = True
            ctx.save(discount)


def _open_first(ctx: Context, subscription: Object, first: Object, params: Params) -> None:
    """Open the first invoice and, unless the caller wants to confirm himself, take the payment."""
    behavior = params.get("payment_behavior", "allow_incomplete")
    sends = subscription["collection_method"] == "send_invoice"
    method = None if sends else invoices.default_method(ctx, first)
    if method is None and not sends and behavior != "default_incomplete" and first["total"] > 0:
        raise request_error(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    invoices.finalize(ctx, first, method=method, save_card=True)
    _spend_discounts(ctx, first)
    if first["status"] == "paid":
        _ask_for_card(ctx, subscription, method, behavior)
    elif method and behavior != "default_incomplete":
        _take(ctx, first, method, params)


def _take(ctx: Context, invoice: Object, method: str, params: Params) -> None:
    behavior = params.get("payment_behavior", "allow_incomplete")
    try:
        invoices.attempt(ctx, invoice, method, off_session=confirmation_from(params).is_off_session)
    except StripeError as error:
        if behavior == "error_if_incomplete":
            error.keeps = False
        if behavior == "error_if_incomplete" or not error.keeps:
            raise
    if behavior == "error_if_incomplete" and invoice["status"] != "paid":
        raise StripeError(
            "Subscription creation failed because the payment requires additional action.",
            status=402,
            kind="card_error",
            code="subscription_payment_intent_requires_action",
        )


def _ask_for_card(ctx: Context, subscription: Object, method: str | None, behavior: str) -> None:
    """With nothing to pay now and no card known, a setup intent collects one."""
    if method or behavior != "default_incomplete":
        return
    intent = setups.create_setup(ctx, {"customer": subscription["customer"], "payment_method_types": ["card"]})
    intent["_subscription"] = subscription["id"]
    ctx.save(intent)
    ctx.change(subscription, pending_setup_intent=intent["id"])


# changing ------------------------------------------------------------------------------------------------------------


def update(ctx: Context, subscription: Object, params: Params) -> Object:
    ctx = ctx.on_clock_of(subscription)
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        raise request_error(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="resource_missing",
        )
    before = copy.deepcopy(public(subscription))
    _apply(ctx, subscription, params)
    if "discounts" in params:
        customer = ctx.get("customer", subscription["customer"])
        subscription["discounts"] = totals.make_discounts(
            ctx, customer, params["discounts"], subscription=subscription["id"]
        )
    _apply_end(ctx, subscription, params)
    if params.get("trial_end") == "now" and subscription["status"] == "trialing":
        return end_trial(ctx, subscription)
    if not params.get("items") and params.get("billing_cycle_anchor") != "now":
        return ctx.save(subscription, UPDATED, before)
    plan = changes.plan_change(ctx, subscription, params)
    return _carry_out(ctx, subscription, plan, params, before)


def _carry_out(ctx: Context, subscription: Object, plan: changes.Plan, params: Params, before: Object) -> Object:
    for entry in plan.prorations:
        ctx.add(entry, "invoiceitem.created")
    subscription["items"]["data"] = plan.items
    lines: list[Object] = []
    if plan.is_new_cycle:
        subscription["billing_cycle_anchor"] = plan.period[0]
        _set_period(plan.items, *plan.period)
        lines = changes.cycle_lines(ctx, subscription, plan.items, plan.period)
    if not plan.is_new_cycle and not (plan.prorations and params.get("proration_behavior") == "always_invoice"):
        return ctx.save(subscription, UPDATED, before)
    invoice = _draft(ctx, subscription, "subscription_update", lines)
    subscription["latest_invoice"] = invoice["id"]
    ctx.save(subscription, UPDATED, before)
    method = invoices.default_method(ctx, invoice)
    invoices.finalize(ctx, invoice, method=method)
    _spend_discounts(ctx, invoice)
    if invoice["status"] == "paid":
        return subscription
    if method is None or params.get("payment_behavior") == "default_incomplete":
        return ctx.change(subscription, UPDATED, status="past_due")
    _take(ctx, invoice, method, params)
    return subscription


def _apply_end(ctx: Context, subscription: Object, params: Params) -> None:
    if "cancellation_details" in params:
        details = params["cancellation_details"] or {}
        subscription["cancellation_details"] = {**subscription["cancellation_details"], **details}
    if "cancel_at_period_end" in params:
        if params["cancel_at_period_end"]:
            _schedule_end(ctx, subscription, changes.period_of(subscription)[1], at_period_end=True)
        elif subscription["cancel_at"]:
            _unschedule_end(subscription)
    if params.get("cancel_at"):
        if params["cancel_at"] <= ctx.now:
            raise request_error("cancel_at must be in the future.", param="cancel_at")
        _schedule_end(ctx, subscription, params["cancel_at"], at_period_end=False)
    elif "cancel_at" in params:
        _unschedule_end(subscription)


def _schedule_end(ctx: Context, subscription: Object, moment: int, *, at_period_end: bool) -> None:
    subscription.update(cancel_at=moment, cancel_at_period_end=at_period_end, canceled_at=ctx.now)
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": "cancellation_requested"}


def _unschedule_end(subscription: Object) -> None:
    subscription.update(cancel_at=None, cancel_at_period_end=False, canceled_at=None)
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": None}


def cancel_later(ctx: Context, subscription: Object) -> Object:
    """The portal's way with flexible billing: `cancel_at` is set and `cancel_at_period_end` stays false."""
    before = copy.deepcopy(public(subscription))
    _schedule_end(ctx, subscription, changes.period_of(subscription)[1], at_period_end=False)
    return ctx.save(subscription, UPDATED, before)


def keep(ctx: Context, subscription: Object) -> Object:
    before = copy.deepcopy(public(subscription))
    _unschedule_end(subscription)
    return ctx.save(subscription, UPDATED, before)


# ending --------------------------------------------------------------------------------------------------------------


def cancel(ctx: Context, subscription: Object, params: Params, *, reason: str = "cancellation_requested") -> Object:
    ctx = ctx.on_clock_of(subscription)
    if subscription["status"] not in RUNNING:
        raise request_error(f"No such subscription: '{subscription['id']}'", code="resource_missing", status=404)
    if params.get("prorate"):
        _credit_rest(ctx, subscription)
    if params.get("invoice_now") and invoices.pending_items(
        ctx, ctx.get("customer", subscription["customer"]), subscription["id"]
    ):
        invoices.finalize(ctx, _draft(ctx, subscription, "manual", []))
    details = {**subscription["cancellation_details"], **(params.get("cancellation_details") or {})}
    was_incomplete = subscription["status"] == "incomplete"
    ctx.change(
        subscription,
        status="canceled",
        ended_at=ctx.now,
        canceled_at=subscription["canceled_at"] or ctx.now,
        cancellation_details={**details, "reason": details["reason"] or reason},
    )
    ctx.emit("customer.subscription.deleted", subscription)
    _stop_collecting(ctx, subscription, voids=was_incomplete)
    return subscription


def _credit_rest(ctx: Context, subscription: Object) -> None:
    snapshot = copy.deepcopy(subscription)
    start, end = changes.period_of(subscription)
    if subscription["status"] not in {"active", "past_due"} or not start < ctx.now < end:
        return
    plan = changes.plan_change(ctx, snapshot, {"billing_cycle_anchor": "now"})
    for entry in plan.prorations:
        ctx.add(entry, "invoiceitem.created")


def _stop_collecting(ctx: Context, subscription: Object, *, voids: bool) -> None:
    for invoice in list(ctx.store.every("invoice")):
        own = invoices.subscription_of(ctx, invoice)
        if own is None or own["id"] != subscription["id"]:
            continue
        if invoice["status"] == "open" and voids:
            invoices.void(ctx, invoice)
        elif invoice["status"] in {"open", "draft"}:
            ctx.change(
                invoice,
                "invoice.updated",
                auto_advance=False,
                next_payment_attempt=None,
                automatically_finalizes_at=None,
            )


def cancel_all_of(ctx: Context, customer: Object) -> None:
    for subscription in running_of(ctx, customer):
        cancel(ctx, subscription, {})


def expire(ctx: Context, subscription: Object) -> None:
    """The first payment never came."""
    ctx.change(subscription, UPDATED, status="incomplete_expired", ended_at=ctx.now)
    _stop_collecting(ctx, subscription, voids=True)


# going on ------------------------------------------------------------------------------------------------------------


def renew(ctx: Context, subscription: Object) -> Object:
    """The next period, with a draft invoice that opens an hour later."""
    before = copy.deepcopy(public(subscription))
    items = subscription["items"]["data"]
    start = _period(items)[1]
    interval = periods.interval_of(items[0]["price"])
    _set_period(items, start, periods.next_end(subscription["billing_cycle_anchor"], interval, start))
    invoice = _draft(
        ctx, subscription, "subscription_cycle", changes.cycle_lines(ctx, subscription, items, _period(items))
    )
    ctx.change(invoice, automatically_finalizes_at=ctx.now + invoices.DRAFT_S)
    subscription["latest_invoice"] = invoice["id"]
    return ctx.save(subscription, UPDATED, before)


def open_renewal(ctx: Context, invoice: Object) -> None:
    """The hour is over: number the draft and collect."""
    subscription = invoices.subscription_of(ctx, invoice)
    sends = invoice["collection_method"] == "send_invoice"
    method = None if sends else invoices.default_method(ctx, invoice)
    invoices.finalize(ctx, invoice, method=method)
    _spend_discounts(ctx, invoice)
    if sends:
        ctx.emit("invoice.sent", invoice)
    elif invoice["status"] == "open" and subscription:
        invoices.collect(ctx, invoice)


def warn_trial(ctx: Context, subscription: Object) -> None:
    subscription["_is_warned"] = True
    ctx.save(subscription)
    ctx.emit("customer.subscription.trial_will_end", subscription)


def end_trial(ctx: Context, subscription: Object) -> Object:
    """The paid time begins, or what the subscription says for a missing card happens."""
    before = copy.deepcopy(public(subscription))
    has_card = (
        subscription["default_payment_method"]
        or (ctx.get("customer", subscription["customer"])["invoice_settings"]["default_payment_method"])
    )
    otherwise = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if not has_card and otherwise == "cancel":
        return cancel(ctx, subscription, {}, reason="payment_failed")
    subscription.update(trial_end=ctx.now, billing_cycle_anchor=ctx.now)
    _set_period(subscription["items"]["data"], subscription["trial_start"], ctx.now)
    if not has_card and otherwise == "pause":
        subscription["status"] = "paused"
        ctx.save(subscription, UPDATED, before)
        ctx.emit("customer.subscription.paused", subscription)
        return subscription
    subscription["status"] = "active"
    ctx.save(subscription, UPDATED, before)
    return renew(ctx, subscription)


def resume(ctx: Context, subscription: Object) -> Object:
    """Out of `paused`: a new period begins now and is paid at once."""
    ctx = ctx.on_clock_of(subscription)
    if subscription["status"] != "paused":
        raise request_error("You can only resume subscriptions that are paused.")
    items = subscription["items"]["data"]
    before = copy.deepcopy(public(subscription))
    subscription.update(status="active", billing_cycle_anchor=ctx.now)
    _set_period(items, ctx.now, periods.after(ctx.now, periods.interval_of(items[0]["price"]), 1))
    invoice = _draft(
        ctx, subscription, "subscription_cycle", changes.cycle_lines(ctx, subscription, items, _period(items))
    )
    subscription["latest_invoice"] = invoice["id"]
    ctx.save(subscription, UPDATED, before)
    ctx.emit("customer.subscription.resumed", subscription)
    open_renewal(ctx, invoice)
    return subscription


# following invoices --------------------------------------------------------------------------------------------------


def _on_paid(ctx: Context, invoice: Object, intent: Object | None) -> None:
    subscription = invoices.subscription_of(ctx, invoice)
    if subscription is None:
        return
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    updates: Object = {}
    if intent and saves and not subscription["default_payment_method"]:
        updates["default_payment_method"] = intent["payment_method"]
    # a late payment of an ended subscription does not revive it
    if (
        subscription["status"] in {"incomplete", "past_due", "unpaid"}
        and invoice["id"] == subscription["latest_invoice"]
    ):
        updates["status"] = "active"
    if updates:
        ctx.change(subscription, UPDATED, **updates)


def _on_payment_failed(ctx: Context, invoice: Object) -> None:
    subscription = invoices.subscription_of(ctx, invoice)
    if subscription is None or subscription["status"] not in {"active", "past_due"}:
        return
    is_last = invoice["billing_reason"] == "subscription_cycle" and invoice["next_payment_attempt"] is None
    if is_last and invoice["attempt_count"] > len(invoices.RETRY_DAYS):
        cancel(ctx, subscription, {}, reason="payment_failed")
    else:
        ctx.change(subscription, UPDATED, status="past_due")


def _on_setup(ctx: Context, intent: Object) -> None:
    subscription = ctx.find("subscription", intent.get("_subscription"))
    if subscription is None or subscription["pending_setup_intent"] != intent["id"]:
        return
    ctx.change(subscription, UPDATED, pending_setup_intent=None, default_payment_method=intent["payment_method"])


invoices.PAID.append(_on_paid)
invoices.PAYMENT_FAILED.append(_on_payment_failed)
setups.SUCCEEDED.append(_on_setup)

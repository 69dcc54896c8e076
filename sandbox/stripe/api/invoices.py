"""Invoices, invoice items, invoice payments and previews."""

import copy

from sandbox.stripe.api.endpoint import Endpoint, delete, get, listing, matches, page, post, retrieve, within
from sandbox.stripe.api.subscriptions import CANCELLATION, DISCOUNTS, ITEM_CHANGE, PRORATION
from sandbox.stripe.billing import changes, invoices, periods, subscriptions, totals
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.billing import new_invoice_item, pricing_of
from sandbox.stripe.params import (
    EXPAND,
    Params,
    Spec,
    array,
    boolean,
    choice,
    currency,
    group,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
)
from sandbox.stripe.store import Object

COMMON: Spec = {
    "auto_advance": boolean,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0),
    "default_payment_method": text(clearable=True),
    "default_tax_rates": array(text(), clearable=True),
    "description": text(1500, clearable=True),
    "discounts": DISCOUNTS,
    "due_date": integer(1),
    "footer": text(clearable=True),
    "metadata": metadata,
}
CREATE: Spec = {
    **COMMON,
    "currency": currency,
    "customer!": text(),
    "pending_invoice_items_behavior": choice("exclude", "include"),
    "subscription": text(),
}
ITEM_UPDATE: Spec = {
    "amount": integer(),
    "description": text(clearable=True),
    "discountable": boolean,
    "metadata": metadata,
    "period": group({"start!": integer(1), "end!": integer(1)}),
    "pricing": group({"price!": text()}),
    "quantity": integer(0),
    "tax_rates": array(text(), clearable=True),
}
ITEM_CREATE: Spec = {
    **ITEM_UPDATE,
    "currency": currency,
    "customer!": text(),
    "invoice": text(),
    "subscription": text(),
}
PREVIEW_DETAILS: Spec = {
    "cancel_at_period_end": boolean,
    "cancellation_details": group(CANCELLATION),
    "billing_cycle_anchor": choice("now", "unchanged"),
    "default_tax_rates": array(text(), clearable=True),
    "items": array(group(ITEM_CHANGE)),
    "proration_behavior": PRORATION,
    "proration_date": integer(1),
    "trial_end": choice("now"),
}
PREVIEW: Spec = {
    "currency": currency,
    "customer": text(),
    "discounts": DISCOUNTS,
    "subscription": text(),
    "subscription_details": group(PREVIEW_DETAILS),
}


def create(ctx: Context, params: Params) -> Object:
    customer = ctx.get("customer", params["customer"], "customer")
    ctx = ctx.on_clock_of(customer)
    subscription = ctx.get("subscription", params["subscription"], "subscription") if "subscription" in params else None
    takes = subscription is not None or params.get("pending_invoice_items_behavior") == "include"
    items = invoices.pending_items(ctx, customer, params.get("subscription")) if takes else []
    if subscription and not items:
        raise request_error("Nothing to invoice for subscription", code="invoice_no_subscription_line_items")
    money = params.get("currency") or (items[0]["currency"] if items else customer["currency"]) or "eur"
    discounts = totals.make_discounts(ctx, customer, params.get("discounts") or [])
    return invoices.draft(
        ctx,
        customer,
        money,
        "manual",
        items=items,
        discounts=[ctx.get("discount", ident) for ident in discounts],
        subscription=subscription,
        params=_fields(ctx, params),
    )


def _fields(ctx: Context, params: Params) -> Params:
    names = ("auto_advance", "collection_method", "default_payment_method", "description", "due_date", "footer")
    fields = {name: params[name] for name in names if name in params}
    if params.get("collection_method") == "send_invoice":
        if "days_until_due" not in params and "due_date" not in params:
            raise StripeError("You must provide `days_until_due` or `due_date` with `send_invoice`.", param="due_date")
        fields["due_date"] = params.get("due_date") or ctx.now + params["days_until_due"] * invoices.DAY_S
    if "default_tax_rates" in params:
        rates = [ctx.get("tax_rate", ident, "default_tax_rates") for ident in params["default_tax_rates"]]
        fields["default_tax_rates"] = copy.deepcopy(rates)
    if "metadata" in params:
        fields["metadata"] = merge_metadata({}, params["metadata"])
    return fields


def update(ctx: Context, params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    fields = _fields(ctx.on_clock_of(invoice), params)
    if invoice["status"] != "draft" and set(fields) - {"metadata", "auto_advance", "default_payment_method"}:
        raise request_error("Finalized invoices can't be updated in this way", code="invoice_not_editable")
    if "metadata" in params:
        fields["metadata"] = merge_metadata(invoice["metadata"], params["metadata"])
    if "discounts" in params:
        customer = ctx.get("customer", invoice["customer"])
        fields["discounts"] = totals.make_discounts(ctx, customer, params["discounts"], invoice=ident)
    ctx.change(invoice, "invoice.updated", **fields)
    return invoices.recompute(ctx, invoice) if invoice["status"] == "draft" else invoice


def remove(ctx: Context, _params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    if invoice["status"] != "draft" or invoice["billing_reason"] != "manual":
        raise request_error(
            "You can only delete draft invoices that you created yourself.", code="invoice_not_editable"
        )
    for entry in list(ctx.store.every("invoiceitem")):
        if entry["invoice"] == ident:
            ctx.change(entry, invoice=None)
    ctx.emit("invoice.deleted", invoice)
    ctx.store.remove(ident)
    return {"id": ident, "object": "invoice", "deleted": True}


def finalize(ctx: Context, params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    if "auto_advance" in params:
        invoice["auto_advance"] = params["auto_advance"]
    return invoices.finalize(ctx.on_clock_of(invoice), invoice, method=invoices.default_method(ctx, invoice))


def pay(ctx: Context, params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    return invoices.pay(ctx.on_clock_of(invoice), invoice, params)


def send(ctx: Context, _params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    ctx = ctx.on_clock_of(invoice)
    if invoice["status"] == "draft":
        invoices.finalize(ctx, invoice)
    ctx.emit("invoice.sent", invoice)
    return invoice


def void(ctx: Context, _params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    return invoices.void(ctx.on_clock_of(invoice), invoice)


def mark_uncollectible(ctx: Context, _params: Params, ident: str) -> Object:
    invoice = ctx.get("invoice", ident)
    return invoices.mark_uncollectible(ctx.on_clock_of(invoice), invoice)


def list_invoices(ctx: Context, params: Params) -> Object:
    results = (
        invoice
        for invoice in ctx.store.every("invoice")
        if matches(invoice, params, "customer", "status", "collection_method")
        and ("subscription" not in params or _subscription_id(invoice) == params["subscription"])
        and within(invoice["created"], params.get("created"))
    )
    return page(results, params, "/v1/invoices")


def _subscription_id(invoice: Object) -> str | None:
    return invoice["parent"]["subscription_details"]["subscription"] if invoice["parent"] else None


def list_lines(ctx: Context, params: Params, ident: str) -> Object:
    return page(ctx.get("invoice", ident)["lines"]["data"], params, f"/v1/invoices/{ident}/lines")


# previews ------------------------------------------------------------------------------------------------------------


def preview(ctx: Context, params: Params) -> Object:
    details = params.get("subscription_details") or {}
    if "subscription" in params:
        invoice = _preview_change(ctx, ctx.get("subscription", params["subscription"], "subscription"), params, details)
    else:
        invoice = _preview_new(ctx, params, details)
    invoice["id"] = invoices.preview_id()
    for line in invoice["lines"]["data"]:
        line["invoice"] = invoice["id"]
    return invoice


def _preview_change(ctx: Context, subscription: Object, params: Params, details: Params) -> Object:
    ctx = ctx.on_clock_of(subscription)
    customer = ctx.get("customer", subscription["customer"])
    if subscription["status"] not in {"trialing", "active", "past_due"} or details.get("cancel_at_period_end"):
        raise request_error(
            "No upcoming invoices for customer: the subscription will not renew.", code="invoice_upcoming_none"
        )
    plan = changes.plan_change(ctx, subscription, details)
    after = copy.deepcopy(subscription)
    is_now = plan.is_new_cycle or (bool(plan.prorations) and details.get("proration_behavior") == "always_invoice")
    lines: list[Object] = []
    if plan.is_new_cycle:
        lines = changes.cycle_lines(ctx, after, plan.items, plan.period)
    elif not is_now:
        ctx = ctx.at(plan.period[1])
        after["status"] = "active"
        end = periods.next_end(
            subscription["billing_cycle_anchor"],
            periods.interval_of(plan.items[0]["price"]),
            plan.period[1],
        )
        lines = changes.cycle_lines(ctx, after, plan.items, (plan.period[1], end))
    items = [*invoices.pending_items(ctx, customer, subscription["id"]), *plan.prorations]
    reason = "subscription_update" if is_now else "upcoming"
    discounts = _preview_discounts(ctx, customer, subscription, params)
    return invoices.compose(
        ctx,
        customer,
        subscription["currency"],
        reason,
        lines=lines,
        items=items,
        discounts=discounts,
        subscription=after,
    )


def _preview_discounts(ctx: Context, customer: Object, subscription: Object | None, params: Params) -> list[Object]:
    """Discounts made only for this look; the preview's transaction is undone afterwards."""
    if "discounts" in params:
        ids = totals.make_discounts(ctx, customer, params["discounts"])
        return [ctx.get("discount", ident) for ident in ids]
    discounts = totals.running_discounts(ctx, subscription["discounts"]) if subscription else []
    return [discount for discount in discounts if not discount.get("_is_spent")]


def _preview_new(ctx: Context, params: Params, details: Params) -> Object:
    if "customer" not in params:
        raise StripeError("You must pass `customer` or `subscription`.", code="parameter_missing", param="customer")
    customer = ctx.get("customer", params["customer"], "customer")
    ctx = ctx.on_clock_of(customer)
    if not details.get("items"):
        items = invoices.pending_items(ctx, customer, None)
        if not items:
            raise request_error("No upcoming invoices for customer", code="invoice_upcoming_none", status=404)
        discounts = _preview_discounts(ctx, customer, None, params)
        return invoices.compose(
            ctx,
            customer,
            items[0]["currency"],
            "upcoming",
            lines=[],
            items=items,
            discounts=discounts,
            subscription=None,
        )
    data = {"items": details["items"], "default_tax_rates": details.get("default_tax_rates", [])}
    subscription = subscriptions.prepare(ctx, customer, data)
    lines = changes.cycle_lines(ctx, subscription, subscription["items"]["data"], changes.period_of(subscription))
    discounts = _preview_discounts(ctx, customer, None, params)
    return invoices.compose(
        ctx,
        customer,
        subscription["currency"],
        "subscription_create",
        lines=lines,
        items=[],
        discounts=discounts,
        subscription=subscription,
    )


# items and payments --------------------------------------------------------------------------------------------------


def create_item(ctx: Context, params: Params) -> Object:
    customer = ctx.get("customer", params["customer"], "customer")
    ctx = ctx.on_clock_of(customer)
    invoice = ctx.get("invoice", params["invoice"], "invoice") if "invoice" in params else None
    if invoice and invoice["status"] != "draft":
        raise request_error("You can only add items to draft invoices.", code="invoice_not_editable")
    entry = new_invoice_item(ctx, customer, params.get("amount", 0), params.get("currency", "eur"))
    if ("amount" in params) == ("pricing" in params):
        raise StripeError("You must pass either `amount` or `pricing`.", code="parameter_missing", param="amount")
    if "subscription" in params:
        ctx.get("subscription", params["subscription"], "subscription")
        details = {"subscription": params["subscription"], "subscription_item": None}
        entry["parent"] = {"subscription_details": details, "type": "subscription_details"}
    _fill_item(ctx, entry, params)
    entry["invoice"] = params.get("invoice")
    ctx.add(entry, "invoiceitem.created")
    if invoice:
        invoices.recompute(ctx, invoice)
    return entry


def _fill_item(ctx: Context, entry: Object, params: Params) -> None:
    names = ("amount", "description", "discountable", "period", "quantity")
    entry.update({name: params[name] for name in names if name in params})
    entry["metadata"] = merge_metadata(entry["metadata"], params.get("metadata"))
    if "tax_rates" in params:
        entry["tax_rates"] = [ctx.get("tax_rate", ident, "tax_rates")["id"] for ident in params["tax_rates"]]
    if "pricing" in params:
        price = ctx.get("price", params["pricing"]["price"], "pricing[price]")
        entry.update(pricing=pricing_of(price), currency=price["currency"])
        entry["amount"] = price["unit_amount"] * entry["quantity"]
        entry["description"] = entry["description"] or changes.product_name(ctx, price)
    entry["net_amount"] = entry["amount"]
    entry["quantity_decimal"] = str(entry["quantity"])


def update_item(ctx: Context, params: Params, ident: str) -> Object:
    entry = _editable(ctx, ident)
    _fill_item(ctx, entry, params)
    ctx.save(entry)
    if entry["invoice"]:
        invoices.recompute(ctx, ctx.get("invoice", entry["invoice"]))
    return entry


def _editable(ctx: Context, ident: str) -> Object:
    entry = ctx.get("invoiceitem", ident)
    invoice = ctx.find("invoice", entry["invoice"])
    if invoice and invoice["status"] != "draft":
        raise request_error("This invoice item belongs to a finalized invoice.", code="invoice_not_editable")
    return entry


def remove_item(ctx: Context, _params: Params, ident: str) -> Object:
    entry = _editable(ctx, ident)
    ctx.emit("invoiceitem.deleted", entry)
    ctx.store.remove(ident)
    if entry["invoice"]:
        invoices.recompute(ctx, ctx.get("invoice", entry["invoice"]))
    return {"id": ident, "object": "invoiceitem", "deleted": True}


def list_items(ctx: Context, params: Params) -> Object:
    results = (
        entry
        for entry in ctx.store.every("invoiceitem")
        if matches(entry, params, "customer", "invoice")
        and ("pending" not in params or params["pending"] == (entry["invoice"] is None))
        and within(entry["date"], params.get("created"))
    )
    return page(results, params, "/v1/invoiceitems")


def list_payments(ctx: Context, params: Params) -> Object:
    intent_id = (params.get("payment") or {}).get("payment_intent")
    results = (
        entry
        for entry in ctx.store.every("invoice_payment")
        if matches(entry, params, "invoice", "status")
        and (intent_id is None or entry["payment"]["payment_intent"] == intent_id)
        and within(entry["created"], params.get("created"))
    )
    return page(results, params, "/v1/invoice_payments")


PAY: Spec = {"off_session": boolean, "paid_out_of_band": boolean, "payment_method": text()}
ENDPOINTS = [
    Endpoint("POST", "/v1/invoices/create_preview", preview, {**EXPAND, **PREVIEW}, is_dry=True),
    post("/v1/invoices", create, CREATE),
    listing(
        "/v1/invoices",
        list_invoices,
        {
            "collection_method": choice("charge_automatically", "send_invoice"),
            "created": time_range,
            "customer": text(),
            "status": choice("draft", "open", "paid", "uncollectible", "void"),
            "subscription": text(),
        },
    ),
    get("/v1/invoices/{id}", retrieve("invoice")),
    post("/v1/invoices/{id}", update, COMMON),
    delete("/v1/invoices/{id}", remove),
    post("/v1/invoices/{id}/finalize", finalize, {"auto_advance": boolean}),
    post("/v1/invoices/{id}/pay", pay, PAY),
    post("/v1/invoices/{id}/send", send),
    post("/v1/invoices/{id}/void", void),
    post("/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
    listing("/v1/invoices/{id}/lines", list_lines),
    post("/v1/invoiceitems", create_item, ITEM_CREATE),
    listing(
        "/v1/invoiceitems",
        list_items,
        {"created": time_range, "customer": text(), "invoice": text(), "pending": boolean},
    ),
    get("/v1/invoiceitems/{id}", retrieve("invoiceitem")),
    post("/v1/invoiceitems/{id}", update_item, ITEM_UPDATE),
    delete("/v1/invoiceitems/{id}", remove_item),
    listing(
        "/v1/invoice_payments",
        list_payments,
        {
            "created": time_range,
            "invoice": text(),
            "payment": group({"type!": choice("payment_intent"), "payment_intent": text()}),
            "status": choice("canceled", "open", "paid"),
        },
    ),
    get("/v1/invoice_payments/{id}", retrieve("invoice_payment")),
]

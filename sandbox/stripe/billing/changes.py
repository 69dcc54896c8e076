"""What a change of a subscription's items costs: the same computation for the preview and for the change itself."""

import copy
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sandbox.stripe.billing import periods
from sandbox.stripe.billing.totals import round_half_up
from sandbox.stripe.context import Context
from sandbox.stripe.errors import missing, request_error
from sandbox.stripe.objects.billing import NO_CREDITED, new_invoice_item, new_item, new_line, pricing_of
from sandbox.stripe.objects.catalogue import new_price, plan_of
from sandbox.stripe.params import Params
from sandbox.stripe.store import Object


@dataclass
class Plan:
    """`prorations` are invoice items not yet stored; `is_new_cycle` says the period starts anew, paid in full now."""

    items: list[Object]
    prorations: list[Object] = field(default_factory=list)
    is_new_cycle: bool = False
    period: tuple[int, int] = (0, 0)


def price_of(ctx: Context, params: Params) -> Object:
    """The recurring price that an item's parameters name or describe."""
    if "price_data" in params:
        data = params["price_data"]
        ctx.get("product", data["product"], "items[price_data][product]")
        inline_price = new_price(
            ctx, **{name: value for name, value in data.items() if name != "metadata"}, active=False
        )
        return copy.deepcopy(ctx.add(inline_price))
    price = ctx.find("price", params["price"])
    if price is None:
        raise missing("price", params["price"], "items[0][price]")
    if not price["active"]:
        raise request_error(f"The price specified is inactive. This field only accepts active prices: {price['id']}")
    if price["recurring"] is None:
        raise request_error(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        )
    return copy.deepcopy(price)


def change_items(ctx: Context, subscription: Object, entries: list[Params]) -> list[Object]:
    """The items after the change; the subscription itself is left alone."""
    items: list[Object] = copy.deepcopy(subscription["items"]["data"])
    for entry in entries:
        if "id" not in entry:
            item = new_item(ctx, subscription["id"], price_of(ctx, entry), entry.get("quantity", 1))
            items.append(item)
            _adjust(ctx, item, {name: entry[name] for name in ("metadata", "tax_rates") if name in entry}, items)
            continue
        by_id = {item["id"]: item for item in items}
        if entry["id"] not in by_id:
            raise missing("subscription_item", entry["id"], "items[0][id]")
        item = by_id[entry["id"]]
        if entry.get("deleted"):
            items.remove(item)
        else:
            _adjust(ctx, item, entry, items)
    if not items:
        raise request_error("A subscription must have at least one active item. To cancel it, use the cancel endpoint.")
    if len({periods.interval_of(item["price"]) for item in items}) > 1:
        raise request_error("Currently, all prices on a subscription must have the same `recurring.interval` here.")
    if len({item["price"]["currency"] for item in items}) > 1:
        raise request_error("All prices on a subscription must have the same currency.")
    return items


def _adjust(ctx: Context, item: Object, entry: Params, others: list[Object]) -> Object:
    if "price" in entry or "price_data" in entry:
        item["price"] = price_of(ctx, entry)
        item["plan"] = plan_of(item["price"])
    item["quantity"] = entry.get("quantity", item["quantity"])
    if "metadata" in entry:
        item["metadata"] = entry["metadata"]
    if "tax_rates" in entry:
        item["tax_rates"] = [ctx.get("tax_rate", ident, "tax_rates") for ident in entry["tax_rates"]]
    peers = [other for other in others if other is not item]
    if peers and not item["current_period_end"]:
        item["current_period_start"] = peers[0]["current_period_start"]
        item["current_period_end"] = peers[0]["current_period_end"]
    return item


def period_of(subscription: Object) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def plan_change(ctx: Context, subscription: Object, params: Params) -> Plan:
    """What `items`, `proration_behavior` and `proration_date` would do at the time of `ctx`."""
    items = change_items(ctx, subscription, params.get("items", []))
    start, end = period_of(subscription)
    moment = params.get("proration_date") or ctx.now
    if not start <= moment <= end:
        raise request_error("Invalid proration_date: it must be within the current period.", param="proration_date")
    old_interval = periods.interval_of(subscription["items"]["data"][0]["price"])
    interval = periods.interval_of(items[0]["price"])
    restarts = interval != old_interval or params.get("billing_cycle_anchor") == "now"
    plan = Plan(items, [], restarts and subscription["status"] != "trialing", (start, end))
    if plan.is_new_cycle:
        plan.period = (moment, periods.after(moment, interval, 1))
    is_prorated = params.get("proration_behavior", "create_prorations") != "none"
    if is_prorated and subscription["status"] in {"active", "past_due"}:
        share = Fraction(end - moment, end - start)
        plan.prorations = _prorate(ctx, subscription, plan, moment, end, share)
    return plan


def _prorate(ctx: Context, subscription: Object, plan: Plan, moment: int, end: int, share: Fraction) -> list[Object]:
    before = {item["id"]: item for item in subscription["items"]["data"]}
    after = {item["id"]: item for item in plan.items}
    prorations: list[Object] = []
    for ident in [*before, *(ident for ident in after if ident not in before)]:
        old, new = before.get(ident), after.get(ident)
        if (
            not plan.is_new_cycle
            and old
            and new
            and _cost(old) == _cost(new)
            and old["price"]["id"] == new["price"]["id"]
        ):
            continue
        if old:
            prorations.append(_proration(ctx, subscription, old, -share, moment, end, "Unused time on"))
        if new and not plan.is_new_cycle:
            prorations.append(_proration(ctx, subscription, new, share, moment, end, "Remaining time on"))
    return prorations


def _cost(item: Object) -> int:
    return int(item["price"]["unit_amount"]) * int(item["quantity"])


def product_name(ctx: Context, price: Object) -> str:
    product = ctx.find("product", price["product"])
    return str(product["name"]) if product else str(price["product"])


def _proration(
    ctx: Context, subscription: Object, item: Object, share: Fraction, moment: int, end: int, words: str
) -> Object:
    customer = ctx.get("customer", subscription["customer"])
    quantity = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    return new_invoice_item(
        ctx,
        customer,
        round_half_up(_cost(item) * share),
        subscription["currency"],
        description=f"{words} {quantity}{product_name(ctx, item['price'])}",
        parent={
            "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
            "type": "subscription_details",
        },
        period={"end": end, "start": moment},
        pricing=pricing_of(item["price"]),
        proration=True,
        quantity=item["quantity"],
        tax_rates=[rate["id"] for rate in item["tax_rates"]],
    )


def cycle_lines(ctx: Context, subscription: Object, items: list[Object], period: tuple[int, int]) -> list[Object]:
    """The full price of each item for one period; free while trialing."""
    is_trial = subscription["status"] == "trialing"
    defaults = [rate["id"] for rate in subscription["default_tax_rates"]]
    return [_cycle_line(ctx, subscription, item, period, defaults, is_trial=is_trial) for item in items]


def _cycle_line(
    ctx: Context, subscription: Object, item: Object, period: tuple[int, int], defaults: list[str], *, is_trial: bool
) -> Object:
    price: Any = item["price"]
    unit = f"{price['unit_amount'] / 100:.2f} {price['currency'].upper()} / {price['recurring']['interval']}"
    name = product_name(ctx, price)
    text = f"Trial period for {name}" if is_trial else f"{item['quantity']} × {name} (at {unit})"
    return new_line(
        0 if is_trial else _cost(item),
        subscription["currency"],
        text,
        period,
        quantity=item["quantity"],
        pricing=pricing_of(price),
        subscription=subscription["id"],
        metadata=dict(subscription["metadata"]),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": NO_CREDITED,
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        _tax_rates=[rate["id"] for rate in item["tax_rates"]] or defaults,
    )

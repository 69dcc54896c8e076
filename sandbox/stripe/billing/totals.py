"""Discounts, taxes and sums of an invoice's lines, in cents."""

from fractions import Fraction
from typing import Any

from sandbox.stripe.context import Context
from sandbox.stripe.errors import missing, request_error
from sandbox.stripe.objects.billing import new_discount
from sandbox.stripe.store import Object

MONTH_S = 2_629_800


def round_half_up(value: Fraction) -> int:
    """Half a cent goes away from zero, as Stripe rounds."""
    sign = -1 if value < 0 else 1
    return sign * int(abs(value) + Fraction(1, 2))


def make_discounts(ctx: Context, customer: Object, entries: list[Object], **owner: Any) -> list[str]:
    """Redeem coupons and promotion codes; the ids of the discounts made."""
    return [_redeem(ctx, customer, entry, owner) for entry in entries]


def _redeem(ctx: Context, customer: Object, entry: Object, owner: Object) -> str:
    promotion = None
    if "discount" in entry:
        return str(ctx.get("discount", entry["discount"], "discounts")["id"])
    if "promotion_code" in entry:
        promotion = ctx.get("promotion_code", entry["promotion_code"], "discounts")
        _check_promotion(ctx, customer, promotion)
    coupon_id = promotion["promotion"]["coupon"] if promotion else entry.get("coupon", "")
    coupon = ctx.find("coupon", coupon_id)
    if coupon is None:
        raise missing("coupon", coupon_id, "discounts")
    _check_coupon(ctx, coupon)
    end = ctx.now + coupon["duration_in_months"] * MONTH_S if coupon["duration"] == "repeating" else None
    discount = new_discount(ctx, customer, coupon, promotion_code=promotion and promotion["id"], end=end, **owner)
    for redeemable in (coupon, promotion):
        if redeemable:
            limit = redeemable["max_redemptions"]
            redeemable["times_redeemed"] += 1
            if redeemable is coupon and limit is not None and redeemable["times_redeemed"] >= limit:
                redeemable["valid"] = False
            ctx.save(redeemable)
    return str(ctx.add(discount, "customer.discount.created")["id"])


def _check_coupon(ctx: Context, coupon: Object) -> None:
    is_spent = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if is_spent or not coupon["valid"] or (coupon["redeem_by"] or ctx.now) < ctx.now:
        raise request_error(
            f"Coupon {coupon['id']} is used up or expired and cannot be applied.", code="coupon_expired"
        )


def _check_promotion(ctx: Context, customer: Object, promotion: Object) -> None:
    is_over = (promotion["expires_at"] or ctx.now) < ctx.now
    limit = promotion["max_redemptions"]
    is_spent = limit is not None and promotion["times_redeemed"] >= limit
    if not promotion["active"] or is_over or is_spent or promotion["customer"] not in {None, customer["id"]}:
        raise request_error("This promotion code cannot be redeemed.", param="discounts")


def running_discounts(ctx: Context, idents: list[str]) -> list[Object]:
    """Those that still apply now."""
    discounts = [ctx.get("discount", ident) for ident in idents]
    return [discount for discount in discounts if discount["end"] is None or discount["end"] > ctx.now]


def compute(ctx: Context, invoice: Object, lines: list[Object], discounts: list[Object]) -> None:
    """Put the lines on the invoice and fill in all sums."""
    for line in lines:
        line.update(invoice=invoice["id"], discount_amounts=[], taxes=[], discounts=[])
    for discount in discounts:
        _apply_discount(ctx, lines, discount)
    exclusive_tax = 0
    for line in lines:
        line["pretax_credit_amounts"] = [{**entry, "type": "discount"} for entry in line["discount_amounts"]]
        rates = [ctx.get("tax_rate", ident) for ident in line["_tax_rates"]]
        line["taxes"] = [_tax(line, rate) for rate in rates]
        exclusive_tax += sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")
    invoice["lines"]["data"] = lines
    invoice["discounts"] = [discount["id"] for discount in discounts]
    _sum_up(invoice, lines, exclusive_tax)


def _net(line: Object) -> int:
    discount: int = sum(entry["amount"] for entry in line["discount_amounts"])
    return int(line["amount"]) - discount


def _apply_discount(ctx: Context, lines: list[Object], discount: Object) -> None:
    coupon = ctx.get("coupon", discount["source"]["coupon"])
    open_lines = [line for line in lines if line["discountable"] and _net(line) != 0]
    total = sum(_net(line) for line in open_lines)
    remaining = min(coupon["amount_off"] or 0, total)
    for place, line in enumerate(open_lines):
        if coupon["percent_off"]:
            amount = round_half_up(Fraction(_net(line)) * Fraction(str(coupon["percent_off"])) / 100)
        elif place == len(open_lines) - 1:
            amount = remaining
        else:
            amount = round_half_up(Fraction(min(coupon["amount_off"], total) * _net(line), total)) if total > 0 else 0
            remaining -= amount
        if amount:
            line["discount_amounts"].append({"amount": amount, "discount": discount["id"]})


def _tax(line: Object, rate: Object) -> Object:
    percentage = Fraction(str(rate["percentage"])) / 100
    base = Fraction(_net(line))
    amount = base * percentage / (1 + percentage) if rate["inclusive"] else base * percentage
    tax = round_half_up(amount)
    return {
        "amount": tax,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "not_available",
        "taxable_amount": _net(line) - (tax if rate["inclusive"] else 0),
        "type": "tax_rate_details",
    }


def _sum_up(invoice: Object, lines: list[Object], exclusive_tax: int) -> None:
    subtotal = sum(line["amount"] for line in lines)
    discounts: dict[str, int] = {}
    taxes: dict[str, Object] = {}
    for line in lines:
        for entry in line["discount_amounts"]:
            discounts[entry["discount"]] = discounts.get(entry["discount"], 0) + entry["amount"]
        for tax in line["taxes"]:
            tax_total = taxes.setdefault(tax["tax_rate_details"]["tax_rate"], {**tax, "amount": 0, "taxable_amount": 0})
            tax_total["amount"] += tax["amount"]
            tax_total["taxable_amount"] += tax["taxable_amount"]
    total = subtotal - sum(discounts.values()) + exclusive_tax
    inside = sum(tax["amount"] for tax in taxes.values() if tax["tax_behavior"] == "inclusive")
    due = max(total, 0)
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        total=total,
        total_excluding_tax=total - exclusive_tax - inside,
        total_discount_amounts=[{"amount": amount, "discount": ident} for ident, amount in discounts.items()],
        total_pretax_credit_amounts=[
            {"amount": amount, "discount": ident, "type": "discount"} for ident, amount in discounts.items()
        ],
        total_taxes=list(taxes.values()),
        amount_due=due,
        amount_remaining=due,
    )

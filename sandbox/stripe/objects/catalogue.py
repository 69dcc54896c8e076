"""Account, customers, products, prices, coupons, promotion codes, tax rates."""

import secrets
from decimal import Decimal
from typing import Any

from sandbox.stripe.context import Context, new_id
from sandbox.stripe.store import Object


def new_account(ident: str, created: int) -> Object:
    """The account behind the secret key: an Italian company in euros."""
    nothing_due: Object = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": ident,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "7392",
            "minority_owned_business_designation": None,
            "name": "AI Strategy Hub",
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": "https://example.com",
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "IT",
        "created": created,
        "default_currency": "eur",
        "details_submitted": True,
        "email": "account@example.com",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{ident}/external_accounts",
        },
        "future_requirements": nothing_due,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": dict(nothing_due),
        "settings": _account_settings(),
        "tos_acceptance": {"date": created, "ip": "127.0.0.1", "user_agent": None},
        "type": "standard",
    }


def _account_settings() -> Object:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": True},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "AI Strategy Hub", "timezone": "Europe/Rome"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": "AI STRATEGY HUB",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 7, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }


def new_customer(ctx: Context) -> Object:
    return {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": ctx.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def new_tax_id(ctx: Context, customer: Object, kind: str, value: str) -> Object:
    return {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": value[:2].upper() if kind == "eu_vat" else None,
        "created": ctx.now,
        "customer": customer["id"],
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": customer["id"], "customer_account": None, "type": "customer"},
        "type": kind,
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }


def new_product(ctx: Context, **fields: Any) -> Object:
    return {
        "id": fields.pop("id", None) or new_id("prod", 14),
        "object": "product",
        "active": True,
        "created": ctx.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": ctx.now,
        "url": None,
        **fields,
    }


def new_price(ctx: Context, product: str, **fields: Any) -> Object:
    recurring = fields.get("recurring")
    return {
        "id": new_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": ctx.now,
        "currency": "eur",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": 0,
        "unit_amount_decimal": str(Decimal(fields.get("unit_amount", 0))),
        **fields,
        "recurring": {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }
        if recurring
        else None,
    }


def plan_of(price: Object) -> Object:
    """The older view of a recurring price, which subscription items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def new_coupon(ctx: Context, **fields: Any) -> Object:
    return {
        "id": fields.pop("id", None) or new_id("c", 8).removeprefix("c_"),
        "object": "coupon",
        "amount_off": None,
        "created": ctx.now,
        "currency": None,
        "duration": "once",
        "duration_in_months": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
        **fields,
    }


def new_promotion_code(ctx: Context, coupon: str, **fields: Any) -> Object:
    restrictions = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    return {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": True,
        "code": new_id("x", 8).removeprefix("x_").upper(),
        "created": ctx.now,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon, "type": "coupon"},
        "times_redeemed": 0,
        **fields,
        "restrictions": {**restrictions, **fields.get("restrictions", {})},
    }


def new_tax_rate(ctx: Context, **fields: Any) -> Object:
    return {
        "id": new_id("txr"),
        "object": "tax_rate",
        "active": True,
        "country": None,
        "created": ctx.now,
        "description": None,
        "display_name": "",
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": None,
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": {},
        "percentage": 0,
        "rate_type": "percentage",
        "state": None,
        "tax_type": None,
        **fields,
    }


def new_webhook_endpoint(ctx: Context, url: str, enabled_events: list[str], **fields: Any) -> Object:
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": ctx.now,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_secret": f"whsec_{secrets.token_hex(16)}",
        **fields,
    }

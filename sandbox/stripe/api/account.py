"""The one account behind the secret key."""

from sandbox.stripe.api.endpoint import get, listing, page
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.params import Params
from sandbox.stripe.store import Object


def own(ctx: Context) -> Object:
    return next(ctx.store.every("account"))


def retrieve_own(ctx: Context, _params: Params) -> Object:
    return own(ctx)


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    account = own(ctx)
    if account["id"] != ident:
        raise StripeError(
            f"The provided key does not have access to account '{ident}' (or that account does not exist).",
            status=403,
            code="account_invalid",
        )
    return account


def list_accounts(_ctx: Context, params: Params) -> Object:
    return page([], params, "/v1/accounts")


ENDPOINTS = [
    get("/v1/account", retrieve_own),
    get("/v1/accounts/{id}", retrieve),
    listing("/v1/accounts", list_accounts),
]

"""One HTTP route: method, path, what it accepts, and the function that does it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.params import EXPAND, PAGE, Params, Spec
from sandbox.stripe.store import Object

Handler = Callable[..., Object]


@dataclass(frozen=True)
class Endpoint:
    """`handler(ctx, params, *ids)`; `is_public` lets a publishable key in, with the intent's client secret."""

    method: str
    path: str
    handler: Handler
    params: Spec
    is_public: bool = False
    is_dry: bool = False  # its work is undone once the answer is made

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        if method != self.method:
            return None
        pattern = re.sub(r"\{\w+\}", "([^/]+)", self.path)
        match = re.fullmatch(pattern, path)
        return match.groups() if match else None

    def address(self, idents: tuple[str, ...]) -> str:
        rest = iter(idents)
        return re.sub(r"\{\w+\}", lambda _: next(rest), self.path)


def get(path: str, handler: Handler, params: Spec | None = None, *, is_public: bool = False) -> Endpoint:
    return Endpoint("GET", path, handler, {**EXPAND, **(params or {})}, is_public)


def post(path: str, handler: Handler, params: Spec | None = None, *, is_public: bool = False) -> Endpoint:
    return Endpoint("POST", path, handler, {**EXPAND, **(params or {})}, is_public)


def delete(path: str, handler: Handler, params: Spec | None = None) -> Endpoint:
    return Endpoint("DELETE", path, handler, {**EXPAND, **(params or {})})


def listing(path: str, handler: Handler, params: Spec | None = None) -> Endpoint:
    return Endpoint("GET", path, handler, {**PAGE, **(params or {})})


def retrieve(kind: str) -> Handler:
    def handler(ctx: Context, _params: Params, ident: str) -> Object:
        return ctx.get(kind, ident)

    return handler


def matches(obj: Object, params: Params, *names: str) -> bool:
    """Whether the object's fields equal those of the named parameters that were given."""
    return all(obj.get(name) == params[name] for name in names if name in params)


def within(moment: int, bounds: Params | None) -> bool:
    checks = {"gt": moment.__gt__, "gte": moment.__ge__, "lt": moment.__lt__, "lte": moment.__le__}
    return all(checks[name](limit) for name, limit in (bounds or {}).items())


def page(objects: Iterable[Object], params: Params, url: str) -> Object:
    """One page, newest first, as Stripe cuts it by `limit`, `starting_after` and `ending_before`."""
    every = list(objects)
    positions: dict[Any, int] = {obj["id"]: position for position, obj in enumerate(every)}
    limit = params.get("limit", 10)
    start, end = 0, len(every)
    if "starting_after" in params and "ending_before" in params:
        raise StripeError("You may only specify one of these parameters: starting_after, ending_before.", started=False)
    if "starting_after" in params:
        start = _position(positions, params, "starting_after") + 1
    if "ending_before" in params:
        end = _position(positions, params, "ending_before")
        start = max(0, end - limit)
        return {"object": "list", "data": every[start:end], "has_more": start > 0, "url": url}
    return {
        "object": "list",
        "data": every[start : start + limit],
        "has_more": start + limit < end,
        "url": url,
    }


def _position(positions: dict[Any, int], params: Params, name: str) -> int:
    if params[name] not in positions:
        raise StripeError(f"No such object: '{params[name]}'", code="resource_missing", param=name)
    return positions[params[name]]

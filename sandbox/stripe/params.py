"""Stripe's form encoding (`a[b][0]=c`) and the checks on parameters.

A spec is a dict from parameter name to check; a name that ends in `!` is required. A check takes the raw value and the
parameter's full name and returns the typed value, or raises what Stripe would answer.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import StripeError

Check = Callable[[Any, str], Any]
Spec = Mapping[str, Check]
Params = dict[str, Any]

MAX_DEPTH = 12


def decode_form(text: str) -> Params:
    """`a[b][0]=c` as nested dicts; list positions stay keys until a check turns them into lists."""
    tree: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, *rest = re.findall(r"^[^\[\]]+|\[[^\[\]]*\]", name) or [name]
        path = [head, *(part[1:-1] for part in rest)]
        if "".join([head, *rest]) != name or len(path) > MAX_DEPTH:
            raise _bad(f"Invalid parameter name: {name}", name)
        _place(tree, path, value)
    return tree


def _place(tree: Params, path: list[str], value: str) -> None:
    *parents, last = path
    for part in parents:
        child = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(child, dict):
            raise _bad(f"Invalid object: {path[0]}", path[0])
        tree = child
    tree[last or str(len(tree))] = value


def check_params(spec: Spec, raw: Params, parent: str = "") -> Params:
    """The typed parameters, or Stripe's refusal of the first that is unknown, missing or of the wrong form."""
    checks = {name.rstrip("!"): check for name, check in spec.items()}
    unknown = [_full(parent, name) for name in raw if name not in checks]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise _bad(f"Received unknown parameter{plural}: {', '.join(unknown)}", unknown[0], "parameter_unknown")
    for name in spec:
        if name.endswith("!") and name[:-1] not in raw:
            full = _full(parent, name[:-1])
            raise _bad(f"Missing required param: {full}.", full, "parameter_missing")
    return {name: checks[name](value, _full(parent, name)) for name, value in raw.items()}


def _full(parent: str, name: str) -> str:
    return f"{parent}[{name}]" if parent else name


def _bad(message: str, param: str, code: str | None = None) -> StripeError:
    return StripeError(message, param=param, code=code, started=False)


def _empty(name: str) -> StripeError:
    return _bad(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        name,
        "parameter_invalid_empty",
    )


def text(limit: int = 5000, *, clearable: bool = False) -> Check:
    def check(value: Any, name: str) -> str | None:
        if not isinstance(value, str):
            raise _bad(f"Invalid string: {name}", name, "parameter_invalid_string")
        if value == "":
            if clearable:
                return None
            raise _empty(name)
        if len(value) > limit:
            raise _bad(f"Invalid {name}: must be at most {limit} characters", name, "parameter_invalid_string")
        return value

    return check


def integer(low: int | None = None, high: int | None = None, *, clearable: bool = False) -> Check:
    def check(value: Any, name: str) -> int | None:
        if value == "":
            if clearable:
                return None
            raise _empty(name)
        if not isinstance(value, str) or not re.fullmatch(r"[+-]?\d{1,18}", value):
            raise _bad(f"Invalid integer: {value}", name, "parameter_invalid_integer")
        number = int(value)
        if low is not None and number < low:
            raise _bad(f"This value must be greater than or equal to {low}.", name, "parameter_invalid_integer")
        if high is not None and number > high:
            raise _bad(f"This value must be less than or equal to {high}.", name, "parameter_invalid_integer")
        return number

    return check


def number(low: float, high: float) -> Check:
    def check(value: Any, name: str) -> float:
        if not isinstance(value, str) or not re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,12})?", value):
            raise _bad(f"Invalid decimal: {value}", name)
        if not low <= float(value) <= high:
            raise _bad(f"Invalid {name}: must be between {low:g} and {high:g}", name)
        return float(value)

    return check


def boolean(value: Any, name: str) -> bool:
    if value == "":
        raise _empty(name)
    if value not in {"true", "false", "1", "0"}:
        raise _bad(f"Invalid boolean: {value}", name)
    return bool(value in {"true", "1"})


def choice(*options: str, clearable: bool = False) -> Check:
    def check(value: Any, name: str) -> str | None:
        if value == "" and clearable:
            return None
        if value not in options:
            raise _bad(f"Invalid {name}: must be one of {', '.join(options)}", name)
        return str(value)

    return check


def either(word: str, other: Check) -> Check:
    """`word` itself, or what `other` accepts."""

    def check(value: Any, name: str) -> Any:
        return word if value == word else other(value, name)

    return check


def group(spec: Spec, *, clearable: bool = False) -> Check:
    def check(value: Any, name: str) -> Params | None:
        if value == "" and clearable:
            return None
        if not isinstance(value, dict):
            raise _bad(f"Invalid object: {name}", name)
        return check_params(spec, value, name)

    return check


def array(item: Check, *, limit: int = 1000, clearable: bool = False) -> Check:
    def check(value: Any, name: str) -> list[Any]:
        if value == "" and clearable:
            return []
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise _bad(f"Invalid array: {name}", name)
        if len(value) > limit:
            raise _bad(f"Invalid array: {name} has more than {limit} elements", name)
        return [item(value[key], f"{name}[{key}]") for key in sorted(value, key=int)]

    return check


def metadata(value: Any, name: str) -> dict[str, str]:
    """Keys and texts; an empty text removes its key, and an empty `metadata` removes them all."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise _bad("Invalid metadata: metadata must be a set of key-value pairs", name)
    for key, entry in value.items():
        if len(key) > 40:
            raise _bad(f"Metadata keys cannot exceed 40 characters: '{key}'", name)
        if len(entry) > 500:
            raise _bad(f"Metadata values cannot exceed 500 characters: '{key}'", f"{name}[{key}]")
    if len(value) > 50:
        raise _bad("Metadata cannot have more than 50 keys.", name)
    return value


def merge_metadata(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> dict[str, str]:
    """What is kept of `old` once `new` (as `metadata` returns it) is laid over it."""
    if new is None or "" in new:
        return {} if new else dict(old or {})
    return {key: value for key, value in {**(old or {}), **new}.items() if value != ""}


def currency(value: Any, name: str) -> str:
    code = str(value).lower()
    if code not in CURRENCIES:
        raise _bad(
            f"Invalid currency: {code}. Stripe currently supports these currencies: {', '.join(sorted(CURRENCIES))}",
            name,
        )
    return code


def email(value: Any, name: str) -> str | None:
    if value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) or len(value) > 800:
        raise _bad(f"Invalid email address: {value}", name, "email_invalid")
    return value


def web_address(value: Any, name: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise _bad("Not a valid URL", name, "url_invalid")
    return value


def time_range(value: Any, name: str) -> Params:
    """The `created` filter: one timestamp, or gt, gte, lt, lte."""
    if isinstance(value, str):
        moment = integer()(value, name)
        return {"gte": moment, "lte": moment}
    return group({"gt": integer(), "gte": integer(), "lt": integer(), "lte": integer()})(value, name) or {}


CURRENCIES = {"eur", "usd", "gbp", "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "ron", "bgn", "cad", "aud", "jpy"}
ADDRESS: Spec = {name: text(clearable=True) for name in ("city", "country", "line1", "line2", "postal_code", "state")}
EXPAND: Spec = {"expand": array(text())}
PAGE: Spec = {
    **EXPAND,
    "limit": integer(1, 100),
    "starting_after": text(),
    "ending_before": text(),
}
SHIPPING: Spec = {
    "address!": group(ADDRESS),
    "name!": text(),
    "phone": text(clearable=True),
    "carrier": text(),
    "tracking_number": text(),
}

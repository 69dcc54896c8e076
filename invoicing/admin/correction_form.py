"""The form that puts a rejected document right: what it was made of as fields, and the changes put back into the draft.

Only what somebody changed is written anew; what the form has no field for (withholding, a fund, several payments,
attachments) stays as it was.
"""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from invoicing.admin.forms import CorrectionForm, LineForm
from invoicing.fatturapa.preflight import Violation

Json = dict[str, Any]
_BUYER = ("kind", "name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec")
_ADDRESS = ("street", "postcode", "city", "province", "country")
# the fields of the form by the key of the draft that they make up; of lists it is the first entry
_KEYS = {
    "buyer": (*_BUYER, *_ADDRESS),
    "notes": ("notes",),
    "split_payment": ("split_payment",),
    "stamp_duty": ("charge_stamp_duty",),
    "administration_reference": ("administration_reference",),
    "declaration_of_intent": ("intent_protocol", "intent_date"),
    "contracts": ("contract",),
    "agreements": ("agreement",),
    "linked_invoices": ("linked_number", "linked_date"),
    "payments": ("method", "due_date", "iban", "bic"),
}
# what the form has fields for in the first entry of a list
_OWNED = {
    "contracts": {"id"},
    "agreements": {"id"},
    "linked_invoices": {"number", "date"},
    "payments": {"method", "due_date", "iban", "bic"},
}
# where a field of the draft has another name in the form
_NAMES = {
    "purchase_order.id": "order",
    "contracts.1.id": "contract",
    "agreements.1.id": "agreement",
    "linked_invoices.1.number": "linked_number",
    "linked_invoices.1.date": "linked_date",
    "declaration_of_intent.protocol": "intent_protocol",
    "declaration_of_intent.date": "intent_date",
}
_ORDER_FIELDS = frozenset(("order", "cig", "cup"))
_LINE_KEYS = ("description", "quantity", "unit", "unit_price", "gross_unit_price")
_MORE_LINES = 3


def forms_for(draft: Json, data: Mapping[str, Any] | None = None) -> tuple[CorrectionForm, Any]:
    """Both forms filled with `draft` (JSON as `to_json` gives it), bound to `data` when something was sent."""
    lines = [_line_values(line) for line in draft["lines"]]
    size = len(lines) + _MORE_LINES
    factory = forms.formset_factory(LineForm, extra=_MORE_LINES, max_num=size, absolute_max=size)
    return CorrectionForm(data, initial=_values(draft)), factory(data, initial=lines, prefix="line")


def place(violation: Violation, document: CorrectionForm, lines: Any) -> None:
    """Put `violation` beside the field of the (bound) forms that it is about, where there is one."""
    part, _dot, rest = violation.field.partition(".")
    position, _dot, name = rest.partition(".")
    if part == "lines" and position.isdigit() and int(position) <= len(lines.forms):
        form, name = lines.forms[int(position) - 1], name or "description"
    else:
        form, name = document, _NAMES.get(violation.field, violation.field.rpartition(".")[2])
    if name in form.fields and part in ("lines", "purchase_order", *_KEYS):
        form.add_error(name, violation.message)


def merge(draft: Json, document: CorrectionForm, lines: Any) -> Json:
    """`draft` with what was changed in the (valid) forms."""
    fresh, changed = document.document(), set(document.changed_data)
    result = dict(draft)
    for key, names in _KEYS.items():
        if changed.isdisjoint(names):
            continue
        if key in _OWNED and fresh.get(key) and draft.get(key):
            kept = {name: value for name, value in draft[key][0].items() if name not in _OWNED[key]}
            result[key] = [kept | fresh[key][0], *draft[key][1:]]
        else:
            result[key] = fresh.get(key)
    if "country" not in changed and "country" in draft["buyer"]:
        # where the number is of another country than the address
        result["buyer"] = {**result["buyer"], "country": draft["buyer"]["country"]}
    if changed & _ORDER_FIELDS:
        result["purchase_order"], result["purchase_orders"] = fresh.get("purchase_order"), fresh.get("purchase_orders")
    result["lines"] = list(_merge_lines(draft["lines"], lines))
    return {key: value for key, value in result.items() if value is not None}


def _merge_lines(before: list[Json], lines: Any) -> Any:
    for position, form in enumerate(lines):
        fresh, changed = form.line() if form.cleaned_data else None, set(form.changed_data)
        if position >= len(before):
            if fresh:
                yield fresh
            continue
        if not changed:
            yield before[position]
        elif fresh:
            names = {name for name in _LINE_KEYS if name in changed}
            names |= {"vat_rate", "nature"} if changed & {"vat_rate", "nature"} else set()
            names |= {"discounts"} if "discount" in changed else set()
            kept = {name: value for name, value in before[position].items() if name not in names}
            yield kept | {name: value for name, value in fresh.items() if name in names}


def _values(draft: Json) -> dict[str, Any]:
    buyer, address = draft["buyer"], draft["buyer"]["address"]
    orders = [*([draft["purchase_order"]] if "purchase_order" in draft else []), *draft.get("purchase_orders", ())]
    payment, linked, intent = (
        _first(draft, "payments"), _first(draft, "linked_invoices"), draft.get("declaration_of_intent", {})
    )  # fmt: skip
    cups = list(dict.fromkeys(order["cup"] for order in orders if "cup" in order))
    return {
        **{name: buyer.get(name, "") for name in _BUYER},
        **{name: address.get(name, "") for name in _ADDRESS},
        "country": address.get("country", "IT"),
        "notes": draft.get("notes", ""),
        "split_payment": draft.get("split_payment", False),
        "charge_stamp_duty": draft.get("stamp_duty", {}).get("charge_to_customer", False),
        "administration_reference": draft.get("administration_reference", ""),
        "intent_protocol": intent.get("protocol", ""),
        "intent_date": _day(intent),
        "contract": _first(draft, "contracts").get("id", ""),
        "agreement": _first(draft, "agreements").get("id", ""),
        "order": orders[0]["id"] if orders else "",
        "cig": ", ".join(order["cig"] for order in orders if "cig" in order),
        "cup": ", ".join(cups),
        "linked_number": linked.get("number", ""),
        "linked_date": _day(linked),
        "method": payment.get("method", ""),
        "due_date": _day(payment, "due_date"),
        "iban": payment.get("iban", ""),
        "bic": payment.get("bic", ""),
    }


def _line_values(line: Json) -> dict[str, Any]:
    discounts = line.get("discounts", [])
    is_simple = len(discounts) == 1 and "percent" in discounts[0]
    return {
        "description": line["description"],
        "quantity": Decimal(line.get("quantity", "1")),
        "unit": line.get("unit", ""),
        "unit_price": _number(line, "unit_price"),
        "gross_unit_price": _number(line, "gross_unit_price"),
        "vat_rate": Decimal(line.get("vat_rate", "22")),
        "nature": line.get("nature", ""),
        "discount": Decimal(discounts[0]["percent"]) if is_simple else None,
    }


def _first(draft: Json, key: str) -> Json:
    return next(iter(draft.get(key, ())), {})


def _number(data: Json, name: str) -> Decimal | None:
    return Decimal(data[name]) if name in data else None


def _day(data: Json, name: str = "date") -> datetime.date | None:
    return datetime.date.fromisoformat(data[name]) if name in data else None

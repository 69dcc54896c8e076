"""Invoice drafts as JSON, in both directions; docs/invoice-draft.schema.json tells the shape and is the check."""

import datetime
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import jsonschema
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.fiscal.letters import tidy
from invoicing.fatturapa.draft import (
    Address,
    Attachment,
    Buyer,
    BuyerKind,
    DeclarationOfIntent,
    Discount,
    InvoiceDraft,
    Line,
    LinkedInvoice,
    Payment,
    PensionFund,
    PurchaseOrder,
    Seller,
    StampDuty,
    Withholding,
)
from invoicing.fatturapa.law import FLAT_RATE
from invoicing.fatturapa.preflight import Violation

Json = Mapping[str, Any]
_WHOLE = "draft"  # the field of what is wrong with all of it
MAX_BYTES = 8 * 1024 * 1024  # room for the attachments of a file of 5 MB, and for saying so when they are more


class DraftUnreadableError(ValueError):
    """The JSON is none, or has another shape; `violations` says where and what is expected."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(f"{violation.field}: {violation.message}" for violation in violations))
        self.violations = violations


def read_draft(content: str | bytes, *, seller: Seller, stamp_duty: StampDuty, today: datetime.date) -> InvoiceDraft:
    """The draft in `content`; what it does not say is `seller`, `stamp_duty` and `today`. `DraftUnreadableError`."""
    return from_json(_parse(content), seller=seller, stamp_duty=stamp_duty, today=today)


def from_json(data: Any, *, seller: Seller, stamp_duty: StampDuty, today: datetime.date) -> InvoiceDraft:
    """The same from JSON that is parsed already."""
    try:
        violations = sorted(
            _validator().iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path]
        )
    except RecursionError as error:
        raise _not_json(error) from error
    if violations:
        raise DraftUnreadableError(
            list(dict.fromkeys(violation for error in violations for violation in _findings(error)))
        )
    return _draft(data, seller, stamp_duty, today)


def to_json(draft: InvoiceDraft) -> dict[str, Any]:
    """`draft` as plain JSON that `from_json` reads back, seller included."""
    data: dict[str, Any] = {
        "document_type": draft.document_type,
        "date": draft.date.isoformat(),
        "series": draft.series,
        "currency": draft.currency,
        "seller": plain(draft.seller),
        "buyer": plain(draft.buyer),
        "lines": [_line_json(line) for line in draft.lines],
        "discount": plain(draft.discount),
        "stamp_duty": {"charge_to_customer": draft.stamp_duty.charge_to_customer},
        "withholding": plain(draft.withholding),
        "pension_fund": plain(draft.pension_fund),
        "split_payment": draft.split_payment,
        "payment_terms": draft.payment_terms,
        "payments": [plain(payment) for payment in draft.payments],
        "purchase_order": plain(draft.purchase_order),
        "purchase_orders": plain(draft.purchase_orders),
        "contracts": plain(draft.contracts),
        "agreements": plain(draft.agreements),
        "administration_reference": draft.administration_reference,
        "declaration_of_intent": plain(draft.declaration_of_intent),
        "linked_invoices": [plain(linked) for linked in draft.linked_invoices],
        "attachments": plain(draft.attachments),
        "notes": draft.notes,
    }
    return {name: value for name, value in data.items() if value not in (None, [], "")}


def _parse(content: str | bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise DraftUnreadableError([Violation("too_large", _WHOLE, _("A draft is at most 8 MB."))])
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from error


def _not_json(error: Exception) -> DraftUnreadableError:
    if isinstance(error, json.JSONDecodeError):
        message = _("This is not JSON (line %(line)s, column %(column)s): check commas, quotes and brackets.")
        message %= {"line": error.lineno, "column": error.colno}
    elif isinstance(error, RecursionError):
        message = _("This is not a draft: its brackets are nested too deeply.")
    else:
        message = _("This is not JSON: save the file as UTF-8.")
    return DraftUnreadableError([Violation("not_json", _WHOLE, message)])


@lru_cache(maxsize=1)
def _validator() -> Any:
    path = settings.BASE_DIR / "docs" / "invoice-draft.schema.json"
    # the 30th of February has the right shape and is no day
    return jsonschema.Draft202012Validator(
        json.loads(path.read_text()), format_checker=jsonschema.FormatChecker(["date"])
    )


def _findings(error: Any) -> Iterator[Violation]:
    """One schema violation in words; positions in lists count from one, as on paper."""
    path = [str(part + 1) if isinstance(part, int) else str(part) for part in error.absolute_path]
    field, rule = ".".join(path) or _WHOLE, str(error.validator)
    if rule == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Violation("required", ".".join([*path, name]), _("This is needed and missing."))
    elif rule == "additionalProperties":
        for name in sorted(set(error.instance) - set(error.schema["properties"])):
            yield Violation("unknown", ".".join([*path, name]), _("There is no such key."))
    elif rule == "oneOf":
        yield Violation("unit_price", field, _("A line has either unit_price or gross_unit_price."))
    elif rule == "enum":
        allowed = ", ".join(str(value) for value in error.validator_value)
        yield Violation("choice", field, _("One of these is expected: %(values)s.") % {"values": allowed})
    elif rule == "format":
        yield Violation("date", field, _("There is no such day: %(day)s.") % {"day": error.instance})
    elif rule == "type" and ("pattern" in error.schema or "format" in error.schema):
        yield Violation("string", field, _('Numbers and dates are written as strings, for instance "12.50".'))
    else:
        yield Violation("format", field, _rule_in_words(rule, error.validator_value, name=field.rpartition(".")[2]))


def _rule_in_words(rule: str, value: Any, *, name: str) -> str:
    kinds = {
        "object": _("An object with keys is expected: {…}."),
        "array": _("A list is expected: […]."),
        "string": _("A text in quotes is expected."),
        "boolean": _("Either true or false is expected, without quotes."),
        "integer": _("A whole number without quotes is expected."),
    }
    words = {
        "type": kinds.get(str(value), ""),
        "pattern": str(_FORMS.get(name, "")),
        "minLength": _("This must not be empty."),
        "maxLength": _("At most %(count)s characters are allowed.") % {"count": value},
        "minItems": _("The list needs at least %(count)s entry.") % {"count": value},
        "maxItems": _("The list may have at most %(count)s entries.") % {"count": value},
        "minProperties": _("Exactly one key is expected here."),
        "maxProperties": _("Exactly one key is expected here."),
    }
    return words.get(rule) or _("Not in the expected form: see docs/invoice-draft.schema.json.")


_PRICE = gettext_lazy('Euros with a point and at most eight decimals are expected, such as "12.50".')
_AMOUNT = gettext_lazy('Euros with a point and at most two decimals are expected, such as "12.50".')
_PERCENT = gettext_lazy('A percentage with at most two decimals is expected, such as "22".')
# what the patterns of the schema mean, by the name of the key
_FORMS = {
    "amount": _AMOUNT,
    "share_capital": _AMOUNT,
    "unit_price": _PRICE,
    "gross_unit_price": _PRICE,
    "quantity": gettext_lazy('A quantity without a sign and with at most eight decimals is expected, such as "1.5".'),
    "percent": _PERCENT,
    "rate": _PERCENT,
    "vat_rate": _PERCENT,
    "nature": gettext_lazy("A Natura with its subcode is expected, such as N2.1."),
    "country": gettext_lazy("Two letters of ISO 3166-1 are expected, such as IT, DE or GR."),
    "series": gettext_lazy("At most six capital letters and digits are expected."),
    "reason": gettext_lazy("A code of CausalePagamento is expected, such as A."),
    "tax_regime": gettext_lazy("A RegimeFiscale is expected: RF01, RF02, RF04 to RF20."),
    "type": gettext_lazy("A TipoCassa is expected: TC01 to TC22."),
    "method": gettext_lazy("A ModalitaPagamento is expected: MP01 to MP23."),
    "iban": gettext_lazy("This is not a valid IBAN."),
    "bic": gettext_lazy("A BIC of 8 or 11 characters is expected."),
    "protocol": gettext_lazy("17 digits, a dash and 6 digits are expected: 08060120341234567-000001."),
}


def _draft(data: Json, seller: Seller, stamp_duty: StampDuty, today: datetime.date) -> InvoiceDraft:
    seller = _seller(data["seller"]) if "seller" in data else seller
    lines = tuple(_line(line, seller.tax_regime) for line in data["lines"])
    payments = tuple(
        Payment(
            payment["method"],
            _decimal(payment, "amount"),
            _date(payment, "due_date"),
            _code(payment, "iban"),
            _code(payment, "bic"),
        )
        for payment in data.get("payments", ())
    )
    if "charge_to_customer" in data.get("stamp_duty", {}):
        stamp_duty = StampDuty(data["stamp_duty"]["charge_to_customer"], stamp_duty.natures)
    return InvoiceDraft(
        document_type=data.get("document_type", "TD01"),
        date=_date(data, "date") or today,
        seller=seller,
        buyer=_buyer(data["buyer"]),
        lines=lines,
        payments=payments,
        payment_terms=data.get("payment_terms") or ("TP01" if len(payments) > 1 else "TP02"),
        currency=data.get("currency", "EUR"),
        notes=data.get("notes", ""),
        series=data.get("series", "").strip(),
        discount=_discount(data["discount"]) if "discount" in data else None,
        stamp_duty=stamp_duty,
        withholding=_withholding(data.get("withholding")),
        pension_fund=_pension_fund(data.get("pension_fund"), lines),
        split_payment=data.get("split_payment", False),
        purchase_order=_reference(data["purchase_order"]) if "purchase_order" in data else None,
        purchase_orders=_references(data, "purchase_orders"),
        contracts=_references(data, "contracts"),
        agreements=_references(data, "agreements"),
        administration_reference=data.get("administration_reference", ""),
        declaration_of_intent=_intent(data),
        attachments=tuple(
            Attachment(
                file["name"], "".join(file["content"].split()), _code(file, "format"), file.get("description", "")
            )
            for file in data.get("attachments", ())
        ),
        linked_invoices=tuple(
            LinkedInvoice(linked["number"], _date(linked, "date")) for linked in data.get("linked_invoices", ())
        ),
    )  # fmt: skip


def _seller(data: Json) -> Seller:
    address = _address(data["address"])
    return Seller(
        data["name"], _code(data, "vat_number").removeprefix("IT"), _code(data, "tax_code"), data["tax_regime"],
        address, data.get("country", address.country).upper(),
        data.get("rea_office", ""), data.get("rea_number", ""), _decimal(data, "share_capital"),
    )  # fmt: skip


def _buyer(data: Json) -> Buyer:
    address = _address(data["address"])
    country = data.get("country", address.country).upper()
    return Buyer(
        kind=BuyerKind(data["kind"]),
        address=address,
        name=data.get("name", "").strip(),
        first_name=data.get("first_name", "").strip(),
        last_name=data.get("last_name", "").strip(),
        country=country,
        vat_number=_code(data, "vat_number").removeprefix("IT") if country == "IT" else _code(data, "vat_number"),
        tax_code=_code(data, "tax_code"),
        recipient_code=_code(data, "recipient_code"),
        pec=data.get("pec", "").strip(),
        email=data.get("email", "").strip(),
    )


def _address(data: Json) -> Address:
    return Address(
        data["street"].strip(), data.get("postcode", "").strip(), data["city"].strip(),
        data.get("province", "").upper(), data.get("country", "IT").upper(),
    )  # fmt: skip


def _line(data: Json, tax_regime: str) -> Line:
    nature = data.get("nature", "")
    if "vat_rate" in data:
        rate = Decimal(data["vat_rate"])
    elif tax_regime == FLAT_RATE:
        rate, nature = Decimal(0), nature or "N2.2"
    else:
        rate = Decimal(0) if nature else Decimal(22)
    return Line(
        description=data["description"],
        quantity=Decimal(data.get("quantity", "1")),
        unit_price=_decimal(data, "unit_price"),
        vat_rate=rate,
        unit=data.get("unit", ""),
        nature=nature,
        gross_unit_price=_decimal(data, "gross_unit_price"),
        discounts=tuple(_discount(discount) for discount in data.get("discounts", ())),
        period_start=_date(data, "period_start"),
        period_end=_date(data, "period_end"),
        withholding=data.get("withholding"),
        administration_reference=data.get("administration_reference", ""),
        declaration_of_intent=_intent(data),
    )


def _discount(data: Json) -> Discount:
    return Discount(_decimal(data, "percent"), _decimal(data, "amount"))


def _withholding(data: Json | None) -> Withholding | None:
    return Withholding(data["type"], Decimal(data["rate"]), data["reason"]) if data else None


def _references(data: Json, name: str) -> tuple[PurchaseOrder, ...]:
    return tuple(_reference(reference) for reference in data.get(name, ()))


def _reference(data: Json) -> PurchaseOrder:
    return PurchaseOrder(
        data["id"], _date(data, "date"), _code(data, "cup"), _code(data, "cig"), data.get("item", ""),
        data.get("project", ""), tuple(data.get("lines", ())),
    )  # fmt: skip


def _intent(data: Json) -> DeclarationOfIntent | None:
    intent = data.get("declaration_of_intent")
    return intent and DeclarationOfIntent(
        _code(intent, "protocol").replace("/", "-"), datetime.date.fromisoformat(intent["date"])
    )


def _pension_fund(data: Json | None, lines: tuple[Line, ...]) -> PensionFund | None:
    """The contribution has a rate and Natura of its own; unsaid, it shares those of all that it is taken on."""
    if data is None:
        return None
    if "vat_rate" in data or "nature" in data:
        rate, nature = Decimal(data.get("vat_rate", "0")), data.get("nature", "")
    else:
        # what is paid out in the customer's name (N1) bears no contribution
        kinds = {(line.vat_rate, line.nature) for line in lines if line.nature != "N1"}
        if len(kinds) != 1:
            message = _("The lines have several rates: say which rate of VAT or Natura the contribution has.")
            raise DraftUnreadableError([Violation("required", "pension_fund.vat_rate", message)])
        ((rate, nature),) = kinds
    return PensionFund(data["type"], Decimal(data["rate"]), rate, nature, data.get("withholding", False))


def _code(data: Json, name: str) -> str:
    """An identifier without spaces, in capitals."""
    return "".join(tidy(str(data.get(name, ""))).split()).upper()


def _decimal(data: Json, name: str) -> Decimal | None:
    return Decimal(data[name]) if name in data else None


def _date(data: Json, name: str) -> datetime.date | None:
    return datetime.date.fromisoformat(data[name]) if name in data else None


def _line_json(line: Line) -> dict[str, Any]:
    # the rate is always said: what it would be by default depends on the seller
    return {**plain(line), "vat_rate": _to_text(line.vat_rate)}


def plain(value: Any) -> Any:
    """Dataclasses as objects without empty values, decimals and dates as strings."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, (Decimal, datetime.date, str)):
        return _to_text(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    pairs = ((name, plain(getattr(value, name))) for name in value.__dataclass_fields__)
    return {name: plain for name, plain in pairs if plain not in (None, "", [])}


def _to_text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)

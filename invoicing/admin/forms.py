"""What staff fill in for invoices: a document by hand, a credit note, a signed file."""

import datetime
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.fiscal.model import FiscalIdentity
from invoicing.fatturapa.draft_json import plain
from invoicing.fatturapa.law import DOCUMENT_TYPES, NATURES
from invoicing.models import Invoice
from invoicing.pdf import METHODS, TITLES

_LINES = 20
_NUMBER = 20  # characters of IdDocumento (2.1.6.2)


class CreditForm(forms.Form):
    """How much of an invoice to give back; empty for all that is left."""

    amount = forms.DecimalField(
        label=_("Amount with VAT"),
        required=False,
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Empty credits all that is left."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=150, widget=UnfoldAdminTextInputWidget, help_text=_("The customer reads it.")
    )


class SignedFileForm(forms.Form):
    """The `.p7m` that came out of the signing device."""

    file = forms.FileField(label=_("Signed file (.p7m)"), widget=UnfoldAdminFileFieldWidget)


class DraftJsonForm(forms.Form):
    """A whole draft as JSON (docs/invoice-draft.schema.json)."""

    draft = forms.CharField(
        label=_("Draft"),
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 28, "spellcheck": "false", "class": "code"}),
    )


def _text(label: Any, length: int, *, required: bool = False, hint: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label, max_length=length, required=required, widget=UnfoldAdminTextInputWidget, help_text=hint
    )


class DocumentForm(forms.Form):
    """The usual document by hand: everything but its lines. Rarer things (withholding, funds) go into the JSON."""

    document_type = forms.ChoiceField(
        label=_("Type"), choices=[(code, _(TITLES[code])) for code in DOCUMENT_TYPES], widget=UnfoldAdminSelectWidget
    )
    date = forms.DateField(label=_("Date"), widget=UnfoldAdminSingleDateWidget)
    series = _text(_("Series"), 6, hint=_("Empty for the main one; credit notes have one of their own."))
    linked_number = _text(
        _("About invoice number"), 200, hint=_("For credit and debit notes; several with commas between them.")
    )
    linked_date = forms.DateField(
        label=_("of"), required=False, widget=UnfoldAdminSingleDateWidget, help_text=_("Ours are dated by themselves.")
    )
    kind = forms.ChoiceField(label=_("Customer"), choices=FiscalIdentity.Kind.choices, widget=UnfoldAdminSelectWidget)
    name = _text(_("Company name"), 200)
    first_name = _text(_("First name"), 60)
    last_name = _text(_("Last name"), 60)
    vat_number = _text(_("Partita IVA or foreign number"), 30)
    tax_code = _text(_("Codice fiscale"), 20)
    recipient_code = _text(_("Codice destinatario"), 7, hint=_("6 characters for a public administration."))
    pec = _text(_("PEC"), 256)
    street = _text(_("Street and number"), 200, required=True)
    postcode = _text(_("CAP"), 16)
    city = _text(_("Town"), 200, required=True)
    province = _text(_("Province"), 2)
    country = _text(_("Country"), 2, required=True, hint=_("Two letters: IT, DE, US."))
    cig = _text("CIG", 15)
    cup = _text("CUP", 15)
    order = _text(_("Purchase order"), 20)
    split_payment = forms.BooleanField(label=_("Split payment"), required=False, widget=UnfoldBooleanSwitchWidget)
    charge_stamp_duty = forms.BooleanField(
        label=_("Charge the stamp duty"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    method = forms.ChoiceField(
        label=_("Payment"),
        choices=[("", "–"), *((code, _(word)) for code, word in METHODS.items())],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    due_date = forms.DateField(label=_("Due"), required=False, widget=UnfoldAdminSingleDateWidget)
    iban = _text("IBAN", 34)
    notes = _text(_("Notes"), 400)

    GROUPS = (
        (_("Document"), ("document_type", "date", "series", "linked_number", "linked_date", "notes")),
        (_("Customer"), (
            "kind", "name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec", "street",
            "postcode", "city", "province", "country",
        )),
        (_("Order and payment"), (
            "order", "cig", "cup", "method", "due_date", "iban", "split_payment", "charge_stamp_duty",
        )),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        numbers = [number.strip() for number in data.get("linked_number", "").split(",") if number.strip()]
        if any(len(number) > _NUMBER for number in numbers):
            self.add_error("linked_number", _("A number has at most 20 characters; put commas between several."))
        elif len(numbers) > 1 and data.get("linked_date"):
            message = _("Leave the date out with several numbers: those of others can be added on the next page.")
            self.add_error("linked_date", message)
        dates = dict(Invoice.objects.filter(number__in=numbers).values_list("number", "issue_date"))
        data["linked"] = {number: data.get("linked_date") or dates.get(number) for number in numbers}
        return data

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields as they stand on the page, with a title for each part."""
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]

    def document(self) -> dict[str, Any]:
        """The draft as JSON, without lines."""
        data = self.cleaned_data
        buyer = {name: data[name] for name in (
            "kind", "name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec",
        ) if data[name]}  # fmt: skip
        buyer["address"] = _pick_filled(data, "street", "postcode", "city", "province", "country")
        draft = _pick_filled(data, "document_type", "date", "series", "split_payment", "notes") | {"buyer": buyer}
        draft["stamp_duty"] = {"charge_to_customer": data["charge_stamp_duty"]}
        if data["linked"]:
            links = [{"number": number, "date": plain(day)} for number, day in data["linked"].items()]
            draft["linked_invoices"] = [_pick_filled(link, "number", "date") for link in links]
        if order := _pick_filled(data, "cig", "cup"):
            draft["purchase_order"] = order | {"id": data["order"] or "-"}
        elif data["order"]:
            draft["purchase_order"] = {"id": data["order"]}
        if data["method"]:
            draft["payments"] = [_pick_filled(data, "method", "due_date", "iban")]
        return draft


class LineForm(forms.Form):
    """One line; the price is net."""

    description = _text(_("Description"), 1000)
    quantity = forms.DecimalField(
        label=_("Quantity"), initial=1, max_digits=20, decimal_places=8, min_value=Decimal(0),
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    unit = _text(_("Unit"), 10)
    unit_price = forms.DecimalField(
        label=_("Net price"), required=False, max_digits=19, decimal_places=8, widget=UnfoldAdminDecimalFieldWidget
    )
    vat_rate = forms.DecimalField(
        label=_("VAT %"), initial=22, max_digits=5, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100),
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    nature = forms.ChoiceField(
        label="Natura", choices=[("", "–"), *((code, f"{code} {text}") for code, text in NATURES.items())],
        required=False, widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    discount = forms.DecimalField(
        label=_("Discount %"), required=False, max_digits=5, decimal_places=2, min_value=Decimal(0),
        max_value=Decimal(100), widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("description") and data.get("unit_price") is None and "unit_price" not in self.errors:
            self.add_error("unit_price", _("A line needs a price."))
        return data

    def line(self) -> dict[str, Any] | None:
        """The line as JSON, None for a row that was left empty."""
        data = self.cleaned_data
        if not data.get("description"):
            return None
        line = _pick_filled(data, "description", "quantity", "unit", "unit_price", "nature")
        line["vat_rate"] = "0" if data["nature"] else plain(data["vat_rate"])
        if data["discount"]:
            line["discounts"] = [{"percent": plain(data["discount"])}]
        return line


LineFormSet = forms.formset_factory(LineForm, extra=3, min_num=1, max_num=_LINES, absolute_max=_LINES)


def draft_json(document: DocumentForm, lines: Any) -> str:
    """The JSON draft of a filled-in page, as a person can read and change it."""
    line_data = [line for form in lines if (line := form.line())]
    return json.dumps({**document.document(), "lines": line_data}, ensure_ascii=False, indent=2)


def empty_document(today: datetime.date) -> dict[str, Any]:
    """What a new page begins with."""
    return {
        "document_type": "TD01",
        "date": today,
        "country": "IT",
        "charge_stamp_duty": settings.INVOICE_STAMP_CHARGE_TO_CUSTOMER,
    }


def _pick_filled(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: plain(data[name]) for name in names if data[name] not in (None, "", False)}

"""What staff fill in for invoices: a document by hand, a credit note, a signed file."""

import datetime
import itertools
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.fiscal.countries import country_choices
from accounts.fiscal.model import FiscalIdentity
from core.web.fields import EmailField
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


class CopyForm(forms.Form):
    """Where the copy of an invoice is to be mailed."""

    email = EmailField(label=_("E-mail for the copy"), widget=UnfoldAdminEmailInputWidget)


class SignedFileForm(forms.Form):
    """The `.p7m` that came out of the signing device."""

    file = forms.FileField(label=_("Signed file (.p7m)"), widget=UnfoldAdminFileFieldWidget)


class _FilesField(forms.FileField):
    """Any number of files."""

    widget = UnfoldAdminFileFieldWidget

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(_FilesField, self).clean(file, initial) for file in data or ()]


class _FilesInput(UnfoldAdminFileFieldWidget):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return files.getlist(name)


class DraftJsonForm(forms.Form):
    """A whole draft as JSON (docs/invoice-draft.schema.json), and files that go into the document."""

    draft = forms.CharField(
        label=_("Draft"),
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 28, "spellcheck": "false", "class": "code"}),
    )
    files = _FilesField(
        label=_("Attachments"),
        required=False,
        widget=_FilesInput(attrs={"multiple": True}),
        help_text=_("About 3.7 MB in all. Choose them again before each button: the page does not keep them."),
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
    recipient_code = _text(
        _("Codice destinatario"), 7, hint=_("6 characters for a public administration; 2R4GTO8 for San Marino.")
    )
    pec = _text(_("PEC"), 256)
    email = EmailField(
        label=_("E-mail for the copy"),
        required=False,
        widget=UnfoldAdminEmailInputWidget,
        help_text=_("The copy is mailed there when SDI has taken the document; empty: to the customer’s account."),
    )
    street = _text(_("Street and number"), 200, required=True)
    postcode = _text(_("CAP"), 16)
    city = _text(_("Town"), 200, required=True)
    province = _text(_("Province"), 2)
    country = forms.ChoiceField(label=_("Country"), choices=country_choices, widget=UnfoldAdminSelectWidget)
    administration_reference = _text(
        _("Customer’s reference"), 20, hint=_("RiferimentoAmministrazione: what they file you under.")
    )
    cig = _text("CIG", 200, hint=_("Several with commas between them."))
    cup = _text("CUP", 200, hint=_("One for all, or as many as CIGs."))
    order = _text(_("Purchase order"), 20)
    contract = _text(_("Contract"), 20)
    agreement = _text(_("Agreement"), 20)
    intent_protocol = _text(
        _("Declaration of intent, protocol"),
        30,
        hint=_("For Natura N3.5, as on the receipt: 08060120341234567-000001."),
    )
    intent_date = forms.DateField(
        label=_("Declaration of intent, date"), required=False, widget=UnfoldAdminSingleDateWidget
    )
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
    bic = _text("BIC", 11)
    notes = _text(_("Notes"), 4000)

    GROUPS = (
        (_("Document"), ("document_type", "date", "series", "linked_number", "linked_date", "notes")),
        (_("Customer"), (
            "kind", "name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec", "email",
            "street", "postcode", "city", "province", "country", "administration_reference",
        )),
        (_("Order and payment"), (
            "order", "cig", "cup", "contract", "agreement", "intent_protocol", "intent_date", "method", "due_date",
            "iban", "bic", "split_payment", "charge_stamp_duty",
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
        if bool(data.get("intent_protocol")) != bool(data.get("intent_date")):
            name = "intent_date" if data.get("intent_protocol") else "intent_protocol"
            self.add_error(name, _("A declaration of intent is named by its protocol and its date."))
        return data

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields as they stand on the page, with a title for each part."""
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in self.GROUPS]

    def document(self) -> dict[str, Any]:
        """The draft as JSON, without lines."""
        data = self.cleaned_data
        buyer = {name: data[name] for name in (
            "kind", "name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec", "email",
        ) if data[name]}  # fmt: skip
        buyer["address"] = _pick_filled(data, "street", "postcode", "city", "province", "country")
        names = ("document_type", "date", "series", "split_payment", "notes", "administration_reference")
        draft = _pick_filled(data, *names) | {"buyer": buyer}
        draft["stamp_duty"] = {"charge_to_customer": data["charge_stamp_duty"]}
        if data["intent_protocol"]:
            draft["declaration_of_intent"] = {
                "protocol": data["intent_protocol"], "date": plain(data["intent_date"])
            }  # fmt: skip
        for name, key in (("contract", "contracts"), ("agreement", "agreements")):
            if data[name]:
                draft[key] = [{"id": data[name]}]
        if data["linked"]:
            links = [{"number": number, "date": plain(day)} for number, day in data["linked"].items()]
            draft["linked_invoices"] = [_pick_filled(link, "number", "date") for link in links]
        if orders := self._orders():
            draft["purchase_order"] = orders[0]
            if orders[1:]:
                draft["purchase_orders"] = orders[1:]
        if data["method"]:
            draft["payments"] = [_pick_filled(data, "method", "due_date", "iban", "bic")]
        return draft

    def _orders(self) -> list[dict[str, Any]]:
        """One reference for each CIG, with its own CUP or the one for all."""
        data = self.cleaned_data
        cigs, cups = ([code for code in data[name].replace(",", " ").split() if code] for name in ("cig", "cup"))
        if len(cups) == 1:
            cups *= max(len(cigs), 1)
        codes = itertools.zip_longest(cigs, cups, fillvalue="")
        orders = [
            _pick_filled({"cig": cig, "cup": cup}, "cig", "cup") | {"id": data["order"] or "-"} for cig, cup in codes
        ]
        return orders or ([{"id": data["order"]}] if data["order"] else [])


class CorrectionForm(DocumentForm):
    """The same for a rejected document, whose type, date and series stay."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("document_type", "date", "series"):
            del self.fields[name]
        method, field = self.initial.get("method"), self.fields["method"]
        if isinstance(field, forms.ChoiceField) and method and method not in METHODS:
            # rarer ones stay as they are
            field.choices = [("", "–"), *((code, _(word)) for code, word in METHODS.items()), (method, method)]


class LineForm(forms.Form):
    """One line; its price is net or with VAT."""

    description = _text(_("Description"), 1000)
    quantity = forms.DecimalField(
        label=_("Quantity"), initial=1, max_digits=20, decimal_places=8, min_value=Decimal(0),
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    unit = _text(_("Unit"), 10)
    unit_price = forms.DecimalField(
        label=_("Net price"), required=False, max_digits=19, decimal_places=8, widget=UnfoldAdminDecimalFieldWidget
    )
    gross_unit_price = forms.DecimalField(
        label=_("or price with VAT"), required=False, max_digits=19, decimal_places=8,
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
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
        prices = [data.get(name) is not None for name in ("unit_price", "gross_unit_price")]
        if data.get("description") and not any(prices) and "unit_price" not in self.errors:
            self.add_error("unit_price", _("A line needs a price."))
        if all(prices):
            self.add_error("gross_unit_price", _("A line has one price: net or with VAT."))
        return data

    def line(self) -> dict[str, Any] | None:
        """The line as JSON, None for a row that was left empty."""
        data = self.cleaned_data
        if not data.get("description"):
            return None
        line = _pick_filled(data, "description", "quantity", "unit", "unit_price", "gross_unit_price", "nature")
        line["vat_rate"] = "0" if data["nature"] else plain(data["vat_rate"])
        if data["discount"]:
            line["discounts"] = [{"percent": plain(data["discount"])}]
        return line


LineFormSet = forms.formset_factory(LineForm, extra=3, min_num=1, max_num=_LINES, absolute_max=_LINES)


def draft_json(document: DocumentForm, lines: Any) -> str:
    """The JSON draft of a filled-in page, as a person can read and change it."""
    line_data = [line for form in lines if (line := form.line())]
    return to_text({**document.document(), "lines": line_data})


def to_text(data: dict[str, Any]) -> str:
    """A draft as a person reads and changes it."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def empty_document(today: datetime.date) -> dict[str, Any]:
    """What a new page begins with."""
    return {
        "document_type": "TD01",
        "date": today,
        "country": "IT",
        "charge_stamp_duty": settings.INVOICE_STAMP_CHARGE_TO_CUSTOMER,
    }


def _pick_filled(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: plain(data[name]) for name in names if data.get(name) not in (None, "", False)}

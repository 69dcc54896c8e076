"""What is said of a draft before SDI could: mistakes that are refused, and doubts that are only told."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation

from invoicing.fatturapa.draft import (
    Address,
    Attachment,
    Discount,
    Line,
    LinkedInvoice,
    Payment,
    PurchaseOrder,
    Withholding,
)
from invoicing.fatturapa.preview import make_preview
from invoicing.services import seller_from_settings
from tests.invoicing.drafts import COMPANY, DAY, NUMBER, PERSON, TRANSMISSION, golden_draft, make_draft

D = Decimal
IBAN = "IT60X0542811101000000123456"
GERMAN = golden_draft("eu-company").buyer
FRENCH = golden_draft("eu-person").buyer
OFFICE = golden_draft("public-administration").buyer
CLUB = golden_draft("association").buyer
FLAT_RATE = replace(seller_from_settings(), tax_regime="RF19")


def line(price="100.00", rate=22, nature="", **more):
    return Line("Servizio", D(1), D(price), D(rate), nature=nature, **more)


def change_address(buyer, **address):
    return replace(buyer, address=replace(buyer.address, **address))


def preview(buyer=COMPANY, *lines, **fields):
    draft = make_draft(buyer, *(lines or [line()]), **{"payments": (), **fields})
    return make_preview(draft, number=NUMBER, transmission=TRANSMISSION, today=DAY)


def codes_and_fields(violations):
    return [(violation.code, violation.field) for violation in violations]


def payment_fields(*amounts, method="MP01", **more):
    return {"payments": tuple(Payment(method, amount and D(amount), **more) for amount in amounts)}


ERRORS = [
    ([("00200", "buyer.name")], replace(COMPANY, name=""), {}),
    ([("00200", "buyer.first_name")], replace(PERSON, first_name=""), {}),
    ([("00200", "buyer.last_name")], replace(PERSON, last_name="", name="Mario Rossi"), {}),
    ([("alphabet", "buyer.name")], replace(COMPANY, name="ООО Ромашка"), {}),
    ([("alphabet", "buyer.last_name")], replace(PERSON, last_name="山田"), {}),
    ([("country", "buyer.country"), ("country", "buyer.address.country")],
     replace(change_address(GERMAN, country="ZZ"), country="ZZ"), {}),
    ([("country", "seller.address.country")], COMPANY,
     {"seller": replace(seller_from_settings(), address=replace(seller_from_settings().address, country="UK"))}),
    ([("required", "contracts.2.id")], COMPANY, {"contracts": (PurchaseOrder("1"), PurchaseOrder(" "))}),
    ([("too_long", "administration_reference")], COMPANY, {"administration_reference": "€" * 7}),
    ([("required", "attachments.1.name")], COMPANY, {"attachments": (Attachment(" ", "SGk="),)}),
    ([("base64", "attachments.1.content")], COMPANY,
     {"attachments": (Attachment("a.pdf", "%%%"),)}),
    ([("alphabet", "notes")], COMPANY, {"notes": "Привет"}),
    ([("alphabet", "buyer.address.street")], change_address(COMPANY, street="ул. Ленина 1"), {}),
    ([("alphabet", "buyer.address.city")], change_address(GERMAN, city="東京"), {}),
    ([("required", "purchase_order.id")], COMPANY, {"purchase_order": PurchaseOrder("  ")}),
    ([("alphabet", "purchase_order.id")], COMPANY, {"purchase_order": PurchaseOrder("№ 山")}),
    ([("too_long", "purchase_order.id")], COMPANY, {"purchase_order": PurchaseOrder("€" * 7)}),
    ([("required", "linked_invoices.1.number")], COMPANY, {"linked_invoices": (LinkedInvoice(" "),)}),
    ([("required", "buyer.address.city")], change_address(COMPANY, city=" "), {}),
    ([("alphabet", "seller.name")], COMPANY, {"seller": replace(seller_from_settings(), name="Студия")}),
    ([("00427", "buyer.recipient_code")], replace(COMPANY, recipient_code="X4K7P2"), {}),
    ([("00427", "buyer.recipient_code")], replace(OFFICE, recipient_code=""), {}),
    ([("00427", "buyer.recipient_code")], replace(OFFICE, recipient_code="X4K7P2Q"), {}),
    ([("choice", "buyer.kind"), ("00427", "buyer.recipient_code")],
     replace(change_address(OFFICE, country="DE"), country="DE", vat_number="1"), {}),
    ([("00200", "buyer.address.postcode")], change_address(COMPANY, postcode="4212"), {}),
    ([("00200", "buyer.address.postcode")], change_address(COMPANY, postcode="４２１２４"), {}),
    ([("province", "buyer.address.province")], change_address(COMPANY, province="ZZ"), {}),
    ([("00417", "buyer.vat_number"), ("00313", "buyer.recipient_code"), ("00417", "buyer")],
     replace(GERMAN, vat_number=""), {}),
    ([("payments", "payments")], COMPANY, payment_fields("121.99")),
    ([("payments", "payments")], COMPANY, payment_fields("61.00", "61.01")),
    ([("payments", "payments")], COMPANY, payment_fields(None, "61.00")),
    ([("payments", "payments")], COMPANY, payment_fields("122.00") | {"withholding": Withholding("RT02", D(20), "A")}),
    ([("payments", "payments")], OFFICE, payment_fields("122.00") | {"split_payment": True}),
    ([("iban", "payments.1.iban")], COMPANY, payment_fields("122.00", method="MP05", iban=IBAN[:-1] + "7")),
    ([("split_payment", "split_payment")], PERSON, {"split_payment": True}),
    ([("split_payment", "split_payment")], CLUB, {"split_payment": True}),
    ([("flat_rate_vat", "lines")], COMPANY, {"seller": FLAT_RATE}),
    ([("00471", "buyer")], replace(COMPANY, vat_number="11847200968"), {}),
    ([("00403", "date")], COMPANY, {"date": date(2026, 11, 19)}),
    ([("00418", "linked_invoices")], COMPANY,
     {"document_type": "TD04", "linked_invoices": (LinkedInvoice("2026/00001", date(2026, 11, 19)),)}),
    ([("discount", "discount")], COMPANY, {"discount": Discount(amount=D("100.01"))}),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "buyer", "fields"), ERRORS)
def test_mistake_is_refused_by_code_and_field(codes, buyer, fields):
    assert codes_and_fields(preview(buyer, **fields).errors) == codes


@pytest.mark.parametrize(
    ("code", "field", "bad"),
    [
        ("negative_total", "lines", line("-1.00")),
        ("period", "lines.1.period_end", line(period_start=date(2026, 11, 2), period_end=date(2026, 11, 1))),
        ("00400", "lines.1", line(rate=0)),
        ("00401", "lines.1", line(nature="N4")),
        ("00411", "lines.1", line(withholding=True)),
        ("00445", "lines.1", line(rate=0, nature="N6")),
    ],
)
def test_mistake_in_a_line_is_refused_by_its_place(code, field, bad):
    assert codes_and_fields(preview(COMPANY, bad).errors)[0] == (code, field)


@pytest.mark.parametrize(("codes", "buyer", "fields"), ERRORS)
def test_mistake_is_told_in_italian_and_in_english(codes, buyer, fields):
    messages = {}
    for language in ("it", "en"):
        with translation.override(language):
            messages[language] = [violation.message for violation in preview(buyer, **fields).errors]

    assert [text for text in messages["it"] if text in messages["en"]] == []


WARNINGS = [
    ("letters_replaced", "notes", COMPANY, {"notes": "Corso 🎓"}),
    ("letters_replaced", "buyer.address.street", change_address(COMPANY, street="Via Nguyễn 1"), {}),
    ("letters_replaced", "buyer.name", replace(COMPANY, name="Officine € S.r.l."), {}),
    ("letters_replaced", "buyer.last_name", replace(PERSON, last_name="Đặng"), {}),
    ("letters_replaced", "purchase_order.id", COMPANY, {"purchase_order": PurchaseOrder("n° 12/2026")}),
    (
        "san_marino",
        "buyer.recipient_code",
        replace(change_address(GERMAN, country="SM"), country="SM", vat_number="SM12345"),
        {},
    ),
    ("shortened", "buyer.last_name", replace(PERSON, last_name="Rossi " * 11), {}),
    ("shortened", "buyer.name", replace(COMPANY, name="Officine " * 10), {}),
    ("shortened", "buyer.address.street", change_address(COMPANY, street="Via Emilia Ovest, palazzina " * 3), {}),
    ("shortened", "buyer.address.street", change_address(GERMAN, street="Hauptstraße " * 4 + "Haus 12"), {}),
    ("shortened", "buyer.address.city", change_address(COMPANY, city="Reggio " * 10), {}),
    ("pec_unused", "buyer.pec", replace(COMPANY, pec="officine@pec.brandolini.example"), {}),
    ("vat_format", "buyer.vat_number", replace(GERMAN, vat_number="DE123"), {}),
    ("iban_missing", "payments.1.iban", COMPANY, payment_fields(None, method="MP05")),
    ("linked_missing", "linked_invoices", COMPANY, {"document_type": "TD04"}),
    ("linked_missing", "linked_invoices", COMPANY, {"document_type": "TD05"}),
    ("late", "date", COMPANY, {"date": date(2026, 11, 5)}),
    ("cig_missing", "purchase_order", OFFICE, {}),
    ("vat_office", "buyer.vat_number", replace(COMPANY, vat_number="12345678903"), {}),
]


@pytest.mark.parametrize(("code", "field", "buyer", "fields"), WARNINGS)
def test_doubt_is_told_and_nothing_refused(code, field, buyer, fields):
    result = preview(buyer, **fields)

    assert (codes_and_fields(result.errors), codes_and_fields(result.warnings)) == ([], [(code, field)])


@pytest.mark.parametrize(("code", "field", "buyer", "fields"), WARNINGS)
def test_doubt_is_told_in_italian_and_in_english(code, field, buyer, fields):
    messages = {}
    for language in ("it", "en"):
        with translation.override(language):
            messages[language] = [violation.message for violation in preview(buyer, **fields).warnings]

    assert messages["it"] != messages["en"]


def test_withholding_from_a_flat_rate_seller_is_a_doubt():
    result = preview(
        COMPANY, line(rate=0, nature="N2.2"), seller=FLAT_RATE, withholding=Withholding("RT01", D(20), "A")
    )

    assert (codes_and_fields(result.errors), codes_and_fields(result.warnings)) == (
        [],
        [("flat_rate_withholding", "withholding")],
    )


def test_sign_that_cannot_be_carried_is_told_by_its_line_with_what_stands_there():
    with translation.override("it"):
        result = preview(COMPANY, line(), replace(line(), description="Corso 🎓 da 5 €"))

    assert codes_and_fields(result.warnings) == [("letters_replaced", "lines.2.description")]
    assert result.warnings[0].message.endswith(": 🎓 → –, € → EUR.")


@pytest.mark.parametrize("text", ["Perché “no” – l’ora … • così", "Perche\u0301", "½ © Ø", "Consu\xadlenza\u200b"])
def test_text_that_fatturapa_can_carry_is_no_doubt(text):
    assert preview(COMPANY, replace(line(), description=text)).warnings == ()


@pytest.mark.parametrize(
    "buyer",
    [
        replace(COMPANY, recipient_code="", pec="officine@pec.brandolini.example"),
        replace(GERMAN, country="GR", vat_number="EL094259216", address=replace(GERMAN.address, country="GR")),
        replace(COMPANY, address=Address("10 Downing Street", "SW1A 2AA", "London", country="GB")),
        replace(GERMAN, address=COMPANY.address),
        change_address(FRENCH, postcode="", province="IDF"),
        change_address(COMPANY, province=""),
    ],
)
def test_unusual_customer_is_neither_mistake_nor_doubt(buyer):
    result = preview(buyer)

    assert (result.errors, result.warnings) == ((), ())


def test_mistake_with_a_name_is_not_repeated_in_the_words_of_the_schema():
    result = preview(change_address(replace(COMPANY, name=""), postcode="x"))

    assert codes_and_fields(result.errors) == [("00200", "buyer.name"), ("00200", "buyer.address.postcode")]


def test_every_mistake_is_told_at_once():
    result = preview(replace(COMPANY, vat_number="02764130354"), line(nature="N4"), date=date(2026, 11, 19))

    assert codes_and_fields(result.errors) == [
        ("00305", "buyer.vat_number"),
        ("00403", "date"),
        ("00401", "lines.1"),
        ("00430", "summary"),
    ]

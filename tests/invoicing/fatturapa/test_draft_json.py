"""Drafts as JSON: the schema is what the reader takes, mistakes are told by their place, and nothing is lost."""

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from invoicing.fatturapa import draft as parts
from invoicing.fatturapa.draft import (  # fmt: skip
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
from invoicing.fatturapa.draft_json import DraftUnreadableError, from_json, read_draft, to_json
from invoicing.fatturapa.preview import make_preview
from invoicing.services import seller_from_settings
from tests.invoicing.drafts import DAY, GOLDEN, GOLDEN_NAMES, NUMBER, TRANSMISSION, draft_from, golden_draft, make_draft

D = Decimal
SCHEMA = json.loads((settings.BASE_DIR / "docs" / "invoice-draft.schema.json").read_text())
ADDRESS = {"street": "Via Roma 1", "postcode": "56017", "city": "Pisa", "province": "PI", "country": "IT"}
FULL = {
    "document_type": "TD06",
    "date": "2026-11-18",
    "series": "A",
    "currency": "EUR",
    "seller": {
        "name": "Avv. Anna Bianchi", "country": "IT", "vat_number": "03123450151", "tax_code": "BNCNNA80A41F205U",
        "tax_regime": "RF01", "rea_office": "MI", "rea_number": "1234567", "share_capital": "10000.00",
        "address": ADDRESS,
    },
    "buyer": {
        "kind": "company", "name": "Officine Brandolini S.r.l.", "first_name": "Ada", "last_name": "Neri",
        "country": "IT", "vat_number": "02764130353", "tax_code": "02764130353", "recipient_code": "X4K7P2Q",
        "pec": "officine@pec.brandolini.example", "email": "conti@brandolini.example", "address": ADDRESS,
    },
    "lines": [
        {
            "description": "Parere", "quantity": "2.5", "unit": "ore", "unit_price": "100.12345678", "vat_rate": "22",
            "nature": "", "discounts": [{"percent": "10"}, {"amount": "1.5"}], "period_start": "2026-10-01",
            "period_end": "2026-10-31", "withholding": True, "administration_reference": "CDC 4",
            "declaration_of_intent": {"protocol": "08060120341234567/000002", "date": "2026-01-11"},
        },
        {"description": "Guida", "gross_unit_price": "12.20", "withholding": False},
    ],
    "discount": {"percent": "5"},
    "stamp_duty": {"charge_to_customer": True},
    "withholding": {"type": "RT01", "rate": "20", "reason": "A"},
    "pension_fund": {"type": "TC01", "rate": "4", "vat_rate": "22", "nature": "", "withholding": True},
    "split_payment": True,
    "payment_terms": "TP01",
    "payments": [
        {"method": "MP05", "amount": "10.00", "due_date": "2026-12-18", "iban": "it60 x054 2811 1010 0000 0123 456",
         "bic": "bpmoit22xxx"},
        {"method": "MP08", "amount": "20.00"},
    ],
    "purchase_order": {
        "id": "ODA 7", "date": "2026-10-01", "cup": "j51b21000010006", "cig": "z1234567ab", "item": "12",
        "project": "Commessa 5", "lines": [1],
    },
    "purchase_orders": [{"id": "ODA 8", "cig": "Z1234567AC"}],
    "contracts": [{"id": "C/1", "date": "2026-01-07"}],
    "agreements": [{"id": "Consip 3", "lines": [1, 2]}],
    "administration_reference": "FORN 118",
    "declaration_of_intent": {"protocol": "08060120341234567-000001", "date": "2026-01-10"},
    "attachments": [{"name": "relazione.pdf", "content": "SGVs bG8=", "format": "pdf", "description": "Relazione"}],
    "linked_invoices": [{"number": "2026/00001", "date": "2026-11-02"}, {"number": "2026/00002"}],
    "notes": "Prima riga",
}  # fmt: skip
del FULL["lines"][0]["nature"], FULL["pension_fund"]["nature"]
DRAFT = InvoiceDraft(
    document_type="TD06",
    date=DAY,
    seller=Seller(
        "Avv. Anna Bianchi", "03123450151", "BNCNNA80A41F205U", "RF01", Address(*ADDRESS.values()), "IT", "MI",
        "1234567", D("10000.00"),
    ),
    buyer=Buyer(
        BuyerKind.COMPANY, Address(*ADDRESS.values()), "Officine Brandolini S.r.l.", "Ada", "Neri", "IT",
        "02764130353", "02764130353", "X4K7P2Q", "officine@pec.brandolini.example", "conti@brandolini.example",
    ),
    lines=(
        Line(
            "Parere", D("2.5"), D("100.12345678"), D(22), "ore", "", None,
            (Discount(percent=D(10)), Discount(amount=D("1.5"))), date(2026, 10, 1), date(2026, 10, 31), True,
            "CDC 4", DeclarationOfIntent("08060120341234567-000002", date(2026, 1, 11)),
        ),
        Line("Guida", D(1), None, D(22), gross_unit_price=D("12.20"), withholding=False),
    ),
    payments=(
        Payment("MP05", D("10.00"), date(2026, 12, 18), "IT60X0542811101000000123456", "BPMOIT22XXX"),
        Payment("MP08", D("20.00")),
    ),
    payment_terms="TP01",
    notes="Prima riga",
    series="A",
    discount=Discount(percent=D(5)),
    stamp_duty=StampDuty(True),
    withholding=Withholding("RT01", D(20), "A"),
    pension_fund=PensionFund("TC01", D(4), D(22), "", True),
    split_payment=True,
    purchase_order=PurchaseOrder(
        "ODA 7", date(2026, 10, 1), "J51B21000010006", "Z1234567AB", "12", "Commessa 5", (1,)
    ),
    purchase_orders=(PurchaseOrder("ODA 8", cig="Z1234567AC"),),
    contracts=(PurchaseOrder("C/1", date(2026, 1, 7)),),
    agreements=(PurchaseOrder("Consip 3", lines=(1, 2)),),
    administration_reference="FORN 118",
    declaration_of_intent=DeclarationOfIntent("08060120341234567-000001", date(2026, 1, 10)),
    attachments=(Attachment("relazione.pdf", "SGVsbG8=", "PDF", "Relazione"),),
    linked_invoices=(LinkedInvoice("2026/00001", date(2026, 11, 2)), LinkedInvoice("2026/00002")),
)  # fmt: skip


def at(data, path, value):
    """A deep copy of `data` with `value` at `path`; None takes the key away."""
    data = json.loads(json.dumps(data))
    place = data
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) - 1 if step.isdigit() else step]
    last = int(last) - 1 if last.isdigit() else last
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def refusal(data):
    with pytest.raises(DraftUnreadableError) as refused:
        draft_from(data)
    return [(violation.code, violation.field) for violation in refused.value.violations]


def test_every_key_arrives_where_it_belongs():
    assert draft_from(FULL) == DRAFT


def test_full_draft_names_every_key_of_the_schema():
    definitions = SCHEMA["$defs"]

    assert set(FULL) == set(SCHEMA["properties"])
    assert set(FULL["seller"]) == set(definitions["seller"]["properties"])
    assert set(FULL["buyer"]) == set(definitions["buyer"]["properties"])
    assert set(ADDRESS) == set(definitions["address"]["properties"])
    lines = set(FULL["lines"][0]) | set(FULL["lines"][1]) | {"nature"}
    assert lines == set(definitions["line"]["properties"])
    assert set(FULL["purchase_order"]) == set(definitions["reference"]["properties"])
    assert set(FULL["declaration_of_intent"]) == set(definitions["declaration_of_intent"]["properties"])
    for name in ("attachments", "payments"):
        assert set(FULL[name][0]) == set(SCHEMA["properties"][name]["items"]["properties"])
    for name in ("stamp_duty", "withholding"):
        assert set(FULL[name]) == set(SCHEMA["properties"][name]["properties"])
    assert set(FULL["pension_fund"]) | {"nature"} == set(SCHEMA["properties"]["pension_fund"]["properties"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("seller", Seller), ("buyer", Buyer), ("line", Line), ("address", Address), ("discount", Discount)],
)
def test_schema_and_data_have_the_same_names(name, kind):
    assert set(SCHEMA["$defs"][name]["properties"]) == {field.name for field in fields(kind)}


def test_schema_knows_every_field_of_a_draft():
    assert set(SCHEMA["properties"]) == {field.name for field in fields(parts.InvoiceDraft)}


OBJECTS = [
    "", "seller", "seller.address", "buyer", "buyer.address", "lines.1", "lines.2", "lines.1.discounts.1", "discount",
    "stamp_duty", "withholding", "pension_fund", "payments.1", "purchase_order", "linked_invoices.2", "contracts.1",
    "declaration_of_intent", "attachments.1",
]  # fmt: skip


@pytest.mark.parametrize("place", [place for place in OBJECTS if "discount" not in place])
def test_unknown_key_is_told_by_its_place(place):
    path = f"{place}.colour".removeprefix(".")

    assert refusal(at(FULL, path, "red")) == [("unknown", path)]


def test_every_unknown_key_is_told():
    data = at(at(at(FULL, "colour", "red"), "Buyer", {}), "buyer.Name", "x")

    assert refusal(data) == [("unknown", "Buyer"), ("unknown", "colour"), ("unknown", "buyer.Name")]


@pytest.mark.parametrize(
    "path",
    [
        "buyer", "lines", "buyer.kind", "buyer.address", "buyer.address.street", "buyer.address.city",
        "seller.name", "seller.vat_number", "seller.tax_regime", "seller.address", "seller.address.street",
        "lines.1.description", "withholding.type", "withholding.rate", "withholding.reason", "pension_fund.type",
        "pension_fund.rate", "payments.2.method", "purchase_order.id", "linked_invoices.1.number",
    ],
)  # fmt: skip
def test_missing_key_is_told_by_its_place(path):
    assert refusal(at(FULL, path, None)) == [("required", path)]


def test_every_missing_key_is_told():
    assert refusal({}) == [("required", "buyer"), ("required", "lines")]
    assert refusal(at(FULL, "withholding", {})) == [
        ("required", "withholding.type"),
        ("required", "withholding.rate"),
        ("required", "withholding.reason"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "date", "lines.1.unit_price", "lines.2.gross_unit_price", "lines.1.quantity", "lines.1.vat_rate",
        "lines.1.discounts.1.percent", "lines.1.discounts.2.amount", "lines.1.period_start", "discount.percent",
        "withholding.rate", "pension_fund.rate", "payments.1.amount", "payments.1.due_date", "seller.share_capital",
        "purchase_order.date", "linked_invoices.1.date", "series",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [12.5, 12, True, [], {}])
def test_number_that_is_no_string_is_told_by_its_place(path, value):
    assert refusal(at(FULL, path, value)) == [("string", path)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lines.1.unit_price", "12,50"), ("lines.1.unit_price", "1.123456789"), ("lines.1.unit_price", "€ 12"),
        ("lines.1.unit_price", "1e3"), ("lines.1.unit_price", "NaN"), ("lines.1.unit_price", ""),
        ("lines.1.unit_price", "１２"), ("lines.1.unit_price", "123456789012"), ("lines.1.quantity", "-1"),
        ("lines.1.vat_rate", "22 %"), ("lines.1.vat_rate", "-22"), ("lines.1.vat_rate", "22.123"),
        ("lines.1.nature", "N"), ("lines.1.nature", "n4"), ("lines.1.description", ""),
        ("lines.1.description", "x" * 1001), ("lines.1.unit", "x" * 11), ("lines.1.description", 5),
        ("lines.1.withholding", "si"), ("lines", []), ("lines", {}),
        ("payments.1.amount", "10.001"), ("payments.1.method", "MP24"), ("payments.1.iban", "DE"),
        ("series", "a"), ("series", "TROPPOLUNGA"), ("seller.tax_regime", "RF03"), ("seller.vat_number", ""),
        ("withholding.reason", "a"), ("pension_fund.type", "TC23"), ("buyer.country", "ITA"),
        ("buyer.address.province", "ROMA"), ("split_payment", "true"), ("stamp_duty.charge_to_customer", 1),
        ("notes", "x" * 4001), ("purchase_order.id", ""), ("linked_invoices.1.number", "x" * 21),
        ("discount", {}), ("discount", {"percent": "1", "amount": "1"}), ("lines.1.discounts.1", {}), ("buyer", []),
    ],
)  # fmt: skip
def test_value_of_another_form_is_told_by_its_place(path, value):
    assert refusal(at(FULL, path, value)) == [("format", path)]


def test_null_is_none_of_the_values():
    data = FULL | {"buyer": FULL["buyer"] | {"name": None}, "notes": None}

    assert refusal(data) == [("format", "buyer.name"), ("format", "notes")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("document_type", "TD99"), ("document_type", 1), ("currency", "USD"), ("buyer.kind", "firm"),
        ("withholding.type", "RT07"), ("payment_terms", "TP04"),
    ],
)  # fmt: skip
def test_value_off_a_list_is_told_with_the_list(path, value):
    assert refusal(at(FULL, path, value)) == [("choice", path)]


@pytest.mark.parametrize("path", ["date", "lines.1.period_start", "payments.1.due_date", "linked_invoices.1.date"])
@pytest.mark.parametrize("value", ["2026-02-30", "18/11/2026", "2026-11-18T00:00:00", "20261118", "0000-01-01", ""])
def test_day_that_does_not_exist_is_told_by_its_place(path, value):
    assert refusal(at(FULL, path, value)) == [("date", path)]


@pytest.mark.parametrize("changes", [{"gross_unit_price": "1"}, {"unit_price": None}])
def test_line_has_one_price_and_not_two_or_none(changes):
    data = FULL
    for name, value in changes.items():
        data = at(data, f"lines.1.{name}", value)

    assert refusal(data) == [("unit_price", "lines.1")]


def test_findings_are_told_in_both_languages():
    data = at(at(at(at(FULL, "date", "2026-02-30"), "colour", 1), "lines.1.unit_price", 1), "buyer.kind", "firm")
    messages = {}

    for language in ("it", "en"):
        with translation.override(language), pytest.raises(DraftUnreadableError) as refused:
            draft_from(data)
        messages[language] = {violation.code: violation.message for violation in refused.value.violations}

    assert messages["en"] == {
        "unknown": "There is no such key.",
        "choice": "One of these is expected: company, person, association, public_administration.",
        "date": "There is no such day: 2026-02-30.",
        "string": 'Numbers and dates are written as strings, for instance "12.50".',
    }
    assert messages["it"].keys() == messages["en"].keys()
    assert [code for code in messages["it"] if messages["it"][code] == messages["en"][code]] == []


def test_message_about_a_large_value_stays_short():
    with pytest.raises(DraftUnreadableError) as refused:
        draft_from(FULL | {"lines": [FULL["lines"][1]] * 10_000})

    [violation] = refused.value.violations
    assert (violation.code, violation.field) == ("format", "lines")
    assert violation.message == "L’elenco può avere al massimo 9999 voci."


@pytest.mark.parametrize("depth", [*range(100, 1000, 50), 5_000, 100_000])
def test_deep_nesting_is_refused_like_any_other_mistake(depth):
    content = '{"lines": [], "buyer": ' + "[" * depth + "]" * depth + "}"

    with pytest.raises(DraftUnreadableError):
        read_draft(content, seller=seller_from_settings(), stamp_duty=StampDuty(), today=DAY)


@pytest.mark.parametrize("content", [b" " * (8 * 1024 * 1024 + 1), " " * (8 * 1024 * 1024 + 1)])
def test_eight_megabytes_are_the_limit(content):
    with pytest.raises(DraftUnreadableError) as refused:
        read_draft(content, seller=seller_from_settings(), stamp_duty=StampDuty(), today=DAY)

    assert [violation.code for violation in refused.value.violations] == ["too_large"]


MINIMAL = {"buyer": FULL["buyer"], "lines": [{"description": "x", "unit_price": "1"}]}


def test_what_is_not_said_comes_from_settings_day_and_law():
    stamp_duty = StampDuty(True, frozenset({"N4"}))

    draft = from_json(MINIMAL, seller=seller_from_settings(), stamp_duty=stamp_duty, today=DAY)

    assert draft == InvoiceDraft(
        document_type="TD01", date=DAY, seller=seller_from_settings(), buyer=DRAFT.buyer,
        lines=(Line("x", D(1), D(1), D(22)),), payments=(), payment_terms="TP02", stamp_duty=stamp_duty,
    )  # fmt: skip


def test_stamp_duty_keeps_the_natures_of_the_settings():
    stamp_duty = StampDuty(True, frozenset({"N4"}))
    data = MINIMAL | {"stamp_duty": {"charge_to_customer": False}}

    draft = from_json(data, seller=seller_from_settings(), stamp_duty=stamp_duty, today=DAY)

    assert draft.stamp_duty == StampDuty(False, frozenset({"N4"}))


@pytest.mark.parametrize(
    ("regime", "overrides", "rate", "nature"),
    [
        ("RF01", {}, 22, ""),
        ("RF01", {"nature": "N4"}, 0, "N4"),
        ("RF01", {"vat_rate": "10"}, 10, ""),
        ("RF01", {"vat_rate": "0", "nature": "N6.3"}, 0, "N6.3"),
        ("RF01", {"vat_rate": "0"}, 0, ""),
        ("RF19", {}, 0, "N2.2"),
        ("RF19", {"nature": "N1"}, 0, "N1"),
        ("RF19", {"vat_rate": "22"}, 22, ""),
        ("RF04", {}, 22, ""),
    ],
)
def test_rate_follows_nature_and_regime(regime, overrides, rate, nature):
    data = at(MINIMAL, "seller", FULL["seller"] | {"tax_regime": regime})
    data["lines"][0] |= overrides

    [line] = draft_from(data).lines

    assert (line.vat_rate, line.nature) == (rate, nature)


@pytest.mark.parametrize(
    ("payments", "payment_terms", "terms"),
    [
        (0, None, "TP02"),
        (1, None, "TP02"),
        (2, None, "TP01"),
        (3, None, "TP01"),
        (1, "TP03", "TP03"),
        (2, "TP02", "TP02"),
    ],
)
def test_terms_follow_the_number_of_payments(payments, payment_terms, terms):
    data = MINIMAL | {"payments": [{"method": "MP08", "amount": "1"}] * payments}
    if payment_terms:
        data["payment_terms"] = payment_terms

    assert draft_from(data).payment_terms == terms


@pytest.mark.parametrize(
    ("line", "overrides", "rate", "nature"),
    [
        ({"nature": "N4"}, {}, 0, "N4"),
        ({"vat_rate": "10"}, {}, 10, ""),
        ({"nature": "N4"}, {"vat_rate": "22"}, 22, ""),
        ({}, {"nature": "N4"}, 0, "N4"),
    ],
)
def test_pension_fund_has_a_rate_of_its_own_or_that_of_its_lines(line, overrides, rate, nature):
    data = at(MINIMAL, "pension_fund", {"type": "TC22", "rate": "4"} | overrides)
    data["lines"][0] |= line

    fund = draft_from(data).pension_fund

    assert (fund.vat_rate, fund.nature) == (rate, nature)


def test_pension_fund_after_money_paid_out_has_the_rate_of_the_fee():
    data = at(MINIMAL, "pension_fund", {"type": "TC01", "rate": "4"})
    data["lines"] = [{"description": "Spese", "unit_price": "50", "nature": "N1"}, *data["lines"]]

    fund = draft_from(data).pension_fund

    assert (fund.vat_rate, fund.nature) == (D(22), "")


def test_pension_fund_of_lines_with_several_rates_must_say_its_own():
    data = at(MINIMAL, "pension_fund", {"type": "TC01", "rate": "4"})
    data["lines"] = [*data["lines"], {"description": "Esente", "unit_price": "50", "nature": "N4"}]

    assert refusal(data) == [("required", "pension_fund.vat_rate")]
    data["pension_fund"]["vat_rate"] = "22"
    assert draft_from(data).pension_fund.vat_rate == D(22)


@pytest.mark.parametrize("protocol", ["0806012034123456-000001", "08060120341234567", "08060120341234567-00001", "x"])
def test_protocol_of_a_declaration_of_intent_has_its_form(protocol):
    data = at(FULL, "declaration_of_intent.protocol", protocol)

    assert refusal(data) == [("format", "declaration_of_intent.protocol")]


def test_identifiers_are_put_in_order():
    messy = {
        "kind": "company", "name": "  Officine  ", "country": "it", "vat_number": "it 0276 4130 353",
        "tax_code": " rssmra85t10a562s ", "recipient_code": "x4k7p2q", "pec": " a@pec.example ",
        "address": {"street": " Via ", "city": " Pisa ", "postcode": " 56017 ", "province": "pi", "country": "it"},
    }  # fmt: skip

    assert draft_from(MINIMAL | {"buyer": messy, "series": "A\n"}) == replace(
        draft_from(MINIMAL),
        series="A",
        buyer=Buyer(
            BuyerKind.COMPANY, Address("Via", "56017", "Pisa", "PI", "IT"), "Officine", country="IT",
            vat_number="02764130353", tax_code="RSSMRA85T10A562S", recipient_code="X4K7P2Q", pec="a@pec.example",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("overrides", "country"), [({}, "DE"), ({"country": "FR"}, "FR")])
def test_country_is_that_of_the_address_unless_told(overrides, country):
    buyer = {"kind": "person", "address": {"street": "x", "city": "y", "country": "DE"}} | overrides

    assert draft_from(MINIMAL | {"buyer": buyer}).buyer.country == country


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden_drafts_survive_the_way_there_and_back(name):
    draft = golden_draft(name)

    assert draft_from(json.loads(json.dumps(to_json(draft)))) == draft
    assert to_json(draft_from(to_json(draft))) == to_json(draft)


def test_plain_json_of_a_golden_draft_is_no_longer_than_needed():
    golden = json.loads((GOLDEN / "company.json").read_text())

    assert to_json(golden_draft("company"))["payments"] == golden["payments"]
    assert "discount" not in to_json(golden_draft("company"))


texts = st.text(min_size=1, max_size=40).filter(lambda text: text == text.strip())
money = st.decimals("-99999.99", "99999.99", places=2)
days = st.dates(date(1970, 1, 1), date(2100, 12, 31))
percents = st.decimals("0.01", "100.00", places=2)
cuts = st.one_of(st.builds(Discount, percent=percents), st.builds(Discount, amount=money))
natures = st.sampled_from(["", "N1", "N2.1", "N6.9"])


@st.composite
def any_line(draw):
    price = draw(st.decimals("-9999.99999999", "9999.99999999", places=8))
    is_gross = draw(st.booleans())
    return Line(
        draw(texts),
        draw(st.decimals("0", "9999.99999999", places=8)),
        None if is_gross else price,
        draw(percents),
        draw(st.text(max_size=10)),
        draw(natures),
        price if is_gross else None,
        tuple(draw(st.lists(cuts, max_size=2))),
        draw(st.none() | days),
        draw(st.none() | days),
        draw(st.none() | st.booleans()),
    )


drafts = st.builds(
    make_draft,
    st.builds(
        Buyer,
        kind=st.sampled_from(BuyerKind),
        address=st.builds(Address, texts, st.just("56017"), texts, st.sampled_from(["", "PI"]), st.just("IT")),
        name=texts,
    ),
    any_line(),
    date=days,
    document_type=st.sampled_from(["TD01", "TD04", "TD24"]),
    payments=st.lists(
        st.builds(Payment, st.sampled_from(["MP01", "MP08"]), st.none() | money, st.none() | days), max_size=3
    ).map(tuple),
    payment_terms=st.sampled_from(["TP01", "TP02", "TP03"]),
    notes=st.text(max_size=100),
    series=st.sampled_from(["", "A", "NC"]),
    discount=st.none() | cuts,
    stamp_duty=st.builds(StampDuty, st.booleans()),
    withholding=st.none() | st.builds(Withholding, st.just("RT02"), percents, st.just("A")),
    pension_fund=st.none() | st.builds(PensionFund, st.just("TC22"), percents, percents, natures, st.booleans()),
    split_payment=st.booleans(),
    purchase_order=st.none() | st.builds(PurchaseOrder, st.text(min_size=1, max_size=20), st.none() | days),
    linked_invoices=st.lists(
        st.builds(LinkedInvoice, st.text(min_size=1, max_size=20), st.none() | days), max_size=2
    ).map(tuple),
)


@given(drafts)
def test_any_draft_survives_the_way_there_and_back(draft):
    assert draft_from(json.loads(json.dumps(to_json(draft)))) == draft


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(anything)
def test_any_other_json_is_refused_with_findings(data):
    with pytest.raises(DraftUnreadableError) as refused:
        draft_from(data)

    assert all(violation.code and violation.message for violation in refused.value.violations)


wild = st.text(st.characters(exclude_categories=[]), max_size=12)


@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["company", "person", "public_administration"]), "name": wild, "tax_code": wild},
        optional={"vat_number": wild, "recipient_code": wild.map(lambda text: text[:10]), "pec": wild},
    ),
    st.fixed_dictionaries(
        {"street": wild.map(lambda text: text + "x"), "city": wild.map(lambda text: "x" + text), "postcode": wild},
        optional={"country": st.sampled_from(["IT", "DE", "US"]), "province": wild.map(lambda text: text[:2])},
    ),
)
def test_any_text_of_a_customer_is_examined_and_never_an_accident(buyer, address):
    draft = draft_from(MINIMAL | {"buyer": buyer | {"address": address}})

    preview = make_preview(draft, number=NUMBER, transmission=TRANSMISSION, today=DAY)

    assert preview.xml is not None
    assert all(violation.code and violation.message for violation in preview.errors)


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (b"{,}", "draft", "riga 1, colonna 2"),
        (b"\xff\xfe\x00", "draft", "UTF-8"),
        (b"[" * 100_000, "draft", "annidate"),
        (b"[]", "draft", "oggetto con chiavi"),
        (json.dumps(at(FULL, "lines.1.unit_price", "1,5")).encode(), "lines.1.unit_price", "otto decimali"),
        (json.dumps(at(FULL, "payments.1.bic", "BPM")).encode(), "payments.1.bic", "8 o 11 caratteri"),
        (b'{"buyer": 1, "lines": [{"description": "x", "unit_price": "1"}]}', "buyer", "oggetto con chiavi"),
        (json.dumps(at(FULL, "lines", [])).encode(), "lines", "almeno 1 voce"),
        (json.dumps(at(FULL, "split_payment", "si")).encode(), "split_payment", "true o false"),
        (json.dumps(at(FULL, "buyer.name", "x" * 201)).encode(), "buyer.name", "al massimo 200 caratteri"),
        (json.dumps(at(FULL, "contracts.1.lines", ["1"])).encode(), "contracts.1.lines.1", "numero intero"),
    ],
)
def test_what_is_no_draft_is_told_in_words_with_a_field(content, field, words):
    with translation.override("it"), pytest.raises(DraftUnreadableError) as refused:
        read_draft(content, seller=seller_from_settings(), stamp_duty=StampDuty(), today=DAY)

    (violation,) = refused.value.violations
    assert violation.field == field
    assert words in violation.message

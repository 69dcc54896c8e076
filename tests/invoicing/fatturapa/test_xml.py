"""The XML: what goes where for each customer, text that any XML can hold, and the pinned official schema."""

import hashlib
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from a38.fattura import FatturaPrivati12
from a38.validation import Validation
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, Line
from invoicing.fatturapa.law import FLAT_RATE_NOTE
from invoicing.fatturapa.preflight import violations
from invoicing.fatturapa.routing import route
from invoicing.fatturapa.schema import ORDINARY, SIMPLIFIED
from invoicing.fatturapa.xml import Transmission, pieces
from tests.invoicing.drafts import COMPANY, DAY, PERSON, golden_draft, make_draft, xml_of

ABROAD = Address("1 Main Street", "AB1 2CD", "Town", "XX", "GB")


def test_a38_has_nothing_to_say_of_a_plain_invoice():
    invoice, validation = FatturaPrivati12(), Validation()
    invoice.from_etree(ElementTree.fromstring(xml_of(make_draft())))
    invoice.validate(validation)

    assert (validation.errors, validation.warnings) == ([], [])


@given(st.text(min_size=1, max_size=200))
def test_any_text_in_a_description_makes_a_valid_document(text):
    line = Line(text, Decimal(1), Decimal("10.00"), Decimal(22))

    xml = xml_of(make_draft(COMPANY, line, payments=(), notes=text))

    errors = [violation for violation in violations(xml, today=DAY) if "Descrizione" not in violation.message]
    assert errors == []


@pytest.mark.parametrize(
    ("schema", "name"), [(ORDINARY, "Schema_VFPR12_v1.2.3.xsd"), (SIMPLIFIED, "Schema_VFSM10_v1.0.2.xsd")]
)
def test_pinned_schema_is_the_official_one(shared, schema, name):
    official = (shared / "fatturapa" / "xsd" / name).read_bytes()
    assert hashlib.sha256(official).hexdigest() == schema.sha256


def test_root_is_in_the_namespace_and_its_children_are_not():
    root = etree.fromstring(xml_of(make_draft()))

    assert root.tag == "{http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2}FatturaElettronica"
    assert [element.tag for element in root.iterdescendants() if "{" in element.tag] == []
    assert [element.tag for element in root.iter() if not len(element) and not element.text] == []


def test_file_is_named_by_transmitter_and_progressive():
    assert Transmission("11847200968", "0001A").file_name == "IT11847200968_0001A.xml"
    assert Transmission("X1", "2", "DE").file_name == "DEX1_2.xml"


def buyer(kind="company", country="IT", address=COMPANY.address, **identity):
    return Buyer(kind=BuyerKind(kind), name="x", country=country, address=address, **identity)


IDS = {"vat_number": "02764130353", "tax_code": "02764130353"}
CF = "RSSMRA85T10A562S"


# customer; format, code, PEC; country and number of the VAT id, codice fiscale
ROUTES = [
    (buyer(recipient_code="X4K7P2Q", **IDS), "FPR12 X4K7P2Q - IT 02764130353 02764130353"),
    (buyer(recipient_code="X4K7P2Q", pec="a@b.it", **IDS), "FPR12 X4K7P2Q - IT 02764130353 02764130353"),
    (buyer(pec="a@b.it", vat_number="IT02764130353"), "FPR12 0000000 a@b.it IT 02764130353 -"),
    (buyer(recipient_code="0000000", pec="a@b.it", **IDS), "FPR12 0000000 a@b.it IT 02764130353 02764130353"),
    (buyer(), "FPR12 0000000 - - - -"),
    (buyer("person", tax_code=CF, vat_number="02764130353"), f"FPR12 0000000 - - - {CF}"),
    (buyer("association", pec="a@b.it", tax_code="91234560349"), "FPR12 0000000 a@b.it - - 91234560349"),
    (buyer("public_administration", pec="a@b.it", recipient_code="UFX1Y2", **IDS),
     "FPA12 UFX1Y2 - IT 02764130353 02764130353"),
    (buyer("public_administration", recipient_code="UFX1Y2", tax_code="80012340586"), "FPA12 UFX1Y2 - - - 80012340586"),
    (buyer(country="DE", vat_number="DE 136.695-976", tax_code="x", pec="a@b.de"), "FPR12 XXXXXXX - DE 136695976 -"),
    (buyer(country="GR", vat_number="EL094259216"), "FPR12 XXXXXXX - GR 094259216 -"),
    (buyer(country="AT", vat_number="ATU13585627", recipient_code="0000000"), "FPR12 XXXXXXX - AT U13585627 -"),
    (buyer(country="CH", vat_number="CHE-116.281.710 MWST"), "FPR12 XXXXXXX - CH CHE116281710MWST -"),
    (buyer(country="SM", vat_number="SM12345", recipient_code="2R4GTO8"), "FPR12 2R4GTO8 - SM 12345 -"),
    (buyer(country="US", vat_number="9" * 30), f"FPR12 XXXXXXX - US {'9' * 28} -"),
    (buyer("person", country="FR"), "FPR12 XXXXXXX - FR 0000000 -"),
    (buyer("person", country="US", vat_number="123-45", tax_code=CF), "FPR12 XXXXXXX - US 12345 -"),
    (buyer(country="FR"), "FPR12 XXXXXXX - - - -"),
]  # fmt: skip


@pytest.mark.parametrize(("customer", "expected"), ROUTES)
def test_customer_is_reached_by_kind_and_country(customer, expected):
    way = route(customer)

    values = (way.format, way.recipient_code, way.pec, way.vat_country, way.vat_number, way.tax_code)
    assert " ".join(value or "-" for value in values) == expected


@pytest.mark.parametrize(
    ("country", "place", "street", "postcode", "province"),
    [
        ("IT", COMPANY.address, "Via Emilia Ovest 118", "42124", "RE"),
        ("GB", ABROAD, "1 Main Street, AB1 2CD", "00000", ""),
        ("IT", ABROAD, "1 Main Street, AB1 2CD", "00000", ""),
        ("DE", COMPANY.address, "Via Emilia Ovest 118", "42124", "RE"),
        ("GB", replace(ABROAD, postcode=""), "1 Main Street", "00000", ""),
        ("GB", replace(ABROAD, postcode="00000"), "1 Main Street", "00000", ""),
    ],
)
def test_address_abroad_has_its_post_code_in_the_street(country, place, street, postcode, province):
    way = route(buyer(country=country, address=place)).address

    assert (way.street, way.postcode, way.province, way.country) == (street, postcode, province, place.country)


@given(st.text(st.sampled_from("abc def")), st.integers(1, 20))
def test_notes_are_cut_at_spaces_and_lose_nothing(text, size):
    parts = pieces(text, size)

    assert "".join(parts).replace(" ", "") == text.replace(" ", "")
    assert [piece for piece in parts if not 0 < len(piece) <= size] == []


def test_long_notes_become_several_causali():
    notes = " ".join(f"parola{number}" for number in range(60))

    root = etree.fromstring(xml_of(make_draft(notes=notes)))

    causali = [element.text for element in root.iter("Causale")]
    assert (" ".join(causali), max(map(len, causali)) <= 200) == (notes, True)


def test_flat_rate_seller_asks_not_to_withhold_except_in_a_credit_note():
    draft = golden_draft("flat-rate")

    causali = [
        etree.fromstring(xml_of(replace(draft, document_type=kind))).findtext(".//Causale") for kind in ("TD01", "TD04")
    ]

    assert causali == [FLAT_RATE_NOTE, None]


def test_consumer_has_a_first_and_a_last_name_and_no_other():
    root = etree.fromstring(xml_of(make_draft(replace(PERSON, name="Ditta Rossi"))))

    names = root.find(".//CessionarioCommittente/DatiAnagrafici/Anagrafica")
    assert [(element.tag, element.text) for element in names] == [("Nome", "Mario"), ("Cognome", "Rossi")]

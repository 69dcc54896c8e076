"""A rejected document put right in a form: SDI's reason, the document's values, and only the changes written anew."""

import base64
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from invoicing.corrections import draft_of
from invoicing.fatturapa.draft import (
    Attachment,
    DeclarationOfIntent,
    Discount,
    Line,
    LinkedInvoice,
    Payment,
    PensionFund,
    PurchaseOrder,
    Withholding,
)
from invoicing.models import Invoice
from invoicing.services import issue_invoice
from tests.invoicing.drafts import COMPANY, make_draft
from tests.invoicing.test_back_office import BY_HAND, CHECK, confirmed, draft, page_of, shown

pytestmark = pytest.mark.django_db

D = Decimal
IBAN = "IT60X0542811101000000123456"
TRAINING = Line("Formazione", D(2), D("750.00"), D(22), unit="nr", discounts=(Discount(percent=D(10)),))
LINES = (
    TRAINING,
    Line("Guida", D(1), None, D(22), gross_unit_price=D("12.20"), discounts=(Discount(amount=D(1)),)),
    Line("Licenza", D(1), D("100.00"), D(0), nature="N3.5", period_start=date(2026, 1, 1)),
)
EVERYTHING = {
    "payments": (Payment("MP20", None, date(2027, 1, 31)),),
    "notes": "Prima riga",
    "withholding": Withholding("RT02", D(20), "A"),
    "pension_fund": PensionFund("TC22", D(4), D(22)),
    "purchase_order": PurchaseOrder("ODA 7", date(2026, 10, 1), "J51B21000010006", "Z1234567AB"),
    "purchase_orders": (PurchaseOrder("ODA 7", None, "J51B21000010006", "Z1234567AC"),),
    "contracts": (PurchaseOrder("C/1", cig="Z1234567AD"),),
    "administration_reference": "FORN 118",
    "declaration_of_intent": DeclarationOfIntent("08060120341234567-000001", date(2026, 1, 10)),
    "attachments": (Attachment("relazione.pdf", "SGVsbG8=", "PDF"),),
}


def reject(*lines: Line, **fields: Any) -> Invoice:
    day = timezone.localdate()
    invoice = issue_invoice(
        draft=make_draft(COMPANY, *(lines or LINES), **{**EVERYTHING, **fields}).with_date(day), customer=None,
        reference="", language="it", today=day, now=timezone.now(),
    )  # fmt: skip
    Invoice.objects.filter(pk=invoice.pk).update(state="rejected", rejected_at=timezone.now())
    invoice.events.create(state="rejected", text="00305 Partita IVA non valida", at=timezone.now())
    return invoice


def values_of(page: Any) -> dict[str, str]:
    """What a browser would send for the form as it stands in the page."""
    values = {}
    for form in (page.context["document"], page.context["lines"].management_form, *page.context["lines"].forms):
        for field in form:
            value = field.value()
            if value is not None and value is not False and value != "":
                values[field.html_name] = value.isoformat() if isinstance(value, date) else str(value)
    return values


def send(client: Client, invoice: Invoice, action: str = "issue", **changes: str) -> Any:
    """Fills the form in, looks at what it comes to, and presses the button."""
    page = client.get(page_of(invoice, "corrected"))
    values = values_of(page) | changes
    checked = client.post(page_of(invoice, "corrected"), values | {"action": "check"})
    confirmation = {"shown": checked.context.get("shown", "")}
    return client.post(page_of(invoice, "corrected"), values | confirmation | {"action": action})


def corrected_draft() -> Any:
    invoice = Invoice.objects.get()
    assert (invoice.state, invoice.files.count()) == ("issued", 2)
    return draft_of(invoice)


def test_page_shows_the_reason_of_sdi_and_fields_instead_of_json(staff_client: Client):
    html = staff_client.get(page_of(reject(), "corrected")).content.decode()

    assert "00305 Partita IVA non valida" in html
    assert 'name="recipient_code" value="X4K7P2Q"' in html
    assert html.index('name="recipient_code"') < html.index('<details class="draft__more">') < html.index("<textarea")
    assert "SGVsbG8=" not in html


def test_form_sent_unchanged_is_the_document_as_it_was(staff_client: Client):
    invoice = reject()
    before = draft_of(invoice)

    send(staff_client, invoice)

    assert corrected_draft() == before


def test_only_what_was_changed_is_written_anew(staff_client: Client):
    before = draft_of(invoice := reject())
    changes = {"line-0-quantity": "3", "line-1-description": "Guida AI"}

    send(staff_client, invoice, recipient_code="M5UXCR1", **changes)

    after = corrected_draft()
    assert (after.buyer.recipient_code, after.lines[0].quantity, after.lines[1].description) == (
        "M5UXCR1", D(3), "Guida AI",
    )  # fmt: skip
    assert [line.discounts for line in after.lines] == [line.discounts for line in LINES]
    assert (after.lines[1].gross_unit_price, after.lines[2]) == (D("12.20"), before.lines[2])
    assert [name for name in EVERYTHING if getattr(after, name) != getattr(before, name)] == []


def test_orders_payment_and_lines_can_be_changed_taken_away_and_added(staff_client: Client):
    invoice = reject(TRAINING, TRAINING, declaration_of_intent=None)
    lines = {"line-1-description": "", "line-2-description": "Viaggio", "line-2-unit_price": "50"}

    send(
        staff_client, invoice, cig="Z1234567AE, Z1234567AF", contract="", method="MP05", iban=IBAN, bic="BPMOIT22XXX",
        notes="", **lines,
    )  # fmt: skip

    after = corrected_draft()
    assert [(order.id, order.cig, order.cup) for order in after.orders] == [
        ("ODA 7", "Z1234567AE", "J51B21000010006"),
        ("ODA 7", "Z1234567AF", "J51B21000010006"),
    ]
    assert (after.contracts, after.notes) == ((), "")
    assert [(payment.method, payment.bic) for payment in after.payments] == [("MP05", "BPMOIT22XXX")]
    assert [line.description for line in after.lines] == ["Formazione", "Viaggio"]


def test_several_payments_and_links_keep_what_the_form_does_not_show(staff_client: Client):
    payments = (Payment("MP05", D("1000.00"), iban=IBAN), Payment("MP05", D("220.00")))
    linked = (LinkedInvoice("2026/00001"), LinkedInvoice("2026/00002"))
    line = Line("Formazione", D(1), D("1000.00"), D(22))
    invoice = reject(
        line, payments=payments, linked_invoices=linked, payment_terms="TP01", withholding=None, pension_fund=None
    )

    send(staff_client, invoice, iban="", linked_number="2026/00003")

    after = corrected_draft()
    assert after.payments == (Payment("MP05", D("1000.00")), payments[1])
    assert [link.number for link in after.linked_invoices] == ["2026/00003", "2026/00002"]


def test_mistake_is_said_beside_its_field_and_nothing_is_sent(staff_client: Client):
    invoice = reject()

    page = send(staff_client, invoice, street="", **{"line-0-unit_price": ""})
    other = send(staff_client, invoice, vat_number="02764130354")

    assert list(page.context["document"].errors) == ["street"]
    assert list(page.context["lines"].forms[0].errors) == ["unit_price"]
    assert [error.field for error in other.context["errors"]] == ["buyer.vat_number"]
    assert other.context["document"]["vat_number"].value() == "02764130354"
    assert other.context["document"].errors["vat_number"] == ["La partita IVA del cessionario non è valida."]
    assert Invoice.objects.get().state == "rejected"


@pytest.mark.parametrize(
    ("changes", "form", "field"),
    [
        ({"postcode": "4212"}, "document", "postcode"),
        ({"order": "№ 山"}, "document", "order"),
        ({"iban": IBAN[:-1] + "7", "method": "MP05"}, "document", "iban"),
        ({"line-0-description": "山"}, 0, "description"),
        ({"line-1-nature": "N4", "line-1-vat_rate": "22", "line-1-unit": "€€€€"}, 1, "unit"),
    ],
)
def test_what_sdi_would_refuse_is_said_beside_its_field(staff_client: Client, changes, form, field):
    page = send(staff_client, reject(), "check", **changes)

    forms = page.context["document"] if form == "document" else page.context["lines"].forms[form]
    assert list(forms.errors) == [field]
    assert Invoice.objects.get().state == "rejected"


def test_checked_form_can_be_drawn_and_has_the_button_to_send_it(staff_client: Client):
    invoice = reject(TRAINING, withholding=None, pension_fund=None)

    page = send(staff_client, invoice, "check", name="Officine Nuove S.r.l.")
    drawn = send(staff_client, invoice, "pdf")

    assert 'value="issue"' in page.content.decode()
    assert str(page.context["preview"].figures.gross) == "1647.00"
    assert drawn["Content-Type"] == "application/pdf"
    assert Invoice.objects.get().state == "rejected"


def test_document_of_many_lines_loses_none(staff_client: Client):
    invoice = reject(*[Line(f"Riga {n}", D(1), D("1.00"), D(22)) for n in range(30)])

    send(staff_client, invoice, recipient_code="M5UXCR1")

    assert len(corrected_draft().lines) == 30


def test_json_of_a_correction_keeps_the_attachments(staff_client: Client):
    invoice = reject()
    text = staff_client.get(page_of(invoice, "corrected")).context["form"].initial["draft"]

    checked = staff_client.post(page_of(invoice, "corrected"), {"draft": text, "action": "check"})
    staff_client.post(page_of(invoice, "corrected"), {"draft": text, "action": "issue", "shown": shown(checked)})

    assert corrected_draft().attachments == EVERYTHING["attachments"]


def test_files_chosen_by_hand_go_into_the_document(staff_client: Client):
    def file() -> SimpleUploadedFile:
        return SimpleUploadedFile("relazione.pdf", b"%PDF-1.4 x")

    page = staff_client.post(CHECK, {"draft": draft(), "action": "check", "files": [file()]})
    staff_client.post(CHECK, {"draft": draft(), "files": [file()], **confirmed(page)})

    (attachment,) = draft_of(Invoice.objects.get()).attachments
    assert (attachment.name, attachment.format) == ("relazione.pdf", "PDF")
    assert base64.b64decode(attachment.content) == b"%PDF-1.4 x"


def test_files_left_out_of_the_second_press_are_told_and_nothing_is_issued(staff_client: Client):
    file = SimpleUploadedFile("relazione.pdf", b"%PDF-1.4 x")
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check", "files": [file]})

    again = staff_client.post(CHECK, {"draft": draft(), **confirmed(page)})

    assert "Non è stato emesso nulla" in again.content.decode()
    assert Invoice.objects.count() == 0


def test_form_changed_since_it_was_looked_at_is_shown_again(staff_client: Client):
    invoice = reject()
    page = staff_client.get(page_of(invoice, "corrected"))
    values = values_of(page) | {"line-0-quantity": "3", "shown": page.context["shown"]}

    again = staff_client.post(page_of(invoice, "corrected"), values | {"action": "issue"})
    staff_client.post(page_of(invoice, "corrected"), values | {"action": "issue", "shown": again.context["shown"]})

    assert "Non è stato emesso nulla" in again.content.decode()
    assert corrected_draft().lines[0].quantity == D(3)


def test_files_too_large_are_refused_in_words_and_nothing_is_issued(staff_client: Client):
    file = SimpleUploadedFile("relazione.pdf", b"x" * (4 * 1024 * 1024))

    page = staff_client.post(CHECK, {"draft": draft(), "action": "issue", "files": [file]})

    assert ("00003", "attachments") in [(error.code, error.field) for error in page.context["errors"]]
    assert page.context["form"].initial["draft"] == draft()
    assert Invoice.objects.count() == 0


def test_declaration_of_intent_by_hand_needs_protocol_and_date(staff_client: Client):
    values = {"intent_protocol": "08060120341234567-000001", "line-TOTAL_FORMS": "1", "line-INITIAL_FORMS": "0"}

    page = staff_client.post(BY_HAND, values)

    assert page.context["document"].errors["intent_date"] == [
        "La dichiarazione d’intento si indica con protocollo e data."
    ]


def test_several_cigs_by_hand_become_several_references(staff_client: Client):
    values = {
        "document_type": "TD01", "date": timezone.localdate().isoformat(), "kind": "company", "name": "Alfa S.r.l.",
        "vat_number": "02764130353", "street": "Via Roma 1", "postcode": "20121", "city": "Milano", "province": "MI",
        "country": "IT", "order": "ODA 7", "cig": "Z1234567AB Z1234567AC", "cup": "J51B21000010006",
        "line-TOTAL_FORMS": "1", "line-INITIAL_FORMS": "0", "line-0-description": "x", "line-0-quantity": "1",
        "line-0-gross_unit_price": "12.20", "line-0-vat_rate": "22",
    }  # fmt: skip

    page = staff_client.post(BY_HAND, values)

    data = json.loads(page.context["form"].initial["draft"])
    assert [data["purchase_order"], *data["purchase_orders"]] == [
        {"cig": "Z1234567AB", "cup": "J51B21000010006", "id": "ODA 7"},
        {"cig": "Z1234567AC", "cup": "J51B21000010006", "id": "ODA 7"},
    ]
    assert data["lines"][0]["gross_unit_price"] == "12.20"

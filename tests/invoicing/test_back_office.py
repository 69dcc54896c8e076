"""The back office's pages about invoices: a document by hand, a correction, a credit note, a signed file, a package."""

import html
import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from core.models import AuditEntry
from invoicing.archive import packages
from invoicing.models import ArchivePackage, Invoice
from invoicing.services import issue_invoice
from tests.factories import make_profile
from tests.invoicing.drafts import COMPANY, make_draft

pytestmark = pytest.mark.django_db

BY_HAND = "/admin/invoicing/invoice/by-hand/"
CHECK = "/admin/invoicing/invoice/by-hand/check/"
ROMA = {"street": "Via Roma 1", "postcode": "20121", "city": "Milano", "province": "MI", "country": "IT"}
LINES = {
    "line-TOTAL_FORMS": "2", "line-INITIAL_FORMS": "0", "line-0-description": "Formazione", "line-0-quantity": "2",
    "line-0-unit_price": "750.00", "line-0-vat_rate": "22", "line-0-discount": "10", "line-1-quantity": "1",
    "line-1-vat_rate": "22",
}  # fmt: skip
FORM = {
    "document_type": "TD01", "date": "2026-11-18", "kind": "company", "name": "Alfa S.r.l.",
    "vat_number": "02764130353", "recipient_code": "X4K7P2Q", "method": "MP05", "iban": "IT60X0542811101000000123456",
    **ROMA, **LINES,
}  # fmt: skip


def today() -> str:
    return timezone.localdate().isoformat()


def draft(**changes: Any) -> str:
    buyer = {"kind": "company", "name": "Alfa S.r.l.", "vat_number": "02764130353", "recipient_code": "X4K7P2Q"}
    line = {"description": "Formazione", "unit_price": "100.00"}
    return json.dumps({"date": today(), "buyer": {**buyer, "address": ROMA}, "lines": [line], **changes})


def issue_document() -> Invoice:
    day = timezone.localdate()
    return issue_invoice(
        draft=make_draft(COMPANY, payments=()).with_date(day), customer=None, reference="", language="it", today=day,
        now=timezone.now(),
    )  # fmt: skip


def page_of(invoice: Invoice, button: str) -> str:
    return f"/admin/invoicing/invoice/{invoice.pk}/{button}/"


def shown(page: Any) -> str:
    """What the page says of the document it shows, for the POST that issues it."""
    return _hidden(page, "shown")


def page_key(page: Any) -> str:
    """By which what a page issues is known, for the POST that issues it."""
    return _hidden(page, "page_key")


def _hidden(page: Any, name: str) -> str:
    (text,) = re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)">', page.content.decode())
    return html.unescape(text)


def confirmed(page: Any) -> dict[str, str]:
    """What the button that issues sends beside the document; a correction has no key, for it issues nothing new."""
    key = {} if page.context.get("invoice") else {"page_key": page_key(page)}
    return {"action": "issue", "shown": shown(page), **key}


def check_and_issue(client: Client, content: str, path: str = CHECK) -> Any:
    """Look at the draft, then issue what was shown."""
    page = client.post(path, {"draft": content, "action": "check"})
    return client.post(path, {"draft": content, **confirmed(page)})


def warnings(page: Any) -> list[str]:
    return [violation.code for violation in page.context["preview"].warnings]


def notices(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def codes(page: Any) -> list[str]:
    return [violation.code for violation in page.context["errors"]]


def test_form_of_the_usual_document_becomes_a_draft_and_its_figures(staff_client: Client):
    page = staff_client.post(BY_HAND, FORM | {"date": today()})

    draft_data = json.loads(page.context["form"].initial["draft"])
    figures = page.context["preview"].figures
    assert draft_data["lines"] == [
        {"description": "Formazione", "quantity": "2", "unit_price": "750.00", "vat_rate": "22",
         "discounts": [{"percent": "10"}]}
    ]  # fmt: skip
    assert draft_data["payments"] == [{"method": "MP05", "iban": "IT60X0542811101000000123456"}]
    assert (str(figures.net), str(figures.gross), codes(page)) == ("1350.00", "1647.00", [])
    assert Invoice.objects.count() == 0


def test_form_says_beside_each_field_what_is_missing(staff_client: Client):
    page = staff_client.post(BY_HAND, LINES | {"line-0-unit_price": "", "document_type": "TD01", "kind": "company"})

    assert sorted(page.context["document"].errors) == ["city", "country", "date", "street"]
    assert list(page.context["lines"].forms[0].errors) == ["unit_price"]


def test_form_with_faults_says_so_at_its_head(staff_client: Client):
    clean = staff_client.get(BY_HAND)
    faulty = staff_client.post(BY_HAND, FORM | {"date": today(), "line-0-quantity": "x"})

    words = "Alcuni campi vanno corretti"
    assert [words in page.content.decode() for page in (clean, faulty)] == [False, True]


def test_document_to_issue_is_shown_with_its_type_and_customer(staff_client: Client):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"}).content.decode()

    values = [" ".join(value.split()) for value in re.findall(r"<dd>(.*?)</dd>", page, re.DOTALL)]
    assert values[:2] == ["TD01", "Alfa S.r.l."]


def test_draft_that_sdi_would_refuse_says_why_and_cannot_be_issued(staff_client: Client):
    wrong = draft(buyer={"kind": "company", "name": "Alfa S.r.l.", "address": ROMA})

    page = staff_client.post(CHECK, {"draft": wrong, "action": "issue"})

    assert codes(page) == ["00417"]
    assert 'value="issue"' not in page.content.decode()
    assert Invoice.objects.count() == 0


def test_what_is_no_draft_is_kept_in_the_page_with_the_reason(staff_client: Client):
    page = staff_client.post(CHECK, {"draft": "{broken", "action": "check"})

    assert codes(page) == ["not_json"]
    assert page.context["form"].initial["draft"] == "{broken"


def test_issued_draft_gets_its_number_and_its_page(staff_client: Client):
    answer = check_and_issue(staff_client, draft())

    invoice = Invoice.objects.get()
    assert answer["Location"] == reverse("admin:invoicing_invoice_change", args=[invoice.pk])
    assert (invoice.number, invoice.state, str(invoice.gross_amount), invoice.customer) == (
        f"{timezone.localdate().year}/00001", "issued", "122.00", None,
    )  # fmt: skip


def test_document_by_hand_is_in_the_area_of_the_customer_it_is_for(staff_client: Client, customer: Any):
    make_profile(customer)

    check_and_issue(staff_client, draft())

    assert Invoice.objects.get().customer == customer


def test_draft_as_pdf_is_marked_and_uses_no_number(staff_client: Client):
    answer = staff_client.post(CHECK, {"draft": draft(), "action": "pdf"})

    text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert answer["Content-Disposition"] == 'attachment; filename="bozza.pdf"'
    assert "BOZZA" in text
    assert Invoice.objects.count() == 0


def test_office_gets_a_document_that_waits_for_its_signature(staff_client: Client):
    office = {"kind": "public_administration", "name": "Comune di Lucca", "tax_code": "00378210462",
              "recipient_code": "UFABCD", "address": ROMA}  # fmt: skip
    check_and_issue(staff_client, draft(buyer=office))
    invoice = Invoice.objects.get()

    refused = staff_client.post(
        page_of(invoice, "attach_signed"), {"file": SimpleUploadedFile("x.xml.p7m", b"not signed")}
    )

    invoice.refresh_from_db()
    assert (invoice.state, invoice.submission()) == ("to_sign", None)
    assert refused.context["form"].errors == {"file": ["Questo non è un file firmato (.p7m)."]}


def test_rejected_document_is_corrected_under_its_number(staff_client: Client):
    invoice = issue_document()
    Invoice.objects.filter(pk=invoice.pk).update(state="rejected", rejected_at=timezone.now())
    page = staff_client.get(page_of(invoice, "corrected"))
    draft_text = page.context["form"].initial["draft"].replace("X4K7P2Q", "M5UXCR1")

    answer = check_and_issue(staff_client, draft_text, page_of(invoice, "corrected"))

    invoice.refresh_from_db()
    assert answer.status_code == 302
    assert (invoice.state, invoice.recipient_code, invoice.files.count()) == ("issued", "M5UXCR1", 2)
    assert (Invoice.objects.count(), AuditEntry.objects.filter(action="invoice.corrected").count()) == (1, 1)


def test_document_that_stands_cannot_be_corrected(staff_client: Client):
    invoice = issue_document()

    answer = staff_client.post(page_of(invoice, "corrected"), {"draft": draft(), "action": "issue"})

    invoice.refresh_from_db()
    assert answer["Location"] == reverse("admin:invoicing_invoice_change", args=[invoice.pk])
    assert invoice.files.count() == 1


def test_credit_note_of_a_part_is_issued_from_the_invoice(staff_client: Client, staff: Any):
    invoice = issue_document()

    data = {"amount": "610", "reason": "Una giornata annullata"}
    page = staff_client.post(page_of(invoice, "credit"), data)
    assert Invoice.objects.count() == 1

    staff_client.post(page_of(invoice, "credit"), data | confirmed(page))

    note = Invoice.objects.get(document_type="TD04")
    assert (note.number, str(note.gross_amount), note.credited) == (
        f"NC/{timezone.localdate().year}/00001", "610.00", invoice,
    )  # fmt: skip
    assert AuditEntry.objects.get(action="invoice.credited").actor == staff


def test_credit_above_what_is_left_is_refused_beside_the_form(staff_client: Client):
    invoice = issue_document()

    page = staff_client.post(page_of(invoice, "credit"), {"amount": "4758.01", "reason": "Troppo"})

    assert page.context["form"].non_field_errors() == [
        "Di questa fattura si possono ancora stornare al massimo 4758.00 €."
    ]
    assert Invoice.objects.count() == 1


def test_draft_changed_after_the_check_is_shown_again_and_not_issued(staff_client: Client):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"})
    dearer = draft(lines=[{"description": "Formazione", "unit_price": "200.00"}])

    again = staff_client.post(CHECK, {"draft": dearer, **confirmed(page)})

    assert Invoice.objects.count() == 0
    assert str(again.context["preview"].figures.gross) == "244.00"
    (notice,) = notices(again)
    assert notice == (
        "Non è stato emesso nulla: questo non è più il documento mostrato (IVA 22,00\xa0€ → 44,00\xa0€, totale "
        "122,00\xa0€ → 244,00\xa0€). Controllatelo di nuovo."
    )
    staff_client.post(CHECK, {"draft": dearer, **confirmed(again)})
    assert [str(invoice.gross_amount) for invoice in Invoice.objects.all()] == ["244.00"]


@pytest.mark.parametrize(
    "change",
    [
        {"notes": "Altra causale"},
        {"series": "B"},
        {"document_type": "TD06"},
        {"date": (timezone.localdate() - timedelta(days=1)).isoformat()},
    ],
)
def test_any_change_of_the_text_asks_for_another_look(change: dict[str, Any], staff_client: Client):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"})

    again = staff_client.post(CHECK, {"draft": draft(**change), **confirmed(page)})

    assert (again.status_code, Invoice.objects.count(), len(notices(again))) == (200, 0, 1)


def test_what_is_to_be_paid_is_told_where_it_is_not_the_total(staff_client: Client):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"})
    withheld = draft(withholding={"type": "RT02", "rate": "20.00", "reason": "A"})

    again = staff_client.post(CHECK, {"draft": withheld, **confirmed(page)})

    assert "(da pagare – → 102,00\xa0€)" in notices(again)[0]


def test_draft_written_otherwise_that_is_the_same_document_is_issued(staff_client: Client):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"})
    same = json.dumps(json.loads(draft()), indent=4)

    staff_client.post(CHECK, {"draft": same, **confirmed(page)})

    assert Invoice.objects.count() == 1


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}"])
def test_document_nobody_has_looked_at_is_shown_first(text: str | None, staff_client: Client):
    data = {"draft": draft(), "action": "issue", "page_key": str(uuid4())} | ({} if text is None else {"shown": text})

    page = staff_client.post(CHECK, data)

    assert Invoice.objects.count() == 0
    assert 'value="issue"' in page.content.decode()
    assert notices(page) == ["Non è ancora stato emesso nulla: controllate prima il documento."]


def test_draft_without_a_date_that_was_shown_yesterday_is_shown_again(staff_client: Client):
    undated = json.dumps({name: value for name, value in json.loads(draft()).items() if name != "date"})
    day = timezone.localdate() - timedelta(days=1)
    yesterday = day.isoformat()
    checked = staff_client.post(CHECK, {"draft": undated, "action": "check"})
    before = json.dumps(json.loads(shown(checked)) | {"date": yesterday})

    page = staff_client.post(CHECK, {"draft": undated, **confirmed(checked), "shown": before})

    assert Invoice.objects.count() == 0
    assert f"data {day:%d.%m.%Y} → {timezone.localdate():%d.%m.%Y}" in notices(page)[0]


def test_seller_that_changes_between_the_look_and_the_click_is_noticed(staff_client: Client, settings: Any):
    page = staff_client.post(CHECK, {"draft": draft(), "action": "check"})
    settings.SELLER_STREET = "Via Nuova 2"

    again = staff_client.post(CHECK, {"draft": draft(), **confirmed(page)})

    assert Invoice.objects.count() == 0
    assert "(il testo)" in notices(again)[0]


def test_date_before_the_last_document_is_warned_of_and_kept(staff_client: Client):
    issue_document()
    day = timezone.localdate() - timedelta(days=1)
    page = staff_client.post(CHECK, {"draft": draft(date=day.isoformat()), "action": "check"})

    staff_client.post(CHECK, {"draft": draft(date=day.isoformat()), **confirmed(page)})

    assert "date_order" in warnings(page) or day.year != timezone.localdate().year
    assert Invoice.objects.latest("pk").issue_date == day


def test_correction_that_changes_after_the_check_is_shown_again(staff_client: Client):
    invoice = issue_document()
    Invoice.objects.filter(pk=invoice.pk).update(state="rejected", rejected_at=timezone.now())
    page = staff_client.get(page_of(invoice, "corrected"))
    text = page.context["form"].initial["draft"].replace("X4K7P2Q", "M5UXCR1")

    again = staff_client.post(page_of(invoice, "corrected"), {"draft": text, "action": "issue", "shown": shown(page)})

    invoice.refresh_from_db()
    assert (invoice.state, invoice.files.count(), len(notices(again))) == ("rejected", 1, 1)


@pytest.mark.parametrize("change", [{"amount": "611"}, {"amount": ""}, {"reason": "Altro motivo"}])
def test_credit_note_that_changes_after_the_check_is_shown_again(change: dict[str, str], staff_client: Client):
    invoice = issue_document()
    data = {"amount": "610", "reason": "Una giornata annullata"}
    page = staff_client.post(page_of(invoice, "credit"), data)

    again = staff_client.post(page_of(invoice, "credit"), {**data, **change, **confirmed(page)})

    assert (Invoice.objects.count(), len(notices(again))) == (1, 1)
    staff_client.post(page_of(invoice, "credit"), {**data, **change, **confirmed(again)})
    assert invoice.credit_notes.count() == 1


def test_credit_note_is_shown_with_its_date_and_sums_before_it_is_issued(staff_client: Client):
    invoice = issue_document()

    page = staff_client.post(page_of(invoice, "credit"), {"amount": "610", "reason": "Una giornata annullata"})

    figures = page.context["preview"].figures
    assert (figures.net, figures.vat, figures.gross) == (500, 110, 610)
    assert (page.context["draft"].date, page.context["preview"].number) == (
        timezone.localdate(), f"NC/{timezone.localdate().year}/00001",
    )  # fmt: skip
    assert "610,00" in page.content.decode()
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize("path", [BY_HAND, CHECK])
def test_pages_by_hand_are_shut_to_customers(path: str, customer_client: Client):
    answer = customer_client.post(path, {"draft": draft(), "action": "issue"})

    assert (answer.status_code, Invoice.objects.count()) == (302, 0)


def test_package_is_asked_for_built_and_downloaded(staff_client: Client, settings: Any, tmp_path: Any):
    settings.MEDIA_ROOT = tmp_path
    issue_document()
    year = str(timezone.localdate().year)

    staff_client.post("/admin/invoicing/archivepackage/add/", {"period": year})
    packages.build_due()

    package = ArchivePackage.objects.get()
    page = staff_client.get(f"/admin/invoicing/archivepackage/{package.pk}/change/").content.decode()
    assert re.search(r"\d+,\d\s?KB", page)
    answer: Any = staff_client.get(f"/admin/invoicing/archivepackage/{package.pk}/download/")
    names = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert (package.state, package.done_count, package.total_count) == ("done", 1, 1)
    assert f"fatture/{year}-00001/IT11847200968_00001.xml" in names
    assert AuditEntry.objects.filter(action="archivepackage.downloaded").count() == 1


@pytest.mark.parametrize("period", ["1999", "2026-13", "novembre", "../etc"])
def test_period_that_is_none_is_refused(period: str, staff_client: Client):
    page = staff_client.post("/admin/invoicing/archivepackage/add/", {"period": period})

    assert page.status_code == 200
    assert ArchivePackage.objects.count() == 0


def test_month_before_is_packed_once_from_the_eighth_on():
    invoice = issue_document()
    following = (invoice.issue_date.replace(day=1) + timedelta(days=32)).replace(day=7)

    days = (following, following.replace(day=8), following.replace(day=9))
    results = [packages.request_last_month(today=day) for day in days]

    assert results == [False, True, False]
    assert ArchivePackage.objects.get().period == f"{invoice.issue_date:%Y-%m}"


def test_customer_reads_the_document_on_its_page(customer: Any, customer_client: Client):
    day = timezone.localdate()
    invoice = issue_invoice(
        draft=make_draft(COMPANY, payments=()).with_date(day), customer=customer, reference="", language="it",
        today=day, now=timezone.now(),
    )  # fmt: skip

    page = customer_client.get(invoice.get_absolute_url())

    assert [line.description for line in page.context["document"].lines] == ["Readiness NIS2"]
    assert "3.900,00" in page.content.decode()

"""Issuing: numbers without gaps, documents that cannot be changed by anybody."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from invoicing import pdf
from invoicing.courtesy_copy import draw_pdf
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.models import Document, FrozenError, Invoice, InvoiceFile
from invoicing.services import InvoiceRefusedError, issue_invoice, preview
from tests.invoicing.drafts import COMPANY, DAY, PERSON, make_draft

pytestmark = pytest.mark.django_db


def issue(draft: InvoiceDraft | None = None, *, today: date = DAY, customer: Any = None) -> Invoice:
    return issue_invoice(
        draft=draft or make_draft(),
        customer=customer,
        reference="ORD-2026-00001",
        language="it",
        today=today,
        now=timezone.now(),
    )


def test_issued_invoice_keeps_the_exact_bytes_and_their_hash():
    invoice = issue()

    file = invoice.current_file()
    assert (invoice.number, invoice.state, invoice.gross_amount) == ("2026/00001", "issued", 4758)
    assert file.file_name == "IT11847200968_00001.xml"
    assert file.xml.sha256 == hashlib.sha256(bytes(file.xml.content)).hexdigest()
    assert b"<Numero>2026/00001</Numero>" in bytes(file.xml.content)


def test_refused_draft_uses_no_number_and_leaves_no_row():
    wrong = make_draft(replace(COMPANY, vat_number="02764130356"))

    with pytest.raises(InvoiceRefusedError) as refusal:
        issue(wrong)
    after = issue()

    assert [violation.code for violation in refusal.value.violations] == ["00305"]
    assert after.number == "2026/00001"
    assert (Invoice.objects.count(), Document.objects.count()) == (1, 1)


def test_numbers_follow_the_year_of_the_date():
    first = issue(make_draft().with_date(date(2026, 12, 31)), today=date(2026, 12, 31))
    second = issue(make_draft().with_date(date(2027, 1, 1)), today=date(2027, 1, 1))

    assert (first.number, second.number) == ("2026/00001", "2027/00001")


@pytest.mark.parametrize("day", [date(2026, 11, 19), date(2026, 10, 31), date(2026, 1, 1)])
def test_date_before_the_last_one_of_the_series_is_kept(day: date):
    issue(make_draft().with_date(date(2026, 11, 20)), today=date(2026, 11, 20))

    later = issue(make_draft().with_date(day), today=date(2026, 11, 20))

    assert (later.number, later.issue_date) == ("2026/00002", day)
    assert f"<Data>{day}</Data>".encode() in bytes(later.current_file().xml.content)


def test_document_of_last_year_keeps_its_year_after_the_first_of_the_new_one():
    new_year = date(2027, 1, 4)
    issue(make_draft().with_date(new_year), today=new_year)

    late = issue(make_draft().with_date(date(2026, 12, 31)), today=new_year)

    assert (late.number, late.issue_date) == ("2026/00001", date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "series", "codes"),
    [
        (date(2026, 11, 19), "", ["date_order"]),
        (date(2026, 11, 20), "", []),
        (date(2026, 11, 19), "B", []),
    ],
)
def test_preview_warns_of_a_date_before_the_last_one_of_the_series(day: date, series: str, codes: list[str]):
    issue(make_draft().with_date(date(2026, 11, 20)), today=date(2026, 11, 20))

    result = preview(draft=make_draft(series=series).with_date(day), number=None, today=date(2026, 11, 20))

    assert [(warning.code, warning.field) for warning in result.warnings] == [(code, "date") for code in codes]
    assert result.errors == ()


def test_preview_of_a_correction_is_not_compared_with_what_came_after_it():
    first = issue(make_draft().with_date(date(2026, 11, 18)), today=date(2026, 11, 20))
    issue(make_draft().with_date(date(2026, 11, 20)), today=date(2026, 11, 20))

    result = preview(draft=make_draft(), number=first.number, today=date(2026, 11, 20))

    assert [warning.code for warning in result.warnings] == []


def test_date_in_the_future_is_refused():
    with pytest.raises(InvoiceRefusedError) as refusal:
        issue(make_draft().with_date(DAY + timedelta(days=1)))

    assert [violation.code for violation in refusal.value.violations] == ["00403"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_rollbacks_leave_no_gap_and_no_double():
    def work(number: int) -> None:
        try:
            with transaction.atomic():
                issue(make_draft(PERSON if number % 2 else COMPANY))
                transaction.set_rollback(number % 5 == 0)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(40)))

    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    names = set(InvoiceFile.objects.values_list("file_name", flat=True))
    assert numbers == [f"2026/{number:05d}" for number in range(1, 33)]
    assert len(names) == 32


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoicing_invoice SET gross_amount = 1, net_amount = 1, vat_amount = 0",
        "UPDATE invoicing_invoice SET number = '2026/00009'",
        "UPDATE invoicing_invoice SET company_name = 'Altra'",
        "UPDATE invoicing_invoice SET issue_date = '2026-01-01'",
        "DELETE FROM invoicing_invoiceevent; DELETE FROM invoicing_invoicefile; DELETE FROM invoicing_invoice",
        "UPDATE invoicing_document SET content = 'x'",
        "UPDATE invoicing_document SET sha256 = 'x'",
        "DELETE FROM invoicing_document",
    ],
)
def test_database_refuses_to_change_what_was_issued(statement: str):
    issue()

    with (
        pytest.raises(DatabaseError, match=r"cannot be changed or deleted|still referenced"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Invoice.objects.get().company_name == "Officine Brandolini S.r.l."
    assert Document.objects.count() == 1


def test_saving_a_changed_invoice_is_refused_and_a_new_state_is_not():
    invoice = issue()
    invoice.state = Invoice.State.SENT
    invoice.save(update_fields=["state"])
    invoice.company_name = "Altra"

    with pytest.raises(FrozenError):
        invoice.save()
    with pytest.raises(FrozenError):
        invoice.delete()

    invoice.refresh_from_db()
    assert (invoice.state, invoice.company_name) == ("sent", "Officine Brandolini S.r.l.")


def test_pdf_is_drawn_once_and_kept():
    invoice = issue()

    first, second = draw_pdf(invoice=invoice), draw_pdf(invoice=invoice)

    assert (first.pk, first.name) == (second.pk, "2026-00001.pdf")
    assert bytes(first.content).startswith(b"%PDF-1")


def test_same_xml_gives_the_same_pdf():
    xml = bytes(issue().current_file().xml.content)

    documents = [pdf.render(xml, file_name="a.xml", sha256="0" * 64) for _time in range(2)]

    assert documents[0] == documents[1]

"""What the database itself refuses: changing what was issued, sent or received, and deleting it within ten years."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import User
from invoicing.courtesy_copy import draw_pdf
from invoicing.models import Document, Invoice, InvoiceEvent, InvoiceFile, PecMessage, ReceivedMail, Submission
from tests.invoicing.drafts import make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign

pytestmark = pytest.mark.django_db
# in the order in which they can be deleted
TABLES = (
    "invoicing_invoicecopy",
    "invoicing_receivedmail",
    "invoicing_invoiceevent",
    "invoicing_pecmessage",
    "invoicing_submission",
    "invoicing_invoicefile",
    "invoicing_invoice",
    "invoicing_document",
)
NOUNS = {
    "invoicing_receivedmail": "mail",
    "invoicing_invoiceevent": "event",
    "invoicing_invoicefile": "file",
    "invoicing_document": "document",
    "invoicing_invoice": "invoice",
}
DATES = {
    "invoicing_receivedmail": "received_at",
    "invoicing_invoiceevent": "at",
    "invoicing_invoicefile": "created_at",
    "invoicing_document": "created_at",
    "invoicing_invoice": "issue_date",
}


@pytest.fixture
def invoice(customer: Any, staff: Any, post: Post) -> Invoice:
    """Signed, sent, delivered, drawn: a row in each table."""
    invoice = issue(customer, make_draft(OFFICE))
    sign(invoice, staff)
    message = on_its_way(invoice)
    receive(post.receipt(message, "accettazione"))
    receive(post.sdi(message.file, "RC"))
    draw_pdf(invoice=invoice)
    return invoice


def run(statement: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


@contextmanager
def without_triggers() -> Iterator[None]:
    """As somebody with the database's own keys could do it."""
    run("SET LOCAL session_replication_role = replica")
    yield
    run("SET LOCAL session_replication_role = DEFAULT")


def counts() -> list[int]:
    models = (Invoice, InvoiceFile, InvoiceEvent, Document, PecMessage, Submission, ReceivedMail)
    return [model.objects.count() for model in models]


def backdate(year: int, *tables: str) -> None:
    """Rows as if they had been written at the end of that year."""
    with without_triggers():
        for table in tables or DATES:
            run(f"UPDATE {table} SET {DATES[table]} = '{year}-12-31 12:00'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoicing_invoice SET rounding = 1, gross_amount = gross_amount + 1",
        "UPDATE invoicing_invoice SET series = 'X'",
        "UPDATE invoicing_invoice SET credited_id = id",
        "UPDATE invoicing_invoice SET created_at = now()",
        "UPDATE invoicing_invoice SET state = 'issued', street = 'Altrove'",
        "UPDATE invoicing_invoicefile SET file_name = 'IT11847200968_ZZZZZ.xml'",
        "UPDATE invoicing_invoicefile SET draft = '{}'",
        "UPDATE invoicing_invoicefile SET signed_id = NULL",
        "UPDATE invoicing_invoicefile SET signed_id = xml_id",
        "UPDATE invoicing_invoicefile SET pdf_id = NULL",
        "UPDATE invoicing_invoicefile SET xml_id = pdf_id",
        "UPDATE invoicing_invoiceevent SET text = 'x'",
        "UPDATE invoicing_invoiceevent SET at = now()",
        "UPDATE invoicing_receivedmail SET content = 'x'",
        "UPDATE invoicing_receivedmail SET sha256 = 'x' WHERE kind = 'RC'",
        "UPDATE invoicing_document SET name = 'x'",
        "UPDATE invoicing_document SET content = 'x'",
        "DELETE FROM invoicing_invoiceevent",
        "DELETE FROM invoicing_receivedmail",
        "DELETE FROM invoicing_pecmessage; DELETE FROM invoicing_invoicefile",
        "DELETE FROM invoicing_document WHERE kind = 'pdf'",
    ],
)
def test_what_was_issued_sent_and_received_stays(statement: str, invoice: Invoice):
    before = counts()

    with pytest.raises(DatabaseError, match="cannot be changed or deleted"):
        run(statement)

    assert counts() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoicing_receivedmail SET outcome = 'foreign', reason = 'seen by staff'",
        "UPDATE invoicing_invoice SET state = 'accepted', sdi_identifier = '7', alerted_at = now()",
    ],
)
def test_what_must_change_may_change(statement: str, invoice: Invoice):
    assert run(statement) > 0


def test_pdf_may_be_added_once(customer: Any):
    invoice = issue(customer)

    draw_pdf(invoice=invoice)

    with pytest.raises(DatabaseError, match="cannot be changed or deleted"):
        run("UPDATE invoicing_invoicefile SET pdf_id = xml_id")


@pytest.mark.parametrize("years", [0, 1, 9, 10])
@pytest.mark.parametrize("table", DATES)
def test_nothing_is_deleted_within_ten_years_of_the_end_of_its_year(table: str, years: int, invoice: Invoice):
    this_year = timezone.localdate().year
    backdate(this_year - 11)
    backdate(this_year - years, table)
    before = counts()

    with pytest.raises(DatabaseError, match="cannot be changed or deleted") as refusal:
        run("; ".join(f"DELETE FROM {name}" for name in TABLES))

    assert f"{NOUNS[table]} " in str(refusal.value)
    assert counts() == before


def test_after_ten_years_everything_may_be_deleted(invoice: Invoice):
    backdate(timezone.localdate().year - 11)

    for table in TABLES:
        run(f"DELETE FROM {table}")

    assert set(counts()) == {0}


def test_even_old_rows_cannot_be_changed(invoice: Invoice):
    backdate(timezone.localdate().year - 30)

    for statement in ("UPDATE invoicing_document SET content = 'x'", "UPDATE invoicing_invoice SET city = 'x'"):
        with pytest.raises(DatabaseError, match="cannot be changed or deleted"):
            run(statement)


def test_invoice_outlives_its_customers_account(invoice: Invoice, customer: Any):
    before = counts()
    xml = bytes(invoice.current_file().xml.content)

    User.objects.filter(pk=customer.pk).delete()

    invoice.refresh_from_db()
    assert (invoice.customer, invoice.company_name, counts()) == (None, "Comune di Reggio nell'Emilia", before)
    assert bytes(invoice.current_file().xml.content) == xml

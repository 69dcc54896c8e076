"""A rejected document put right under its own number, within five days and not later."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from core.errors import DomainError
from core.models import AuditEntry
from invoicing import corrections
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.models import Document, Invoice, InvoiceFile
from invoicing.services import InvoiceRefusedError
from notifications.models import Mail
from tests.conftest import Control
from tests.invoicing.drafts import COMPANY, make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, read_until, receive, send, sign, story

pytestmark = pytest.mark.django_db

MENDED = replace(COMPANY, name="Officine Brandolini S.p.A.", recipient_code="M5UXCR1")


def correct(invoice: Invoice, actor: Any, draft: InvoiceDraft | None = None, *, days: float = 0) -> Invoice:
    invoice.refresh_from_db()
    now = timezone.now() + timedelta(days=days)
    draft = draft or replace(corrections.draft_of(invoice), buyer=MENDED)
    corrections.correct_invoice(invoice=invoice, draft=draft, actor=actor, today=timezone.localdate(now), now=now)
    invoice.refresh_from_db()
    return invoice


@pytest.fixture
def rejected_invoice(post: Post) -> Invoice:
    message = on_its_way(invoice := issue())
    receive(post.sdi(message.file, "NS"))
    invoice.refresh_from_db()
    return invoice


def snapshot(invoice: Invoice) -> tuple[Any, ...]:
    """All that a refused correction must leave as it was."""
    invoice.refresh_from_db()
    return invoice.state, invoice.company_name, invoice.rejected_at, story(invoice), InvoiceFile.objects.count()


def test_corrected_invoice_keeps_number_and_date_and_gets_a_new_file_name(rejected_invoice: Invoice, staff: Any):
    before = (rejected_invoice.number, rejected_invoice.issue_date, rejected_invoice.created_at)

    correct(rejected_invoice, staff)

    names = list(rejected_invoice.files.order_by("pk").values_list("file_name", flat=True))
    assert (rejected_invoice.number, rejected_invoice.issue_date, rejected_invoice.created_at) == before
    assert (rejected_invoice.state, rejected_invoice.company_name, rejected_invoice.recipient_code) == (
        "issued", "Officine Brandolini S.p.A.", "M5UXCR1",
    )  # fmt: skip
    assert names == ["IT11847200968_00001.xml", "IT11847200968_00002.xml"]
    assert b"<Numero>2026/00001</Numero>" in bytes(rejected_invoice.current_file().xml.content)


def test_old_file_and_messages_stay(rejected_invoice: Invoice, staff: Any):
    before = dict(Document.objects.values_list("pk", "sha256"))

    correct(rejected_invoice, staff)

    after = dict(Document.objects.values_list("pk", "sha256"))
    assert story(rejected_invoice) == ["issued", "sending", "sent", "rejected", "issued"]
    assert {pk: after[pk] for pk in before} == before
    assert len(after) == len(before) + 1


def test_correction_starts_sending_anew_and_is_audited(rejected_invoice: Invoice, staff: Any):
    correct(rejected_invoice, staff)

    entry = AuditEntry.objects.get(action="invoice.corrected")
    submission = rejected_invoice.submission()
    assert (rejected_invoice.rejected_at, rejected_invoice.correct_until) == (None, None)
    assert (submission.state, submission.attempts) == ("pending", 0)
    assert (entry.actor, entry.detail) == (staff, {"sha256": rejected_invoice.current_file().xml.sha256})


def test_corrected_invoice_is_sent_again_and_delivered(customer: Any, staff: Any, pec: Control):
    pec.post("/next", sdi={"NS": ["00311"]})
    invoice = read_until(send(issue(customer)), "rejected")

    correct(invoice, staff)
    read_until(send(invoice), "delivered")

    received = [(file["name"], file["state"]) for file in pec.get("/invoices")]
    assert received == [
        (f"IT11847200968_{number}.xml", end) for number, end in (("00001", "rejected"), ("00002", "delivered"))
    ]
    assert [len(file.messages.all()) for file in invoice.files.order_by("pk")] == [1, 1]
    assert Mail.objects.filter(kind="invoice_ready").count() == 1


def test_invoice_corrected_to_an_office_must_be_signed_anew(staff: Any, post: Post, customer: Any):
    invoice = issue(customer, make_draft(OFFICE))
    sign(invoice, staff)
    message = on_its_way(invoice)
    receive(post.sdi(message.file, "EC02"))

    correct(invoice, staff, replace(corrections.draft_of(invoice), notes="Ordine corretto"))

    assert (invoice.state, invoice.submission(), invoice.current_file().signed) == ("to_sign", None, None)


@pytest.mark.parametrize(("days", "is_late"), [(0, False), (4.99, False), (5.01, True), (30, True)])
def test_five_days_are_the_limit(days: float, is_late: bool, rejected_invoice: Invoice, staff: Any):
    before = snapshot(rejected_invoice)

    if is_late:
        with pytest.raises(corrections.CannotCorrectError) as refusal:
            correct(rejected_invoice, staff, days=days)
        assert (refusal.value.code, snapshot(rejected_invoice)) == ("correction_too_late", before)
    else:
        assert correct(rejected_invoice, staff, days=days).state == "issued"


@pytest.mark.parametrize(
    "change", [{"document_type": "TD06"}, {"series": "B"}, {"date": timezone.localdate() - timedelta(days=1)}]
)
def test_type_series_and_date_cannot_change(change: dict[str, Any], rejected_invoice: Invoice, staff: Any):
    before = snapshot(rejected_invoice)

    with pytest.raises(corrections.CannotCorrectError) as refusal:
        correct(rejected_invoice, staff, replace(corrections.draft_of(rejected_invoice), **change))

    assert (refusal.value.code, snapshot(rejected_invoice)) == ("cannot_correct", before)


@pytest.mark.parametrize("kind", ["", "RC", "MC"])
def test_invoice_that_stands_cannot_be_corrected(kind: str, staff: Any, post: Post):
    message = on_its_way(invoice := issue())
    if kind:
        receive(post.sdi(message.file, kind))
    before = snapshot(invoice)

    with pytest.raises(corrections.CannotCorrectError) as refusal:
        correct(invoice, staff)

    assert (refusal.value.code, snapshot(invoice)) == ("cannot_correct", before)


def test_draft_that_sdi_would_refuse_changes_nothing(rejected_invoice: Invoice, staff: Any):
    before = snapshot(rejected_invoice)
    wrong = replace(corrections.draft_of(rejected_invoice), buyer=replace(COMPANY, vat_number="02764130356"))

    with pytest.raises(InvoiceRefusedError) as refusal:
        correct(rejected_invoice, staff, wrong)

    assert [violation.code for violation in refusal.value.violations] == ["00305"]
    assert snapshot(rejected_invoice) == before


def test_amounts_may_be_corrected(rejected_invoice: Invoice, staff: Any):
    draft = corrections.draft_of(rejected_invoice)
    line = replace(draft.lines[0], unit_price=Decimal("1000.00"))

    correct(rejected_invoice, staff, replace(draft, lines=(line,), payments=()))

    assert (rejected_invoice.net_amount, rejected_invoice.vat_amount, rejected_invoice.gross_amount) == (
        1000,
        220,
        1220,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoicing_invoice SET company_name = 'Altra'",
        "UPDATE invoicing_invoice SET gross_amount = 1, net_amount = 1, vat_amount = 0, state = 'sent'",
        "UPDATE invoicing_invoice SET number = '2026/00009', state = 'issued'",
        "UPDATE invoicing_invoice SET issue_date = '2026-01-01', state = 'issued'",
        "UPDATE invoicing_invoice SET document_type = 'TD04', state = 'to_sign'",
    ],
)
def test_database_lets_a_rejected_row_change_only_on_its_way_back(statement: str, rejected_invoice: Invoice):
    before = snapshot(rejected_invoice)

    with (
        pytest.raises(DatabaseError, match="cannot be changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert snapshot(rejected_invoice) == before


def test_database_lets_a_rejected_row_go_back_to_its_beginning(rejected_invoice: Invoice):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE invoicing_invoice SET company_name = 'Altra', state = 'issued'")

    rejected_invoice.refresh_from_db()
    assert (rejected_invoice.company_name, rejected_invoice.state) == ("Altra", "issued")


def test_second_correction_of_the_same_rejection_is_refused(rejected_invoice: Invoice, staff: Any):
    correct(rejected_invoice, staff)

    with pytest.raises(DomainError) as refusal:
        correct(rejected_invoice, staff)

    assert (refusal.value.code, InvoiceFile.objects.count()) == ("cannot_correct", 2)

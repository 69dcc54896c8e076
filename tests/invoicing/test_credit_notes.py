"""Credit notes: whole or in part, to the cent, and never more than is left of their invoice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from core.errors import DomainError
from invoicing import corrections, services
from invoicing.fatturapa.draft import Discount, Line, LinkedInvoice, StampDuty
from invoicing.fatturapa.totals import compute_totals
from invoicing.fatturapa.view import read_invoice
from invoicing.models import Invoice
from sandbox.pec.sdi_checks import check_invoice
from tests.conftest import Control
from tests.invoicing.drafts import make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, read_until, receive, send
from tests.invoicing.test_corrections import correct

pytestmark = pytest.mark.django_db
RATES = ((Decimal(22), ""), (Decimal(10), ""), (Decimal(4), ""), (Decimal(0), "N2.1"), (Decimal(0), "N4"))


def line(price: str, rate: str = "22", nature: str = "", *, quantity: str = "1") -> Line:
    return Line("Voce", Decimal(quantity), Decimal(price), Decimal(rate), nature=nature)


@pytest.fixture
def invoice(customer: Any) -> Invoice:
    return issue(customer)


@pytest.fixture
def mixed_invoice(customer: Any) -> Invoice:
    """Three rates, 1.220,00 + 110,00 + 50,00."""
    return issue(customer, make_draft_of(line("1000.00"), line("100.00", "10"), line("50.00", "0", "N4")))


def make_draft_of(*lines: Line, **fields: Any) -> Any:
    return make_draft(replace(make_draft().buyer), *lines, payments=(), **fields)


def credit(invoice: Invoice, amount: str | None = None, reason: str = "Recesso", actor: Any = None) -> Invoice:
    now = timezone.now()
    return corrections.issue_credit_note(
        invoice=invoice, amount=Decimal(amount) if amount else None, reason=reason, actor=actor,
        today=timezone.localdate(now), now=now,
    )  # fmt: skip


def by_hand(number: str, price: str) -> Any:
    return replace(
        make_draft_of(line(price)), document_type="TD04", linked_invoices=(LinkedInvoice(number, timezone.localdate()),)
    )


def xml_of(document: Invoice) -> bytes:
    return bytes(document.current_file().xml.content)


def sdi_says(document: Invoice) -> list[str]:
    """The codes of a second opinion on the file."""
    verdicts = check_invoice(xml_of(document), document.current_file().file_name, datetime.now(UTC))
    return [verdict.code for verdict in verdicts]


def test_whole_credit_note_mirrors_its_invoice(invoice: Invoice, customer: Any):
    note = credit(invoice)

    view = read_invoice(xml_of(note))
    assert (note.number, note.document_type, note.credited, note.customer) == (
        "NC/2026/00001",
        "TD04",
        invoice,
        customer,
    )
    assert (note.net_amount, note.vat_amount, note.gross_amount) == (3900, 858, 4758)
    assert [(item.description, item.total) for item in view.lines] == [("Readiness NIS2", Decimal("3900.00"))]
    assert " ".join(view.notes) == f"Storno della fattura 2026/00001 del {invoice.issue_date:%d/%m/%Y}. Recesso"


def test_credit_note_names_its_invoice_and_passes_sdi(invoice: Invoice):
    note = credit(invoice, "100.00")

    linked = f"<IdDocumento>2026/00001</IdDocumento><Data>{invoice.issue_date.isoformat()}</Data>"
    assert linked in xml_of(note).decode()
    assert sdi_says(note) == []
    assert b"<DatiPagamento>" not in xml_of(note)


@pytest.mark.parametrize("amount", [None, "0.01", "0.02", "0.05", "999.99", "1379.99", "1380.00"])
def test_credit_note_over_several_rates_passes_sdi(amount: str | None, mixed_invoice: Invoice):
    note = credit(mixed_invoice, amount)

    assert (sdi_says(note), note.gross_amount) == ([], Decimal(amount or "1380.00"))


def test_partial_credit_is_shared_out_over_the_rates(mixed_invoice: Invoice):
    note = credit(mixed_invoice, "138.00")

    view = read_invoice(xml_of(note))
    assert [(block.vat_rate, block.nature, block.net + block.vat) for block in view.summaries] == [
        (22, "", Decimal("122.00")), (10, "", Decimal("11.00")), (0, "N4", Decimal("5.00")),
    ]  # fmt: skip


def test_own_series_leaves_the_numbers_of_invoices_alone(invoice: Invoice):
    notes = [credit(invoice, "10.00").number for _note in range(2)]

    assert (notes, issue().number) == (["NC/2026/00001", "NC/2026/00002"], "2026/00002")


def test_shared_series_goes_on_with_the_numbers_of_invoices(invoice: Invoice, settings: Any):
    settings.INVOICE_CREDIT_NOTE_SERIES = ""

    note = credit(invoice, "10.00")

    assert (note.number, note.series, issue().number) == ("2026/00002", "", "2026/00003")


@pytest.mark.parametrize("amount", ["4758.01", "5000.00"])
def test_more_than_the_invoice_is_refused(amount: str, invoice: Invoice):
    with pytest.raises(services.CreditTooLargeError) as refusal:
        credit(invoice, amount)

    assert "4758.00" in str(refusal.value)
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "is_refused"), [(None, False), ("757.99", False), ("758.00", False), ("758.01", True)]
)
def test_second_credit_note_gets_only_what_is_left(amount: str | None, is_refused: bool, invoice: Invoice):
    credit(invoice, "4000.00")

    if is_refused:
        with pytest.raises(services.CreditTooLargeError):
            credit(invoice, amount)
    else:
        credit(invoice, amount)

    assert invoice.credit_notes.count() == (1 if is_refused else 2)
    assert invoice.creditable_amount() == Decimal("758.00") - (0 if is_refused else Decimal(amount or "758.00"))


@pytest.mark.parametrize("amount", ["0", "-0.01"])
def test_amount_must_be_above_zero(amount: str, invoice: Invoice):
    with pytest.raises(corrections.CannotCreditError):
        corrections.credit_note_draft(invoice=invoice, amount=Decimal(amount), reason="", today=timezone.localdate())


def test_credit_of_a_credit_note_is_refused(invoice: Invoice):
    note = credit(invoice, "10.00")

    with pytest.raises(corrections.CannotCreditError):
        credit(note)

    assert Invoice.objects.count() == 2


def test_rejected_invoice_cannot_be_credited(invoice: Invoice, post: Post):
    message = on_its_way(invoice)
    receive(post.sdi(message.file, "NS"))

    with pytest.raises(corrections.CannotCreditError):
        credit(invoice)

    assert Invoice.objects.count() == 1


def test_rejected_credit_note_frees_its_amount(invoice: Invoice, post: Post):
    message = on_its_way(credit(invoice))
    receive(post.sdi(message.file, "NS"))

    again = credit(invoice)

    assert (again.gross_amount, invoice.credited_amount(), invoice.creditable_amount()) == (4758, 4758, 0)


def test_rejected_credit_note_cannot_be_corrected_over_what_is_left(invoice: Invoice, staff: Any, post: Post):
    first = credit(invoice)
    receive(post.sdi(on_its_way(first).file, "NS"))
    credit(invoice, "0.01")

    with pytest.raises(services.CreditTooLargeError):
        correct(first, staff)

    first.refresh_from_db()
    assert (first.state, first.files.count()) == ("rejected", 1)


def test_rejected_credit_note_is_corrected_within_what_is_left(invoice: Invoice, staff: Any, post: Post):
    note = credit(invoice)
    receive(post.sdi(on_its_way(note).file, "NS"))

    correct(note, staff)

    assert (note.state, note.number, note.gross_amount, invoice.creditable_amount()) == (
        "issued",
        "NC/2026/00001",
        4758,
        0,
    )


def test_credit_note_by_hand_counts_too(invoice: Invoice):
    note = issue(draft=by_hand(invoice.number, "3000.00"))

    with pytest.raises(services.CreditTooLargeError):
        issue(draft=by_hand(invoice.number, "1000.00"))

    assert (note.credited, note.gross_amount, invoice.creditable_amount()) == (invoice, 3660, 1098)
    assert Invoice.objects.count() == 2


def test_credit_note_by_hand_on_somebody_elses_number_stands_alone(invoice: Invoice):
    note = issue(draft=by_hand("2019/77", "1000.00"))

    assert (note.credited, invoice.creditable_amount()) == (None, 4758)


def test_credit_note_reaches_sdi(invoice: Invoice, pec: Control):
    read_until(send(invoice), "delivered")

    note = read_until(send(credit(invoice)), "delivered")

    assert [(file["state"], file["documents"][0]["number"]) for file in pec.get("/invoices")] == [
        ("delivered", "2026/00001"), ("delivered", "NC/2026/00001"),
    ]  # fmt: skip
    assert note.current_file().file_name == "IT11847200968_00002.xml"


def test_credit_note_to_an_office_must_be_signed(staff: Any):
    invoice = issue(draft=make_draft(OFFICE))

    note = credit(invoice)

    assert (note.state, note.kind, note.submission()) == ("to_sign", "public_administration", None)


@pytest.mark.parametrize("amount", [None, "50.00", "501.99", "502.00"])
def test_stamp_duty_that_the_customer_paid_is_given_back_in_its_share(amount: str | None, settings: Any):
    settings.INVOICE_STAMP_CHARGE_TO_CUSTOMER = True
    invoice = issue(draft=make_draft_of(line("500.00", "0", "N2.1"), stamp_duty=StampDuty(True)))

    note = credit(invoice, amount)

    assert (invoice.gross_amount, note.gross_amount) == (502, Decimal(amount or "502.00"))
    assert sdi_says(note) == []


def test_discounted_invoice_is_credited_as_it_was(customer: Any):
    draft = make_draft_of(line("1000.00"), line("100.00", "10"), discount=Discount(percent=Decimal("7.5")))
    invoice = issue(customer, draft)

    parts = [credit(invoice, "333.33"), credit(invoice, f"{invoice.gross_amount - Decimal('333.33')}")]

    assert sum(note.gross_amount for note in parts) == invoice.gross_amount
    assert [sdi_says(note) for note in parts] == [[], []]


def cents(low: int, high: int) -> Any:
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


@budget(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_partial_credit_notes_add_up_to_the_cent(db: None, data: Any):
    """What is asked for is what is credited, no line is negative, and the last one closes the invoice."""
    rates = data.draw(st.lists(st.sampled_from(RATES), min_size=1, max_size=5, unique=True))
    lines = [Line("Voce", Decimal(1), data.draw(cents(1, 500_000)), rate, nature=nature) for rate, nature in rates]
    figures = compute_totals(make_draft_of(*lines))
    amount = data.draw(cents(1, int(figures.gross * 100)))

    partial = corrections._partial_lines("Storno", figures.summaries, amount)
    credited = compute_totals(make_draft_of(*partial))

    assert credited.gross == amount
    assert all(item.total >= 0 for item in credited.lines)
    assert len({(item.vat_rate, item.nature) for item in partial}) == len(partial)


@budget(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_series_of_credit_notes_closes_the_invoice_and_none_passes_it(db: None, data: Any):
    rates = data.draw(st.lists(st.sampled_from(RATES), min_size=1, max_size=4, unique=True))
    lines = [Line("Voce", Decimal(1), data.draw(cents(100, 500_000)), rate, nature=nature) for rate, nature in rates]
    invoice = issue(draft=make_draft_of(*lines))
    assume(invoice.gross_amount > 1)
    for _note in range(data.draw(st.integers(0, 3))):
        if (left := invoice.creditable_amount()) > Decimal("0.01"):
            credit(invoice, str(data.draw(cents(1, int(left * 100) - 1))))

    last = credit(invoice, str(invoice.creditable_amount()))

    assert (invoice.creditable_amount(), sdi_says(last)) == (0, [])
    with pytest.raises(services.CreditTooLargeError):
        credit(invoice, "0.01")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_credit_more_than_the_invoice(customer: Any):
    invoice = issue(customer)

    def work(number: int) -> str:
        try:
            if number % 2:
                credit(invoice, "1000.00")
            else:
                issue(draft=by_hand(invoice.number, "819.67"))  # 1.000,00 with VAT
        except DomainError as error:
            return error.code
        finally:
            connection.close()
        return "credited"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(work, range(8)))

    assert outcomes == ["credit_too_large"] * 4 + ["credited"] * 4
    assert (invoice.credited_amount(), invoice.credit_notes.count()) == (4000, 4)

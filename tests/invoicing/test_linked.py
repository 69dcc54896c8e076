"""What a note names: several invoices, of its own customer, by their right dates, in its own series."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone, translation

from core.errors import DomainError
from invoicing import corrections
from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, InvoiceDraft, LinkedInvoice
from invoicing.fatturapa.totals import compute_totals
from invoicing.models import Credit, Invoice
from invoicing.services import CreditTooLargeError, InvoiceRefusedError, preview
from sandbox.pec.sdi_checks import check_invoice
from tests.invoicing.drafts import COMPANY, PERSON, make_draft
from tests.invoicing.flow import Post, issue, on_its_way, receive
from tests.invoicing.test_back_office import BY_HAND, FORM, check_and_issue, confirmed, today
from tests.invoicing.test_corrections import correct
from tests.invoicing.test_credit_notes import credit, line, make_draft_of

pytestmark = pytest.mark.django_db

ABROAD = Buyer(
    BuyerKind.PERSON, Address("Rue 1", "75001", "Paris", country="FR"), first_name="Anne", last_name="Petit",
    country="FR", vat_number="0000000",
)  # fmt: skip


def sell(price: str, buyer: Buyer = COMPANY) -> Invoice:
    return issue(draft=make_draft(buyer, line(price), payments=()))


def note_on(*links: Invoice | LinkedInvoice, price: str, **changes: Any) -> InvoiceDraft:
    """A credit note by hand over `price` net at 22 %."""
    named = [LinkedInvoice(link.number, link.issue_date) if isinstance(link, Invoice) else link for link in links]
    return replace(
        make_draft(COMPANY, line(price), payments=()), document_type="TD04", linked_invoices=tuple(named), **changes
    )


def troubles(draft: InvoiceDraft) -> list[tuple[str, str]]:
    """Why it is not issued; the page that checks it says the same before."""
    day = timezone.localdate()
    shown = preview(draft=draft.with_date(day), number=None, today=day)
    with pytest.raises(InvoiceRefusedError) as refusal:
        issue(draft=draft)
    assert shown.errors == refusal.value.violations
    return [(violation.code, violation.field) for violation in shown.errors]


def doubts(draft: InvoiceDraft) -> list[tuple[str, str]]:
    day = timezone.localdate()
    shown = preview(draft=draft.with_date(day), number=None, today=day)
    assert shown.errors == ()
    return [(violation.code, violation.field) for violation in shown.warnings]


def shares(note: Invoice) -> list[tuple[str, Decimal]]:
    return list(note.credits_given.order_by("pk").values_list("invoice__number", "amount"))


def test_note_on_several_invoices_names_and_credits_each_in_turn():
    first, second, third = sell("100.00"), sell("200.00"), sell("50.00")

    note = issue(draft=note_on(second, first, third, price="250.00"))

    xml = bytes(note.current_file().xml.content)
    assert shares(note) == [(second.number, Decimal("244.00")), (first.number, Decimal("61.00"))]
    assert [invoice.creditable_amount() for invoice in (first, second, third)] == [61, 0, 61]
    assert xml.decode().count("<DatiFattureCollegate>") == 3
    assert [verdict.code for verdict in check_invoice(xml, note.current_file().file_name, datetime.now(UTC))] == []


def test_note_on_several_invoices_is_not_above_what_is_left_of_them():
    first, second = sell("100.00"), sell("200.00")
    credit(first, "22.00")
    draft = note_on(first, second, price="300.00")
    day = timezone.localdate()

    with pytest.raises(CreditTooLargeError) as refusal:
        issue(draft=draft)

    shown = preview(draft=draft.with_date(day), number=None, today=day)
    assert "344.00" in str(refusal.value)
    assert [(violation.code, violation.field) for violation in shown.errors] == [("credit_too_large", "lines")]
    assert (Invoice.objects.count(), Credit.objects.count()) == (3, 1)


def test_each_invoice_of_a_note_keeps_what_is_left_for_the_next():
    first, second = sell("100.00"), sell("200.00")
    issue(draft=note_on(first, second, price="150.00"))

    rest = credit(second)

    assert (rest.gross_amount, second.creditable_amount()) == (Decimal("183.00"), 0)
    with pytest.raises(CreditTooLargeError):
        credit(first, "0.01")


def test_rejected_note_on_several_invoices_frees_them_all_and_is_shared_out_anew(staff: Any, post: Post):
    first, second = sell("100.00"), sell("200.00")
    note = issue(draft=note_on(first, second, price="150.00"))
    receive(post.sdi(on_its_way(note).file, "NS"))
    before = [invoice.creditable_amount() for invoice in (first, second)]

    correct(note, staff, replace(corrections.draft_of(note), lines=(line("120.00"),)))

    assert before == [122, 244]
    assert shares(note) == [(first.number, Decimal("122.00")), (second.number, Decimal("24.40"))]


def test_note_that_also_names_an_invoice_of_elsewhere_is_not_bounded_by_ours():
    first = sell("100.00")

    note = issue(draft=note_on(first, LinkedInvoice("2019/77"), price="300.00"))

    assert shares(note) == [(first.number, Decimal("122.00"))]


@pytest.mark.parametrize(
    ("theirs", "ours", "is_theirs"),
    [
        (COMPANY, COMPANY, True),
        (COMPANY, replace(COMPANY, name="Officine Brandolini S.p.A."), True),
        (COMPANY, replace(COMPANY, vat_number="07643520567"), False),
        (COMPANY, PERSON, False),
        (PERSON, PERSON, True),
        (PERSON, replace(PERSON, tax_code="RSSMRA85T10A56NH"), False),
        (replace(COMPANY, tax_code="07643520567"), replace(COMPANY, vat_number="", tax_code="07643520567"), True),
        (ABROAD, ABROAD, True),
        (ABROAD, replace(ABROAD, last_name="Grand"), False),
    ],
)
@pytest.mark.parametrize("kind", ["TD04", "TD05"])
def test_note_goes_to_the_customer_of_its_invoice(kind: str, theirs: Buyer, ours: Buyer, is_theirs: bool):
    invoice = issue(draft=make_draft(theirs, line("100.00", "0", "N2.1"), payments=()))
    draft = replace(
        make_draft(ours, line("10.00", "0", "N2.1"), payments=()), document_type=kind,
        linked_invoices=(LinkedInvoice(invoice.number, invoice.issue_date),),
    )  # fmt: skip

    if is_theirs:
        assert issue(draft=draft).document_type == kind
    else:
        assert troubles(draft) == [("linked_buyer", "buyer")]


@pytest.mark.parametrize("kind", ["TD01", "TD04", "TD05"])
def test_date_of_an_invoice_of_ours_is_its_own(kind: str):
    first, second = sell("100.00"), sell("200.00")
    wrong = LinkedInvoice(second.number, second.issue_date - timedelta(days=1))

    assert troubles(note_on(first, wrong, price="10.00") if kind == "TD04" else replace(
        note_on(first, wrong, price="10.00"), document_type=kind
    )) == [("linked_date", "linked_invoices.2.date")]  # fmt: skip


def test_message_says_the_right_date():
    invoice = sell("100.00")
    draft = note_on(LinkedInvoice(invoice.number, invoice.issue_date - timedelta(days=1)), price="10.00")

    with translation.override("en"), pytest.raises(InvoiceRefusedError) as refusal:
        issue(draft=draft)

    (violation,) = refusal.value.violations
    day = invoice.issue_date
    assert violation.message.startswith(f"{invoice.number} is dated ")
    assert all(part in violation.message for part in (str(day.day), str(day.year)))


def test_missing_date_and_unknown_number_are_worth_a_look():
    invoice = sell("100.00")

    assert doubts(note_on(LinkedInvoice(invoice.number), LinkedInvoice("2019/77"), price="10.00")) == [
        ("linked_date_missing", "linked_invoices.1.date"), ("linked_unknown", "linked_invoices.2.number"),
    ]  # fmt: skip
    assert doubts(replace(make_draft(payments=()), linked_invoices=(LinkedInvoice("2019/77"),))) == []


def test_same_invoice_named_twice_is_refused():
    invoice = sell("100.00")

    assert troubles(note_on(invoice, invoice, price="10.00")) == [("linked_double", "linked_invoices")]


@pytest.mark.parametrize(("series", "number"), [("", "NC/{}/00001"), ("B", "B/{}/00001")])
def test_credit_note_by_hand_has_the_series_of_credit_notes(series: str, number: str):
    invoice = sell("100.00")
    draft, day = note_on(invoice, price="10.00", series=series), timezone.localdate()
    shown = preview(draft=draft.with_date(day), number=None, today=day)

    note = issue(draft=draft)

    assert note.number == shown.number == number.format(day.year)
    assert sell("1.00").number == f"{day.year}/00002"
    assert corrections.draft_of(note).series == note.series


def test_credit_note_by_hand_follows_invoices_where_notes_have_no_series(settings: Any):
    settings.INVOICE_CREDIT_NOTE_SERIES = ""

    note = issue(draft=note_on(sell("100.00"), price="10.00"))

    assert (note.number, note.series) == (f"{timezone.localdate().year}/00002", "")


def test_note_from_before_the_series_is_corrected_under_its_number(settings: Any, staff: Any, post: Post):
    settings.INVOICE_CREDIT_NOTE_SERIES = ""
    note = issue(draft=note_on(sell("100.00"), price="10.00"))
    receive(post.sdi(on_its_way(note).file, "NS"))
    settings.INVOICE_CREDIT_NOTE_SERIES = "NC"

    correct(note, staff)

    assert (note.number, note.series, note.state) == (f"{timezone.localdate().year}/00002", "", "issued")


def test_what_is_left_is_credited_at_the_rates_that_are_left():
    invoice = issue(draft=make_draft_of(line("1000.00"), line("100.00", "10"), line("50.00", "0", "N4")))
    on_one_rate = make_draft_of(line("100.00", "10"))
    issue(draft=replace(
        on_one_rate, document_type="TD04", linked_invoices=(LinkedInvoice(invoice.number, invoice.issue_date),)
    ))  # fmt: skip
    credit(invoice, "270.00")

    rest = credit(invoice)

    blocks = compute_totals(corrections.draft_of(rest)).summaries
    assert [(block.vat_rate, block.net + block.vat) for block in blocks] == [
        (22, Decimal("960.63")), (0, Decimal("39.37")),
    ]  # fmt: skip
    assert invoice.creditable_amount() == 0


def test_empty_amount_in_the_back_office_credits_what_is_left(staff_client: Client):
    invoice = sell("100.00")
    credit(invoice, "22.00")
    address = f"/admin/invoicing/invoice/{invoice.pk}/credit/"
    page = staff_client.post(address, {"reason": "Recesso"})

    staff_client.post(address, {"reason": "Recesso", **confirmed(page)})

    assert invoice.creditable_amount() == 0
    assert [note.gross_amount for note in invoice.credit_notes.order_by("pk")] == [22, 100]


def test_form_takes_several_numbers_and_dates_them(staff_client: Client):
    first, second = sell("1000.00"), sell("2000.00")
    data = FORM | {"document_type": "TD04", "date": today(), "linked_number": f"{first.number}, {second.number},2019/7"}

    page = staff_client.post(BY_HAND, data)

    text = page.context["form"].initial["draft"]
    assert json.loads(text)["linked_invoices"] == [
        {"number": first.number, "date": first.issue_date.isoformat()},
        {"number": second.number, "date": second.issue_date.isoformat()},
        {"number": "2019/7"},
    ]
    check_and_issue(staff_client, text)
    assert shares(Invoice.objects.latest("pk")) == [(first.number, 1220), (second.number, 427)]


@pytest.mark.parametrize(
    ("numbers", "date", "field"),
    [("1/2026, 2/2026", "2026-01-01", "linked_date"), ("1/2026 und 2/2026 und 3/2026", "", "linked_number")],
)
def test_form_says_what_is_wrong_with_the_numbers(numbers: str, date: str, field: str, staff_client: Client):
    page = staff_client.post(BY_HAND, FORM | {"linked_number": numbers, "linked_date": date})

    assert list(page.context["document"].errors) == [field]


def test_page_of_a_note_shows_what_it_takes_off_each(staff_client: Client):
    first, second = sell("100.00"), sell("200.00")
    note = issue(draft=note_on(first, second, price="150.00"))

    content = staff_client.get(f"/admin/invoicing/invoice/{note.pk}/change/").content.decode()

    assert f"{first.number}</a> 122,00\xa0€" in content
    assert f"{second.number}</a> 61,00\xa0€" in content


def test_database_takes_one_credit_a_pair_and_none_of_zero():
    note = issue(draft=note_on(invoice := sell("100.00"), price="10.00"))

    for amount in ("1.00", "0.00"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Credit.objects.create(note=note, invoice=invoice if amount == "1.00" else sell("1.00"), amount=amount)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_notes_on_the_same_two_invoices_at_once_never_credit_more_than_both():
    first, second = sell("100.00"), sell("200.00")

    def work(number: int) -> str:
        try:
            issue(draft=note_on(*((first, second) if number % 2 else (second, first)), price="100.00"))
        except DomainError as error:
            return error.code
        finally:
            connection.close()
        return "credited"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(work, range(6)))

    assert outcomes == ["credit_too_large"] * 3 + ["credited"] * 3
    assert [invoice.creditable_amount() for invoice in (first, second)] == [0, 0]

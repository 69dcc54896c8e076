"""Ways out after a rejection or a refusal: under the same number, by a credit note, or by a document in its place."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone, translation

from invoicing import corrections
from invoicing.fatturapa.draft import LinkedInvoice
from invoicing.models import Invoice, ReceivedMail
from invoicing.services import InvoiceRefusedError
from invoicing.timeline import invoice_notice, next_action
from notifications.models import Mail
from sandbox.pec.sdi_checks import check_invoice
from tests import clock
from tests.invoicing.drafts import make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign
from tests.invoicing.test_back_office import CHECK, confirmed, notices, page_of
from tests.invoicing.test_corrections import correct
from tests.invoicing.test_credit_notes import credit

pytestmark = pytest.mark.django_db


def reject(invoice: Invoice, post: Post, *, days: float = 0) -> Invoice:
    """SDI rejects it so many days ago."""
    message = on_its_way(invoice)
    with clock.at(timezone.now() - timedelta(days=days)):
        raw = post.sdi(message.file, "NS")
    receive(raw)
    invoice.refresh_from_db()
    return invoice


def refuse(invoice: Invoice, post: Post, staff: Any, *, days: float = 0) -> Invoice:
    """The office has it and refuses it so many days ago."""
    sign(invoice, staff)
    file = on_its_way(invoice).file
    with clock.at(timezone.now() - timedelta(days=days)):
        mails = [post.sdi(file, "RC"), post.sdi(file, "EC02")]
    for mail in mails:
        receive(mail)
    invoice.refresh_from_db()
    return invoice


@pytest.fixture
def rejected(customer: Any, post: Post) -> Invoice:
    """Six days ago."""
    return reject(issue(customer), post, days=6)


@pytest.fixture
def refused(customer: Any, post: Post, staff: Any) -> Invoice:
    """Six days ago."""
    return refuse(issue(customer, make_draft(OFFICE)), post, staff, days=6)


def take_place_of(invoice: Invoice) -> Invoice:
    draft = corrections.replacement_draft(invoice=invoice, today=timezone.localdate())
    other = issue(draft=draft)
    invoice.refresh_from_db()
    return other


def refusal_of(draft: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvoiceRefusedError) as refusal:
        issue(draft=draft)
    return [(violation.code, violation.field) for violation in refusal.value.violations]


def figures(client: Client, query: str) -> tuple[int, list[Any]]:
    """The figure on the home page, and the documents of the list it leads to."""
    (tile,) = [tile for tile in client.get("/admin/").context["alarms"] if tile["url"].endswith(f"invoice/?{query}")]
    return tile["figure"], list(client.get(tile["url"]).context["cl"].result_list)


def buttons(client: Client, invoice: Invoice) -> set[str]:
    content = client.get(page_of(invoice, "change")).content.decode()
    return {name for name in ("correct", "replace", "credit") if f"/{invoice.pk}/{name}" in content}


def test_refused_document_is_credited_by_its_button_after_any_time(refused: Invoice, staff_client: Client):
    assert buttons(staff_client, refused) == {"correct", "replace", "credit"}
    page = staff_client.post(page_of(refused, "credit"), {"reason": "Rifiutata"})

    staff_client.post(page_of(refused, "credit"), {"reason": "Rifiutata", **confirmed(page)})

    note = refused.credit_notes.get()
    assert (note.gross_amount, note.state, refused.creditable_amount()) == (refused.gross_amount, "to_sign", 0)
    assert buttons(staff_client, refused) == {"replace"}


def test_refused_document_is_corrected_after_any_time(refused: Invoice, staff: Any):
    correct(refused, staff, corrections.draft_of(refused), days=30)

    assert (refused.state, refused.number) == ("to_sign", "2026/00001")


@pytest.mark.parametrize("amount", [None, "1.00"])
def test_what_was_credited_is_not_corrected(amount: str | None, refused: Invoice, staff: Any):
    credit(refused, amount)

    with pytest.raises(corrections.CannotCorrectError):
        correct(refused, staff)

    refused.refresh_from_db()
    assert (refused.state, refused.files.count()) == ("refused", 1)


def test_home_counts_the_refused_until_it_is_settled(refused: Invoice, staff_client: Client):
    before = figures(staff_client, "refused=yes")
    credit(refused, "58.00")
    partly = figures(staff_client, "refused=yes")

    credit(refused, str(refused.creditable_amount()))

    assert (before, partly) == ((1, [refused]), (1, [refused]))
    assert figures(staff_client, "refused=yes") == (0, [])
    assert figures(staff_client, "rejected=yes") == (0, [])


@pytest.mark.parametrize("fixture", ["rejected", "refused"])
def test_document_in_the_place_of_another_names_it_and_settles_it(
    fixture: str, request: Any, staff_client: Client, staff: Any
):
    old = request.getfixturevalue(fixture)
    assert figures(staff_client, f"{fixture}=yes") == (1, [old])

    new = take_place_of(old)

    xml = bytes(new.current_file().xml.content)
    link = f"<IdDocumento>{old.number}</IdDocumento><Data>{old.issue_date.isoformat()}</Data>"
    verdicts = check_invoice(xml, new.current_file().file_name, datetime.now(UTC))
    assert (new.number, new.replaces, new.gross_amount) == ("2026/00002", old, old.gross_amount)
    assert (new.customer, new.reference) == (old.customer, old.reference)
    assert link in xml.decode()
    assert [verdict.code for verdict in verdicts] == []
    assert figures(staff_client, f"{fixture}=yes") == (0, [])
    assert buttons(staff_client, old) == set()
    assert list(Invoice.objects.standing()) == [new]


@pytest.mark.parametrize("fixture", ["rejected", "refused"])
def test_what_was_replaced_is_neither_corrected_nor_credited_nor_replaced_again(fixture: str, request: Any, staff: Any):
    old = request.getfixturevalue(fixture)
    draft = corrections.replacement_draft(invoice=old, today=timezone.localdate())
    issue(draft=draft)

    with pytest.raises(corrections.CannotCorrectError, match="2026/00002"):
        correct(old, staff)
    with pytest.raises(corrections.CannotCreditError):
        credit(old)
    with pytest.raises(corrections.CannotReplaceError):
        corrections.replacement_draft(invoice=old, today=timezone.localdate())
    assert refusal_of(draft) == [("linked_replaced", "linked_invoices.1.number")]
    assert Invoice.objects.count() == 2


def test_new_document_is_checked_and_issued_in_the_back_office(rejected: Invoice, staff_client: Client):
    assert buttons(staff_client, rejected) == {"replace"}
    page = staff_client.get(page_of(rejected, "replace"), follow=True)
    text = page.context["form"].initial["draft"]

    staff_client.post(CHECK, {"draft": text, **confirmed(page)})

    new = Invoice.objects.latest("pk")
    note = json.loads(text)["notes"]
    assert new.replaces == rejected
    assert note.startswith(
        f"Sostituisce la fattura 2026/00001 del {rejected.issue_date:%d/%m/%Y}, scartata dal Sistema di Interscambio."
    )
    assert new.number in staff_client.get(page_of(rejected, "change")).content.decode()


def test_correcting_page_leads_back_when_the_days_are_over(rejected: Invoice, staff_client: Client):
    page = staff_client.get(page_of(rejected, "corrected"), follow=True)

    assert notices(page) == ["I cinque giorni sono passati. Emettete un nuovo documento che richiami questo."]


def test_document_that_stands_has_nothing_in_its_place(staff_client: Client):
    invoice = issue()

    page = staff_client.get(page_of(invoice, "replaced"), follow=True)

    assert notices(page) == ["Nessun documento può sostituire questo."]
    assert buttons(staff_client, invoice) == {"credit"}


def test_replacement_that_fails_is_the_one_to_put_right(rejected: Invoice, staff_client: Client, post: Post):
    second = reject(take_place_of(rejected), post, days=6)
    assert figures(staff_client, "rejected=yes") == (1, [second])

    third = take_place_of(second)

    xml = bytes(third.current_file().xml.content).decode()
    assert (third.replaces, rejected.successor()) == (second, third)
    assert (second.number in xml, rejected.number in xml) == (True, False)
    assert figures(staff_client, "rejected=yes") == (0, [])
    assert list(Invoice.objects.standing()) == [third]


def test_refused_document_stands_again_while_its_replacement_is_rejected(refused: Invoice, post: Post, staff: Any):
    second = take_place_of(refused)
    sign(second, staff)
    reject(second, post, days=6)
    between = list(Invoice.objects.standing())

    third = take_place_of(second)

    assert between == [refused]
    assert list(Invoice.objects.standing()) == [third]


def test_refused_document_that_was_credited_stands_beside_its_note_and_is_replaced(refused: Invoice):
    note = credit(refused)

    new = take_place_of(refused)

    assert set(Invoice.objects.standing()) == {refused, note, new}


def test_refused_document_credited_in_part_must_be_credited_first(refused: Invoice):
    draft = corrections.replacement_draft(invoice=refused, today=timezone.localdate())
    credit(refused, "1.00")

    with pytest.raises(corrections.CannotReplaceError):
        take_place_of(refused)

    assert refusal_of(draft) == [("linked_credited", "linked_invoices.1.number")]


def test_rejected_credit_note_is_replaced_within_what_is_left(rejected: Invoice, post: Post, customer: Any):
    invoice = issue(customer)
    note = reject(credit(invoice), post, days=6)

    new = take_place_of(note)

    assert (new.document_type, new.replaces, new.credited) == ("TD04", note, invoice)
    assert (invoice.creditable_amount(), new.number) == (0, "NC/2026/00002")


def test_refused_credit_note_keeps_its_number(refused: Invoice, post: Post, staff: Any):
    note = refuse(credit(refused), post, staff, days=30)

    assert corrections.can_be_replaced(note) is False
    assert refused.creditable_amount() == 0
    assert correct(note, staff, corrections.draft_of(note)).state == "to_sign"
    assert refused.creditable_amount() == 0


@pytest.mark.parametrize(("fixture", "code"), [("rejected", "linked_rejected"), ("credit_note", "linked_note")])
def test_credit_note_by_hand_names_an_invoice_that_was_issued(fixture: str, code: str, rejected: Invoice):
    about = rejected if fixture == "rejected" else credit(issue(), "10.00")
    draft = replace(make_draft(payments=()), document_type="TD04", linked_invoices=(LinkedInvoice(about.number),))

    assert refusal_of(draft) == [(code, "linked_invoices.1.number")]


def test_one_document_takes_the_place_of_one(rejected: Invoice, post: Post):
    second = reject(issue(), post)
    draft = corrections.replacement_draft(invoice=rejected, today=timezone.localdate())
    both = replace(draft, linked_invoices=(*draft.linked_invoices, LinkedInvoice(second.number)))

    assert refusal_of(both) == [("linked_several", "linked_invoices")]


def test_what_a_document_replaces_cannot_be_changed(rejected: Invoice):
    new = take_place_of(rejected)

    with (
        pytest.raises(DatabaseError, match="cannot be changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE invoicing_invoice SET replaces_id = NULL WHERE id = %s", [new.pk])


def test_staff_read_which_way_out_there_is(customer: Any, staff: Any, post: Post, rejected: Invoice, refused: Invoice):
    fresh = reject(issue(), post)
    until = timezone.localtime(fresh.correct_until)
    words = {}
    with translation.override("en"):
        words["fresh"], words["late"], words["refused"] = map(next_action, (fresh, rejected, refused))
        note = refuse(credit(refused, "1.00"), post, staff)
        words["partly"], words["note"] = next_action(refused), next_action(note)
        credit(refused, str(refused.creditable_amount()))
        words["credited"] = next_action(refused)
        new = take_place_of(rejected)
        words["replaced"] = next_action(rejected)

    assert words == {
        "fresh": f"Correct it by {until:%-d} {until:%B} {until:%Y}, {until:%H:%M}.",
        "late": "The five days to correct it are over: issue another document in its place.",
        "refused": "Correct it, credit it, or issue another document in its place.",
        "partly": "Credit the rest of it.",
        "note": "Correct it: it keeps its number.",
        "credited": "It has been credited.",
        "replaced": f"{new.number} has taken its place.",
    }


def test_customer_is_not_promised_a_correction_that_cannot_be(rejected: Invoice):
    with translation.override("en"):
        before = invoice_notice(rejected)
        new = take_place_of(rejected)
        after = invoice_notice(rejected)

    assert [notice and notice.text for notice in (before, after)] == [
        "We issue another one in its place; you need not do anything.",
        f"Invoice {new.number} has taken its place.",
    ]


@pytest.mark.parametrize(("days", "words"), [(0, "si considera non emesso."), (6, "i cinque giorni")])
def test_staff_are_told_of_a_rejection_that_is_read_too_late(days: int, words: str, post: Post, settings: Any):
    settings.STAFF_EMAIL = "fatture@aish.example"

    reject(issue(), post, days=days)

    text = Mail.objects.get(kind="invoice_attention").text
    assert words in text
    assert ("cinque giorni" in text) is (days == 6)


def test_refusal_read_late_sets_no_term(refused: Invoice):
    assert (refused.correct_until, ReceivedMail.objects.filter(outcome="applied").count()) == (None, 2)


def test_nothing_of_a_rejected_document_can_be_credited(rejected: Invoice, refused: Invoice, staff_client: Client):
    cells = [staff_client.get(page_of(invoice, "change")).content.decode() for invoice in (rejected, refused)]

    assert ["4.758,00" in cell.partition("Stornabile")[2][:400] for cell in cells] == [False, True]

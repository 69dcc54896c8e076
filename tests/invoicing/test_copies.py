"""The copy by mail: who gets it where SDI brings nothing, and that nothing is claimed which no mail proves."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.core import mail as django_mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from core.models import AuditEntry
from core.privacy import Person, erase_rows
from invoicing import corrections, courtesy_copy
from invoicing.models import Invoice, InvoiceCopy
from invoicing.timeline import InvoiceStep, invoice_steps, next_action
from notifications import services as outbox
from notifications.models import Mail
from tests.factories import sign_in
from tests.invoicing.drafts import PERSON, draft_from, make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign
from tests.invoicing.test_back_office import BY_HAND, CHECK, FORM, confirmed, draft, page_of, today
from tests.queues import fail_row

pytestmark = pytest.mark.django_db

ROSSI = "mario@rossi.example"
ACME = {
    "kind": "company", "name": "Acme GmbH", "vat_number": "DE136695976", "email": "kasse@acme.example",
    "address": {"street": "Torstr. 1", "postcode": "10115", "city": "Berlin", "country": "DE"},
}  # fmt: skip
LINE = {"description": "Beratung", "unit_price": "100.00", "vat_rate": "0", "nature": "N2.1"}


def answered(post: Post, kind: str, customer: Any = None, buyer: Any = None) -> Invoice:
    """An invoice whose first answer of SDI has come; by default to Mario Rossi, who has no account."""
    buyer = buyer or replace(PERSON, email="" if customer else ROSSI)
    invoice = issue(customer, make_draft(buyer, payments=()))
    receive(post.sdi(on_its_way(invoice).file, kind))
    invoice.refresh_from_db()
    return invoice


def abroad(post: Post, kind: str) -> Invoice:
    invoice = issue(draft=draft_from({"buyer": ACME, "lines": [LINE]}))
    receive(post.sdi(on_its_way(invoice).file, kind))
    invoice.refresh_from_db()
    return invoice


def last_step(invoice: Invoice) -> InvoiceStep:
    with translation.override("en"):
        return invoice_steps(invoice)[-1]


def step_of_staff(invoice: Invoice) -> str:
    with translation.override("en"):
        return next_action(invoice)


def without_copy() -> list[Invoice]:
    return list(Invoice.objects.without_copy())


def test_customer_without_an_account_gets_pdf_and_xml_at_the_address_of_the_document(post: Post):
    invoice = answered(post, "MC")

    mail = Mail.objects.get()
    assert (mail.kind, mail.to_email, mail.to_name, mail.language, mail.user) == (
        "invoice_ready", ROSSI, "Mario Rossi", "it", None,
    )  # fmt: skip
    assert list(mail.attachments.order_by("pk").values_list("name", flat=True)) == [
        "2026-00001.pdf", invoice.current_file().file_name,
    ]  # fmt: skip
    assert "/area/fatture/" not in mail.text + mail.html


def test_customer_with_an_account_gets_it_there_with_a_link(customer: Any, post: Post):
    invoice = answered(post, "MC", customer)

    mail = Mail.objects.get()
    assert (mail.to_email, mail.user) == (customer.email, customer)
    assert invoice.get_absolute_url() in mail.text
    assert invoice.get_absolute_url() in mail.html


def test_timeline_follows_the_mail_from_the_outbox_to_the_customer(post: Post):
    invoice = answered(post, "MC")
    waiting = last_step(invoice)
    outbox.send_due()
    mail = Mail.objects.get()

    assert (waiting.title, waiting.text, waiting.mark) == (
        "Copy to be sent by mail", f"To {ROSSI}; the mail has not left yet.", "now",
    )  # fmt: skip
    assert [message.to for message in django_mail.outbox] == [[f"Mario Rossi <{ROSSI}>"]]
    assert last_step(invoice) == InvoiceStep("Copy sent by mail", f"To {ROSSI}", "done", mail.sent_at)


def test_timeline_says_that_the_mail_could_not_be_sent(post: Post):
    invoice = answered(post, "MC")
    fail_row(Mail.objects.get(), "550 no such mailbox")

    step = last_step(invoice)
    assert (step.title, step.mark) == ("Copy not sent by mail", "warn")
    assert step.text == f"The mail to {ROSSI} did not leave; the copy can be downloaded here."


def test_staff_read_what_became_of_the_mail(post: Post, staff: Any):
    invoice, drawer = answered(post, "MC"), " The original is in the customer’s tax drawer."
    waiting, alarm = step_of_staff(invoice), without_copy()
    fail_row(Mail.objects.get())

    assert (waiting, alarm) == (f"The mail with the copy to {ROSSI} has not left yet.{drawer}", [])
    assert step_of_staff(invoice) == (
        f"The mail to {ROSSI} did not leave: send the copy again, or hand it over by other means.{drawer}"
    )
    assert without_copy() == [invoice]

    courtesy_copy.send_copy(invoice=invoice, email="rossi@posta.example", actor=staff)
    outbox.send_due()
    assert step_of_staff(invoice).startswith("The copy left by mail to rossi@posta.example on ")
    assert without_copy() == []


def test_document_without_an_address_claims_nothing(post: Post):
    invoice = answered(post, "MC", buyer=PERSON)

    assert (Mail.objects.count(), last_step(invoice).title) == (0, "In your tax drawer")
    assert step_of_staff(invoice) == (
        "No copy has left: send it by mail, or hand it over by other means. "
        "The original is in the customer’s tax drawer."
    )
    assert without_copy() == [invoice]


def test_invoice_that_sdi_delivered_needs_no_copy(post: Post):
    invoice = answered(post, "RC", buyer=PERSON)

    assert (step_of_staff(invoice), without_copy()) == ("None.", [])


@pytest.mark.parametrize("kind", ["RC", "MC"])
def test_customer_abroad_is_not_told_of_a_delivery_or_a_tax_drawer(kind: str, post: Post):
    invoice = abroad(post, kind)

    mail = Mail.objects.get()
    with translation.override("en"):
        step = invoice_steps(invoice)[-2]
        label = invoice.get_state_display()
    assert (mail.to_email, mail.to_name) == ("kasse@acme.example", "Acme GmbH")
    for part in (mail.text, mail.html):
        assert "cassetto fiscale" not in part
        assert "ha recapitato" not in part
        assert "Ai clienti esteri non recapita nulla: la copia allegata è per te." in " ".join(part.split())
    assert (step.title, step.mark, label, invoice.mark) == ("Taken by SDI", "done", "taken by SDI", "done")
    assert step.text == f"SDI identifier {invoice.sdi_identifier}. SDI delivers nothing to customers abroad."
    assert step_of_staff(invoice) == (
        "The mail with the copy to kasse@acme.example has not left yet. SDI delivers nothing to customers abroad."
    )


@pytest.mark.parametrize("kind", ["RC", "MC"])
def test_customer_abroad_without_a_copy_is_on_the_overview(kind: str, post: Post, staff_client: Client):
    invoice = abroad(post, kind)
    fail_row(Mail.objects.get())

    alarm = next(tile for tile in staff_client.get("/admin/").context["alarms"] if "without_copy" in tile["url"])
    rows = staff_client.get(alarm["url"]).context["cl"].result_list
    assert (alarm["figure"], list(rows)) == (1, [invoice])


def test_form_by_hand_has_a_field_for_the_address(staff_client: Client):
    page = staff_client.post(BY_HAND, FORM | {"date": today(), "email": "conti@alfa.example"})
    draft_text = page.context["form"].initial["draft"]
    staff_client.post(CHECK, {"draft": draft_text, **confirmed(page)})

    invoice = Invoice.objects.get()
    assert json.loads(draft_text)["buyer"]["email"] == "conti@alfa.example"
    assert invoice.copy_email == "conti@alfa.example"
    assert b"example" not in bytes(invoice.current_file().xml.content)


def test_address_that_is_none_is_refused_beside_its_field(staff_client: Client):
    buyer = {**json.loads(draft())["buyer"], "email": "conti@alfa"}
    form_page = staff_client.post(BY_HAND, FORM | {"date": today(), "email": "conti@alfa"})
    check_page = staff_client.post(CHECK, {"draft": draft(buyer=buyer), "action": "issue"})

    assert list(form_page.context["document"].errors) == ["email"]
    errors = [(error.code, error.field) for error in check_page.context["errors"]]
    assert (errors, Invoice.objects.count()) == ([("email", "buyer.email")], 0)


def test_credit_note_goes_where_the_copy_of_its_invoice_went(post: Post, staff: Any):
    invoice = answered(post, "MC")
    courtesy_copy.send_copy(invoice=invoice, email="nuovo@rossi.example", actor=staff)
    now = timezone.now()

    note = corrections.issue_credit_note(
        invoice=invoice, amount=None, reason="", actor=staff, today=timezone.localdate(now), now=now
    )

    assert note.copy_email == "nuovo@rossi.example"
    assert [ROSSI in json.dumps(each.current_file().draft) for each in (invoice, note)] == [False, False]


def test_button_mails_the_copy_to_the_address_that_was_written(post: Post, staff: Any, staff_client: Client):
    invoice = answered(post, "MC")
    form = staff_client.get(page_of(invoice, "mail_copy")).context["form"]

    staff_client.post(page_of(invoice, "mail_copy"), {"email": "studio@conti.example"})

    invoice.refresh_from_db()
    page = staff_client.get(reverse("admin:invoicing_invoice_change", args=[invoice.pk])).content.decode()
    assert form.initial == {"email": ROSSI}
    assert list(Mail.objects.order_by("pk").values_list("to_email", flat=True)) == [ROSSI, "studio@conti.example"]
    assert (invoice.copy_email, ROSSI in page) == ("studio@conti.example", True)
    assert AuditEntry.objects.get(action="invoice.copy_sent").actor == staff


def test_document_that_sdi_has_not_taken_has_no_copy_to_mail(staff: Any, staff_client: Client):
    invoice = issue(draft=make_draft(replace(PERSON, email=ROSSI), payments=()))
    page = staff_client.get(reverse("admin:invoicing_invoice_change", args=[invoice.pk])).content.decode()

    with pytest.raises(courtesy_copy.NotTakenError):
        courtesy_copy.send_copy(invoice=invoice, email=ROSSI, actor=staff)

    assert ("mail_copy" in page, Mail.objects.count()) == (False, 0)


def test_rejected_document_mails_no_copy(post: Post):
    invoice = answered(post, "NS")

    assert (Mail.objects.filter(kind="invoice_ready").count(), invoice.copies.count()) == (0, 0)


def test_erased_customer_leaves_neither_address_nor_mail_nor_alarm(customer: Any, staff: Any, post: Post):
    invoice = answered(post, "MC", customer)
    courtesy_copy.send_copy(invoice=invoice, email="studio@conti.example", actor=staff)

    erase_rows(Person.of(customer), timezone.now())

    invoice.refresh_from_db()
    assert (Mail.objects.count(), invoice.copy_email) == (0, "")
    assert list(InvoiceCopy.objects.values_list("mail", flat=True)) == [None, None]
    assert step_of_staff(invoice).startswith("The mail with the copy was deleted with the customer’s account.")
    assert without_copy() == []


@pytest.mark.parametrize("is_split", [True, False])
def test_page_mail_and_back_office_say_what_is_owed(is_split: bool, customer: Any, staff: Any, post: Post):
    invoice = issue(customer, make_draft(OFFICE, payments=(), split_payment=is_split))
    sign(invoice, staff)
    receive(post.sdi(on_its_way(invoice).file, "RC"))
    owner, office = Client(), Client()
    sign_in(owner, customer)
    sign_in(office, staff)

    mail = Mail.objects.get(kind="invoice_ready")
    page = owner.get(invoice.get_absolute_url()).content.decode()
    texts = [" ".join(unescape(text).replace("\xa0", " ").split()) for text in (mail.text, mail.html, page)]
    owed = r"Da pagare:?(?: ?<[^>]*>)* ?3\.900,00 €"
    assert [bool(re.search(owed, text)) for text in texts] == [is_split] * 3
    assert ["Da pagare" in text for text in texts] == [is_split] * 3
    admin_page = office.get(reverse("admin:invoicing_invoice_change", args=[invoice.pk])).content.decode()
    assert admin_page.replace("\xa0", " ").count("3.900,00 €") == (2 if is_split else 1)

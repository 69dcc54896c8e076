"""An invoice on its way: PEC out over SMTP, receipts back over IMAP, each message counted once."""

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from invoicing.models import Document, Invoice, Mailbox, PecMessage, ReceivedMail
from invoicing.sdi import receipts, sending
from notifications.models import Mail
from tests.conftest import Control
from tests.invoicing.drafts import PERSON, make_draft
from tests.invoicing.flow import begin_sending, drop, issue, read_until, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(customer: Any, sandbox_env: dict[str, str]) -> Invoice:
    return issue(customer)


def test_company_with_a_code_gets_it_delivered(invoice: Invoice, pec: Control):
    send(invoice)

    read_until(invoice, "delivered")

    states = list(invoice.events.order_by("pk").values_list("state", flat=True))
    mail = Mail.objects.get(kind="invoice_ready")
    assert states[:3] == ["issued", "sending", "sent"]
    assert sorted(states[3:]) == ["delivered", "pec_accepted", "pec_delivered"]
    assert invoice.sdi_identifier.isdigit()
    assert [file.name for file in mail.attachments.order_by("pk")] == [
        "2026-00001.pdf",
        invoice.current_file().file_name,
    ]
    assert bytes(mail.attachments.get(content_type="application/xml").content) == bytes(
        invoice.current_file().xml.content
    )


def test_consumer_without_address_ends_in_the_tax_drawer(customer: Any, pec: Control):
    invoice = send(issue(customer, make_draft(PERSON)))

    read_until(invoice, "made_available", "delivered")

    assert invoice.state == "made_available"
    assert Mail.objects.filter(kind="invoice_ready", user=customer).count() == 1


def test_rejection_shows_sdis_own_words_and_mails_nobody(invoice: Invoice, pec: Control):
    pec.post("/next", sdi={"NS": ["00311"]})
    send(invoice)

    read_until(invoice, "rejected")

    event = invoice.events.get(state="rejected")
    assert event.text.startswith("00311 ")
    assert event.document.kind == Document.Kind.SDI_MESSAGE
    assert not Mail.objects.filter(kind="invoice_ready").exists()


def test_assigned_address_is_learned_and_used_for_the_next_invoice(invoice: Invoice, pec: Control):
    pec.post("/settings", assigned_address="sdi52@pec.fatturapa.it")
    send(invoice)
    read_until(invoice, "delivered")

    first = PecMessage.objects.get()
    assert first.recipient == settings.SDI_PEC_RECIPIENT
    assert Mailbox.objects.get().sdi_address == "sdi52@pec.fatturapa.it"


def test_same_mail_read_twice_has_one_effect(invoice: Invoice, pec: Control):
    send(invoice)
    read_until(invoice, "delivered")
    before = (ReceivedMail.objects.count(), invoice.events.count(), Document.objects.count(), Mail.objects.count())

    Mailbox.objects.update(last_uid=0)
    receipts.read_mailbox()

    after = (ReceivedMail.objects.count(), invoice.events.count(), Document.objects.count(), Mail.objects.count())
    assert after == before


def test_changed_uid_validity_reads_everything_again_without_effect(invoice: Invoice, pec: Control):
    send(invoice)
    read_until(invoice, "delivered")
    mailbox = Mailbox.objects.get()
    Mailbox.objects.update(uid_validity=1, last_uid=999_999)

    receipts.read_mailbox()

    current = Mailbox.objects.get()
    assert (current.uid_validity, current.last_uid) == (mailbox.uid_validity, mailbox.last_uid)
    assert invoice.events.filter(state="delivered").count() == 1


def test_late_message_leads_nothing_back(invoice: Invoice, pec: Control):
    send(invoice)
    read_until(invoice, "delivered")

    pec.post(f"/invoices/{invoice.current_file().file_name}/message", kind="MC")
    deadline = time.monotonic() + 10
    while not invoice.events.filter(state="made_available").exists():
        assert time.monotonic() < deadline
        receipts.read_mailbox()

    invoice.refresh_from_db()
    assert invoice.state == "delivered"
    assert Mail.objects.filter(kind="invoice_ready").count() == 1


@pytest.mark.parametrize("kind", ["non-accettazione", "errore-consegna", "virus"])
def test_providers_refusal_is_seen_and_can_be_sent_again(kind: str, invoice: Invoice, staff: Any, pec: Control):
    pec.post("/next", provider=kind)
    send(invoice)
    read_until(invoice, "send_failed")

    sending.send_again(invoice=invoice, actor=staff)
    send(invoice)
    read_until(invoice, "delivered")

    assert PecMessage.objects.count() == 2
    assert invoice.files.count() == 1


def test_busy_provider_is_tried_again_by_itself(invoice: Invoice, pec: Control):
    pec.post("/next", smtp={"at": "RCPT", "code": 451, "text": "4.3.0 riprovare"})
    now = timezone.now() + timedelta(seconds=1)
    with time_machine.travel(now, tick=False):
        sending.send_invoice(invoice=invoice)
    invoice.refresh_from_db()
    first = (invoice.state, invoice.submission().next_try_at - now)

    with time_machine.travel(now + timedelta(seconds=61)):
        sending.send_due()

    invoice.refresh_from_db()
    assert first == ("send_failed", timedelta(minutes=1))
    assert invoice.state == "sent"


def test_final_refusal_waits_for_a_person(invoice: Invoice, pec: Control):
    pec.post("/next", smtp={"at": "RCPT", "code": 550, "text": "5.1.1 destinatario inesistente"})

    send(invoice)

    assert (invoice.state, invoice.submission().state) == ("send_failed", "failed")
    assert "550" in invoice.events.get(state="send_failed").text


def test_connection_lost_after_the_content_is_not_sent_twice_and_the_receipt_settles_it(
    invoice: Invoice, pec: Control, monkeypatch: Any
):
    monkeypatch.setattr("invoicing.clients.pec._TIMEOUT_S", 2)
    pec.post("/next", smtp={"at": "DATA", "hang": True, "accepted": True})
    send(invoice)
    uncertain = (invoice.state, PecMessage.objects.get().state)

    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        sent_again = sending.send_due()
    read_until(invoice, "delivered")

    assert uncertain == ("sending", "uncertain")
    assert (sent_again, PecMessage.objects.get().state) == (0, "sent")


def test_worker_killed_in_mid_send_is_noticed_and_not_repeated(invoice: Invoice, pec: Control):
    message = begin_sending(invoice)

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        sending.send_due()

    message.refresh_from_db()
    invoice.refresh_from_db()
    assert (message.state, invoice.state, len(pec.get("/outgoing"))) == ("uncertain", "sending", 0)
    assert invoice.events.order_by("-pk")[0].text == "interrupted while sending"


def test_foreign_mail_is_kept_and_left_alone(db: None, pec: Control):
    row = drop(pec, b"From: somebody@example.it\r\nSubject: Offerta\r\nMessage-ID: <a@b>\r\n\r\nCiao\r\n")

    assert (row.outcome, row.invoice, row.subject) == ("foreign", None, "Offerta")


def test_forged_rejection_in_an_ordinary_mail_is_quarantined(invoice: Invoice, pec: Control):
    name = invoice.current_file().file_name
    forged = (
        "From: sdi01@pec.fatturapa.it\r\nSubject: Ricevuta di scarto\r\nMessage-ID: <forged@x>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: application/octet-stream; name="{name[:-4]}_NS_001.xml"\r\n'
        f'Content-Disposition: attachment; filename="{name[:-4]}_NS_001.xml"\r\n\r\n'
        "<a/>\r\n"
    )

    row = drop(pec, forged.encode())

    invoice.refresh_from_db()
    assert (row.outcome, invoice.state) == ("quarantined", "issued")


def test_certified_mail_of_somebody_else_cannot_reject_an_invoice(invoice: Invoice, pec: Control):
    name = invoice.current_file().file_name
    raw = (
        "From: truffa@pec.example.it\r\nTo: noi@pec.example.it\r\nSubject: Ricevuta\r\n"
        "Message-ID: <c@x>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: application/xml; name="{name[:-4]}_NS_001.xml"\r\n'
        f'Content-Disposition: attachment; filename="{name[:-4]}_NS_001.xml"\r\n\r\n<a/>\r\n'
    )

    row = drop(pec, raw.encode(), certified=True)

    invoice.refresh_from_db()
    assert (row.outcome, invoice.state) == ("quarantined", "issued")


def test_mailbox_away_is_kept_for_staff_to_see(db: None, sandbox_env: dict[str, str], settings: Any):
    settings.SDI_PEC_IMAP_PORT = 1

    read = receipts.read_mailbox()

    assert (read, "refused" in Mailbox.objects.get().last_error.lower()) == (0, True)

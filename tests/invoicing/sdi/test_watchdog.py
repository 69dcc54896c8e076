"""Nobody waits for an answer that does not come without somebody being told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import get_resolver
from django.utils import timezone

from invoicing.models import Invoice, InvoiceEvent, PecMessage
from invoicing.sdi import sending
from notifications.models import Mail
from tests.conftest import Control
from tests.invoicing.flow import Post, issue, lose_connection, on_its_way, read_until, receive, send, story
from tests.invoicing.test_corrections import correct

pytestmark = pytest.mark.django_db
NO_RECEIPT = "no receipt of the PEC provider in a day"


@pytest.fixture(autouse=True)
def staff_address(settings: Any) -> None:
    settings.STAFF_EMAIL = "fatture@aish.example"
    settings.INVOICE_RECEIPT_ALERT_HOURS = 24
    settings.SITE_URL = "https://hub.example"
    assert get_resolver().url_patterns  # read with the real path, whichever test of this process comes first
    settings.ADMIN_PATH = "gestione"


@pytest.fixture
def message() -> PecMessage:
    return on_its_way(issue())


def alerts() -> list[Mail]:
    return list(Mail.objects.filter(kind="invoice_attention").order_by("pk"))


def after(**delta: float) -> datetime:
    return timezone.now() + timedelta(**delta)


def send_due(**delta: float) -> int:
    """The sweep, so long from now."""
    with time_machine.travel(after(**delta)):
        return sending.send_due()


@pytest.mark.parametrize(
    ("receipt", "hours", "alerted"),
    [
        ("", 23.9, 0),
        ("", 24.1, 1),
        ("accettazione", 23.9, 0),
        ("accettazione", 24.1, 1),
        ("avvenuta-consegna", 24.1, 0),
        ("avvenuta-consegna", 5 * 24 - 0.1, 0),
        ("avvenuta-consegna", 5 * 24 + 0.1, 1),
    ],
)
def test_provider_may_be_silent_for_a_day_and_sdi_for_five(
    receipt: str, hours: float, alerted: int, message: PecMessage, post: Post
):
    if receipt:
        receive(post.receipt(message, receipt))

    assert sending.watch_receipts(now=after(hours=hours)) == alerted

    assert len(alerts()) == alerted
    assert Invoice.objects.exclude(alerted_at=None).count() == alerted


def test_patience_with_the_provider_is_a_setting(message: PecMessage, settings: Any):
    settings.INVOICE_RECEIPT_ALERT_HOURS = 2

    assert [sending.watch_receipts(now=after(hours=hours)) for hours in (1.9, 2.1)] == [0, 1]


def test_alert_names_the_invoice_and_leads_to_it(message: PecMessage):
    sending.watch_receipts(now=after(hours=25))

    (mail,) = alerts()
    invoice = message.file.invoice
    assert (mail.to_email, mail.user, mail.language) == ("fatture@aish.example", None, "it")
    assert f"https://hub.example/gestione/invoicing/invoice/{invoice.pk}/change/" in mail.text
    assert "2026/00001" in mail.subject


def test_staff_are_alerted_once(message: PecMessage):
    counts = [sending.watch_receipts(now=after(hours=hours)) for hours in (25, 26, 500)]

    assert (counts, len(alerts())) == ([1, 0, 0], 1)


@pytest.mark.parametrize("kind", ["RC", "MC", "NS"])
def test_answered_invoice_is_left_alone(kind: str, message: PecMessage, post: Post):
    receive(post.sdi(message.file, kind))
    before = len(alerts())

    assert sending.watch_receipts(now=after(days=30)) == 0

    assert len(alerts()) == before


def test_unsent_invoice_is_no_case_for_the_watch(db: None):
    issue()

    assert (sending.watch_receipts(now=after(days=30)), alerts()) == (0, [])


def test_without_an_address_nobody_is_written_to(message: PecMessage, settings: Any):
    settings.STAFF_EMAIL = ""

    assert sending.watch_receipts(now=after(hours=25)) == 1

    assert (Mail.objects.count(), Invoice.objects.get().alerted_at is None) == (0, False)


@pytest.mark.parametrize(("kind", "state"), [("NS", "rejected")])
def test_rejection_is_told_in_sdis_words_with_the_last_day(kind: str, state: str, message: PecMessage, post: Post):
    receive(post.sdi(message.file, kind))

    (mail,) = alerts()
    invoice = Invoice.objects.get()
    limit = timezone.localtime(invoice.correct_until)
    assert (invoice.state, "00311 " in mail.text) == (state, True)
    assert f"{limit.day} " in mail.text
    assert f"{limit:%H.%M}" in mail.text or f"{limit:%H:%M}" in mail.text


def test_mail_that_may_have_left_is_given_up_after_a_day_and_can_be_sent_again(staff: Any, pec: Control):
    lose_connection(invoice := issue())

    early = (send_due(hours=23.9), state_of(invoice))
    late = (send_due(hours=24.1), state_of(invoice))
    sending.send_again(invoice=invoice, actor=staff)
    read_until(send(invoice), "delivered")

    assert (early, late) == ((0, "sending"), (1, "send_failed"))
    assert [mail for mail in alerts() if NO_RECEIPT in mail.text] == alerts()[:1]
    assert [row.state for row in PecMessage.objects.order_by("pk")] == ["failed", "sent"]


def test_given_up_mail_that_arrived_after_all_settles_the_invoice(post: Post):
    message = lose_connection(invoice := issue())
    send_due(hours=24.1)

    receive(post.receipt(message, "avvenuta-consegna"))

    assert (state_of(invoice), PecMessage.objects.get().state) == ("pec_delivered", "sent")


def test_uncertain_mail_with_a_receipt_is_not_given_up(post: Post):
    message = lose_connection(invoice := issue())
    receive(post.receipt(message, "accettazione"))

    send_due(days=3)

    assert (state_of(invoice), alerts()) == ("pec_accepted", [])


def test_invoice_sent_again_is_watched_again(message: PecMessage, staff: Any, post: Post):
    invoice = message.file.invoice
    sending.watch_receipts(now=after(hours=25))
    receive(post.receipt(message, "errore-consegna"))
    sending.send_again(invoice=invoice, actor=staff)
    on_its_way(invoice)

    assert sending.watch_receipts(now=after(hours=25)) == 1


def test_corrected_invoice_is_watched_again(message: PecMessage, staff: Any, post: Post):
    sending.watch_receipts(now=after(hours=25))
    receive(post.sdi(message.file, "NS"))
    invoice = correct(message.file.invoice, staff)
    on_its_way(invoice)

    assert (invoice.alerted_at, sending.watch_receipts(now=after(hours=25))) == (None, 1)


def test_final_trouble_with_the_provider_is_told_at_once(pec: Control):
    pec.post("/next", smtp={"at": "RCPT", "code": 550, "text": "5.1.1 destinatario inesistente"})

    invoice = send(issue())

    (mail,) = alerts()
    assert (invoice.state, "550" in mail.text) == ("send_failed", True)


def test_passing_trouble_is_told_only_when_patience_ends(pec: Control):
    invoice = issue()
    for attempt in range(6):
        pec.post("/next", smtp={"at": "RCPT", "code": 451, "text": "4.3.0 riprovare"})
        send_due(hours=5 * attempt)

    invoice.refresh_from_db()
    submission = invoice.submission()
    assert (invoice.state, submission.state, submission.attempts) == ("send_failed", "failed", 6)
    assert (story(invoice).count("send_failed"), len(alerts())) == (6, 1)


def state_of(invoice: Invoice) -> str:
    invoice.refresh_from_db()
    assert InvoiceEvent.objects.filter(invoice=invoice).exists()
    return str(invoice.state)

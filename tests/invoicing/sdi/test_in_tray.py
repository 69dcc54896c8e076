"""Mails of the PEC mailbox that are somebody's work: unread there, told to staff, on the overview until it is done."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from core.models import AuditEntry
from invoicing.models import Invoice, Mailbox, ReceivedMail
from invoicing.sdi import in_tray, receipts
from notifications.models import Mail
from tests.conftest import Control
from tests.factories import make_customer
from tests.invoicing.flow import Post, drop, issue, on_its_way, read_until, receive, send
from tests.invoicing.suppliers import certified, delivery, supplier_xml
from tests.queues import fail_row
from tests.waiting import until

pytestmark = pytest.mark.django_db

STAFF = "fatture@aish.example"
TO_DEAL_WITH = "/admin/invoicing/receivedmail/?to_deal_with=yes"
OFFER = b"From: Vendite <vendite@offerte.example>\r\nSubject: Offerta\r\nMessage-ID: <o@x>\r\n\r\nCiao"


@pytest.fixture
def staff_address(settings: Any) -> None:
    settings.STAFF_EMAIL = STAFF


@pytest.fixture
def unreachable(settings: Any) -> None:
    settings.SDI_PEC_EMAIL, settings.SDI_PEC_IMAP_HOST, settings.SDI_PEC_IMAP_PORT = "a@pec.example", "127.0.0.1", 9


def unread(pec: Control) -> list[str]:
    """The senders of the mails that nobody has read."""
    return [mail["from"] for mail in pec.get("/mailbox") if "\\Seen" not in mail["flags"]]


def to_deal_with() -> list[ReceivedMail]:
    return list(ReceivedMail.objects.to_deal_with().order_by("pk"))


def page_of(mail: ReceivedMail, button: str) -> str:
    return f"/admin/invoicing/receivedmail/{mail.pk}/{button}/"


def test_our_receipts_are_filed_and_read_and_the_rest_stays_unread(customer: Any, pec: Control, post: Post):
    invoice = read_until(send(issue(customer)), "delivered")
    court = drop(pec, certified(post))
    receipts.read_mailbox()

    assert [mail["from"] for mail in pec.get("/mailbox")][-1:] == unread(pec)
    assert "cancelleria@giustiziacert.example" in unread(pec)[0]
    assert (len(pec.get("/mailbox")), invoice.received_mails.count(), to_deal_with()) == (4, 3, [court])


def test_unread_mail_is_read_once_whatever_it_is(pec: Control, post: Post):
    drop(pec, certified(post))
    drop(pec, OFFER)

    counts = [receipts.read_mailbox() for _round in range(3)]

    assert (counts, ReceivedMail.objects.count(), len(unread(pec))) == ([0, 0, 0], 2, 2)


@pytest.mark.parametrize("kind", ["offer", "court", "supplier", "quarantined", "unmatched", "failed"])
def test_whatever_is_not_ours_by_proof_waits_for_a_person(kind: str, post: Post):
    if kind == "failed":
        row, _is_new = receipts.keep(certified(post))
        fail_row(row)
    else:
        message = on_its_way(issue())
        row = receive({
            "offer": OFFER, "court": certified(post), "supplier": delivery(post, supplier_xml()),
            "quarantined": post.sdi(message.file, "NS", digest="0" * 64),
            "unmatched": post.sdi(message.file, "RC", about="IT99999999999_00001.xml"),
        }[kind])  # fmt: skip

    row.refresh_from_db()
    assert (to_deal_with(), row.is_to_deal_with) == ([row], True)


def test_receipts_of_ours_wait_for_nobody(post: Post):
    message = on_its_way(issue())

    rows = [receive(post.receipt(message, "accettazione")), receive(post.sdi(message.file, "RC"))]

    assert (to_deal_with(), [row.is_to_deal_with for row in rows]) == ([], [False, False])


def test_mail_that_was_dealt_with_leaves_the_overview_and_is_marked_as_read(
    pec: Control, post: Post, staff: Any, staff_client: Client
):
    mail = drop(pec, certified(post))
    before = unread(pec)

    staff_client.post(page_of(mail, "settle"))
    receipts.read_mailbox()

    mail.refresh_from_db()
    assert (len(before), unread(pec), to_deal_with()) == (1, [], [])
    assert (mail.dealt_by, mail.dealt_at is not None, mail.outcome) == (staff, True, "foreign")
    assert AuditEntry.objects.get(action="receivedmail.dealt_with").actor == staff


def test_mail_is_dealt_with_once(post: Post, staff: Any):
    mail, now = receive(certified(post)), timezone.now()
    in_tray.settle(mail=mail, actor=staff, now=now)

    with pytest.raises(in_tray.NothingToSettleError):
        in_tray.settle(mail=mail, actor=make_customer("b@esempio.example"), now=now + timedelta(hours=1))

    mail.refresh_from_db()
    assert (mail.dealt_by, mail.dealt_at) == (staff, now)


def test_filed_mail_has_no_button(post: Post, staff_client: Client):
    mail = receive(post.sdi(on_its_way(issue()).file, "RC"))

    page = staff_client.get(f"/admin/invoicing/receivedmail/{mail.pk}/change/").content.decode()
    staff_client.post(page_of(mail, "settle"))

    mail.refresh_from_db()
    assert ("/settle/" in page, mail.dealt_at) == (False, None)


def test_several_mails_are_dealt_with_at_once(post: Post, staff_client: Client):
    rows = [receive(certified(post)), receive(OFFER), receive(post.sdi(on_its_way(issue()).file, "RC"))]

    staff_client.post(TO_DEAL_WITH, {"action": "settle_selected", "_selected_action": [row.pk for row in rows]})

    assert (to_deal_with(), ReceivedMail.objects.exclude(dealt_at=None).count()) == ([], 2)


def test_overview_shows_sender_and_subject_and_leads_there(post: Post, staff_client: Client):
    mail = receive(certified(post, subject="Notifica <b>urgente</b>"))

    home = staff_client.get("/admin/")

    tile = next(tile for tile in home.context["alarms"] if "to_deal_with" in tile["url"])
    html = home.content.decode()
    assert (tile["url"], tile["figure"]) == (TO_DEAL_WITH, 1)
    assert "cancelleria@giustiziacert.example" in html
    assert "Notifica &lt;b&gt;urgente&lt;/b&gt;" in html
    assert f"/admin/invoicing/receivedmail/{mail.pk}/change/" in html
    assert list(staff_client.get(TO_DEAL_WITH).context["cl"].result_list) == [mail]


@pytest.mark.usefixtures("staff_address")
def test_suppliers_invoice_is_told_with_its_supplier(post: Post, staff_client: Client):
    receive(delivery(post, supplier_xml()))
    in_tray.tell_staff_of_mails(now=timezone.now())

    mail, home = Mail.objects.get(), staff_client.get("/admin/").content.decode()
    texts = [unescape(text) for text in (mail.text, mail.html, home)]
    assert ["Cartoleria Blu & C. S.n.c. 77/B" in text for text in texts] == [True] * 3


def test_mail_as_it_came_can_be_downloaded(post: Post, staff: Any, staff_client: Client):
    raw = certified(post)
    mail = receive(raw)

    answer = staff_client.get(f"/admin/invoicing/receivedmail/{mail.pk}/download/")

    assert (answer.content, answer["Content-Type"]) == (raw, "message/rfc822")
    assert AuditEntry.objects.get(action="receivedmail.downloaded").actor == staff


@pytest.mark.usefixtures("staff_address")
def test_staff_get_one_mail_about_all_that_came_and_only_once(pec: Control, post: Post):
    for raw in (certified(post), OFFER):
        receive(raw)
    receipts.read_mailbox()
    receive(certified(post, subject="Secondo avviso"))
    receipts.read_mailbox()
    receipts.read_mailbox()

    first, second = Mail.objects.filter(kind="pec_attention").order_by("pk")
    assert (first.to_email, first.subject) == (STAFF, "2 e-mail PEC richiedono attenzione")
    assert [text in first.text for text in ("cancelleria@giustiziacert.example", "Vendite <vendite@", "Offerta")] == [
        True
    ] * 3
    assert TO_DEAL_WITH in first.text
    assert (second.subject, "Secondo avviso" in second.text) == ("Un’e-mail PEC richiede attenzione", True)


@pytest.mark.usefixtures("staff_address")
def test_long_list_is_cut_and_says_so(post: Post):
    for number in range(23):
        receive(OFFER + str(number).encode())

    assert in_tray.tell_staff_of_mails(now=timezone.now()) == 23

    mail = Mail.objects.get()
    assert (mail.text.count("Offerta"), "E altre 3." in mail.text) == (20, True)


def test_without_an_address_of_staff_nobody_is_told_and_nothing_is_forgotten(post: Post, settings: Any):
    receive(certified(post))
    before = in_tray.tell_staff_of_mails(now=timezone.now())
    settings.STAFF_EMAIL = STAFF

    assert (before, in_tray.tell_staff_of_mails(now=timezone.now())) == (0, 1)


@pytest.mark.usefixtures("staff_address", "unreachable")
def test_mailbox_that_cannot_be_read_is_on_the_overview_and_told_after_an_hour(staff_client: Client, settings: Any):
    counts = []
    for minutes in (0, 59, 61, 200):
        with time_machine.travel(datetime(2026, 11, 18, 9, tzinfo=UTC) + timedelta(minutes=minutes), tick=False):
            receipts.read_mailbox()
        counts.append(Mail.objects.filter(kind="pec_unreachable").count())

    tile = next(tile for tile in staff_client.get("/admin/").context["alarms"] if "unreadable" in tile["url"])
    mailbox, mail = Mailbox.objects.get(), Mail.objects.get()
    assert (counts, tile["figure"]) == ([0, 0, 1, 1], 1)
    assert (mailbox.failing_since, mail.to_email) == (datetime(2026, 11, 18, 9, tzinfo=UTC), STAFF)
    assert [
        text for text in ("a@pec.example", "ConnectionRefusedError", "18 novembre 2026") if text not in mail.text
    ] == []
    assert list(staff_client.get(tile["url"]).context["cl"].result_list) == [mailbox]


@pytest.mark.usefixtures("staff_address")
def test_mailbox_that_is_read_again_is_in_order(pec: Control, settings: Any):
    port, settings.SDI_PEC_IMAP_PORT = settings.SDI_PEC_IMAP_PORT, 9
    receipts.read_mailbox()
    Mailbox.objects.update(told_at=timezone.now())
    settings.SDI_PEC_IMAP_PORT = port

    receipts.read_mailbox()

    mailbox = Mailbox.objects.get()
    assert (mailbox.failing_since, mailbox.told_at, mailbox.last_error) == (None, None, "")
    assert mailbox.read_at is not None


@pytest.mark.usefixtures("unreachable")
def test_what_was_kept_is_applied_though_the_mailbox_is_away(post: Post):
    message = on_its_way(issue())
    receipts.keep(post.sdi(message.file, "RC"))

    receipts.read_mailbox()

    assert Invoice.objects.get().state == "delivered"


def test_reader_that_could_not_mark_does_so_the_next_time(customer: Any, pec: Control):
    send(issue(customer))
    until(lambda: len(pec.get("/mailbox")) >= 3, "SDI sent no receipts")
    read_until(Invoice.objects.get(), "delivered")
    ReceivedMail.objects.update(marked_at=None)

    receipts.read_mailbox()

    assert (unread(pec), ReceivedMail.objects.filter(marked_at=None).count()) == ([], 0)

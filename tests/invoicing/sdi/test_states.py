"""Which state follows which, whatever the order in which mails are read."""

from itertools import permutations
from typing import Any

import pytest

from invoicing.models import Document, Invoice, ReceivedMail
from invoicing.sdi import sending
from tests.invoicing.drafts import make_draft
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign, story
from tests.invoicing.test_corrections import correct

pytestmark = pytest.mark.django_db

ANSWERS = "delivered made_available rejected not_delivered accepted refused expired attested"
TABLE = {
    "to_sign": "issued",
    "issued": "sending",
    "sending": f"sent send_failed pec_accepted pec_delivered {ANSWERS}",
    "send_failed": f"sending pec_delivered {ANSWERS}",
    "sent": f"send_failed pec_accepted pec_delivered {ANSWERS}",
    "pec_accepted": f"send_failed pec_delivered {ANSWERS}",
    "pec_delivered": ANSWERS,
    "made_available": "delivered",
    "not_delivered": "delivered accepted refused expired attested",
    "delivered": "accepted refused expired",
    "rejected": "issued to_sign",
    "refused": "issued to_sign",
    "accepted": "",
    "expired": "",
    "attested": "",
}
# what can be said of one sending, and where it ends in whatever order it is read
PRIVATE = [
    (("accettazione", "avvenuta-consegna"), "pec_delivered"),
    (("accettazione", "errore-consegna"), "send_failed"),
    (("accettazione", "RC"), "delivered"),
    (("accettazione", "MC"), "made_available"),
    (("accettazione", "NS"), "rejected"),
    (("avvenuta-consegna", "RC"), "delivered"),
    (("avvenuta-consegna", "MC"), "made_available"),
    (("avvenuta-consegna", "NS"), "rejected"),
    (("RC", "MC"), "delivered"),
    (("preavviso-errore-consegna", "RC"), "delivered"),
    (("preavviso-errore-consegna", "errore-consegna"), "send_failed"),
]
PUBLIC = [
    (("avvenuta-consegna", "RC"), "delivered"),
    (("avvenuta-consegna", "MC"), "not_delivered"),
    (("avvenuta-consegna", "NS"), "rejected"),
    (("RC", "MC"), "delivered"),
    (("RC", "EC01"), "accepted"),
    (("RC", "EC02"), "refused"),
    (("RC", "DT"), "expired"),
    (("MC", "EC01"), "accepted"),
    (("MC", "EC02"), "refused"),
    (("MC", "DT"), "expired"),
    (("MC", "AT"), "attested"),
]


@pytest.fixture
def office_invoice(staff: Any) -> Invoice:
    invoice = issue(draft=make_draft(OFFICE))
    sign(invoice, staff)
    return invoice


def in_each_order(cases: list[tuple[tuple[str, str], str]]) -> list[tuple[tuple[str, ...], str]]:
    return [(order, end) for pair, end in cases for order in permutations(pair)]


def tell(post: Post, invoice: Invoice, *kinds: str) -> Invoice:
    """Let mails of these kinds come in, one after the other."""
    message = on_its_way(invoice)
    for kind in kinds:
        receive(post.receipt(message, kind) if kind.islower() else post.sdi(message.file, kind))
    invoice.refresh_from_db()
    return invoice


@pytest.mark.parametrize("state", TABLE)
def test_state_may_be_followed_only_by_these(state: str):
    assert set(Invoice.ALLOWED[Invoice.State(state)]) == set(TABLE[state].split())


def test_table_knows_every_state():
    assert set(TABLE) == set(Invoice.State.values) == set(Invoice.ALLOWED) == set(Invoice.MARKS)


@pytest.mark.parametrize(("kinds", "end"), in_each_order(PRIVATE))
def test_private_pair_ends_the_same_in_any_order(kinds: tuple[str, ...], end: str, post: Post):
    invoice = tell(post, issue(), *kinds)

    assert invoice.state == end
    assert set(ReceivedMail.objects.values_list("outcome", flat=True)) == {"applied"}


@pytest.mark.parametrize(("kinds", "end"), in_each_order(PUBLIC))
def test_public_pair_ends_the_same_in_any_order(kinds: tuple[str, ...], end: str, office_invoice: Invoice, post: Post):
    invoice = tell(post, office_invoice, *kinds)

    assert invoice.state == end
    assert set(ReceivedMail.objects.values_list("outcome", flat=True)) == {"applied"}


@pytest.mark.parametrize("order", list(permutations(("accettazione", "avvenuta-consegna", "MC", "RC"))))
def test_four_mails_end_delivered_in_any_order_and_are_all_on_the_timeline(order: tuple[str, ...], post: Post):
    invoice = tell(post, issue(), *order)

    assert invoice.state == "delivered"
    assert sorted(story(invoice)[3:]) == ["delivered", "made_available", "pec_accepted", "pec_delivered"]


def test_regression_is_kept_on_the_timeline_with_its_document(post: Post):
    invoice = tell(post, issue(), "RC", "MC")

    late = invoice.events.order_by("-pk")[0]
    assert (invoice.state, late.state, late.document.kind) == ("delivered", "made_available", "sdi_message")


def test_same_mail_twice_counts_once(post: Post):
    message = on_its_way(issue())
    raw = post.sdi(message.file, "RC")

    rows = {receive(raw).pk, receive(raw).pk}

    assert len(rows) == 1
    assert Document.objects.filter(kind="sdi_message").count() == 1


def test_same_message_in_two_mails_counts_once(post: Post):
    message = on_its_way(invoice := issue())
    xml = post.message(message.file, "RC")

    first, second = (receive(post.envelope(xml)) for _mail in range(2))

    assert first.pk != second.pk
    assert (second.outcome, second.reason) == ("applied", "the same message came before in another mail")
    assert story(invoice).count("delivered") == 1


def test_message_about_a_replaced_file_does_not_move_the_invoice(staff: Any, post: Post):
    invoice = tell(post, issue(), "NS")
    old = invoice.current_file()
    correct(invoice, staff)
    on_its_way(invoice)

    row = receive(post.sdi(old, "RC"))

    invoice.refresh_from_db()
    assert (row.outcome, row.invoice) == ("applied", invoice)
    assert (invoice.state, story(invoice)[-1], invoice.sdi_identifier) == ("sent", "delivered", "")


def test_second_rejection_of_the_old_file_leaves_the_corrected_one_alone(staff: Any, post: Post):
    invoice = tell(post, issue(), "NS")
    old = invoice.current_file()
    correct(invoice, staff)

    receive(post.sdi(old, "NS", number=2))

    invoice.refresh_from_db()
    assert (invoice.state, invoice.rejected_at, story(invoice)[-2:]) == ("issued", None, ["issued", "rejected"])


def test_receipt_about_the_old_file_does_not_move_the_corrected_one(staff: Any, post: Post):
    message = on_its_way(invoice := issue())
    receive(post.sdi(message.file, "NS"))
    correct(invoice, staff)
    on_its_way(invoice)

    receive(post.receipt(message, "avvenuta-consegna"))

    invoice.refresh_from_db()
    assert (invoice.state, story(invoice)[-1]) == ("sent", "pec_delivered")


def test_late_failure_of_a_repeated_sending_does_not_stop_the_repetition(staff: Any, post: Post):
    first = on_its_way(invoice := issue())
    receive(post.receipt(first, "non-accettazione"))
    invoice.refresh_from_db()
    send_again(invoice, staff)

    receive(post.receipt(first, "errore-consegna"))

    invoice.refresh_from_db()
    assert (invoice.state, story(invoice)[-1]) == ("sent", "send_failed")


def send_again(invoice: Invoice, actor: Any) -> None:
    sending.send_again(invoice=invoice, actor=actor)
    on_its_way(invoice)

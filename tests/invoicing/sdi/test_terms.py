"""Terms begin with what SDI wrote, not with whoever reads it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from invoicing import corrections
from invoicing.models import Invoice
from invoicing.sdi.messages import read_message
from tests import clock
from tests.invoicing.flow import Post, issue, on_its_way, receive
from tests.invoicing.test_corrections import correct

pytestmark = pytest.mark.django_db

NAME = "IT11847200968_00001_NS_001.xml"


def ago(**units: float) -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(**units)


def without(content: bytes, *elements: str) -> bytes:
    for element in elements:
        pattern = rf"<(?:\w+:)?{element}>[^<]*</(?:\w+:)?{element}>"
        content, count = re.subn(pattern.encode(), b"", content)
        assert count == 1
    return content


def with_received_at(content: bytes, text: str) -> bytes:
    return re.sub(rb"(<DataOraRicezione>)[^<]*", rb"\g<1>" + text.encode(), content)


@pytest.fixture
def invoice() -> Invoice:
    with clock.at(ago(days=30)):
        on_its_way(invoice := issue())
    return invoice


def reject(post: Post, invoice: Invoice, *, message: datetime, mail: datetime, received: str = "") -> Invoice:
    """Let SDI sign its message at one moment and mail it at another; we read it now."""
    with clock.at(message):
        content = post.message(invoice.current_file(), "NS")
    with clock.at(mail):
        raw = post.envelope(with_received_at(content, received) if received else content, NAME)
    receive(raw)
    invoice.refresh_from_db()
    assert invoice.state == "rejected"
    return invoice


def test_five_days_run_from_the_rejection_and_not_from_its_reading(invoice: Invoice, post: Post):
    written_at = ago(days=3)

    reject(post, invoice, message=written_at, mail=written_at)

    assert (invoice.rejected_at, invoice.correct_until) == (written_at, written_at + timedelta(days=5))


@pytest.mark.parametrize(("days", "is_late"), [(4.9, False), (5.1, True), (20, True)])
def test_rejection_read_late_leaves_what_is_left_of_the_five_days(
    days: float, is_late: bool, invoice: Invoice, post: Post, staff: Any
):
    reject(post, invoice, message=ago(days=days), mail=ago(days=days))

    if is_late:
        with pytest.raises(corrections.CannotCorrectError) as refusal:
            correct(invoice, staff)
        assert refusal.value.code == "correction_too_late"
    else:
        assert correct(invoice, staff).state == "issued"


@pytest.mark.parametrize(("message", "mail"), [(4, 2), (2, 4)])
def test_earliest_date_of_a_message_counts(message: int, mail: int, invoice: Invoice, post: Post):
    had_it_at = ago(days=5).isoformat()

    early = reject(post, invoice, message=ago(days=message), mail=ago(days=mail), received=had_it_at)

    assert timezone.now() - early.rejected_at == pytest.approx(timedelta(days=4), abs=timedelta(minutes=1))


def test_message_without_a_signature_is_as_old_as_its_mail(invoice: Invoice, post: Post):
    written_at = ago(days=2)
    content = without(post.message(invoice.current_file(), "NS"), "SigningTime")
    content = with_received_at(content, ago(days=3).isoformat())

    with clock.at(written_at):
        raw = post.envelope(content, NAME)
    receive(raw)

    invoice.refresh_from_db()
    assert invoice.rejected_at == written_at


def test_message_is_not_older_than_the_reception_it_tells_of(invoice: Invoice, post: Post):
    received_at = ago(days=1)

    reject(post, invoice, message=ago(days=9), mail=ago(days=9), received=received_at.isoformat())

    assert invoice.rejected_at == received_at


def test_dates_in_the_future_are_not_believed(invoice: Invoice, post: Post):
    before = timezone.now()

    reject(post, invoice, message=before + timedelta(days=9), mail=before + timedelta(days=9))

    assert before <= invoice.rejected_at <= timezone.now()


def test_envelope_without_a_date_is_taken_as_read_now(invoice: Invoice, post: Post):
    before = ago(seconds=0)
    raw = post.envelope(without(post.message(invoice.current_file(), "NS"), "SigningTime"), NAME)

    receive(re.sub(rb"(?m)^Date: .*\r?\n", b"", raw))

    invoice.refresh_from_db()
    assert before <= invoice.rejected_at <= timezone.now()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-06T12:00:00Z", datetime(2026, 6, 6, 12, tzinfo=UTC)),
        ("2026-06-06T12:00:00.123+02:00", datetime(2026, 6, 6, 10, 0, 0, 123000, tzinfo=UTC)),
        ("2026-06-06T12:00:00", datetime(2026, 6, 6, 10, tzinfo=UTC)),
        ("2026-12-06T12:00:00", datetime(2026, 12, 6, 11, tzinfo=UTC)),
        (" 2026-12-06T12:00:00.1234567Z ", datetime(2026, 12, 6, 12, 0, 0, 123456, tzinfo=UTC)),
        ("ieri", None),
        ("", None),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_moments_of_messages_are_read_with_and_without_a_zone(text: str, moment: datetime | None, post: Post):
    content = with_received_at(post.message(issue().current_file(), "NS"), text)

    assert read_message(content).received_at == moment

"""A channel's failure is not a row's: nobody is tried, nobody is counted, and everybody goes on afterwards."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from core import channels
from core.errors import ChannelError
from core.models import ChannelPause
from core.queue import work, work_due
from notifications import services
from notifications.clients.graph import _application
from notifications.models import Mail
from tests.conftest import Control

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def row() -> Mail:
    return Mail.objects.create(to_email="a@esempio.example", language="it", subject="a", text="a", html="a")


def refuse(_row: Mail) -> None:
    raise ChannelError("the client secret has expired")


def states() -> set[tuple[str, int]]:
    return set(Mail.objects.values_list("state", "attempts"))


def test_row_that_met_a_closed_channel_goes_back_uncounted(clock: Any):
    mail = row()

    work(Mail.objects.all(), mail.pk, refuse, channel="mail")

    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.next_try_at) == ("pending", 0, NOW + timedelta(minutes=1))
    assert mail.last_error == "the client secret has expired"


def test_one_row_finds_out_and_no_other_is_tried(clock: Any, caplog: pytest.LogCaptureFixture):
    for _number in range(20):
        row()

    with caplog.at_level(logging.WARNING):
        count = work_due(Mail.objects.all(), refuse, channel="mail")

    assert (count, states(), ChannelPause.objects.get().failures) == (1, {("pending", 0)}, 1)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_another_channel_is_open(clock: Any):
    channels.pause("pec", ChannelError("login refused"))

    work(Mail.objects.all(), row().pk, lambda _row: None, channel="mail")

    assert states() == {("done", 1)}


def test_pause_grows_up_to_a_quarter_of_an_hour_and_is_told_once(clock: Any, caplog: pytest.LogCaptureFixture):
    row()
    waits = []
    with caplog.at_level(logging.WARNING):
        for _try in range(7):
            work_due(Mail.objects.all(), refuse, channel="mail")
            waits.append((ChannelPause.objects.get().until - datetime.now(UTC)).total_seconds() / 60)
            clock.move_to(ChannelPause.objects.get().until)

    assert (waits, states()) == ([1, 2, 5, 10, 15, 15, 15], {("pending", 0)})
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_pause_lasts_as_long_as_the_vendor_says(clock: Any):
    assert channels.pause("mail", ChannelError("throttled", retry_after_s=17)) == NOW + timedelta(seconds=17)


def test_after_the_pause_everything_leaves_by_itself(clock: Any):
    for _number in range(20):
        row()
    work_due(Mail.objects.all(), refuse, channel="mail")
    clock.shift(timedelta(minutes=1))

    count = work_due(Mail.objects.all(), lambda _row: None, channel="mail")

    assert (count, states(), ChannelPause.objects.count()) == (20, {("done", 1)}, 0)


def test_staff_see_the_pause_and_end_it(staff_client: Client, clock: Any):
    row()
    work_due(Mail.objects.all(), refuse, channel="mail")
    page = staff_client.get("/admin/core/channelpause/mail/change/").content.decode()

    staff_client.post(reverse("admin:core_channelpause_try_now", args=["mail"]))

    assert ("the client secret has expired" in page, channels.is_paused("mail")) == (True, False)


CLOSED = {
    "secret expired": ("POST /{tenant}/oauth2", 401, {"error": "invalid_client", "error_description": "expired"}),
    "right taken away": ("POST /v1.0/", 403, {"error": {"code": "ErrorAccessDenied", "message": "no"}}),
    "throttled": ("POST /v1.0/", 429, {"error": {"code": "ApplicationThrottled", "message": "no"}}),
    "sender unknown": ("POST /v1.0/", 404, {"error": {"code": "ErrorInvalidUser", "message": "no"}}),
}


@pytest.mark.parametrize("reason", CLOSED)
def test_closed_graph_costs_no_mail_a_try(reason: str, graph: Control, settings: Any):
    match, status, body = CLOSED[reason]
    _application.cache_clear()  # no token from before
    for _number in range(5):
        row()
    graph.fault(match=match.format(tenant=settings.MS_GRAPH_TENANT_ID), status=status, body=body)

    first = (services.send_due(), states(), ChannelPause.objects.count())
    channels.try_now("mail")
    Mail.objects.update(next_try_at=datetime.now(UTC))
    services.send_due()

    assert first == (1, {("pending", 0)}, 1)
    assert (states(), ChannelPause.objects.count(), len(graph.get("/messages"))) == ({("done", 1)}, 0, 5)

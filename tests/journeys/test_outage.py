"""Redis or PostgreSQL stop in the middle of the day: customers go on, and nothing is lost or paid for twice."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Site, Visit, until
from tests.journeys.test_main_job import give_card, order
from tests.stripe_browser import VISA

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_shop_stays_open_without_redis_and_catches_up(visit: Visit, site: Site):
    giulia = visit()
    page = giulia.page
    site.redis.stop()
    try:
        readiness = site.ready()
        giulia.log_in()
        number = order(giulia)
        give_card(page, VISA)
        page.wait_for_url(f"**/area/ordini/{number}/**")
        waiting = page.locator("main [data-wait]").get_attribute("data-status")
    finally:
        site.redis.start()

    assert (readiness["status"], readiness["redis"], readiness["database"]) == ("degraded", False, True)
    assert waiting == "awaiting_payment"
    expect(page.locator("main [data-wait]")).to_have_attribute("data-invoice", "delivered", timeout=120_000)
    until(lambda: site.ready()["status"] == "ready", "the instance did not recover")
    giulia.complaints.clear()


ANSWERS = """
import json
from chatbot.models import Message, ModelCall
question = Message.objects.filter(role="question", text__contains="entro 72 ore").get()
answers = question.conversation.messages.filter(role="answer")
calls = ModelCall.objects.filter(question=question, purpose="answer")
print(json.dumps([[answer.outcome for answer in answers], [call.is_settled for call in calls]]))
"""


def test_answer_survives_a_restart_of_the_database(visit: Visit, site: Site):
    site.wait_for_documents()
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant(keep=True)
    site.control("claude/pace", first_byte_s=0.5, token_s=0.05)
    try:
        guest.ask("Che cosa va notificato entro 72 ore?")
        answer = page.locator("#assistant-panel .chat__answer").last
        expect(answer.locator(".chat__text")).to_contain_text(re.compile(r"\w+ \w+ \w+"), timeout=20_000)
        site.postgres.restart()
        expect(answer).to_have_attribute("aria-busy", "false", timeout=60_000)
    finally:
        site.control("claude/pace", first_byte_s=0, token_s=0)

    expect(answer.locator(".sources li").first).to_be_visible()
    until(lambda: site.ready()["status"] == "ready", "the instance did not recover")
    output = site.manage("shell", "--command", ANSWERS).stdout.splitlines()[-1]
    assert json.loads(output) == [["answered"], [True]]
    page.reload()
    expect(page.locator("#assistant-panel .chat__answer")).to_have_count(1)
    expect(page.locator("#assistant-panel .chat__answer .sources li").first).to_be_visible()

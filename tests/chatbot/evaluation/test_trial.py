"""The answer tried in the back office: as a customer's, with what led to it, and nothing kept but its cost."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from chatbot.evaluation import trial
from chatbot.models import AssistantVersion, Conversation, Message, ModelCall, QuestionTrace
from sandbox.claude import HTTP_FAULTS
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, RECORDS, ask, learn
from tests.conftest import Control
from tests.factories import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "claude")]

TRY = "/admin/chatbot/assistantversion/try/"
QUESTION = "Entro quante ore va notificata la violazione dei dati?"
EVERYDAY = "Ci hanno rubato un portatile: chi dobbiamo avvisare?"


@pytest.fixture
def plain() -> AssistantVersion:
    learn(BREACH + RECORDS, title="GDPR")
    return AssistantVersion.objects.create(note="in use", rewrites_questions=False)


def post_trial(client: Client, text: str = QUESTION, **more: Any) -> Any:
    return client.post(TRY, {"question": text, "version": "", "ask": "1", **more})


def row_counts() -> tuple[int, int, int]:
    return Conversation.objects.count(), Message.objects.count(), QuestionTrace.objects.count()


def test_answer_comes_with_sources_calls_cost_and_time(plain: AssistantVersion, staff: Any):
    result = trial.run(text=QUESTION, version=None, user=staff, now=timezone.now())

    [call] = ModelCall.objects.all()
    assert (result.outcome, result.reason, result.ending) == ("answered", "", "")
    assert "entro 72 ore." in result.text
    [cite] = result.cites
    assert (cite.number, cite.heading, cite.passage.count(cite.quote)) == (
        1,
        "Articolo 33 - Notifica di una violazione",
        1,
    )
    assert (list(result.calls), result.cost) == ([call], call.cost)
    assert (call.purpose, call.is_settled, call.question, call.topic) == ("trial", True, None, "GENERAL")
    assert call.output_tokens > 0
    assert 0 < result.seconds < 10


def test_page_shows_it_and_nothing_is_kept_as_a_customers(plain: AssistantVersion, staff_client: Client):
    with translation.override("en"):
        page = post_trial(staff_client).content.decode()

    assert "entro 72 ore. [1]" in page or "entro 72 ore.[1]" in page
    assert "/admin/chatbot/modelcall/" in page
    assert row_counts() == (0, 0, 0)


def test_rewriting_is_shown_and_counts_as_a_trial_too(plain: AssistantVersion, staff: Any, claude: Control):
    version = AssistantVersion.objects.create(note="rewrites")
    claude.post("/mode", mode="scripted", script=["notifica di una violazione dei dati personali"])

    result = trial.run(text=EVERYDAY, version=version, user=staff, now=timezone.now())

    assert result.retrieval.rewritten_question == "notifica di una violazione dei dati personali"
    assert [call.purpose for call in result.calls] == ["trial", "trial"]


def test_chosen_version_answers_and_not_the_one_in_use(plain: AssistantVersion, staff_client: Client):
    AssistantVersion.objects.create(note="newer", rewrites_questions=False, top_k=1)

    old = post_trial(staff_client, version=plain.pk).context["answer"]
    in_use = post_trial(staff_client).context["answer"]

    assert (len(old.retrieval.hits), len(in_use.retrieval.hits)) == (2, 1)


def test_version_that_is_not_there_is_a_refused_form(plain: AssistantVersion, staff_client: Client):
    page = post_trial(staff_client, version="999999")

    assert ("version" in page.context["form"].errors, "answer" in page.context, ModelCall.objects.count()) == (
        True,
        False,
        0,
    )


def test_order_before_and_after_re_ranking_is_shown(plain: AssistantVersion, staff_client: Client, claude: Control):
    version = AssistantVersion.objects.create(note="reranks", rewrites_questions=False, reranks=True, top_k=1)
    claude.post("/mode", mode="scripted", script=["[2, 1]"])

    answer = post_trial(staff_client, version=version.pk).context["answer"]

    assert [place for place, _hit in answer.retrieval.reranked_hits] == [2, 1]
    assert [hit.heading[:11] for hit in answer.retrieval.candidates] == ["Articolo 33", "Articolo 30"]
    assert [hit.heading[:11] for hit in answer.retrieval.hits] == ["Articolo 30"]


@pytest.mark.parametrize(
    ("text", "script", "outcome", "reason", "calls"),
    [
        ("Qual è la ricetta della carbonara?", [], "refused", "off_topic", 0),
        (QUESTION, ["I nostri documenti non danno una risposta a questa domanda."], "refused", "no_support", 1),
        (QUESTION, ["Sono 72 ore, credo."], "refused", "unsupported", 1),
    ],
)
def test_refusal_says_why(
    text: str, script: list[str], outcome: str, reason: str, calls: int, plain: AssistantVersion, staff: Any,
    claude: Control,
):  # fmt: skip
    if script:
        claude.post("/mode", mode="scripted", script=script)

    result = trial.run(text=text, version=None, user=staff, now=timezone.now())

    assert (result.outcome, result.reason, len(result.calls)) == (outcome, reason, calls)
    assert result.text == "I nostri documenti non danno una risposta a questa domanda."
    assert "assistenza@aish.example" in result.ending


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("overloaded", "overloaded_error"), ("rate_limit", "rate_limit_error"), ("spend_limit", "spend_limit"),
     ("api_error", "api_error")],
)  # fmt: skip
def test_vendors_trouble_is_told_and_not_an_error(
    fault: str, reason: str, plain: AssistantVersion, staff_client: Client, claude: Control
):
    claude.fault(**HTTP_FAULTS[fault], times=1)

    page = post_trial(staff_client)

    answer = page.context["answer"]
    assert (page.status_code, answer.outcome, answer.reason, len(answer.calls)) == (200, "failed", reason, 0)
    assert str(page.context["reason"]) in page.content.decode()


def test_answer_that_is_cut_off_is_booked_for_what_was_counted(
    plain: AssistantVersion, staff: Any, claude: Control
):  # fmt: skip
    claude.post("/stream-fault", kind="cut_mid_stream", after_deltas=3)

    result = trial.run(text=QUESTION, version=None, user=staff, now=timezone.now())

    [call] = result.calls
    assert (result.outcome, result.reason, call.is_settled, call.output_tokens > 0) == (
        "incomplete",
        "connection",
        True,
        True,
    )


def test_embeddings_away_leave_full_text(plain: AssistantVersion, staff: Any, embedder: Embedder):
    embedder.fail(503)

    result = trial.run(text=QUESTION, version=None, user=staff, now=timezone.now())

    assert (result.outcome, [hit.similarity for hit in result.retrieval.hits]) == ("answered", [None])


def test_day_s_budget_holds_whatever_an_old_version_allowed(plain: AssistantVersion, staff: Any):
    plain.daily_budget = Decimal(1_000)
    plain.save()
    AssistantVersion.objects.create(note="poor", rewrites_questions=False, daily_budget=Decimal("0.0001"))

    result = trial.run(text=QUESTION, version=plain, user=staff, now=timezone.now())

    plain.refresh_from_db()
    assert (result.outcome, result.reason, result.calls) == ("limited", "budget", [])
    assert plain.daily_budget == Decimal(1_000)


def test_guests_limits_do_not_hold_for_staff_and_trials_do_not_use_them_up(
    plain: AssistantVersion, staff_client: Client, settings: Any
):
    AssistantVersion.objects.create(note="mean", rewrites_questions=False, caller_budget=Decimal("0.00001"))
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    ask(QUESTION)

    answers = [post_trial(staff_client).context["answer"].outcome for _time in range(2)]

    assert answers == ["answered", "answered"]


def test_version_that_is_switched_off_says_so(plain: AssistantVersion, staff: Any):
    version = AssistantVersion.objects.create(note="off", is_answering=False)

    result = trial.run(text=QUESTION, version=version, user=staff, now=timezone.now())

    assert (result.outcome, result.reason, result.calls) == ("limited", "switched_off", [])


@pytest.mark.parametrize("text", ["", "   ", "è" * 5_001])
def test_what_is_no_question_asks_nobody(text: str, plain: AssistantVersion, staff_client: Client):
    page = post_trial(staff_client, text)

    assert (page.status_code, "question" in page.context["form"].errors) == (200, True)
    assert ModelCall.objects.count() == 0


def test_model_is_asked_by_post_alone(plain: AssistantVersion, staff_client: Client):
    page = staff_client.get(TRY, {"question": QUESTION, "ask": "1"})

    assert ("answer" in page.context, page.context["hits"][0].title, ModelCall.objects.count()) == (False, "GDPR", 0)


def test_search_by_post_asks_no_model(plain: AssistantVersion, staff_client: Client):
    page = staff_client.post(TRY, {"question": QUESTION, "search": "1"})

    assert ("answer" in page.context, len(page.context["hits"]), ModelCall.objects.count()) == (False, 2, 0)


def test_other_sites_cannot_ask_in_a_staff_members_name(plain: AssistantVersion, staff: Any):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, staff)

    assert (post_trial(client).status_code, ModelCall.objects.count()) == (403, 0)


def test_customers_and_guests_ask_nothing_here(plain: AssistantVersion, customer_client: Client):
    statuses = [post_trial(client).status_code for client in (customer_client, Client())]

    assert (statuses, ModelCall.objects.count()) == ([302, 302], 0)


def test_without_documents_and_versions_it_is_off_topic(staff_client: Client):
    answer = post_trial(staff_client).context["answer"]

    assert (answer.outcome, answer.reason, answer.retrieval.hits) == ("refused", "off_topic", [])

"""The assistant's settings in the back office: versions, a place to try the search, and what the models cost."""

from typing import Any

import pytest
from django.test import Client

from chatbot.answering import configuration
from chatbot.models import AssistantVersion, Conversation, ModelCall
from chatbot.prompts import load
from core.models import AuditEntry
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, RECORDS, learn
from tests.config.rows import MAKERS

pytestmark = pytest.mark.django_db

ADD = "/admin/chatbot/assistantversion/add/"
TRY = "/admin/chatbot/assistantversion/try/"
VALUES = {
    "note": "Risposte più brevi", "is_answering": "on", "model": "", "max_tokens": "300", "temperature": "",
    "prompt": "Answer in one sentence.", "top_k": "3", "off_topic_similarity": "0.8", "rewrites_questions": "on",
    "rewrite_model": "", "daily_budget": "5.00", "caller_budget": "0.50",
}  # fmt: skip


def test_without_a_version_the_product_is_set_as_its_settings_say(settings: Any):
    settings.CLAUDE_MAX_TOKENS, settings.RAG_TOP_K_RESULTS, settings.CLAUDE_TEMPERATURE = 700, 4, 0.2

    setting = configuration.current()

    assert (setting.model.name, setting.model.max_tokens) == (settings.CLAUDE_MODEL, 700)
    assert (setting.model.temperature, setting.top_k) == (0.2, 4)
    assert setting.prompt.startswith(load("answer").strip())
    assert setting.prompt.endswith(setting.canary)
    assert settings.SECRET_KEY not in setting.prompt


def test_staff_add_a_version_and_it_is_in_use(staff_client: Client, staff: Any, settings: Any):
    staff_client.post(ADD, VALUES)

    version, setting = AssistantVersion.objects.get(), configuration.current()
    assert (version.note, version.created_by, setting.top_k) == ("Risposte più brevi", staff, 3)
    assert (setting.model.name, setting.model.max_tokens) == (settings.CLAUDE_MODEL, 300)
    assert setting.prompt.startswith("Answer in one sentence.")
    assert AuditEntry.objects.filter(action="assistantversion.created", actor=staff).exists()


def test_new_version_begins_as_the_one_in_use(staff_client: Client):
    staff_client.post(ADD, VALUES)

    form = staff_client.get(ADD).context["adminform"].form

    assert (form.initial["max_tokens"], form.initial["prompt"]) == (300, "Answer in one sentence.")
    assert "note" not in form.initial


def test_prompt_left_as_it_comes_goes_on_following_the_product(staff_client: Client):
    staff_client.post(ADD, VALUES | {"prompt": load("answer").replace("\n", "\r\n")})

    assert AssistantVersion.objects.get().prompt == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", "2"), ("max_tokens", "0"), ("top_k", "50"), ("daily_budget", "-1"), ("note", "")],
)
def test_version_out_of_bounds_is_refused(field: str, value: str, staff_client: Client):
    page = staff_client.post(ADD, VALUES | {field: value})

    assert field in page.context["adminform"].form.errors
    assert not AssistantVersion.objects.exists()


def test_version_that_was_in_use_cannot_be_changed_or_deleted(staff_client: Client):
    staff_client.post(ADD, VALUES)
    page = f"/admin/chatbot/assistantversion/{AssistantVersion.objects.get().pk}"

    change_response = staff_client.post(f"{page}/change/", VALUES | {"note": "Altro"})
    delete_response = staff_client.post(f"{page}/delete/", {"post": "yes"})

    assert (change_response.status_code, delete_response.status_code) == (403, 403)
    assert AssistantVersion.objects.get().note == "Risposte più brevi"


def test_search_is_tried_with_its_scores_and_without_a_model(staff_client: Client, embedder: Embedder):
    learn(BREACH + RECORDS, title="GDPR")

    page = staff_client.get(TRY, {"question": "Entro quante ore va notificata la violazione?"})

    first = page.context["hits"][0]
    text = page.content.decode()
    assert first.heading.startswith("Articolo 33")
    assert f"/admin/chatbot/chunk/{first.chunk_id}/change/" in text
    assert f"{first.similarity:.3f}".replace(".", ",") in text
    assert not ModelCall.objects.exists()


def test_search_is_tried_by_full_text_with_the_embeddings_away(staff_client: Client, embedder: Embedder):
    learn(BREACH, title="GDPR")
    embedder.fail(503)

    page = staff_client.get(TRY, {"question": "Entro quante ore va notificata la violazione?"})

    assert [hit.similarity for hit in page.context["hits"]] == [None]
    assert "InternalServerError" in page.content.decode()


def test_search_is_for_staff(customer_client: Client):
    assert customer_client.get(TRY).status_code == 302


def test_costs_are_summed_over_what_is_listed(staff_client: Client):
    for number in (1, 2):
        MAKERS[ModelCall](number)

    everything = staff_client.get("/admin/chatbot/modelcall/").context["reports"]
    model_reports = staff_client.get("/admin/chatbot/modelcall/?model__exact=m-2").context["reports"]

    people = staff_client.get("/admin/chatbot/modelcall/?asked_by=people").context["reports"]
    ModelCall.objects.filter(model="m-2").update(caller=Conversation.EVALUATION)
    others = staff_client.get("/admin/chatbot/modelcall/?asked_by=evaluations").context["reports"]

    assert ([row["name"] for row in others[1][1]], len(people[1][1])) == (["m-2"], 2)
    sums = {str(title): [(row["name"], row["count"], str(row["euros"])) for row in rows] for title, rows in everything}
    assert sums["Per argomento"] == [("GDPR", 2, "0.008400")]
    assert sorted(sums["Per modello"]) == [("m-1", 1, "0.004200"), ("m-2", 1, "0.004200")]
    assert [row["name"] for row in model_reports[1][1]] == ["m-2"]

"""A question asked beside the page of a service: what is left unsaid means that service, and no more than that."""

import json
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from chatbot.knowledge.unanswered import group_questions
from chatbot.models import AssistantVersion, Citation, Message, ModelCall
from tests.chatbot.answering.test_rewriting import requests_for
from tests.chatbot.stream import post_question
from tests.chatbot.talk import learn
from tests.conftest import Control
from tests.factories import make_service

# An answer is searched for and kept by threads with connections of their own, which see only what is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder")]

PRICES = "# Prezzi\n\n" + "\n\n".join(
    f"## {name}: prezzo e durata\n\n{name} costa {price} € più IVA e dura {weeks} settimane."
    for name, price, weeks in [
        ("Esercitazione di incidente", "1.800", 1), ("Registro dei trattamenti", "1.600", 4),
        ("Valutazione d’impatto", "2.200", 4), ("Alfabetizzazione", "1.200", 2), ("Verifica", "2.900", 3),
        ("Readiness NIS2", "3.900", 6),
    ]
)  # fmt: skip
HOW_MUCH = "Quanto costa e quanto dura?"


@pytest.fixture
def rewriting_off() -> None:
    AssistantVersion.objects.create(note="test", rewrites_questions=False)


def first_source(message: Message) -> str:
    return Citation.objects.get(message=message, number=1).heading


@pytest.mark.usefixtures("rewriting_off")
@pytest.mark.parametrize(("language", "name"), [("it", "Readiness NIS2"), ("en", "NIS2 readiness")])
def test_what_is_left_unsaid_means_the_service(guest: AsyncClient, claude: Control, language: str, name: str):
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")

    post_question(guest, HOW_MUCH, {"Accept-Language": language}, service="readiness-nis2")

    question, answer = Message.objects.order_by("pk")
    assert (question.text, question.about) == (HOW_MUCH, name)
    assert first_source(answer) == "Readiness NIS2: prezzo e durata"
    body = claude.get("/requests")[0]["body"]
    texts = [block["text"] for block in body["messages"][-1]["content"] if block["type"] == "text"]
    assert texts == [f"<page>{name}</page>", HOW_MUCH]


@pytest.mark.usefixtures("rewriting_off")
def test_question_about_something_else_is_answered_as_anywhere(guest: AsyncClient, claude: Control):
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")

    post_question(guest, "Quanto costa l’esercitazione di incidente?", service="readiness-nis2")

    assert first_source(Message.objects.get(role="answer")) == "Esercitazione di incidente: prezzo e durata"


def test_what_is_plainly_off_topic_stays_so_beside_any_page(guest: AsyncClient, claude: Control):
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")

    post_question(guest, "Qual è la ricetta della carbonara?", service="readiness-nis2")

    assert Message.objects.get(role="answer").outcome == "refused"
    assert ModelCall.objects.count() == 0


@pytest.mark.usefixtures("rewriting_off")
def test_what_follows_and_is_off_topic_is_refused_on_the_page_of_a_service_too(guest: AsyncClient, claude: Control):
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")
    post_question(guest, HOW_MUCH, service="readiness-nis2")
    before = ModelCall.objects.count()

    post_question(guest, "Qual è la ricetta della carbonara?", service="readiness-nis2")

    assert Message.objects.filter(role="answer").latest("pk").outcome == "refused"
    assert (before, ModelCall.objects.count()) == (1, 1)


def test_model_that_puts_passages_in_order_knows_the_page(guest: AsyncClient, claude: Control):
    AssistantVersion.objects.create(note="test", rewrites_questions=False, reranks=True)
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")

    post_question(guest, HOW_MUCH, service="readiness-nis2")

    body = requests_for(claude, "RERANK")[-1]
    assert json.loads(body["messages"][-1]["content"])["question"] == f"Readiness NIS2: {HOW_MUCH}"


def test_unanswered_questions_of_two_services_say_which(claude: Control, staff_client: Client):
    for slug, name in (("uno", "Registro dei trattamenti"), ("due", "Readiness NIS2")):
        make_service(slug, name_it=name)
        post_question(AsyncClient(), "Si può rateizzare in Bitcoin?", service=slug)

    group_questions(now=timezone.now())

    page = staff_client.get("/admin/chatbot/questiongroup/")
    names = {str(group) for group in page.context["cl"].result_list}
    assert names == {
        f"{name}: Si può rateizzare in Bitcoin?" for name in ("Registro dei trattamenti", "Readiness NIS2")
    }


def test_small_model_is_told_what_the_question_is_about(guest: AsyncClient, claude: Control):
    AssistantVersion.objects.create(note="test", off_topic_similarity=0)
    make_service("readiness-nis2")
    learn(PRICES, "prezzi.it.md")

    post_question(guest, "Vale anche per noi che siamo in sessanta?", service="readiness-nis2")

    body = requests_for(claude, "REWRITE")[-1]
    assert body["messages"][-1]["content"] == "Readiness NIS2: Vale anche per noi che siamo in sessanta?"


@pytest.mark.usefixtures("rewriting_off")
@pytest.mark.parametrize("service", [None, "", "nulla", "spento", 7, ["readiness-nis2"], {"slug": "x"}, "\x00"])
def test_page_that_is_not_there_says_nothing(guest: AsyncClient, claude: Control, service: Any):
    make_service("readiness-nis2")
    make_service("spento", is_active=False)
    learn(PRICES, "prezzi.it.md")

    post_question(guest, "Quanto costa la verifica?", service=service)

    question, answer = Message.objects.order_by("pk")
    assert (question.about, answer.outcome) == ("", "answered")

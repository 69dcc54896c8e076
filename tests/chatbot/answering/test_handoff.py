"""When a person is offered: the wish for one, answers with little behind them, answers of no use."""

import pytest
from django.test import Client

from chatbot.answering.answers import PERSONS
from chatbot.answering.events import Done, Token
from chatbot.answering.handoff import has_little_support, support_of
from chatbot.conversations.feedback import give_feedback
from chatbot.models import Message, ModelCall
from chatbot.tickets.services import reason_of
from tests.chatbot.talk import BREACH, NOW, ask, block, learn, run_answer
from tests.conftest import Control

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "without_rewriting")]


@pytest.mark.parametrize(
    ("text", "support"),
    [
        ("", 0.0),
        ("Entro 72 ore.[1]", 1.0),
        ("Entro 72 ore.[1][2] Poi si informa.", 0.5),
        ("Prima. Seconda. Terza. Quarta.", 0.0),
        ("Ecco:\n\n- uno [1]\n- due\n- tre [2]", 2 / 3),
        ("Ecco che cosa dicono i documenti: entro 72 ore (art. 33, par. 1, GDPR).[1]", 1.0),
        ("Tre passi (art. 25, c. 5, D.Lgs. 138/2024): 24 ore; 72 ore; un mese.[1] Poi nulla.", 0.5),
        ("Prima. Seconda: terza. Quarta?\nQuinta [1]", 0.25),
    ],
)
def test_support_is_the_share_of_sentences_with_a_source(text: str, support: float):
    assert support_of(text) == pytest.approx(support)


def test_wish_for_a_person_is_answered_without_search_or_model(claude: Control):
    learn(BREACH)
    events, row = run_answer(question := ask("Voglio parlare con una persona"))

    assert events == [
        Token(PERSONS["it"]),
        Done(
            str(row.reference), "person",
            "Scrivete a assistenza@aish.example: vi risponde una persona entro un giorno lavorativo.",
        ),
    ]  # fmt: skip
    assert not ModelCall.objects.exists()
    assert reason_of(question.conversation) == "asked"


def test_answer_with_little_behind_it_offers_a_person(claude: Control):
    learn(BREACH)
    quote = "In caso di violazione dei dati personali, il titolare notifica la violazione"
    text = "Uno. Due. Tre. Quattro. Si notifica."
    claude.post("/mode", mode="scripted", script=[{"content": [block(text, (0, quote))]}])

    events, row = run_answer(question := ask("Entro quante ore va notificata la violazione dei dati?"))

    assert has_little_support(row)
    assert events[-1].text.startswith("Poco di quanto detto")
    assert reason_of(question.conversation) == "low_support"


def test_answers_of_no_use_are_the_reason(claude: Control):
    learn(BREACH)
    _events, first = run_answer(question := ask("Entro quante ore va notificata la violazione dei dati?"))
    before = reason_of(question.conversation)
    _events, second = run_answer(ask("Chi notifica la violazione dei dati?", after=question))
    for message in (first, second):
        give_feedback(message=message, is_helpful=False, now=NOW)

    assert (before, reason_of(question.conversation)) == ("asked", "thumbs_down")


def test_page_without_script_leads_to_the_person(client: Client, claude: Control):
    learn(BREACH)
    client.post("/assistenza/", {"text": "Voglio parlare con una persona"})

    page = client.get("/assistenza/").content.decode()

    assert PERSONS["it"] in page
    assert 'href="#person"' in page
    assert Message.objects.get(role="answer").outcome == "person"

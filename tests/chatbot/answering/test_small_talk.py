"""A greeting gets a human answer, and costs nobody anything."""

import pytest

from chatbot.answering.events import Done, Token
from chatbot.answering.small_talk import reply_to
from chatbot.models import ModelCall, QuestionTrace
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, ask, learn, run_answer
from tests.conftest import Control


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("ciao", "Buongiorno!"),
        ("Buongiorno!", "Buongiorno!"),
        ("  SALVE ", "Buongiorno!"),
        ("hello", "Buongiorno!"),
        ("grazie", "Prego!"),
        ("Ok, grazie mille!" , ""),
        ("Ok, grazie!", "Prego!"),
        ("Thank you 🙏", "Prego!"),
        ("?", "Scrivete la domanda"),
        ("…", "Scrivete la domanda"),
        ("😀", "Scrivete la domanda"),
        ("Ciao, quanto costa la Readiness NIS2?", ""),
        ("Buongiorno a voi, che cos’è il NIS2?", ""),
        ("NIS2", ""),
        ("", "Scrivete la domanda"),
    ],
)  # fmt: skip
def test_only_what_is_no_question_is_small_talk(text: str, begin: str):
    assert bool(reply_to(text, "it")) == bool(begin)
    assert reply_to(text, "it").startswith(begin)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("text", "language", "reply"), [("Ciao!", "it", "Buongiorno!"), ("Thanks a lot", "en", "You are welcome!")]
)
def test_small_talk_asks_no_model_and_is_no_unanswered_question(
    text: str, language: str, reply: str, claude: Control, embedder: Embedder
):
    learn(BREACH)
    embedder.reset()

    events, row = run_answer(ask(text, language=language))

    assert events == [Token(row.text), Done(str(row.reference), "small_talk")]
    assert row.text.startswith(reply)
    assert (ModelCall.objects.count(), QuestionTrace.objects.count(), embedder.batches) == (0, 0, [])

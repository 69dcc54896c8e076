"""Italian or English, by small words."""

from pathlib import Path

import pytest

from chatbot.evaluation.retrieval_metrics import read_questions
from chatbot.languages import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Entro quante ore si notifica una violazione?", "it"),
        ("How long do I have to report a breach?", "en"),
        ("Il data breach va notificato?", "it"),
        ("Quanto costa?", "it"),
        ("hello", "en"),
        ("NIS2?", "default"),
        ("GDPR art. 33", "default"),
        ("", "default"),
        ("the il", "default"),
    ],
)
def test_small_words_tell_the_language(text: str, language: str):
    assert language_of(text, "default") == language


def test_published_questions_are_told_apart(shared: Path):
    questions = read_questions(shared / "kb" / "eval-dev.jsonl")

    assert [each.id for each in questions if language_of(each.text, "?") != each.language] == []

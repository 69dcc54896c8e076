"""The demo knowledge base: the same in both languages, of a good size, and its test questions find their passages."""

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings

from chatbot.answering.wishes import is_wish_for_person
from chatbot.clients import embeddings
from chatbot.knowledge.front_matter import read_front_matter
from chatbot.knowledge.parsing import parse
from chatbot.models import Topic
from chatbot.retrieval.chunking import Section, passages
from chatbot.retrieval.search import is_off_topic, search
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import learn

FOLDER = Path(str(files("chatbot") / "demo"))
NAMES = sorted(path.name.removesuffix(".it.md") for path in FOLDER.glob("*.it.md"))
QUESTIONS, EVERYDAY = (
    [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]
    for name in ("questions.jsonl", "everyday.jsonl")
)

# The test has one language loaded, for time: the Italian questions that an Italian passage answers.
ITALIAN = [
    question
    for question in QUESTIONS
    if question["lang"] == "it" and any(".it#" in place for place in (*question["gold"], *question["also"]))
]

each_pair = pytest.mark.parametrize("name", NAMES)


def read_metadata(name: str, language: str) -> dict[str, str]:
    return read_front_matter((FOLDER / f"{name}.{language}.md").read_bytes())


@cache
def sections(name: str, language: str) -> list[Section]:
    return list(parse("md", (FOLDER / f"{name}.{language}.md").read_bytes()).sections)


def test_every_document_has_its_other_language():
    names = {path.name for path in FOLDER.glob("*.md")}

    assert names == {f"{name}.{language}.md" for name in NAMES for language in ("it", "en")}
    assert len(NAMES) == 12


@each_pair
def test_both_languages_say_what_they_are(name: str):
    italian, english = read_metadata(name, "it"), read_metadata(name, "en")

    assert (italian["language"], english["language"]) == ("it", "en")
    assert (italian["topic"], italian["version"]) == (english["topic"], english["version"])
    assert italian["topic"] in Topic.values
    assert "" not in (italian["title"], english["title"])


@each_pair
def test_both_languages_have_the_same_sections(name: str):
    italian, english = sections(name, "it"), sections(name, "en")

    assert len(italian) == len(english)
    for one, other in zip(italian, english, strict=True):
        assert 0.7 < len(one.text) / len(other.text) < 1.5, (one.heading, other.heading)


@pytest.mark.parametrize("question", [*QUESTIONS, *EVERYDAY], ids=lambda question: question["id"])
def test_passages_a_question_names_are_there(question: dict[str, Any]):
    places = {
        f"{name}.{language}#{section.heading}"
        for name in NAMES
        for language in ("it", "en")
        for section in sections(name, language)
    }

    assert [place for place in (*question["gold"], *question["also"]) if place not in places] == []
    assert bool(question["gold"]) == (question["kind"] != "unanswerable")


@pytest.mark.parametrize("language", ["it", "en"])
def test_knowledge_base_is_of_a_size_to_be_read_within_a_minute(language: str):
    cut = partial(passages, size=settings.RAG_CHUNK_SIZE, overlap=settings.RAG_CHUNK_OVERLAP)
    count = sum(len(list(cut(sections(name, language)))) for name in NAMES)

    assert 60 <= count <= 120


def find_missed(questions: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of those that find none of their passages among the first, or are taken for off topic."""
    missed = []
    for question in questions:
        vector = async_to_sync(embeddings.embed_question)(question["question"])
        hits = search(question["question"], vector, count=settings.RAG_TOP_K_RESULTS)
        places = {f"{hit.document.removesuffix('.md')}#{hit.heading}" for hit in hits}
        if is_off_topic(hits) or not places & {*question["gold"], *question["also"]}:
            missed.append(question["id"])
    return missed


@pytest.mark.slow
@pytest.mark.django_db
def test_every_question_finds_a_passage_that_answers_it(embedder: Embedder):
    for path in sorted(FOLDER.glob("*.it.md")):
        learn(path.read_bytes(), path.name)

    assert (len(ITALIAN), find_missed(ITALIAN)) == (24, [])


def test_everyday_questions_are_forty_half_of_them_italian():
    assert Counter(question["lang"] for question in EVERYDAY) == {"it": 20, "en": 20}
    assert len({question["question"] for question in EVERYDAY}) == 40


@pytest.mark.slow
@pytest.mark.django_db
def test_everything_customers_commonly_ask_is_found(embedder: Embedder):
    for path in sorted(FOLDER.glob("*.md")):
        learn(path.read_bytes(), path.name)

    assert find_missed(EVERYDAY) == []


def test_nothing_customers_commonly_ask_is_taken_for_the_wish_for_a_person(embedder: Embedder):
    texts = [question["question"] for question in EVERYDAY]
    wishes = [
        text
        for text in texts
        if async_to_sync(is_wish_for_person)(text, async_to_sync(embeddings.embed_question)(text))
    ]

    assert wishes == []

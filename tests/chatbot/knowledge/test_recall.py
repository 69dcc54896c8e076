"""Facts in documents of every kind are found, without a model: Recall@5 of one fact and of two."""

from pathlib import Path

import pytest

from chatbot.knowledge.parsing import UnreadableDocumentError, parse
from tests.chatbot.corpus import measure_recall, own, public
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import learn

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SINGLE, DOUBLE = 0.95, 0.85


def test_facts_of_documents_of_every_kind_are_found(embedder: Embedder):
    for name, content in own.documents().items():
        learn(content, name)

    recall = measure_recall(own.QUESTIONS)

    assert (recall.single >= SINGLE, recall.double >= DOUBLE) == (True, True), recall


@pytest.mark.django_db(transaction=True)
def test_facts_of_published_documents_are_found(shared: Path, embedder: Embedder):
    """A Word file of 872 pages, a PDF of 117, a text of 48 thousand characters without a heading."""
    for name in public.DOCUMENTS:
        learn((shared / "kb" / "public" / name).read_bytes(), name)

    recall = measure_recall(public.QUESTIONS)

    assert (recall.single >= SINGLE, recall.double >= DOUBLE) == (True, True), recall


@pytest.mark.parametrize(
    ("name", "reason"), [("scan.pdf", "scanned"), ("ptable.pdf", "scanned"), ("lo-password.pdf", "locked")]
)
def test_published_files_that_cannot_be_read_say_why(name: str, reason: str, shared: Path):
    with pytest.raises(UnreadableDocumentError) as caught:
        parse("pdf", (shared / "kb" / "public" / name).read_bytes())

    assert caught.value.reason == reason

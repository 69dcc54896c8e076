"""The embedder's limits, and who goes first: a question never waits for documents, nor twice for a slow server."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from chatbot.clients import embeddings
from chatbot.knowledge import ingest
from core.errors import PermanentError, TransientError
from tests.chatbot.embedder import WAIT_S, Embedder
from tests.chatbot.talk import NOW, add
from tests.clock import at
from tests.waiting import until

LONG = "\n\n".join(f"## Articolo {number}\n\nTesto dell’articolo {number}." for number in range(1, 41))


def embed_question(text: str) -> list[float]:
    """In a loop of its own, whose connections end with it."""

    async def embed() -> list[float]:
        try:
            return await embeddings.embed_question(text)
        finally:
            await embeddings._async_clients.get().close()

    return async_to_sync(embed)()


def test_no_request_has_more_texts_than_the_api_takes(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "MAX_INPUTS", 3)

    vectors = embeddings.embed_passages([f"Testo {number}." for number in range(7)])

    assert (len(vectors), embedder.batches) == (7, [3, 3, 1])


def test_no_request_has_more_tokens_than_the_api_takes(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "MAX_TOKENS", 20)  # a token is a byte at least

    embeddings.embed_passages(["dieci byte"] * 3 + ["più di venti byte in un solo testo"])

    assert embedder.batches == [2, 1, 1]


@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_text_is_never_sent(text: str, embedder: Embedder):
    with pytest.raises(ValueError, match="no vector"):
        embeddings.embed_passages(["Testo.", text])
    with pytest.raises(PermanentError):
        embed_question(text)

    assert embedder.batches == []


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("text-embedding-3-small", 1536), ("text-embedding-3-large", 1536), ("multilingual-e5-small", None)],
)
def test_width_is_asked_for_where_the_model_can_be_narrower(
    model: str, dimensions: int | None, embedder: Embedder, settings: Any
):
    settings.EMBEDDING_MODEL = model

    embeddings.embed_passages(["Testo."])
    embed_question("Domanda?")

    assert [body.get("dimensions") for body in embedder.bodies] == [dimensions] * 2


@pytest.mark.django_db(transaction=True)
def test_question_goes_before_the_next_batch_of_a_document(embedder: Embedder, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "chatbot.clients.embeddings")
    document = add(LONG)

    def read() -> None:
        try:
            ingest.ingest(document=document)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with embedder.hold() as request_received:
            question = pool.submit(embed_question, "Entro quante ore?")
            assert request_received.wait(WAIT_S)
            reading = pool.submit(read)
            until(lambda: "documents wait for a question" in caplog.text, "the reading did not wait")
            batches_meanwhile = list(embedder.batches)
        question.result(timeout=WAIT_S)
        reading.result(timeout=WAIT_S)

    assert batches_meanwhile == [1], "the question's alone"
    assert sum(embedder.batches) == 41


def test_documents_do_not_wait_for_ever(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "_PATIENCE_S", 0.1)

    with ThreadPoolExecutor(1) as pool, embedder.hold() as request_received:
        question = pool.submit(embed_question, "Entro quante ore?")
        assert request_received.wait(WAIT_S)
        embeddings.wait_for_questions()
        embedder.go.set()
        question.result(timeout=WAIT_S)


def test_batches_follow_the_embedders_pace():
    sizes = [
        embeddings.next_batch_size(size, seconds) for size, seconds in [(8, 0.1), (8, 0.7), (8, 3), (1, 9), (96, 0)]
    ]

    assert sizes == [16, 8, 4, 1, 128]


def test_slow_embedder_is_waited_for_once(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "_QUERY_TIMEOUT_S", 0.2)

    with at(NOW), embedder.hold():
        with pytest.raises(TransientError):
            embed_question("Entro quante ore?")
        with pytest.raises(TransientError, match="left alone"):
            embed_question("Entro quante ore?")
    sent = len(embedder.batches)
    with at(NOW + timedelta(seconds=29)), pytest.raises(TransientError, match="left alone"):
        embed_question("Entro quante ore?")
    with at(NOW + timedelta(seconds=31)):
        vector = embed_question("Entro quante ore?")

    assert (sent, len(vector)) == (1, embeddings.WIDTH)

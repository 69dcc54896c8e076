"""What tests of the assistant share: an embedding server that can fail, and Claude without leftovers."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient

from chatbot.clients import embeddings
from chatbot.models import AssistantVersion
from tests.chatbot.embedder import Embedder
from tests.conftest import Control


@pytest.fixture(scope="session")
def embedding_server() -> Iterator[Embedder]:
    """One for each test process: a question must not wait behind the documents of a test elsewhere."""
    with Embedder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def embedder(embedding_server: Embedder, settings: Any) -> Iterator[Embedder]:
    settings.OPENAI_BASE_URL = embedding_server.url
    embeddings._client.cache_clear()
    embeddings._breaker.until = 0
    embedding_server.reset()
    yield embedding_server
    embeddings._client.cache_clear()


@pytest.fixture
def guest() -> AsyncClient:
    return AsyncClient()


@pytest.fixture
def claude(claude: Control) -> Iterator[Control]:
    yield claude
    claude.delete("/stream-fault")
    claude.delete("/rerank-fault")


@pytest.fixture
def without_rewriting(transactional_db: None) -> None:
    """Questions are not rewritten: the model's stand-in is asked once, for the answer."""
    AssistantVersion.objects.create(note="test", rewrites_questions=False)

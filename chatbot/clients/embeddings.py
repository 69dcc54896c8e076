"""OpenAI's embeddings, or any server that speaks like it. Narrower vectors are padded to the width of the column.

https://platform.openai.com/docs/api-reference/embeddings/create: at most 2,048 inputs and 300,000 tokens a request.
A server of one's own does one request after the other: questions go before documents, whose batches are as large as
it does in about half a second, and a question does not wait twice for a server that is busy.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

import openai
from django.conf import settings
from django.core.cache import cache

from chatbot.clients.loops import LIMITS, PerLoop
from core.errors import ChannelError, PermanentError, TransientError
from core.web.offload import run_in_thread

logger = logging.getLogger(__name__)

WIDTH = 1536
MAX_INPUTS = 2048
MAX_TOKENS = 300_000
_QUERY_TIMEOUT_S = 4
_PASSAGE_TIMEOUT_S = 120
_LEFT_ALONE_S = 30  # after a question waited in vain
_BATCH_S = (0.5, 1.0)  # documents hold the embedder up for so long at a time, about
_MAX_BATCH = 128
_PATIENCE_S = 10  # of documents, with questions that never end
_QUESTION_KEY = "chatbot-embedding-question"


def embed_passages(texts: Sequence[str]) -> list[list[float]]:
    """One vector of 1,536 numbers per text, for storing. Raises `TransientError` or `PermanentError`."""
    if not all(text.strip() for text in texts):
        raise ValueError("an empty text has no vector")
    return [vector for batch in _within_limits(texts) for vector in _embed(batch, "passage")]


def embed_questions(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of questions that nobody waits for, to compare others with."""
    return [vector for batch in _within_limits(texts) for vector in _embed(batch, "query")]


def _embed(texts: Sequence[str], input_type: Literal["query", "passage"]) -> list[list[float]]:
    try:
        answer = _client().embeddings.create(input=list(texts), **_parameters(input_type))
    except openai.OpenAIError as error:
        raise _convert_error(error) from error
    return [_pad(item.embedding) for item in sorted(answer.data, key=lambda item: item.index)]


async def embed_question(text: str) -> list[float]:
    """The vector of a question, to compare with stored ones."""
    if not text.strip():
        raise PermanentError("embeddings: an empty text has no vector")
    if _breaker.is_open:
        raise TransientError("embeddings: too slow just now, left alone for a while", code="slow")
    await run_in_thread(cache.set, _QUESTION_KEY, True, _QUERY_TIMEOUT_S + 1)
    try:
        answer = await _async_clients.get().embeddings.create(input=[text], **_parameters("query"))
    except openai.OpenAIError as error:
        if isinstance(error, openai.APITimeoutError):
            _breaker.trip()
        raise _convert_error(error) from error
    finally:
        await asyncio.shield(run_in_thread(cache.delete, _QUESTION_KEY))
    return _pad(answer.data[0].embedding)


def wait_for_questions() -> None:
    """Let a question that is being embedded go first; it is a person who waits for it."""
    end, has_waited = time.monotonic() + _PATIENCE_S, False
    while cache.get(_QUESTION_KEY) and time.monotonic() < end:
        if not has_waited:
            logger.info("documents wait for a question")
        has_waited = True
        time.sleep(0.02)


def next_batch_size(size: int, seconds: float) -> int:
    """How many passages to send next, after `size` of them took so long."""
    short, long = _BATCH_S
    if seconds > long:
        return max(size // 2, 1)
    return min(size * 2, _MAX_BATCH) if seconds < short else size


class _Breaker:
    """Open after a question waited in vain: this process's next ones are searched for by full text at once."""

    def __init__(self) -> None:
        self.until = 0.0

    @property
    def is_open(self) -> bool:
        return time.time() < self.until

    def trip(self) -> None:
        self.until = time.time() + _LEFT_ALONE_S


_breaker = _Breaker()


def _within_limits(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in batches that one request takes; a token has a byte at least."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) == MAX_INPUTS or tokens + length > MAX_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += length
    if batch:
        yield batch


def _parameters(input_type: Literal["query", "passage"]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"model": settings.EMBEDDING_MODEL}
    if settings.EMBEDDING_MODEL.startswith("text-embedding-3"):  # they can be as narrow as is asked for
        parameters["dimensions"] = WIDTH
    return parameters | ({"extra_body": {"input_type": input_type}} if settings.EMBEDDING_INPUT_TYPES else {})


def _pad(vector: Sequence[float]) -> list[float]:
    if len(vector) > WIDTH:
        raise PermanentError(f"the model's vectors have {len(vector)} dimensions, the table has {WIDTH}")
    return [*vector, *([0.0] * (WIDTH - len(vector)))]


def _convert_error(error: openai.OpenAIError) -> TransientError | PermanentError:
    status = getattr(error, "status_code", None)
    text = f"embeddings: {type(error).__name__}"
    if status in (401, 403, 429):  # key refused, no right to the model, throttled or nothing left to spend
        return ChannelError(f"{text}: {error}" if status != 429 else text, code=str(status))
    if status is None or status >= 500:
        return TransientError(text, code=str(status or ""))
    return PermanentError(f"{text}: {error}", code=str(status))


@lru_cache(maxsize=1)
def _client() -> openai.OpenAI:
    return openai.OpenAI(
        api_key=settings.OPENAI_API_KEY, base_url=settings.OPENAI_BASE_URL, max_retries=0, timeout=_PASSAGE_TIMEOUT_S
    )


_async_clients = PerLoop(
    lambda: openai.AsyncOpenAI(
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
        max_retries=0,
        timeout=_QUERY_TIMEOUT_S,
        http_client=openai.DefaultAsyncHttpxClient(limits=LIMITS),
    )
)

"""OpenAI's embeddings, or any server that speaks like it. Narrower vectors are padded to the width of the column."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import openai
from django.conf import settings

from chatbot.clients.loops import LIMITS, PerLoop
from core.errors import ChannelError, PermanentError, TransientError

WIDTH = 1536
_QUERY_TIMEOUT_S = 10
_PASSAGE_TIMEOUT_S = 120


def embed_passages(texts: Sequence[str]) -> list[list[float]]:
    """One vector of 1,536 numbers per text, for storing. Raises `TransientError` or `PermanentError`."""
    try:
        answer = _client().embeddings.create(model=settings.EMBEDDING_MODEL, input=list(texts), **_kind("passage"))
    except openai.OpenAIError as error:
        raise _convert_error(error) from error
    return [_pad(item.embedding) for item in sorted(answer.data, key=lambda item: item.index)]


async def embed_question(text: str) -> list[float]:
    """The vector of a question, to compare with stored ones."""
    try:
        answer = await _async_clients.get().embeddings.create(
            model=settings.EMBEDDING_MODEL, input=[text], **_kind("query")
        )
    except openai.OpenAIError as error:
        raise _convert_error(error) from error
    return _pad(answer.data[0].embedding)


def _kind(input_type: Literal["query", "passage"]) -> dict[str, Any]:
    return {"extra_body": {"input_type": input_type}} if settings.EMBEDDING_INPUT_TYPES else {}


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

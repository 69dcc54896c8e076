"""A question in the words of the documents: asked in everyday words, or following on another one, it would find little.

At most one short call of a small model, remembered for a month; without it the question is searched for as it stands.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import timedelta

from django.core.cache import cache

from chatbot.assistant import Setting
from chatbot.clients import claude
from chatbot.prompts import load
from chatbot.retrieval import Hit

logger = logging.getLogger(__name__)

# A passage in the question's own language with so large a share of its words is what was asked for.
SURE = 0.25
_LONGEST = 600
_REMEMBERED_S = int(timedelta(days=30).total_seconds())


def is_sure(hits: Sequence[Hit], language: str) -> bool:
    """Whether the first search has found what was asked for, so that rewriting would only cost time."""
    return max((hit.words for hit in hits if hit.language == language), default=0.0) >= SURE


def remembered(question: str, history: Sequence[claude.Turn], setting: Setting) -> str:
    """The rewriting made before for the same question after the same conversation, "" when there is none."""
    return str(cache.get(_key(question, history, setting)) or "")


def remember(question: str, history: Sequence[claude.Turn], setting: Setting, text: str) -> None:
    """Keep a rewriting for whoever asks the same."""
    cache.set(_key(question, history, setting), text, _REMEMBERED_S)


async def rewritten(question: str, history: Sequence[claude.Turn], setting: Setting) -> tuple[str, claude.Ended]:
    """The question rewritten, and what it cost. Raises the client's errors; "" when the model said nothing of use."""
    told = await claude.complete(
        model=setting.rewrite_model, system=load("rewrite"), history=history, question=question
    )
    text = " ".join(told.text.split())[:_LONGEST]
    return text, told.ended


def merged(rewritten_hits: Sequence[Hit], hits: Sequence[Hit], count: int) -> list[Hit]:
    """The passages of both searches in turn, the rewritten question's first, each section once."""
    found: dict[tuple[str, int], Hit] = {}
    for place in range(max(len(rewritten_hits), len(hits))):
        for each in (*rewritten_hits[place : place + 1], *hits[place : place + 1]):
            found.setdefault((each.document, each.section), each)
    return list(found.values())[:count]


def _key(question: str, history: Sequence[claude.Turn], setting: Setting) -> str:
    told = repr((setting.rewrite_model.name, load("rewrite"), [(turn.role, turn.text) for turn in history], question))
    return f"chatbot-rewrite-{hashlib.sha256(told.encode()).hexdigest()}"

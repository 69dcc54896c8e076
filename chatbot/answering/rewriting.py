"""A question in the words of the documents: asked in everyday words, or following on another one, it would find little.

At most one short call of a small model, remembered for a month; without it the question is searched for as it stands.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain, zip_longest

from django.core.cache import cache

from chatbot.answering.configuration import Setting
from chatbot.clients import claude
from chatbot.prompts import load
from chatbot.retrieval.search import Hit, once_a_section

# A passage in the question's own language with so large a share of its words is what was asked for.
SURE = 0.25
_LONGEST = 600
_REMEMBERED_S = int(timedelta(days=30).total_seconds())


def is_sure(hits: Sequence[Hit], language: str) -> bool:
    """Whether the first search has found what was asked for, so that rewriting would only cost time."""
    return max((hit.words for hit in hits if hit.language == language), default=0.0) >= SURE


def get_cached(question: str, history: Sequence[claude.Turn], setting: Setting) -> str:
    """The rewriting made before for the same question after the same conversation, "" when there is none."""
    return str(cache.get(_key(question, history, setting)) or "")


def set_cached(question: str, history: Sequence[claude.Turn], setting: Setting, text: str) -> None:
    """Keep a rewriting for whoever asks the same."""
    cache.set(_key(question, history, setting), text, _REMEMBERED_S)


def build_request(question: str, history: Sequence[claude.Turn], setting: Setting) -> claude.Request:
    """The call that rewrites the question."""
    return claude.Request(setting.rewrite_model, load("rewrite"), question, history=history)


def parse_answer(answer: str) -> str:
    """The rewritten question in the model's answer; "" when it said nothing of use."""
    return " ".join(answer.split())[:_LONGEST]


def merge_hits(rewritten_hits: Sequence[Hit], hits: Sequence[Hit], count: int) -> list[Hit]:
    """The passages of both searches in turn, the rewritten question's first, each section once."""
    in_turn = chain.from_iterable(zip_longest(rewritten_hits, hits))
    return once_a_section(hit for hit in in_turn if hit)[:count]


def _key(question: str, history: Sequence[claude.Turn], setting: Setting) -> str:
    source = repr((setting.rewrite_model.name, load("rewrite"), [(turn.role, turn.text) for turn in history], question))
    return f"chatbot-rewrite-{hashlib.sha256(source.encode()).hexdigest()}"

"""What a request has to know of the model it is for, as published by its vendor on 29 November 2026.

https://platform.claude.com/docs/en/about-claude/models/overview, …/build-with-claude/thinking-troubleshooting,
…/build-with-claude/prompt-caching and …/about-claude/model-deprecations. Prices change by date and are rows
(`ModelPrice`).
"""

from dataclasses import dataclass
from datetime import date

# For a model that thinks and cannot be told not to: its thoughts are a part of `max_tokens`.
THINKING_ROOM = 4000


@dataclass(frozen=True)
class ModelFacts:
    """What a model does unless told otherwise, and what it takes."""

    thinks: bool = True
    thinking_off: str = ""  # the `thinking.type` that switches it off; "" where nothing does
    takes_temperature: bool = False
    cache_minimum: int = 4096  # tokens of the shortest prompt that is cached
    context: int = 200_000  # tokens
    max_output: int = 64_000  # tokens
    retires: date | None = None  # on this day, or from it on; None where neither is published

    @property
    def room(self) -> int:
        """Tokens that thinking may take beside the answer."""
        return THINKING_ROOM if self.thinks and not self.thinking_off else 0


def _current(thinking_off: str, *, cache_minimum: int = 512, retires: date | None = None) -> ModelFacts:
    return ModelFacts(
        thinking_off=thinking_off, cache_minimum=cache_minimum, context=1_000_000, max_output=128_000, retires=retires
    )


FACTS = {
    "claude-opus-5-5": _current(""),
    "claude-sonnet-5-5": _current("between_tools"),
    "claude-haiku-5-5": _current("disabled", retires=date(2027, 10, 7)),
    "claude-opus-5": _current("disabled"),
    "claude-sonnet-5": _current("disabled", cache_minimum=1024),
    # cached from 2,048 tokens on, not from 1,024 as documented: anthropics/anthropic-sdk-python#1194
    "claude-sonnet-4-6": ModelFacts(
        thinks=False, takes_temperature=True, cache_minimum=2048, context=1_000_000, max_output=128_000
    ),
    "claude-haiku-4-5": ModelFacts(thinks=False, takes_temperature=True, retires=date(2026, 10, 15)),
    "claude-sonnet-4-5": ModelFacts(
        thinks=False, takes_temperature=True, cache_minimum=1024, retires=date(2026, 11, 30),
    ),
}  # fmt: skip


def find_facts(name: str) -> ModelFacts | None:
    """What is known of a model; of a dated name what is known of its undated one."""
    undated = name.rpartition("-")[0] if name[-8:].isdigit() else name
    return FACTS.get(name) or FACTS.get(undated)


def facts_of(name: str) -> ModelFacts:
    """What is known of a model, or else what is safe with every one of them."""
    return find_facts(name) or ModelFacts()

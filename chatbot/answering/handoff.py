"""When an answer offers a person: little of it has a source. Who asks for one is in `wishes`."""

import re

from chatbot.answering.events import MARK
from chatbot.models import Message
from chatbot.retrieval.chunking import sentences

_MARKED_END = re.compile(r"([.!?;])((?: ?\[\d{1,2}\])+)")
# An answer with a source for fewer of its sentences says more than our documents do.
_LITTLE_SUPPORT = 0.25


def support_of(text: str) -> float:
    """The share of an answer's sentences that have a source, from 0 to 1."""
    inside = _MARKED_END.sub(r"\2\1", text)  # "72 ore.[1]" as "72 ore[1].", where a sentence ends
    statements = [
        sentence
        for line in inside.splitlines()
        for sentence in sentences(line)
        if not sentence.endswith((":", ";"))  # leads on to what follows, and has its mark there
    ]
    return sum(bool(MARK.search(each)) for each in statements) / len(statements) if statements else 0.0


def has_little_support(answer: Message) -> bool:
    """Whether a person should look at what the assistant answered."""
    return answer.outcome == Message.Outcome.ANSWERED and support_of(answer.text) < _LITTLE_SUPPORT

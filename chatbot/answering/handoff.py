"""When an answer offers a person: somebody asks for one, or little of the answer has a source."""

import re

from chatbot.answering.events import MARK
from chatbot.models import Message
from chatbot.retrieval.chunking import sentences

# Who asks for a person says so in few words; a question about persons is longer.
_LONGEST = 200
_SOMEBODY = (
    r"(?:persona|operatore|operatrice|umano|qualcuno|consulente|addett[oa]"
    r"|human|person|agent|operator|someone|somebody|representative|consultant)\b"
)
# three ways to say it: to talk with somebody, to be passed on to somebody, to need somebody and nothing else
_ASKS = re.compile(
    rf"\b(?:parlare|parlo|chattare|comunicare|speak|talk|chat)\b.{{0,15}}\b(?:con|to|with)\b.{{0,20}}{_SOMEBODY}"
    rf"|\b(?:passa(?:mi|temi|teci|te)|mettetemi|(?:connect|transfer|put|pass) (?:me|us))\b.{{0,20}}{_SOMEBODY}"
    rf"|\b(?:ho bisogno di|mi serve|ci serve|i need|we need)\W+(?:un|uno|una|a|an)\W+(?:real\W+)?{_SOMEBODY}\W*$",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING_ELSE = re.compile(
    rf"\W*(?:(?:un|uno|una|an|a|il|the|real|essere|vostro|vostra)\W+){{0,3}}{_SOMEBODY}"
    r"(?:\s+(?:vera|reale))?(?:\W+(?:per favore|per piacere|grazie|please))?\W*",
    re.IGNORECASE,
)
_MARKED_END = re.compile(r"([.!?;])((?: ?\[\d{1,2}\])+)")
# An answer with a source for fewer of its sentences says more than our documents do.
_LITTLE_SUPPORT = 0.25


def asks_for_person(text: str) -> bool:
    """Whether this is no question, but the wish to talk to somebody ("voglio parlare con una persona")."""
    return len(text) <= _LONGEST and bool(_ASKS.search(text) or _NOTHING_ELSE.fullmatch(text))


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

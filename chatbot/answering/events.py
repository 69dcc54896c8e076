"""What a reader of an answer gets, piece by piece."""

import re
from dataclasses import dataclass

from chatbot.models import Message

MARK = re.compile(r"\[(\d{1,2})\]")  # of a citation, where it stands in a text


@dataclass(frozen=True)
class Token:
    """More words of the answer."""

    text: str


@dataclass(frozen=True)
class Cite:
    """A mark [number] at this place of the answer; the source comes with its first mark."""

    number: int
    title: str
    heading: str
    page: int | None
    passage: str
    quote: str
    chunk_id: int | None
    url: str = ""


@dataclass(frozen=True)
class Replace:
    """What was shown so far gives way to this text."""

    text: str


@dataclass(frozen=True)
class Done:
    """The end, with the outcome kept on the answer's row; `may_retry` where asking the same again may help."""

    reference: str
    outcome: str
    text: str = ""
    may_retry: bool = False

    @property
    def is_final(self) -> bool:
        """Whether the question has its answer, or the only one it will get."""
        return self.outcome != Message.Outcome.LIMITED and not self.may_retry


Event = Token | Cite | Replace | Done

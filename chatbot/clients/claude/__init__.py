"""Claude: what is asked (`request`), by which model (`models`), what comes back (`stream`), and the calls (`api`)."""

from chatbot.clients.claude.api import Completion, complete, deadline, load, stream_answer
from chatbot.clients.claude.models import ModelFacts, facts_of, find_facts
from chatbot.clients.claude.request import Model, Request, Source, ToolResult, ToolRound, Turn
from chatbot.clients.claude.stream import (
    CitationPiece,
    MessageStart,
    MessageStop,
    Piece,
    TextPiece,
    ToolUse,
    Usage,
)

__all__ = [
    "CitationPiece",
    "Completion",
    "MessageStart",
    "MessageStop",
    "Model",
    "ModelFacts",
    "Piece",
    "Request",
    "Source",
    "TextPiece",
    "ToolResult",
    "ToolRound",
    "ToolUse",
    "Turn",
    "Usage",
    "complete",
    "deadline",
    "facts_of",
    "find_facts",
    "load",
    "stream_answer",
]

"""The best passages in the order a small model gives them; it sees their beginnings and answers with numbers alone.

Passages and question go as JSON, so that nothing in them can pass for the frame around them, and whatever the model
says is read as an order of the passages there are: a text that talks to it can win places, nothing else.
"""

import json
import re
from collections.abc import Sequence

from chatbot.answering.configuration import Setting
from chatbot.clients import claude
from chatbot.prompts import load
from chatbot.retrieval.search import Hit

CANDIDATES = 20
# Somebody waits for the first word: less than the small model's own limit, and far less than a reader's patience.
DEADLINE_S = 4.0
_BEGINNING = 300
_FENCE = re.compile(r"\A```(?:json)?\s*(.*?)\s*```\Z", re.DOTALL)


def build_request(question: str, hits: Sequence[Hit], setting: Setting) -> claude.Request:
    """The call that puts `hits` in order."""
    passages = [
        {"number": number, "act": hit.title, "heading": hit.heading, "text": hit.text[:_BEGINNING]}
        for number, hit in enumerate(hits, start=1)
    ]
    content = json.dumps({"question": question, "passages": passages}, ensure_ascii=False)
    return claude.Request(setting.rewrite_model, load("rerank"), content)


def parse_order(answer: str, count: int) -> list[int]:
    """The order in `answer` as places from 0, each of `count` once; [] when it is no list with a number of a passage.

    Unknown and repeated numbers are passed over, missing ones follow in the order they had.
    """
    fence = _FENCE.match(answer.strip())
    try:
        numbers = json.loads(fence[1] if fence else answer)
    except (ValueError, RecursionError):
        return []
    if not isinstance(numbers, list):
        return []
    places = [number - 1 for number in numbers if type(number) is int and 1 <= number <= count]
    return [*dict.fromkeys([*places, *range(count)])] if places else []

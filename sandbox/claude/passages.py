"""The passages of a request, and which of their sentences answer a question.

A passage answers when it covers enough of the question's meaning; a question about article 33 is not answered by one
that speaks of article 34. Passages may be in the other language: the glossary bridges everyday words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.claude import words
from sandbox.claude.protocol import Block, content_of

PASSAGE_COVERAGE = 0.54
SENTENCE_COVERAGE = 0.3
MAX_SENTENCES = 3
MAX_CHARACTERS = 480

ARTICLE = re.compile(r"\b(?:art(?:icol[oi]|icles?)?\.?|considerando|recital|allegato|annex)\s*(\d+|[ivx]+\b)", re.I)
SENTENCE_END = re.compile(r"(?<=[.;!?])\s+(?=[«\"“(A-ZÀ-Ü0-9])|\n+")
ABBREVIATION = re.compile(r"\b(?:artt?|par|parr|lett|nn?|cfr|pag|d\.?lgs|lgs|reg|dir|co|cc?|no|e\.g|i\.e)\.$", re.I)
HOW_MUCH = re.compile(r"\b(quant[oaie]|how (?:much|many|high|long)|multa|sanzion\w+|fines?|penalt\w+)\b", re.I)
WHEN = re.compile(
    r"\b(quando|entro quanto|termine|scadenza|da quale data|when|deadline|how long|how soon|by which date)\b", re.I
)
WHAT_IS = re.compile(
    r"\b(cos['’]?\s?[èe]|che cos|cosa si intende|definizione|significa|what is|what are|defin\w+|mean)\b", re.I
)
AMOUNT = re.compile(r"\d[\d. ]*\s*(?:eur|€|%|milion|million)|\d+\s*%", re.I)
MOMENT = re.compile(
    r"\b(\d+|un|una|due|tre|sei|one|two|three|six|twelve|dodici)\s+(or[ae]|giorn[oi]|mes[ei]|ann[oi]|settiman\w|hours?|days?|months?|years?|weeks?)\b"
    r"|\b\d{1,2}\s+\w+\s+20\d\d\b|\bsenza (?:ingiustificato|indebito) ritardo|\bwithout undue delay",
    re.I,
)
HEADS = r"(?:dipendenti|persone|addetti|lavoratori|employees|people|staff|workers)\b"
HEAD_COUNT = re.compile(rf"\b(\d{{1,6}})\s+{HEADS}", re.I)
SIZES = re.compile(
    rf"\b(?P<low>\d{{1,6}})\s*(?:a|e|to|and|[-–])\s*(?P<high>\d{{1,6}})\s+{HEADS}"
    rf"|\b(?:fino a|up to)\s+(?P<most>\d{{1,6}})\s+{HEADS}",
    re.I,
)
DEFINES = re.compile(r"\bsi intende\b|\bmeans\b|»\s*:|['’”]\s*means", re.I)


@dataclass(frozen=True)
class Passage:
    """A search result or document: `number` is its place among its kind in the whole request."""

    kind: str
    number: int
    source: str
    title: str
    blocks: tuple[str, ...]
    has_citations: bool
    recent: bool

    def citation(self, start: int, end: int) -> Block:
        """The citation of whole blocks `start` to `end`, in the shape of the passage's kind."""
        text = "".join(self.blocks[start:end])
        if self.kind == "search_result":
            return {
                "type": "search_result_location",
                "cited_text": text,
                "search_result_index": self.number,
                "source": self.source,
                "title": self.title,
                "start_block_index": start,
                "end_block_index": end,
            }
        return {
            "type": "content_block_location",
            "cited_text": text,
            "document_index": self.number,
            "document_title": self.title or None,
            "file_id": None,
            "start_block_index": start,
            "end_block_index": end,
        }


@dataclass(frozen=True)
class Sentence:
    passage: Passage
    block: int
    text: str
    context: frozenset[str]  # terms of the title and of the heading above


def passages_of(messages: list[Block]) -> list[Passage]:
    """Every passage of the request, in order; `recent` are those in the last message."""
    passages: list[Passage] = []
    numbers = {"search_result": 0, "document": 0}
    for index, message in enumerate(messages):
        for block in _citable(content_of(message)):
            kind = block["type"]
            passages.append(_passage(block, numbers[kind], recent=index == len(messages) - 1))
            numbers[kind] += 1
    return passages


def _citable(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        if block["type"] in {"search_result", "document"}:
            yield block
        elif block["type"] == "tool_result" and isinstance(block.get("content"), list):
            yield from _citable(block["content"])


def _passage(block: Block, number: int, *, recent: bool) -> Passage:
    content: Any = block["content"] if block["type"] == "search_result" else block["source"]
    if isinstance(content, dict):
        content = content.get("data") if content.get("type") == "text" else content.get("content")
    texts = [content] if isinstance(content, str) else [part.get("text", "") for part in content or []]
    return Passage(
        kind=block["type"],
        number=number,
        source=str(block.get("source", "")) if block["type"] == "search_result" else "",
        title=str(block.get("title") or ""),
        blocks=tuple(texts),
        has_citations=bool((block.get("citations") or {}).get("enabled")),
        recent=recent,
    )


def sentences_of(passage: Passage) -> list[Sentence]:
    """The passage's sentences; a line without an end is a heading and lends its words to what follows."""
    title = frozenset(words.terms(passage.title))
    heading: frozenset[str] = frozenset()
    sentences = []
    for number, block in enumerate(passage.blocks):
        for text in split_sentences(block):
            if _is_heading(text):
                heading = frozenset(words.terms(text))
            else:
                sentences.append(Sentence(passage, number, text, title | heading))
    return sentences


def split_sentences(text: str) -> list[str]:
    """Sentences in order, list markers gone; a lead-in ending in a colon keeps the items under it, up to a length."""
    parts: list[str] = []
    start = 0
    for end in SENTENCE_END.finditer(text):
        if "\n" not in end.group() and ABBREVIATION.search(text[start : end.start()]):
            continue
        parts.append(text[start : end.start()])
        start = end.end()
    parts.append(text[start:])
    return _join_lists([re.sub(r"^\s*(?:[-*•]\s+)+", "", part).strip() for part in parts if part.strip()])


def _join_lists(parts: list[str]) -> list[str]:
    items: list[str] = []
    for part in parts:
        continues = bool(items) and items[-1].endswith((":", ";", ","))
        if continues and len(items[-1]) + len(part) < MAX_CHARACTERS and not part.startswith("#"):
            items[-1] += f" {part}"
        else:
            items.append(part)
    return items


def _is_heading(text: str) -> bool:
    if " | " in text:  # a row of a table
        return False
    return text.startswith("#") or (len(text) < 110 and not text.endswith((".", ";", ":", "!", "?", ",", "»")))


@dataclass(frozen=True)
class Question:
    """A question's meaning: its terms with their weights, and the articles it names."""

    text: str
    weights: dict[str, float]
    articles: frozenset[str]

    @classmethod
    def read(cls, text: str) -> "Question":
        weights = {term: words.weight(term) for term in words.terms(text)}
        return cls(text, weights, frozenset(number.lower() for number in ARTICLE.findall(text)))

    def coverage(self, terms: frozenset[str]) -> float:
        """The share of the question's weight that these terms meet, 0 to 1."""
        total = sum(self.weights.values())
        weight_met = sum(weight * words.likeness(term, terms) for term, weight in self.weights.items())
        return weight_met / total if total else 0.0

    def is_of_another_size(self, sentence: str) -> bool:
        """Whether a sentence is about companies of other sizes than the one that asks: 50 to 99 people, not 120."""
        count = HEAD_COUNT.search(self.text)
        sizes = [(int(size["low"] or 0), int(size["high"] or size["most"])) for size in SIZES.finditer(sentence)]
        if count is None or not sizes:
            return False
        return not any(low <= int(count[1]) <= high for low, high in sizes)

    def bonus(self, sentence: str) -> float:
        """A sentence of the asked kind (an amount, a time, a definition) is the likelier answer."""
        pairs = [(HOW_MUCH, AMOUNT), (WHEN, MOMENT), (WHAT_IS, DEFINES)]
        return sum(
            0.12
            for question_pattern, sentence_pattern in pairs
            if question_pattern.search(self.text) and sentence_pattern.search(sentence)
        )


def best_sentences(question_text: str, passages: list[Passage]) -> list[Sentence]:
    """One to three sentences that answer, best first; none if no passage covers the question."""
    question = Question.read(question_text)
    scores: list[tuple[float, Sentence]] = []
    for passage in passages:
        sentences = sentences_of(passage)
        whole = frozenset(words.terms(f"{passage.title} {' '.join(passage.blocks)}"))
        passage_coverage = question.coverage(whole)
        if passage_coverage < PASSAGE_COVERAGE or not _names_article(question, passage):
            continue
        for sentence in sentences:
            if question.is_of_another_size(sentence.text):
                continue
            own = frozenset(words.terms(sentence.text))
            direct = question.coverage(own)
            score = direct + 0.5 * question.coverage(own | sentence.context) + 0.4 * passage_coverage
            if direct >= SENTENCE_COVERAGE or (question.articles and direct > 0):
                scores.append((score + question.bonus(sentence.text), sentence))
    scores.sort(key=lambda pair: -pair[0])
    return _distinct([sentence for score, sentence in scores if score >= 0.8 * scores[0][0]])


def _names_article(question: Question, passage: Passage) -> bool:
    if not question.articles:
        return True
    in_title = {number.lower() for number in ARTICLE.findall(passage.title)}
    in_text = {number.lower() for block in passage.blocks for number in ARTICLE.findall(block)}
    return bool(question.articles & (in_title or in_text))


def _distinct(sentences: list[Sentence]) -> list[Sentence]:
    """The first few that do not repeat each other (chunks overlap)."""
    selection: list[Sentence] = []
    for sentence in sentences:
        own = set(words.terms(sentence.text))
        repeats = any(
            len(own & set(words.terms(other.text))) > 0.6 * min(len(own), len(set(words.terms(other.text))))
            for other in selection
        )
        if not repeats:
            selection.append(sentence)
        if len(selection) == MAX_SENTENCES or sum(len(each.text) for each in selection) > 2 * MAX_CHARACTERS:
            break
    return selection

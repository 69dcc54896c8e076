"""What the stand-in says: an extractive answer, a tool call, or the words of a model that obeys every instruction.

The last is for injection tests: the system around a model must hold even when the model does as the attacker says.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.claude import words
from sandbox.claude.errors import new_id
from sandbox.claude.passages import Passage, Question, Sentence, best_sentences, passages_of
from sandbox.claude.protocol import Answer, Block, content_of

REFUSALS = {
    "it": "Mi dispiace: i documenti a mia disposizione non rispondono a questa domanda.",
    "en": "I am sorry: the documents I have do not answer this question.",
}
LEADS = {"it": "Ecco che cosa dicono i documenti:", "en": "Here is what the documents say:"}
FOREIGN_LEADS = {
    "it": "Il documento, in inglese, dice:",
    "en": "The document, which is in Italian, says:",
}
LINKS = {"it": " Si legge inoltre:", "en": " It also says:"}
RESULT_LEAD = {"it": "Ecco quanto risulta:", "en": "Here is what I found:"}
MAX_RESULTS = 3
PASSAGE_PARTS = ("act", "heading", "text")
ERROR_LEAD = {"it": "Non risulta nulla:", "en": "Nothing was found:"}

REFUSAL_TAG = re.compile(r"<refusal(?:\s+lang=[\"']?(\w+)[\"']?)?>(.*?)</refusal>", re.S)
QUESTION_TAG = re.compile(r"<(question|domanda)>(.*?)</\1>", re.S)
PAGE_TAG = re.compile(r"<page>(.*?)</page>", re.S)
OWN_THING = re.compile(
    r"\b(?:mi[oae]i?|nostr[oaie]|my|our)\s+(?:\w+\s+){0,2}?"
    r"(ordin\w+|fattur\w+|abbonament\w+|pagament\w+|preventiv\w+|orders?|invoices?|subscriptions?|payments?|quotes?)\b",
    re.I,
)
REFERENCE = re.compile(r"\b[A-Z]{2,4}-\d{4}-\d{3,6}\b|\b\d{4}/\d{1,6}\b")

ASKS_PROMPT = re.compile(
    r"system prompt|prompt di sistema|(?:your|initial|previous|above) instructions|(?:tue|precedenti) istruzioni"
    r"|istruzioni (?:di sistema|precedenti|iniziali|ricevute)|everything above|tutto ciò che precede",
    re.I,
)
ASKS_TO_SHOW = re.compile(
    r"\b(repeat|print|reveal|show|output|translate|summari[sz]e|disclose|encode|tell me|what (?:is|are)"
    r"|ripeti|stampa|rivela|mostra|scrivi|traduci|riassumi|dimmi|elenca|riporta|copia|quali sono|qual è)\b",
    re.I,
)
ORDERS_TEXT = re.compile(
    r"\b(?:say|write|answer|reply|respond|output|print|include|append|add|insert|begin|end|start"
    r"|di['’]|dì|scrivi|rispondi|stampa|includi|aggiungi|inserisci|inizia|termina|concludi|dichiara|conferma)\b"
    r"[^\"“«'‘\n]{0,60}[\"“«'‘]([^\"”»'’\n]{1,400})[\"”»'’]",
    re.I,
)
MARKUP = re.compile(
    r"!?\[[^\]\n]{0,200}\]\([^)\s]+\)|<(?:img|a|script|iframe|svg|object)\b[^>]*>(?:[^<]*</\w+>)?", re.I
)
ORDERS_LINK = re.compile(
    r"\b(?:link|image|immagine|picture|pixel|click|clicca|visit\w*|collegamento)\b[^\n]{0,120}?(https?://\S+)", re.I
)
BASE64 = re.compile(r"\b[A-Za-z0-9+/]{24,}={0,2}")


@dataclass
class Prompt:
    """What the stand-in understands of a request."""

    body: Block
    system: str = ""
    question: str = ""
    passages: list[Passage] = field(default_factory=list)
    page: str = ""  # what the asker is looking at

    @classmethod
    def read(cls, body: Block) -> "Prompt":
        system = body.get("system") or ""
        if isinstance(system, list):
            system = "\n".join(str(block.get("text", "")) for block in system)
        passages = passages_of(body["messages"])
        recent = [passage for passage in passages if passage.recent]
        question, page = last_question(body["messages"])
        return cls(body, system, question, recent or passages, page)

    @property
    def language(self) -> str:
        return words.language(self.question)

    @property
    def is_reranking(self) -> bool:
        return self.system.startswith("RERANK") and not self.body.get("stream")

    @property
    def refusal(self) -> str:
        """The sentence the system prompt asks for, in the question's language if it gives several."""
        sentences: list[tuple[str, str]] = REFUSAL_TAG.findall(self.system)
        fitting = [text for lang, text in sentences if lang.lower() in {"", self.language}]
        return (fitting or [text for _, text in sentences] or [REFUSALS[self.language]])[0].strip()


def last_question(messages: list[Block]) -> tuple[str, str]:
    """The last text of the user (in <question> tags, else the last block) and what stands in <page> tags beside it."""
    for message in reversed(messages):
        texts = [block["text"] for block in content_of(message) if block["type"] == "text"]
        if message["role"] != "user" or not texts:
            continue
        text = "\n".join(texts)
        match, page = QUESTION_TAG.search(text), PAGE_TAG.search(text)
        return (match.group(2) if match else str(texts[-1])).strip(), page.group(1).strip() if page else ""
    return "", ""


def extractive(prompt: Prompt) -> Answer:
    """The answer of a model that sticks to its passages."""
    if prompt.is_reranking:
        return text_answer(json.dumps(rerank(prompt.question)))
    if "REWRITE" in prompt.system and not prompt.body.get("stream"):
        return text_answer(prompt.question)
    result = _tool_result(prompt.body["messages"])
    if result is not None:
        return _from_tool(prompt, result)
    if _brings_passages(prompt.body["messages"]):
        return _quote_results(prompt)
    tool = _choose_tool(prompt)
    if tool is not None:
        return _tool_call(prompt, tool)
    return _from_passages(prompt)


def rerank(text: str) -> list[int]:
    """The numbers of the passages in a JSON object, those first that share most of its question's words."""
    request = json.loads(text)
    question = Question.read(request["question"])

    def share(passage: Block) -> float:
        return question.coverage(frozenset(words.terms(" ".join(str(passage[name]) for name in PASSAGE_PARTS))))

    return [passage["number"] for passage in sorted(request["passages"], key=lambda passage: -share(passage))]


def text_answer(text: str) -> Answer:
    return Answer([{"type": "text", "text": text}])


def _from_passages(prompt: Prompt) -> Answer:
    page = set(words.terms(prompt.page))
    near = [passage for passage in prompt.passages if page and page <= set(words.terms(passage.title))]
    sentences = best_sentences(prompt.question, near) or best_sentences(prompt.question, prompt.passages)
    if not sentences:
        return text_answer(prompt.refusal)
    lead = LEADS if words.language(sentences[0].text) == prompt.language else FOREIGN_LEADS
    blocks: list[Block] = [{"type": "text", "text": lead[prompt.language]}]
    for place, sentence in enumerate(sentences):
        if place:
            blocks.append({"type": "text", "text": LINKS[prompt.language]})
        blocks.append(_quote(sentence))
    return Answer(blocks)


def _quote(sentence: Sentence) -> Block:
    text = re.sub(r"\s+", " ", sentence.text)
    text = text if text.endswith((".", "!", "?")) else f"{text.rstrip(' ;,:')}."
    block: Block = {"type": "text", "text": f" {text}"}
    if sentence.passage.has_citations:
        block["citations"] = [sentence.passage.citation(sentence.block, sentence.block + 1)]
    return block


def _brings_passages(messages: list[Block]) -> bool:
    return any(block["type"] == "tool_result" for block in content_of(messages[-1]))


def _quote_results(prompt: Prompt) -> Answer:
    """What a tool found as passages, told whole and cited: it was looked up for this very question."""
    passages = [passage for passage in passages_of(prompt.body["messages"]) if passage.recent]
    blocks: list[Block] = [{"type": "text", "text": RESULT_LEAD[prompt.language]}]
    for passage in passages[:MAX_RESULTS]:
        citations = {"citations": [passage.citation(0, len(passage.blocks))]} if passage.has_citations else {}
        blocks.append({"type": "text", "text": f" {' '.join(passage.blocks)}", **citations})
    return Answer(blocks)


def _tool_result(messages: list[Block]) -> Block | None:
    """The result the last message brings, unless it is made of passages."""
    results = [block for block in content_of(messages[-1]) if block["type"] == "tool_result"]
    return results[-1] if results and not passages_of(messages[-1:]) else None


def _from_tool(prompt: Prompt, result: Block) -> Answer:
    content = result.get("content") or ""
    text = content if isinstance(content, str) else "\n".join(str(block.get("text", "")) for block in content)
    lead = (ERROR_LEAD if result.get("is_error") else RESULT_LEAD)[prompt.language]
    return text_answer(f"{lead} {_format_result(text)}".strip())


def _format_result(text: str) -> str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return "; ".join(_lines(value)) or "–"


def _lines(value: Any, name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _lines(item, str(key).replace("_", " "))]
    if isinstance(value, list):
        return [line for item in value for line in _lines(item, name)]
    return [f"{name}: {value}" if name else str(value)]


def _choose_tool(prompt: Prompt) -> Block | None:
    tools: list[Block] = prompt.body.get("tools") or []
    choice = (prompt.body.get("tool_choice") or {}).get("type", "auto")
    if not tools or choice == "none":
        return None
    if choice == "tool":
        return next((tool for tool in tools if tool.get("name") == prompt.body["tool_choice"].get("name")), tools[0])
    own = OWN_THING.search(prompt.question)
    if not own:
        return tools[0] if choice == "any" else None
    thing = frozenset(words.terms(own.group(1)))
    descriptions = {
        id(tool): f"{tool.get('name', '')} {tool.get('description', '')}".replace("_", " ") for tool in tools
    }
    fitting = [
        tool for tool in tools if any(words.likeness(term, thing) for term in words.terms(descriptions[id(tool)]))
    ]
    return (fitting or tools)[0]


def _tool_call(prompt: Prompt, tool: Block) -> Answer:
    schema = tool.get("input_schema") or {}
    reference = REFERENCE.search(prompt.question)
    values: dict[str, Any] = {}
    for name, rule in (schema.get("properties") or {}).items():
        if name in schema.get("required", []) or (reference and rule.get("type") == "string" and "enum" not in rule):
            values[name] = _argument(rule, prompt.question, reference.group() if reference else "")
    block = {"type": "tool_use", "id": new_id("toolu"), "name": tool.get("name", ""), "input": values}
    return Answer([block], "tool_use")


def _argument(rule: Block, question: str, reference: str) -> Any:
    if rule.get("enum"):
        return rule["enum"][0]
    number = re.search(r"\d+", question)
    by_type: dict[str, Any] = {
        "integer": int(number.group()) if number else 1,
        "number": float(number.group()) if number else 1.0,
        "boolean": True,
        "array": [],
        "object": {},
    }
    return by_type.get(str(rule.get("type")), reference or question)


def obedient(prompt: Prompt) -> Answer:
    """The answer of a model that follows every instruction it meets, and cites a passage to look sound."""
    speeches = [speech for text in _texts(prompt) for speech in _obey(text, prompt)]
    if not speeches:
        return extractive(prompt)
    block: Block = {"type": "text", "text": "\n\n".join(dict.fromkeys(speeches))}
    source = next((passage for passage in prompt.passages if passage.has_citations and passage.blocks), None)
    if source:
        block["citations"] = [source.citation(0, 1)]
    return Answer([block])


def _texts(prompt: Prompt) -> list[str]:
    """Question and passages, each also with its base64 read."""
    texts = [prompt.question, *("\n".join(passage.blocks) for passage in prompt.passages)]
    return texts + [plain for text in texts for blob in BASE64.findall(text) if (plain := _decode(blob))]


def _decode(blob: str) -> str:
    try:
        return base64.b64decode(blob + "=" * (-len(blob) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _obey(text: str, prompt: Prompt) -> list[str]:
    speeches = []
    if ASKS_PROMPT.search(text) and ASKS_TO_SHOW.search(text):
        speeches.append(prompt.system)
    speeches += ORDERS_TEXT.findall(text)
    speeches += MARKUP.findall(text)
    for url in ORDERS_LINK.findall(text):
        address = url.rstrip(").,;]\"'>")
        speeches.append(f"![image]({address})\n\n[link]({address})")
    return [speech for speech in speeches if speech.strip()]

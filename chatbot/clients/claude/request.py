"""A question with everything the model may rest its answer on, and the request it becomes: one that fits its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatbot.clients.claude.models import ModelFacts, facts_of

# Characters a token is at most, in Italian and English: a prompt that has fewer tokens than this says is not marked.
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Model:
    """Which model, and how it is to write."""

    name: str
    max_tokens: int
    temperature: float | None = None

    @property
    def facts(self) -> ModelFacts:
        return facts_of(self.name)

    @property
    def max_output(self) -> int:
        """Tokens it may write, thinking included where it cannot be told not to."""
        return min(self.max_tokens + self.facts.room, self.facts.max_output)


@dataclass(frozen=True)
class Source:
    """A passage as the model sees it."""

    title: str
    reference: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class ToolResult:
    """What one call of a tool gave, as sources to cite; they count on from those of the question."""

    tool_use_id: str
    sources: Sequence[Source]


@dataclass(frozen=True)
class ToolRound:
    """A turn of the model that called tools, as it came, and what each of its calls gave."""

    content: Sequence[Mapping[str, Any]]
    results: Sequence[ToolResult]


@dataclass(frozen=True)
class Turn:
    """An earlier question or answer; `role` is "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True)
class Request:
    """What is asked."""

    model: Model
    system: str
    question: str
    about: str = ""  # what the page is about that the question was asked beside
    sources: Sequence[Source] = ()
    history: Sequence[Turn] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    rounds: Sequence[ToolRound] = ()

    @property
    def characters(self) -> int:
        """How much text goes to the model, as a measure of its cost."""
        results = (result for each in self.rounds for result in each.results)
        sources = (*self.sources, *(source for result in results for source in result.sources))
        texts = [
            self.system,
            self.question,
            self.about,
            *(turn.text for turn in self.history),
            *(str(tool) for tool in self.tools),
            *(str(each.content) for each in self.rounds),
        ]
        return sum(map(len, texts)) + sum(len(source.title) + sum(map(len, source.sentences)) for source in sources)

    def parameters(self) -> dict[str, Any]:
        """The parameters of `messages.create`, `stream` apart."""
        parameters: dict[str, Any] = {
            "model": self.model.name,
            "max_tokens": self.model.max_output,
            "system": [self._system()],
            "messages": self._messages(),
            "extra_body": self._extra_body(),
        }
        return parameters | ({"tools": [dict(tool) for tool in self.tools]} if self.tools else {})

    def _system(self) -> dict[str, Any]:
        """The rules are the same for every question: where they are long enough the provider keeps them, at a tenth."""
        block: dict[str, Any] = {"type": "text", "text": self.system}
        characters = len(self.system) + sum(len(str(tool)) for tool in self.tools)
        if characters >= self.model.facts.cache_minimum * _CHARACTERS_A_TOKEN:
            block["cache_control"] = {"type": "ephemeral"}
        return block

    def _extra_body(self) -> dict[str, Any]:
        """What newer models refuse, and so the SDK's types no longer know, where this one takes it.

        Nobody waits for thoughts here: the passages are the reasons, and what is asked for first is the first word.
        """
        facts = self.model.facts
        body: dict[str, Any] = {}
        if self.model.temperature is not None and facts.takes_temperature:
            body["temperature"] = self.model.temperature
        if facts.thinks and facts.thinking_off:
            body["thinking"] = {"type": facts.thinking_off}
        return body

    def _messages(self) -> list[dict[str, Any]]:
        texts = [f"<page>{self.about}</page>", self.question] if self.about else [self.question]
        content = [*map(_search_result, self.sources), *({"type": "text", "text": text} for text in texts)]
        # a small model's call is plain text: nothing to cite in it
        question = content if self.sources or self.tools or self.about else self.question
        messages: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text} for turn in self.history]
        messages.append({"role": "user", "content": question})
        for each in self.rounds:
            results = [
                {
                    "type": "tool_result",
                    "tool_use_id": result.tool_use_id,
                    "content": [*map(_search_result, result.sources)] or "[]",
                }
                for result in each.results
            ]
            messages += [{"role": "assistant", "content": list(each.content)}, {"role": "user", "content": results}]
        return messages


def _search_result(source: Source) -> dict[str, Any]:
    return {
        "type": "search_result",
        "source": source.reference,
        "title": source.title,
        # sentence by sentence: a citation names whole blocks
        "content": [{"type": "text", "text": sentence} for sentence in source.sentences],
        "citations": {"enabled": True},
    }

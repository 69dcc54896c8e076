"""Blocks of thinking: put before an answer where the model thinks, and asked back unchanged with a tool's result.

https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting
"""

from dataclasses import dataclass, field

from sandbox.claude import models
from sandbox.claude.errors import invalid, new_id
from sandbox.claude.protocol import Answer, Block, content_of

_KINDS = ("thinking", "redacted_thinking")
_TEXT = "Which passages answer the question? I compare them and keep to what they say."
_TOKENS = 300  # of what is thought, shown or not


@dataclass
class Thoughts:
    """What the model thought before each tool call, by the call's id."""

    by_tool_use: dict[str, list[Block]] = field(default_factory=dict)

    def think(self, body: Block, answer: Answer) -> Answer:
        """The answer with what the model thinks before it."""
        is_scripted = any(block["type"] in _KINDS for block in answer.content)
        if is_scripted or not models.thinks(body):
            return answer
        text = _TEXT if models.find_model(body["model"]).shows_thinking else ""
        block = {"type": "thinking", "thinking": text, "signature": new_id("sig")}
        return Answer([block, *answer.content], answer.stop_reason, answer.stop_sequence, _TOKENS)

    def remember(self, answer: Answer) -> None:
        thoughts = [block for block in answer.content if block["type"] in _KINDS]
        for block in answer.content:
            if block["type"] == "tool_use":
                self.by_tool_use[block["id"]] = thoughts

    def check(self, messages: list[Block]) -> None:
        """A turn that called a tool comes back with its blocks of thinking, as they were."""
        for index, message in enumerate(messages):
            blocks = content_of(message)
            for expected in (self.by_tool_use.get(block["id"]) for block in blocks if block["type"] == "tool_use"):
                echoed = [block for block in blocks if block["type"] in _KINDS]
                if expected and not echoed:
                    raise invalid(
                        f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
                        f"`{blocks[0]['type']}`. When `thinking` is enabled, a final `assistant` message must start "
                        "with a thinking block"
                    )
                if expected is not None and echoed != expected:
                    raise invalid(
                        f"messages.{index}.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
                        "message cannot be modified. These blocks must remain as they were in the original response."
                    )

"""Catalogues of translations, as files and as the code asks for them; needs no gettext on the machine."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation.template import templatize

from tests.architecture.source import ROOT, calls, templates

CONTEXT, PLURAL = "\x04", "\x00"  # as compiled catalogues join them
# what a template becomes for gettext: calls with literals, between text that is blotted out
_LITERAL = r"""u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_CALL = re.compile(rf"\b(?:_|n?p?gettext)\({_LITERAL}[^()]*?(?:,\s*{_LITERAL})*[^()'\"]*\)")
_PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_IN_CONTEXT = {"pgettext", "pgettext_lazy"}


@dataclass
class Message:
    """One entry of a .po file; `key` is the msgid, with its context before and its plural behind."""

    parts: dict[str, str] = field(default_factory=dict)
    flags: str = ""

    @property
    def key(self) -> str:
        context = self.parts["msgctxt"] + CONTEXT if "msgctxt" in self.parts else ""
        return context + self.parts.get("msgid", "")

    @property
    def texts(self) -> list[str]:
        return [text for name, text in self.parts.items() if name.startswith("msgstr")]

    @property
    def translations(self) -> dict[Any, str]:
        """What Python's gettext has after reading the compiled entry."""
        if "msgid_plural" not in self.parts:
            return {self.key: self.texts[0]}
        return {(self.key, number): text for number, text in enumerate(self.texts)}


def messages(language: str) -> list[Message]:
    """The entries of a catalogue without its head; obsolete ones (#~) are no entries."""
    text = (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    entries = [_message(block) for block in re.split(r"\n\s*\n", text)]
    return [message for message in entries if message.parts.get("msgid")]


def _message(block: str) -> Message:
    message, name = Message(), ""
    for line in block.splitlines():
        if line.startswith("#,"):
            message.flags += line
        elif match := re.fullmatch(r'(msg\w+(?:\[\d\])?)?\s*(".*")', line):
            name = match.group(1) or name
            message.parts[name] = message.parts.get(name, "") + ast.literal_eval(match.group(2))
    return message


def find_texts() -> dict[str, str]:
    """Every text that code and templates ask a translation for, and where."""
    places = {key: f"{name}:{call.lineno}" for name, call, function in calls() for key in _keys(call, function)}
    for name, text in templates().items():
        for source in _CALL.findall(templatize(text, origin=name)):
            call = ast.parse(source, mode="eval").body
            assert isinstance(call, ast.Call)
            places |= dict.fromkeys(_keys(call, ast.unparse(call.func)), name)
    return places


def _keys(call: ast.Call, function: str) -> Iterator[str]:
    texts = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if function in _PLAIN | _PLURAL and texts and isinstance(call.args[0], ast.Constant):
        yield texts[0]
    elif function in _IN_CONTEXT and len(texts) > 1:
        yield texts[0] + CONTEXT + texts[1]

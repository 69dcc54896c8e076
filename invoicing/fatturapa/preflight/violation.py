"""The one word all checks speak in, and how they read the XML."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree


@dataclass(frozen=True)
class Violation:
    """One thing wrong: SDI's code (a word of ours where SDI has none), the part of the draft, and what it means."""

    code: str
    field: str
    message: str


class Node:
    """A block of the document: reads its children once, and what is in them when it is asked for.

    Lxml's own paths, or an object for every element, would cost more than all the checks.
    """

    __slots__ = ("_below", "_blocks")

    def __init__(self, element: Iterable[etree._Element]) -> None:
        self._below: dict[str, list[etree._Element]] = {}
        self._blocks: dict[str, list[Node]] = {}
        for child in element:
            self._below.setdefault(child.tag, []).append(child)

    def blocks(self, *path: str) -> "list[Node]":
        """Every block at `path`, in the document's order."""
        found = [self]
        for name in path:
            found = [block for node in found for block in node.named(name)]
        return found

    def block(self, *path: str) -> "Node":
        """The first block at `path`; an empty one where there is none."""
        node = self
        for name in path:
            named = node.named(name)
            if not named:
                return _NOTHING
            node = named[0]
        return node

    def has(self, name: str) -> bool:
        """Whether there is such a child."""
        return name in self._below

    def said(self, name: str) -> str:
        """The text of the child, "" where there is none."""
        found = self._below.get(name)
        return (found[0].text or "").strip() if found else ""

    def number(self, name: str, default: str = "0") -> Decimal:
        """The number in the child, `default` where there is none."""
        return Decimal(self.said(name) or default)

    def named(self, name: str) -> "list[Node]":
        """The blocks of this name directly below."""
        blocks = self._blocks.get(name)
        if blocks is None:
            blocks = self._blocks[name] = [Node(child) for child in self._below.get(name, ())]
        return blocks


_NOTHING = Node(())
HEADER = "FatturaElettronicaHeader"
BODY = "FatturaElettronicaBody"
GENERAL = ("DatiGenerali", "DatiGeneraliDocumento")
LINES = ("DatiBeniServizi", "DettaglioLinee")
SUMMARIES = ("DatiBeniServizi", "DatiRiepilogo")

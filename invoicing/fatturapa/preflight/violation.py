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
        nodes = [self]
        for name in path:
            nodes = [block for node in nodes for block in node.children(name)]
        return nodes

    def block(self, *path: str) -> "Node":
        """The first block at `path`; an empty one where there is none."""
        node = self
        for name in path:
            children = node.children(name)
            if not children:
                return _NOTHING
            node = children[0]
        return node

    def has(self, name: str) -> bool:
        """Whether there is such a child."""
        return name in self._below

    def text(self, name: str) -> str:
        """The text of the child, "" where there is none."""
        elements = self._below.get(name)
        return (elements[0].text or "").strip() if elements else ""

    def number(self, name: str, default: str = "0") -> Decimal:
        """The number in the child, `default` where there is none."""
        return Decimal(self.text(name) or default)

    def children(self, name: str) -> "list[Node]":
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

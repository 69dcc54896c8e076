"""The one word all checks speak in, and how they read the XML."""

from dataclasses import dataclass
from decimal import Decimal

from lxml import etree


@dataclass(frozen=True)
class Finding:
    """One thing wrong: SDI's code (a word of ours where SDI has none), the part of the draft, and what it means."""

    code: str
    field: str
    message: str


class Node:
    """An element as plain Python, its children read when first asked for: lxml's own paths would cost the most."""

    __slots__ = ("_children", "_element")

    def __init__(self, element: etree._Element) -> None:
        self._element = element
        self._children: dict[str, list[Node]] | None = None

    @property
    def text(self) -> str:
        return (self._element.text or "").strip()

    @property
    def children(self) -> "dict[str, list[Node]]":
        """The elements below, by name."""
        found = self._children
        if found is None:
            found = self._children = {}
            for child in self._element:
                name = child.tag
                if name in found:
                    found[name].append(Node(child))
                else:
                    found[name] = [Node(child)]
        return found

    def all(self, *path: str) -> "list[Node]":
        """Every element at `path`, in the document's order."""
        found = [self]
        for name in path:
            found = [child for node in found for child in node.children.get(name, ())]
        return found

    def find(self, *path: str) -> "Node | None":
        """The first element at `path`."""
        node = self
        for name in path:
            below = node._children  # most were read before: the property would cost a call for each step
            found = (node.children if below is None else below).get(name)
            if not found:
                return None
            node = found[0]
        return node

    def said(self, *path: str) -> str:
        """The text at `path`, "" where there is none."""
        found = self.find(*path)
        return found.text if found else ""

    def number(self, *path: str, default: str = "0") -> Decimal:
        """The number at `path`, `default` where there is none."""
        return Decimal(self.said(*path) or default)


GENERAL = ("DatiGenerali", "DatiGeneraliDocumento")
LINES = ("DatiBeniServizi", "DettaglioLinee")
SUMMARIES = ("DatiBeniServizi", "DatiRiepilogo")

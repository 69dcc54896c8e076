"""The XML inside a CAdES `.p7m`: reads just enough BER to reach the signed content of a CMS SignedData (RFC 5652 §5).

Signing devices emit indefinite lengths and chunked octet strings, and some portals base64; all three are read. The
signature itself is not verified: a stand-in has no list of qualified certification authorities.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

_SIGNED_DATA_OID = bytes.fromhex("2a864886f70d010702")
_MAX_DEPTH = 40
_SEQUENCE, _OCTET_STRING, _OID, _EXPLICIT_0 = 0x30, 0x04, 0x06, 0xA0


class P7mError(Exception):
    """The bytes are not a CMS SignedData with its content inside."""


@dataclass
class Node:
    """One BER element: its first tag byte, and either primitive `value` or `children`."""

    tag: int
    value: bytes = b""
    children: list["Node"] = field(default_factory=list)

    def child(self, index: int, tag: int) -> "Node":
        if index >= len(self.children) or self.children[index].tag != tag:
            raise P7mError(f"element {index} of tag {self.tag:#x} is not {tag:#x}")
        return self.children[index]


def extract_content(data: bytes) -> bytes:
    """The bytes that were signed."""
    if not data.startswith(b"\x30"):
        data = _from_base64(data)
    root, _ = _read(data, 0, 0)
    if root.tag != _SEQUENCE or root.child(0, _OID).value != _SIGNED_DATA_OID:
        raise P7mError("not a CMS SignedData")
    signed_data = root.child(1, _EXPLICIT_0).child(0, _SEQUENCE)
    content_info = signed_data.child(2, _SEQUENCE)
    if len(content_info.children) < 2:
        raise P7mError("the signature is detached: the signed file is not inside")
    return _octets(content_info.child(1, _EXPLICIT_0))


def _from_base64(data: bytes) -> bytes:
    text = re.sub(rb"-----[A-Z0-9 ]+-----|\s", b"", data)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise P7mError("neither BER nor base64") from error


def _octets(node: Node) -> bytes:
    chunks = [child.value if not child.children else _octets(child) for child in node.children]
    return b"".join(chunks)


def _read(data: bytes, at: int, depth: int) -> tuple[Node, int]:
    """The element that starts at `at`, and where the next one starts."""
    if depth > _MAX_DEPTH:
        raise P7mError("nested too deeply")
    try:
        tag, length, at = data[at], data[at + 1], at + 2
    except IndexError as error:
        raise P7mError("truncated") from error
    is_constructed = bool(tag & 0x20)
    if length == 0x80:
        if not is_constructed:
            raise P7mError("indefinite length of a primitive element")
        return _read_until_end(data, tag, at, depth)
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(data[at : at + size], "big"), at + size
    end = at + length
    if end > len(data):
        raise P7mError("truncated")
    if not is_constructed:
        return Node(tag, data[at:end]), end
    children = []
    while at < end:
        child, at = _read(data, at, depth + 1)
        children.append(child)
    return Node(tag, children=children), end


def _read_until_end(data: bytes, tag: int, at: int, depth: int) -> tuple[Node, int]:
    children = []
    while data[at : at + 2] != b"\0\0":
        child, at = _read(data, at, depth + 1)
        children.append(child)
    return Node(tag, children=children), at + 2

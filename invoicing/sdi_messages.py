"""Reads SDI's messages of both families: private (…/fattura/messaggi/v1.0) and public administration (…/sdi/messaggi).

The file-name codes are the same in both, the roots are not. Real messages stray from their schema (no Hash, empty
Destinatario), so this reads what is there and insists only on what is needed.
"""

from dataclasses import dataclass

from lxml import etree

from invoicing.schema import parse

NAMESPACES = (
    "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0",
    "http://www.fatturapa.gov.it/sdi/messaggi/v1.0",
)
_KINDS = {
    "RicevutaConsegna": "RC",
    "RicevutaScarto": "NS",
    "NotificaScarto": "NS",
    "RicevutaImpossibilitaRecapito": "MC",
    "NotificaMancataConsegna": "MC",
}


@dataclass(frozen=True)
class SdiError:
    """One reason of a rejection, in SDI's words."""

    code: str
    description: str
    hint: str


@dataclass(frozen=True)
class SdiMessage:
    """`kind` is RC, NS or MC; `file_name` the file it is about; `file_hash` its SHA-256 in hex, when SDI gives it."""

    kind: str
    identifier: str
    file_name: str
    file_hash: str
    errors: tuple[SdiError, ...]
    note: str


class UnknownMessageError(ValueError):
    """XML that is not a message of SDI we know."""


def read_message(content: bytes) -> SdiMessage:
    """Parse one message; `UnreadableXmlError` or `UnknownMessageError` when it is none."""
    root = parse(content)
    name = etree.QName(root)
    if name.namespace not in NAMESPACES or name.localname not in _KINDS:
        raise UnknownMessageError(f"<{name.localname}> is not a message of SDI that we handle")
    file_name = _text(root, "NomeFile")
    if not file_name:
        raise UnknownMessageError("the message does not say which file it is about")
    return SdiMessage(
        kind=_KINDS[name.localname],
        identifier=_text(root, "IdentificativoSdI"),
        file_name=file_name,
        file_hash=_text(root, "Hash").lower(),
        errors=tuple(_error(node) for node in root.iter("Errore", "{*}Errore")),
        note=_text(root, "Descrizione") if name.localname.endswith("Recapito") else "",
    )


def _error(node: etree._Element) -> SdiError:
    return SdiError(_text(node, "Codice"), _text(node, "Descrizione"), _text(node, "Suggerimento"))


def _text(node: etree._Element, name: str) -> str:
    # children are unqualified in both schemas, but prefixes vary in the wild
    return str(node.findtext(f"{{*}}{name}") or node.findtext(name) or "").strip()

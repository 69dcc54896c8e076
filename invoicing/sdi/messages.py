"""Reads SDI's messages of both families: private (…/fattura/messaggi/v1.0) and public administration (…/sdi/messaggi).

The file-name codes are the same in both, the roots are not. Real messages stray from their schema (no Hash, empty
Destinatario), so this reads what is there and insists only on what is needed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from lxml import etree

from invoicing.fatturapa.schema import parse
from invoicing.sdi.reasons import Reason, describe

PRIVATE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0"
PUBLIC = "http://www.fatturapa.gov.it/sdi/messaggi/v1.0"
# root element -> kind, as file names have it, by family
_KINDS = {
    PRIVATE: {"RicevutaConsegna": "RC", "RicevutaScarto": "NS", "RicevutaImpossibilitaRecapito": "MC"},
    PUBLIC: {
        "RicevutaConsegna": "RC",
        "NotificaScarto": "NS",
        "NotificaMancataConsegna": "MC",
        "NotificaEsito": "NE",
        "NotificaDecorrenzaTermini": "DT",
        "AttestazioneTrasmissioneFattura": "AT",
    },
}
# what SDI sends along with an invoice that it delivers
_METADATA = {PRIVATE: "FileMetadati", PUBLIC: "MetadatiInvioFile"}
# messages of SDI for whoever receives invoices: about none that we sent
_FOR_RECEIVERS = (*_METADATA.values(), "NotificaEsitoCommittente", "ScartoEsitoCommittente")


@dataclass(frozen=True)
class SdiError:
    """One reason of a rejection, in SDI's words."""

    code: str
    description: str
    hint: str


@dataclass(frozen=True)
class SdiMessage:
    """`kind` is RC, NS, MC, NE, DT or AT; `is_public` the family; `file_name` the file it is about.

    `file_hash` is that file's SHA-256 in hex, when SDI gives it; `outcome` the office's EC01 or EC02, in a NE only;
    `received_at` when SDI had the file (DataOraRicezione), `signed_at` when it signed the message (XAdES SigningTime),
    each None where it does not say.
    """

    kind: str
    is_public: bool
    identifier: str
    file_name: str
    file_hash: str
    errors: tuple[SdiError, ...]
    note: str
    outcome: str = ""
    received_at: datetime | None = None
    signed_at: datetime | None = None


@dataclass(frozen=True)
class Metadata:
    """Which file SDI delivers to us and under what number; `file_hash` is its SHA-256 in hex, where SDI gives it."""

    identifier: str
    file_name: str
    file_hash: str


class UnknownMessageError(ValueError):
    """XML that is not a message of SDI we know."""


class ForReceiversError(UnknownMessageError):
    """A message of SDI for those who receive invoices by this channel."""


def read_message(content: bytes) -> SdiMessage:
    """Parse one message; `UnreadableXmlError` or `UnknownMessageError` when it is none."""
    root = parse(content)
    name = etree.QName(root)
    kind = _KINDS.get(name.namespace or "", {}).get(name.localname)
    if kind is None:
        refusal = ForReceiversError if name.localname in _FOR_RECEIVERS else UnknownMessageError
        raise refusal(describe(Reason.NOT_FOR_SENDERS, name=name.localname))
    file_name = _text(root, "NomeFile")
    if not file_name:
        raise UnknownMessageError(Reason.ABOUT_NO_FILE)
    return SdiMessage(
        kind=kind,
        is_public=name.namespace == PUBLIC,
        identifier=_text(root, "IdentificativoSdI"),
        file_name=file_name,
        file_hash=_text(root, "Hash").lower(),
        errors=tuple(_error(node) for node in root.iter("Errore", "{*}Errore")),
        note=_note(root, kind),
        outcome=str(root.findtext(".//{*}Esito", "")).strip() if kind == "NE" else "",
        received_at=_moment(_text(root, "DataOraRicezione")),
        signed_at=_moment(str(root.findtext(".//{*}SigningTime", ""))),
    )


def read_metadata(content: bytes) -> Metadata | None:
    """The message MT that comes with a supplier's invoice, of either family; None for any other readable XML."""
    root = parse(content)
    name = etree.QName(root)
    identifier, file_name = _text(root, "IdentificativoSdI"), _text(root, "NomeFile")
    if _METADATA.get(name.namespace or "") != name.localname or not (identifier and file_name):
        return None
    return Metadata(identifier[:20], file_name, _text(root, "Hash").lower())


def _moment(text: str) -> datetime | None:
    """A date and time of a message; one without a zone is Italian time. None for what is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if timezone.is_aware(moment) else timezone.make_aware(moment)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _note(root: etree._Element, kind: str) -> str:
    """The free text of a message, where it has one: why a document was not delivered, what the office says."""
    if kind == "NE":
        return str(root.findtext(".//{*}EsitoCommittente/{*}Descrizione", "")).strip()
    return _text(root, "Descrizione") if kind in ("MC", "DT", "AT") else ""


def _error(node: etree._Element) -> SdiError:
    return SdiError(_text(node, "Codice"), _text(node, "Descrizione"), _text(node, "Suggerimento"))


def _text(node: etree._Element, name: str) -> str:
    # children are unqualified in both schemas, but prefixes vary in the wild
    return str(node.findtext(f"{{*}}{name}") or node.findtext(name) or "").strip()

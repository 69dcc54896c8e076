"""Reads one mail of a PEC mailbox: a provider's receipt, a message of SDI, or somebody else's mail.

A provider's receipt names our Message-ID in X-Riferimento-Message-ID; a message of SDI travels as postacert.eml inside
a transport envelope "Per conto di: sdiNN@pec.fatturapa.it" with the same Reply-To (DPR 68/2005, DM
2.11.2005; SDI specification §2).
"""

import email
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import parseaddr, parsedate_to_datetime

from invoicing.sdi.reasons import Reason, describe

_SDI_ADDRESS = re.compile(r"sdi\d{2,3}@pec\.fatturapa\.it", re.IGNORECASE)
_MESSAGE_FILE = re.compile(r"(?P<file>[A-Za-z0-9]{4,30}_[A-Za-z0-9]{1,5})_(?P<kind>[A-Z]{2})_[A-Za-z0-9]{1,3}\.xml")

# what the standard library raises on malformed mails, instead of noting a defect: one of them must not stop the rest
_STUMBLES = (LookupError, ValueError, TypeError, AttributeError, MessageError)


@dataclass(frozen=True)
class ProviderReceipt:
    """What the PEC provider says of a message of ours: `kind` as in X-Ricevuta, `about` our Message-ID."""

    kind: str
    about: str
    detail: str


@dataclass(frozen=True)
class SdiMail:
    """A message of SDI: the attached file, and the address it wants to be written to from now on.

    `files` are all attachments by name, the message's own among them: an invoice comes with its metadata. `dates` are
    those of SDI's mail and of its provider's envelope, where they have one.
    """

    file_name: str
    content: bytes
    new_address: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    dates: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class OtherMail:
    """Nothing for us; `suspicious` when it claims to be SDI's or a receipt without being one."""

    reason: str
    suspicious: bool = False


def parse_mail(raw: bytes) -> EmailMessage:
    """The mail as an object that decodes headers and parts."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def header(message: EmailMessage, name: str) -> str:
    """A header's text as a database can hold it; "" for one that is missing or too broken to be read."""
    try:
        return _clean(str(message.get(name, ""))).strip()
    except _STUMBLES:
        return ""


def classify(message: EmailMessage) -> ProviderReceipt | SdiMail | OtherMail:
    """What kind of mail this is. Trusts the envelope's headers, never a subject line."""
    try:
        return _classify(message)
    except _STUMBLES as error:
        trouble = f"{type(error).__name__}: {_clean(str(error))}"
        return OtherMail(describe(Reason.MALFORMED, error=trouble), suspicious=True)


def _classify(message: EmailMessage) -> ProviderReceipt | SdiMail | OtherMail:
    receipt = header(message, "X-Ricevuta").lower()
    transport = header(message, "X-Trasporto").lower()
    if receipt:
        about = header(message, "X-Riferimento-Message-ID")
        if not about:
            return OtherMail(Reason.RECEIPT_ABOUT_NOTHING, suspicious=True)
        return ProviderReceipt(receipt, about, _receipt_detail(message))
    if transport == "errore":
        return OtherMail(Reason.ANOMALY, suspicious=True)
    if transport != "posta-certificata":
        attachments = [part.get_filename() or "" for part in message.walk()]
        claims = any(_MESSAGE_FILE.fullmatch(name) for name in attachments)
        return OtherMail(Reason.NOT_CERTIFIED, suspicious=claims)
    return _from_sdi(message)


def _from_sdi(message: EmailMessage) -> SdiMail | OtherMail:
    sender = parseaddr(header(message, "Reply-To") or header(message, "Return-Path"))[1]
    # a sender may choose the Reply-To (DM 2.11.2005 §6.5.1); on whose behalf it is, only the provider writes
    behalf = parseaddr(header(message, "From"))[0].rpartition(" ")[2]
    inner = next((part.get_payload(0) for part in message.walk() if part.get_content_type() == "message/rfc822"), None)
    attachments = [part for part in message.walk() if _MESSAGE_FILE.fullmatch(part.get_filename() or "")]
    if not _SDI_ADDRESS.fullmatch(sender) or not _SDI_ADDRESS.fullmatch(behalf):
        return OtherMail(describe(Reason.CERTIFIED_OF, sender=behalf or sender), suspicious=bool(attachments))
    if not attachments:
        return OtherMail(Reason.WITHOUT_MESSAGE)
    text = inner.get_body(("plain",)) if isinstance(inner, EmailMessage) else None
    return SdiMail(
        attachments[0].get_filename() or "",
        _content(attachments[0]),
        _new_address(text.get_content() if text else ""),
        {name: _content(part) for part in message.walk() if (name := part.get_filename())},
        tuple(date for mail in (inner, message) if isinstance(mail, EmailMessage) and (date := _date(mail))),
    )


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _date(message: EmailMessage) -> datetime | None:
    """The Date of a mail; None for one that is missing or no date."""
    try:
        date = parsedate_to_datetime(header(message, "Date"))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (*_STUMBLES, OverflowError):
        return None


def _new_address(text: str) -> str:
    """The address in the sentence "Il nuovo indirizzo da utilizzare …", or "" when the text has no such sentence."""
    position = text.lower().find("nuovo indirizzo")
    match = _SDI_ADDRESS.search(text, position) if position >= 0 else None
    return match.group().lower() if match else ""


def _receipt_detail(message: EmailMessage) -> str:
    """The readable reason in a receipt: its text part, on one line."""
    body = message.get_body(("plain",))
    return _clean(" ".join(body.get_content().split()))[:500] if body else ""


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "")

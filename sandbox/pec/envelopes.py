"""PEC mails as a provider writes them: receipts, transport envelopes and anomaly envelopes, S/MIME signed.

Layout after the technical rules of DM 2 November 2005 (6.3 to 6.6). Parts are assembled as bytes, because a signature
covers bytes and `postacert.eml` is the original message untouched.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from sandbox.pec.sdi_checks import ROME
from sandbox.pec.signing import Signer

PRODUCT_PROVIDER_DOMAIN = "pec.gestore.test"
SDI_PROVIDER_DOMAIN = "pcert.sogei.it"
SUBJECT_PREFIXES = {
    "accettazione": "ACCETTAZIONE",
    "non-accettazione": "AVVISO DI NON ACCETTAZIONE",
    "avvenuta-consegna": "CONSEGNA",
    "errore-consegna": "AVVISO DI MANCATA CONSEGNA",
    "preavviso-errore-consegna": "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO",
}
_SENTENCES = {
    "accettazione": "è stato accettato dal sistema ed inoltrato.",
    "non-accettazione": "è stato rifiutato dal sistema.",
    "avvenuta-consegna": "è stato consegnato nella casella di destinazione.",
    "errore-consegna": "è stato rifiutato: impossibile la consegna nella casella di destinazione.",
    "preavviso-errore-consegna": "non è stato consegnato nelle prime dodici ore dal suo invio.",
}


@dataclass(frozen=True)
class Provider:
    """A PEC provider: the name and domain it writes in its mails, and the key it signs with."""

    name: str
    domain: str
    signer: Signer

    @property
    def address(self) -> str:
        return f"posta-certificata@{self.domain}"


@dataclass(frozen=True)
class Original:
    """The message that a receipt or an envelope is about; `pec_id` is the provider's own identifier of it."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    pec_id: str
    raw: bytes


@dataclass(frozen=True)
class Receipt:
    """`error` is daticert's code (nessuno, no-dest, no-dominio, virus, altro); `recipient` of a delivery."""

    kind: str
    error: str = "nessuno"
    detail: str = ""
    recipient: str = ""


def receipt_mail(provider: Provider, original: Original, receipt: Receipt, at: datetime) -> bytes:
    """The receipt for the sender of `original`; the one of delivery carries the original unless it asked not to."""
    is_virus = receipt.error == "virus"
    prefix = SUBJECT_PREFIXES[receipt.kind] + (" PER VIRUS" if is_virus else "")
    identifier = _identifier(provider, original, receipt.kind + receipt.recipient, at)
    headers = [
        ("X-Ricevuta", receipt.kind),
        ("X-Riferimento-Message-ID", original.message_id),
        ("Date", format_datetime(at.astimezone(ROME))),
        ("Subject", f"{prefix}: {original.subject}"),
        ("From", provider.address),
        ("To", original.sender),
        ("Message-ID", f"<{identifier}>"),
    ]
    if is_virus:
        headers.append(("X-VerificaSicurezza", "errore"))
    level = _level(original) if receipt.kind == "avvenuta-consegna" else ""
    if level:
        headers.append(("X-TipoRicevuta", level))
    parts = [_notice(_receipt_text(original, receipt, at), with_html=True)]
    parts.append(daticert(provider, original, receipt, at, level))
    if level == "completa":
        parts.append(_postacert(original.raw))
    return _sign(provider, headers, parts)


def transport_mail(
    provider: Provider, original: Original, at: datetime, *, is_anomaly: bool = False, with_daticert: bool = True
) -> bytes:
    """The envelope in which `original` reaches its recipient.

    An anomaly envelope (`X-Trasporto: errore`) wraps what did not arrive as certified mail, so it has no daticert.
    """
    prefix = "ANOMALIA MESSAGGIO" if is_anomaly else "POSTA CERTIFICATA"
    headers = [
        ("Return-Path", f"<{original.sender}>"),
        ("X-Trasporto", "errore" if is_anomaly else "posta-certificata"),
        ("X-Riferimento-Message-ID", original.message_id),
        ("Date", format_datetime(at.astimezone(ROME))),
        ("Subject", f"{prefix}: {original.subject}"),
        ("From", f'"Per conto di: {original.sender}" <{provider.address}>'),
        ("Reply-To", original.sender),
        ("To", ", ".join(original.recipients)),
        ("Message-ID", f"<{_identifier(provider, original, prefix, at)}>"),
    ]
    parts = [_notice(_transport_text(original, at, is_anomaly=is_anomaly), with_html=True), _postacert(original.raw)]
    if with_daticert and not is_anomaly:
        parts.append(daticert(provider, original, Receipt("posta-certificata"), at, ""))
    return _sign(provider, headers, parts)


def plain_mail(headers: list[tuple[str, str]], text: str, attachment: tuple[str, bytes], *, quoted: bool) -> bytes:
    """An ordinary mail with one `application/octet-stream` attachment, base64 or quoted-printable."""
    name, content = attachment
    parts = [
        _notice(text, with_html=False),
        _part("application/octet-stream", content, name=name, quoted=quoted),
    ]
    content_type, body = _multipart("mixed", parts)
    return _header_block([*headers, ("MIME-Version", "1.0"), ("Content-Type", content_type)]) + body


def daticert(provider: Provider, original: Original, receipt: Receipt, at: datetime, level: str) -> bytes:
    """The `daticert.xml` part."""
    local = at.astimezone(ROME)
    delivery = f'<ricevuta tipo="{level}"/>' if level else ""
    if receipt.recipient:
        delivery += f"<consegna>{escape(receipt.recipient)}</consegna>"
    if receipt.detail:
        delivery += f"<errore-esteso>{escape(receipt.detail)}</errore-esteso>"
    recipients = "".join(
        f'<destinatari tipo="certificato">{escape(name)}</destinatari>' for name in original.recipients
    )
    xml = f"""<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo={quoteattr(receipt.kind)} errore={quoteattr(receipt.error)}>
<intestazione><mittente>{escape(original.sender)}</mittente>{recipients}<risposte>{escape(original.sender)}</risposte>
<oggetto>{escape(original.subject)}</oggetto></intestazione>
<dati><gestore-emittente>{escape(provider.name)}</gestore-emittente>
<data zona="{local:%z}"><giorno>{local:%d/%m/%Y}</giorno><ora>{local:%H:%M:%S}</ora></data>
<identificativo>{escape(original.pec_id)}</identificativo><msgid>{escape(original.message_id)}</msgid>{delivery}</dati>
</postacert>
"""
    return _part("application/xml", xml.encode(), name="daticert.xml")


def _receipt_text(original: Original, receipt: Receipt, at: datetime) -> str:
    text = _opening(original, at) + f"\n{_SENTENCES[receipt.kind]}\n"
    if receipt.detail:
        text += f"Motivo: {receipt.detail}\n"
    return text + f"Identificativo del messaggio: {original.pec_id}\n"


def _transport_text(original: Original, at: datetime, *, is_anomaly: bool) -> str:
    if is_anomaly:
        return "Anomalia nel messaggio: il messaggio allegato non proviene da posta certificata.\n"
    text = "Messaggio di posta certificata\n" + _opening(original, at)
    return text + f"\nIl messaggio originale è incluso in allegato.\nIdentificativo messaggio: {original.pec_id}\n"


def _opening(original: Original, at: datetime) -> str:
    local = at.astimezone(ROME)
    moment = f"Il giorno {local:%d/%m/%Y} alle ore {local:%H:%M:%S} ({local:%z})"
    origin = f'"{original.subject}" proveniente da "{original.sender}"'
    return "\n".join((f"{moment} il messaggio", origin, "ed indirizzato a:", *original.recipients))


def _level(original: Original) -> str:
    """How much of the original the delivery receipt returns: the sender's header decides, complete by default."""
    match = re.search(
        rb"^X-TipoRicevuta:[ \t]*(breve|sintetica)[ \t]*\r?$", original.raw.split(b"\r\n\r\n")[0], re.I | re.M
    )
    return match[1].decode().lower() if match else "completa"


def _identifier(provider: Provider, original: Original, purpose: str, at: datetime) -> str:
    unique = hashlib.sha256(f"{original.pec_id} {purpose} {at.isoformat()}".encode()).hexdigest()[:12]
    return f"opec.{at.astimezone(ROME):%Y%m%d%H%M%S}.{unique}@{provider.domain}"


def _sign(provider: Provider, headers: list[tuple[str, str]], parts: list[bytes]) -> bytes:
    content_type, body = _multipart("mixed", parts)
    content = _header_block([("Content-Type", content_type)]) + body
    signature = _part("application/x-pkcs7-signature", provider.signer.sign(content), name="smime.p7s")
    protocol = 'protocol="application/x-pkcs7-signature"; micalg=sha-256'
    content_type, body = _multipart("signed", [content, signature], parameters=protocol)
    notice = b"This is an S/MIME signed message\r\n\r\n"
    return _header_block([*headers, ("MIME-Version", "1.0"), ("Content-Type", content_type)]) + notice + body


def _notice(text: str, *, with_html: bool) -> bytes:
    plain = _part("text/plain; charset=utf-8", text.encode(), quoted=True)
    if not with_html:
        return plain
    page = f"<html><body><pre>{escape(text)}</pre></body></html>"
    content_type, body = _multipart(
        "alternative", [plain, _part("text/html; charset=utf-8", page.encode(), quoted=True)]
    )
    return _header_block([("Content-Type", content_type)]) + body


def _postacert(raw: bytes) -> bytes:
    headers = [
        ("Content-Type", 'message/rfc822; name="postacert.eml"'),
        ("Content-Disposition", 'attachment; filename="postacert.eml"'),
    ]
    return _header_block(headers) + raw


def _part(content_type: str, content: bytes, *, name: str = "", quoted: bool = False) -> bytes:
    headers = [("Content-Type", f'{content_type}; name="{name}"' if name else content_type)]
    headers.append(("Content-Transfer-Encoding", "quoted-printable" if quoted else "base64"))
    if name:
        headers.append(("Content-Disposition", f'attachment; filename="{name}"'))
    # binary quoted-printable: line ends of a file are content, and come out as they went in
    is_text = content_type.startswith("text/")
    body = binascii.b2a_qp(content, istext=is_text) if quoted else base64.encodebytes(content)
    return _header_block(headers) + re.sub(rb"\r?\n", b"\r\n", body)


def _multipart(subtype: str, parts: list[bytes], *, parameters: str = "") -> tuple[str, bytes]:
    """Content type and body. The boundary comes from the content, so it does not occur in it."""
    boundary = f"----=_{hashlib.sha256(b''.join(parts)).hexdigest()[:32]}"
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    extra = f"; {parameters}" if parameters else ""
    return f'multipart/{subtype}{extra}; boundary="{boundary}"', body


def _header_block(headers: list[tuple[str, str]]) -> bytes:
    return b"".join(_header(name, value) for name, value in headers) + b"\r\n"


def _header(name: str, value: str) -> bytes:
    value = re.sub(r"\s*[\r\n]+\s*", " ", value)
    if name == "Subject":
        return policy.SMTP.fold_binary(name, policy.SMTP.header_factory(name, value))
    return f"{name}: {value}\r\n".encode("ascii", "replace")

"""The PEC mailbox: SMTP out and IMAP in, both over TLS from the first byte.

Italian providers offer 465 and 993; the certificate is always checked.
"""

import imaplib
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage

from django.conf import settings

from core.errors import ChannelError, PermanentError, TransientError

_TIMEOUT_S = 30
_BATCH = 50


class UncertainDeliveryError(TransientError):
    """The connection broke after the content had been handed over: it may have arrived, only a receipt can tell."""


@dataclass(frozen=True)
class FetchedMail:
    """One mail by its UID."""

    uid: int
    raw: bytes


def send(message: EmailMessage) -> None:
    """Submit one mail. Raises `PermanentError` (refused), `TransientError` (not sent), `ChannelError` (login
    refused) or `UncertainDeliveryError`."""
    state = _Submission()
    try:
        _submit(message, state)
    except smtplib.SMTPResponseException as error:
        text = f"PEC provider: {error.smtp_code} {_decode(error.smtp_error)}"
        # a 5yz is final (RFC 5321 §4.2.1), a 4yz may pass, and a refused login is no fault of the invoice
        kind = PermanentError if error.smtp_code >= 500 else TransientError
        if isinstance(error, smtplib.SMTPAuthenticationError):
            kind = ChannelError
        raise kind(text, code=str(error.smtp_code)) from error
    except (OSError, smtplib.SMTPException) as error:
        text = f"PEC provider: {type(error).__name__}: {error}"
        raise (UncertainDeliveryError if state.handed_over else TransientError)(text) from error


@dataclass
class _Submission:
    """How far a submission got: after the content and before the answer nobody knows."""

    handed_over: bool = False


def _submit(message: EmailMessage, state: _Submission) -> None:
    with smtplib.SMTP_SSL(
        settings.SDI_PEC_SMTP_HOST, settings.SDI_PEC_SMTP_PORT, timeout=_TIMEOUT_S, context=_tls()
    ) as connection:
        connection.login(settings.SDI_PEC_EMAIL, settings.SDI_PEC_PASSWORD)
        _expect(connection.mail(settings.SDI_PEC_EMAIL))
        _expect(connection.rcpt(str(message["To"])))
        state.handed_over = True
        answer = connection.data(message.as_bytes(policy=message.policy.clone(linesep="\r\n")))
        state.handed_over = False
        _expect(answer)


def _expect(answer: tuple[int, bytes]) -> None:
    if answer[0] not in (250, 251):
        raise smtplib.SMTPResponseException(*answer)


def fetch_since(uid_validity: int, last_uid: int) -> tuple[int, list[FetchedMail]]:
    """The mailbox's UIDVALIDITY and, oldest first, up to 50 mails after `last_uid` (from the first, when it changed).

    Walks by UID and never by "unseen": a person may read the same mailbox. Marks nothing as read.
    """
    with _mailbox() as connection:
        validity = int(connection.response("UIDVALIDITY")[1][0] or b"0")
        start = last_uid + 1 if validity == uid_validity else 1
        _status, data = connection.uid("SEARCH", f"UID {start}:*")
        # "n:*" always names the newest mail, even when it is older than n
        uids = sorted(uid for uid in map(int, (data[0] or b"").split()) if uid >= start)[:_BATCH]
        return validity, [_fetch(connection, uid) for uid in uids]


def mark_seen(uids: list[int]) -> None:
    """Mark mails as read, so that the person at the webmail sees as unread what is still to be done."""
    if uids:
        with _mailbox(readonly=False) as connection:
            connection.uid("STORE", ",".join(map(str, uids)), "+FLAGS.SILENT", r"(\Seen)")


def _fetch(connection: imaplib.IMAP4_SSL, uid: int) -> FetchedMail:
    _status, data = connection.uid("FETCH", str(uid), "(BODY.PEEK[])")
    for part in data:
        if isinstance(part, tuple) and re.search(rb"UID \d+|BODY\[\]", part[0]):
            return FetchedMail(uid, part[1])
    raise TransientError(f"PEC mailbox: mail {uid} could not be read")


@contextmanager
def _mailbox(*, readonly: bool = True) -> Iterator[imaplib.IMAP4_SSL]:
    try:
        connection = imaplib.IMAP4_SSL(
            settings.SDI_PEC_IMAP_HOST, settings.SDI_PEC_IMAP_PORT, ssl_context=_tls(), timeout=_TIMEOUT_S
        )
        try:
            connection.login(settings.SDI_PEC_EMAIL, settings.SDI_PEC_PASSWORD)
            connection.select("INBOX", readonly=readonly)
            yield connection
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                connection.logout()
    except (OSError, imaplib.IMAP4.error) as error:
        raise TransientError(f"PEC mailbox: {type(error).__name__}: {error}") from error


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.SDI_PEC_CA_FILE or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _decode(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer

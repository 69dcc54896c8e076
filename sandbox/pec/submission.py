"""SMTP submission with implicit TLS and AUTH, as Italian PEC providers offer on port 465 (aiosmtpd)."""

import asyncio
import contextlib
import logging
import socket
import ssl
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.patience import Deadline

MAX_MESSAGE_BYTES = 30 * 1024 * 1024
STAGES = ("CONNECT", "AUTH", "MAIL", "RCPT", "DATA")


@dataclass
class SmtpFault:
    """One disturbance of the next message at stage `at`.

    With `hang` the server never answers: at DATA the message is in (`accepted`) or lost, and the client cannot know.
    """

    at: str = "DATA"
    code: int = 451
    text: str = "4.3.0 servizio temporaneamente non disponibile"
    hang: bool = False
    accepted: bool = True

    def __post_init__(self) -> None:
        if self.at not in STAGES:
            raise ValueError(f"at: one of {', '.join(STAGES)}")
        if not 400 <= self.code <= 599:
            raise ValueError("code: 400 to 599")


Accept = Callable[[bytes, list[str]], None]


# aiosmtpd warns about its own use of a deprecated attribute at each login
logging.getLogger("mail.log").setLevel(logging.ERROR)


class Submission:
    """The server: hands each message of the one account to `accept(raw, recipients)`."""

    def __init__(self, *, user: str, password: str, context: ssl.SSLContext, accept: Accept) -> None:
        self.user = user
        self.password = password
        self.context = context
        self.accept = accept
        self.faults: list[SmtpFault] = []
        self.server: asyncio.Server | None = None
        self.sockets: dict[_Connection, TransportSocket] = {}

    async def start(self) -> int:
        """Open a free loopback port and return it."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self.context)
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self.server:
            self.server.close()
        # by their sockets: a TLS transport that was closed twice, as aiosmtpd does, cannot be aborted in Python 3.11.2
        for connection in self.sockets.values():
            with contextlib.suppress(OSError):  # gone already
                connection.shutdown(socket.SHUT_RDWR)
        deadline = Deadline(5)
        while self.sockets and not deadline.has_passed:  # noqa: ASYNC110 -- asyncio tells nobody of a lost connection
            await asyncio.sleep(0.005)

    def take_fault(self, stage: str) -> SmtpFault | None:
        for fault in self.faults:
            if fault.at == stage:
                self.faults.remove(fault)
                return fault
        return None

    async def disturb(self, stage: str) -> str | None:
        """The error to answer at this stage, None to go on; a hang ends when the client gives up."""
        fault = self.take_fault(stage)
        return await _answer(fault) if fault else None

    # hooks of aiosmtpd, called by name with (server, session, envelope, ...)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Compare with the one account."""
        fault = self.take_fault("AUTH")
        if fault:
            return AuthResult(success=False, handled=False, message=f"{fault.code} {fault.text}")
        credentials = (data.login, data.password) if isinstance(data, LoginPassword) else (b"", b"")
        expected = (self.user.encode(), self.password.encode())
        return AuthResult(success=credentials == expected, handled=False, auth_data=self.user)

    async def handle_MAIL(self, *call: Any) -> str:  # noqa: N802
        envelope, address = call[2], call[3]
        if error := await self.disturb("MAIL"):
            return error
        if address.lower() != self.user.lower():
            return "553 5.7.1 mittente diverso dal titolare della casella"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, *call: Any) -> str:  # noqa: N802
        envelope, address = call[2], call[3]
        if error := await self.disturb("RCPT"):
            return error
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, *call: Any) -> str:  # noqa: N802
        envelope: Envelope = call[2]
        fault = self.take_fault("DATA")
        if fault is None or (fault.hang and fault.accepted):
            self.accept(bytes(envelope.original_content or b""), list(envelope.rcpt_tos))
        return await _answer(fault) if fault else "250 2.0.0 messaggio preso in carico"


async def _answer(fault: SmtpFault) -> str:
    if fault.hang:
        await asyncio.Event().wait()
    return f"{fault.code} {fault.text}"


class _Connection(SMTP):
    """aiosmtpd's protocol, told that the socket is TLS from the first byte."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(
            submission,
            data_size_limit=MAX_MESSAGE_BYTES,
            hostname="smtp.pec.gestore.test",
            ident="ESMTP",
            auth_required=True,
            # one mechanism only: smtplib would answer a refusal by trying the next with the same password
            auth_exclude_mechanism=["LOGIN"],
            authenticator=submission.authenticate,
            loop=asyncio.get_running_loop(),
        )
        self.submission = submission
        # it would wait for a STARTTLS that cannot come inside TLS
        self._auth_require_tls = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.submission.sockets[self] = transport.get_extra_info("socket")
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.submission.sockets.pop(self, None)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        error = await self.submission.disturb("CONNECT")
        if error:
            await self.push(error)
            self._writer.close()
            return
        await super()._handle_client()

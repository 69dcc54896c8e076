"""The stand-in as a whole: its servers, its deliveries, its settings for the product."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

from starlette.routing import BaseRoute

from sandbox.certificates import Authority
from sandbox.frame import StandIn
from sandbox.pec.control import Control
from sandbox.pec.envelopes import PRODUCT_PROVIDER_DOMAIN, SDI_PROVIDER_DOMAIN, Provider
from sandbox.pec.mailbox import MailboxServer
from sandbox.pec.provider import MailProvider, Settings
from sandbox.pec.sdi import Sdi
from sandbox.pec.signing import SigningAuthority
from sandbox.pec.state import State
from sandbox.pec.submission import Submission

MAILBOX = f"fatture@{PRODUCT_PROVIDER_DOMAIN}"
PASSWORD = "sandbox-pec-password"
FIRST_SDI_ADDRESS = "sdi01@pec.fatturapa.it"


class PecStandIn(StandIn):
    """SMTP and IMAP ports are known once it has started; nothing is served to the product over HTTP."""

    name = "pec"

    def __init__(self, data: Path, *, authority: Authority) -> None:
        super().__init__(data)
        self.authority = authority
        self.folder = data / "pec"
        self.control = Control(self)
        self.wake = asyncio.Event()
        self.smtp_port = self.imap_port = 0
        self.deliveries: asyncio.Task[None] | None = None

    def env(self) -> dict[str, str]:
        return {
            "SDI_PEC_EMAIL": MAILBOX,
            "SDI_PEC_PASSWORD": PASSWORD,
            "SDI_PEC_SMTP_HOST": "127.0.0.1",
            "SDI_PEC_SMTP_PORT": str(self.smtp_port),
            "SDI_PEC_IMAP_HOST": "127.0.0.1",
            "SDI_PEC_IMAP_PORT": str(self.imap_port),
            "SDI_PEC_CA_FILE": str(self.authority.root),
            "SDI_PEC_RECIPIENT": FIRST_SDI_ADDRESS,
            "SANDBOX_PEC_SIGNERS": str(self.folder / "keys" / "signers.pem"),
        }

    def control_routes(self) -> list[BaseRoute]:
        return self.control.routes()

    async def start(self) -> None:
        self.state = State(self.folder)
        self.state.release()
        signing = SigningAuthority(self.folder / "keys")
        own = _provider("Gestore PEC di prova", PRODUCT_PROVIDER_DOMAIN, signing)
        sogei = _provider("Sogei S.p.A.", SDI_PROVIDER_DOMAIN, signing)
        self.sdi = Sdi(self.state, Settings(), sogei)
        self.provider = MailProvider(self.state, MAILBOX, own, sogei, self.sdi.receive, self.sdi.settings)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.certificate)
        self.imap = MailboxServer(self.state, user=MAILBOX, password=PASSWORD, context=context)
        self.smtp = Submission(user=MAILBOX, password=PASSWORD, context=context, accept=self.accept)
        self.imap_port = await self.imap.start()
        self.smtp_port = await self.smtp.start()
        self.deliveries = asyncio.create_task(self.deliver())

    async def stop(self) -> None:
        await self.smtp.stop()
        await self.imap.stop()
        if self.deliveries:
            self.deliveries.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.deliveries
        self.state.close()

    def accept(self, raw: bytes, recipients: list[str]) -> None:
        self.provider.accept(raw, recipients)
        self.wake.set()

    async def deliver(self) -> None:
        """Move queued mails to the mailbox when they are due; those of an earlier run included."""
        while True:
            mail = self.state.find_next_queued()
            wait_s = mail.due_at - datetime.now(UTC).timestamp() if mail else None
            if mail and wait_s is not None and wait_s <= 0:
                await self.imap.folders.inbox.deliver(mail.raw, queue_id=mail.id)
                continue
            self.wake.clear()
            try:
                await asyncio.wait_for(self.wake.wait(), wait_s)
            except TimeoutError:
                continue


def _provider(name: str, domain: str, signing: SigningAuthority) -> Provider:
    return Provider(name, domain, signing.signer(f"posta-certificata@{domain}"))

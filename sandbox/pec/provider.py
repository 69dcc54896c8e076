"""The PEC provider of the product: takes messages in, writes receipts, hands certified mail to SDI."""

import email
import email.policy
import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from sandbox.pec.envelopes import Original, Provider, Receipt, receipt_mail, transport_mail
from sandbox.pec.sdi_checks import ROME
from sandbox.pec.state import State

SDI_DOMAIN = "pec.fatturapa.it"
_SDI_ADDRESS = re.compile(r"sdi\d{2,3}@pec\.fatturapa\.it", re.IGNORECASE)
# the harmless test string that every virus scanner reports (eicar.org), in two parts so that this file is not it
_EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
OUTCOMES = (
    "non-accettazione",
    "virus",
    "accettazione",
    "errore-consegna",
    "preavviso-errore-consegna",
    "silence",
)


@dataclass
class Settings:
    """What a test may set: delays of receipts and of SDI's answers, and what SDI does when nothing is asked.

    `hold` keeps SDI's answers until they are released; a restart releases them too. `pa_outcome` is what follows the
    delivery to a public office: EC01, EC02, DT or nothing.
    """

    receipt_delay_s: float = 0.5
    sdi_delay_s: float = 0.5
    hold: bool = False
    pa_outcome: str = ""
    registry_checks: bool = True
    require_pa_signature: bool = True
    assigned_address: str = "sdi48@pec.fatturapa.it"

    def copy_with(self, values: dict[str, Any]) -> "Settings":
        """A copy with these values. Raises ValueError or TypeError for what is none."""
        unknown = values.keys() - self.__dict__.keys()
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        for name, value in values.items():
            if not isinstance(value, (int, float) if name.endswith("_s") else type(getattr(self, name))):
                raise TypeError(f"{name}: not {value!r}")
        if values.get("pa_outcome", "") not in ("", "EC01", "EC02", "DT"):
            raise ValueError("pa_outcome: EC01, EC02, DT or empty")
        if not _SDI_ADDRESS.fullmatch(values.get("assigned_address", self.assigned_address)):
            raise ValueError("assigned_address: sdiNN@pec.fatturapa.it")
        return replace(self, **values)


@dataclass
class Plan:
    """What happens to the next message instead of the natural course."""

    provider: str = ""
    sdi: str | dict[str, Any] = ""


@dataclass(frozen=True)
class Attachment:
    """A named file of a message."""

    name: str
    content: bytes


@dataclass
class MailProvider:
    """Everything between SMTP's 250 and the receipts. `to_sdi` gets each message that reaches an SDI mailbox."""

    state: State
    mailbox: str
    provider: Provider
    sdi_provider: Provider
    to_sdi: Callable[[Original, list[Attachment], str | dict[str, Any], datetime], None]
    settings: Settings = field(default_factory=Settings)
    plans: list[Plan] = field(default_factory=list)

    def accept(self, raw: bytes, recipients: list[str]) -> None:
        """Take one message: it, its receipts and SDI's answers are written in one step."""
        now = datetime.now(UTC)
        message = parse(raw)
        plan = self.plans.pop(0) if self.plans else Plan()
        message_id = str(message["Message-ID"] or email.utils.make_msgid(domain=self.provider.domain)).strip()
        subject = " ".join(str(message["Subject"] or "").split())
        with self.state.transaction():
            number = self.state.add_outgoing(
                sent_at=now,
                sender=self.mailbox,
                recipients=recipients,
                subject=subject,
                message_id=message_id,
                outcome=plan.provider or "accepted",
                raw=raw,
            )
            pec_id = f"opec{number}.{now.astimezone(ROME):%Y%m%d%H%M%S}.00001.{number:03}.1.1@{self.provider.domain}"
            original = Original(self.mailbox, tuple(recipients), subject, message_id, pec_id, raw)
            self._process(original, message, plan, now)

    def _process(self, original: Original, message: EmailMessage, plan: Plan, now: datetime) -> None:
        if plan.provider == "silence":
            return
        refusal = self._refusal(message, original, plan)
        if refusal:
            self._send(self.provider, original, refusal, now)
            return
        self._send(self.provider, original, Receipt("accettazione"), now)
        if plan.provider == "accettazione":
            return
        for recipient in original.recipients:
            self._deliver(original, recipient, message, plan, now)

    def _refusal(self, message: EmailMessage, original: Original, plan: Plan) -> Receipt | None:
        """The notice of non-acceptance, for a virus or a formal error (DM 2 November 2005, 6.3.1)."""
        files = attachments(message)
        if plan.provider == "virus" or any(_EICAR in file.content for file in files):
            return Receipt("non-accettazione", "virus", "rilevato un virus informatico nel messaggio")
        problem = _formal_problem(message, original)
        if plan.provider == "non-accettazione":
            problem = problem or "errore formale nel messaggio"
        return Receipt("non-accettazione", "altro", problem) if problem else None

    def _deliver(self, original: Original, recipient: str, message: EmailMessage, plan: Plan, now: datetime) -> None:
        is_sdi = bool(_SDI_ADDRESS.fullmatch(recipient))
        if plan.provider == "preavviso-errore-consegna":
            text = "la casella di destinazione non risponde"
            self._send(self.provider, original, Receipt("preavviso-errore-consegna", "altro", text, recipient), now)
            self._send(self.provider, original, Receipt("errore-consegna", "altro", text, recipient), now)
        elif plan.provider == "errore-consegna" or _is_unknown(recipient, is_sdi=is_sdi):
            detail = "5.1.1 - indirizzo non valido"
            self._send(self.sdi_provider, original, Receipt("errore-consegna", "no-dest", detail, recipient), now)
        else:
            provider = self.sdi_provider if is_sdi else self.provider
            self._send(provider, original, Receipt("avvenuta-consegna", recipient=recipient), now)
            if recipient.lower() == self.mailbox.lower():
                self.state.enqueue(transport_mail(self.provider, original, now), self._receipt_time(now))
            elif is_sdi:
                self.to_sdi(original, attachments(message), plan.sdi, self._receipt_time(now))

    def _send(self, provider: Provider, original: Original, receipt: Receipt, now: datetime) -> None:
        at = self._receipt_time(now)
        self.state.enqueue(receipt_mail(provider, original, receipt, at), at)

    def _receipt_time(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.settings.receipt_delay_s)


def parse(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def attachments(message: EmailMessage) -> list[Attachment]:
    """All parts with a file name, at any depth, signatures of the mail itself excepted."""
    files = []
    for part in message.walk():
        name = part.get_filename()
        if name and name != "smime.p7s" and not part.is_multipart():
            payload = part.get_payload(decode=True)
            files.append(Attachment(name, payload if isinstance(payload, bytes) else b""))
    return files


def _formal_problem(message: EmailMessage, original: Original) -> str:
    """What breaks the rule that header and envelope agree, empty when nothing does."""
    senders = [address.lower() for _, address in email.utils.getaddresses(message.get_all("From", []))]
    if senders != [original.sender.lower()]:
        return "il campo From non coincide con il mittente del messaggio"
    headers = message.get_all("To", []) + message.get_all("Cc", [])
    visible = {address.lower() for _, address in email.utils.getaddresses([str(value) for value in headers])}
    if message["Bcc"] or not {recipient.lower() for recipient in original.recipients} <= visible:
        return "destinatari in copia nascosta non ammessi"
    return ""


def _is_unknown(recipient: str, *, is_sdi: bool) -> bool:
    return recipient.lower().endswith(f"@{SDI_DOMAIN}") and not is_sdi

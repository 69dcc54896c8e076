"""The Sistema di Interscambio behind its certified mailboxes: takes files in, decides, answers by PEC."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from lxml import etree

from sandbox.pec import sdi_checks, sdi_controls
from sandbox.pec.envelopes import Original, Provider, plain_mail, transport_mail
from sandbox.pec.p7m import P7mError, extract_content
from sandbox.pec.provider import Attachment, Settings
from sandbox.pec.sdi_checks import KnownFiles, Verdict, XmlError, verdict
from sandbox.pec.sdi_messages import DS, Answer, Transmission, build
from sandbox.pec.state import SdiFile, SdiMessage, State

# SDI writes from another address than the one it assigns
SENDER = "sdi03@pec.fatturapa.it"
SUBJECTS = {
    "RC": "Ricevuta di consegna",
    "NS": "Notifica di scarto",
    "MC": "Notifica di mancata consegna",
    "NE": "Notifica di esito",
    "DT": "Notifica di decorrenza termini",
    "AT": "Attestazione di avvenuta trasmissione della fattura con impossibilità di recapito",
}
STATES = {"RC": "delivered", "NS": "rejected", "MC": "unavailable", "DT": "expired", "AT": "attested"}
# what follows the first answer, when a public office's reaction is asked for
_AFTER = {"NE": ["RC", "NE"], "DT": ["RC", "DT"], "AT": ["MC", "AT"]}


class PlanError(ValueError):
    """What was asked of SDI for the next message makes no sense."""


@dataclass
class Sdi:
    """Reads and writes `state`; answers are queued mails to the transmitter."""

    state: State
    settings: Settings
    provider: Provider

    def receive(self, original: Original, files: list[Attachment], plan: str | dict[str, Any], at: datetime) -> None:
        """Take all files of one mail that reached an SDI mailbox at `at`."""
        for file in files:
            self._receive_file(original, file, plan, at)

    def _receive_file(self, original: Original, file: Attachment, plan: str | dict[str, Any], at: datetime) -> None:
        known_files = self.state.load_known_files()
        xml, verdicts = self._check(file, at, known_files)
        root = _find_root(xml)
        transmission = Transmission(
            sdi_id=self.state.next_sdi_id(),
            file_name=file.name,
            sha256=hashlib.sha256(file.content).hexdigest(),
            received_at=at,
            is_public=root is not None and _transmission_text(root, "FormatoTrasmissione") == "FPA12",
            recipient_code=_transmission_text(root, "CodiceDestinatario") if root is not None else "0000000",
            documents=_documents(root),
            pec_id=original.pec_id,
        )
        answers = self._answers(transmission, root, verdicts, plan)
        is_new_name = not sdi_checks.check_file(file.name, 1, known_files)
        sdi_file = SdiFile(transmission, original.sender, "received", tuple(verdicts), xml, _keys(root))
        self.state.add_file(sdi_file, stem=sdi_checks.stem(file.name) if is_new_name else "")
        for answer in answers:
            self.answer(sdi_file, answer, at + timedelta(seconds=self.settings.sdi_delay_s))

    def _check(self, file: Attachment, at: datetime, known_files: KnownFiles) -> tuple[bytes, list[Verdict]]:
        """The invoice as XML, and what is wrong with the file."""
        verdicts = sdi_checks.check_file(file.name, len(file.content), known_files)
        if file.name.endswith(".zip") and not verdicts:
            return file.content, [verdict("00106", "archivi non trattati da questo ambiente")]
        try:
            xml = extract_content(file.content) if file.name.endswith(".p7m") else file.content
        except P7mError as error:
            return file.content, verdicts or [verdict("00102", str(error))]
        verdicts = verdicts or sdi_checks.check_invoice(
            xml, file.name, at, known=known_files, registry_checks=self.settings.registry_checks
        )
        return xml, verdicts or self._check_signature(file.name, xml)

    def _check_signature(self, name: str, xml: bytes) -> list[Verdict]:
        root = sdi_checks.parse(xml)
        is_public = _transmission_text(root, "FormatoTrasmissione") == "FPA12"
        is_signed = name.endswith(".p7m") or root.find(f"{{{DS}}}Signature") is not None
        is_missing = self.settings.require_pa_signature and is_public and not is_signed
        return [verdict("00102", "firma obbligatoria verso le amministrazioni")] if is_missing else []

    def _answers(
        self,
        transmission: Transmission,
        root: etree._Element | None,
        verdicts: list[Verdict],
        plan: str | dict[str, Any],
    ) -> list[Answer]:
        if plan:
            return plan_answers(plan, verdicts)
        if verdicts:
            return [Answer("NS", verdicts=tuple(verdicts))]
        if transmission.is_public:
            outcome = self.settings.pa_outcome
            return plan_answers({"NE": outcome} if outcome.startswith("EC") else outcome or "RC", [])
        has_address = root is not None and (
            _transmission_text(root, "PECDestinatario") or transmission.recipient_code != "0000000"
        )
        return [Answer("RC" if has_address else "MC")]

    def answer(
        self, file: SdiFile, answer: Answer, at: datetime, *, copies: int = 1, is_anomaly: bool = False
    ) -> SdiMessage:
        """Write one message and queue its mail, `copies` times the same; an anomaly is a forgery, no decision."""
        transmission = file.transmission
        xml = build(transmission, answer, message_id=self.state.next_message_id(), now=at)
        # real progressives do not start at 001 either, and grow over all messages of a file
        progressive = transmission.sdi_id % 3 + 1 + len(self.state.messages(transmission.sdi_id))
        # the name without its extensions; one over the limit of the field is cut
        base = transmission.file_name.split(".")[0][:36]
        outcome = answer.outcome if answer.kind == "NE" else ""
        message = SdiMessage(answer.kind, outcome, f"{base}_{answer.kind}_{progressive:03}.xml", at.isoformat(), xml)
        self.state.add_message(transmission.sdi_id, message)
        if not is_anomaly:
            state = STATES.get(answer.kind) or ("accepted" if answer.outcome == "EC01" else "refused")
            self.state.set_file_state(transmission.sdi_id, state)
        mail = self._mail(file, message, at, is_anomaly=is_anomaly)
        for _ in range(copies):
            self.state.enqueue(mail, at, is_held=self.settings.hold)
        return message

    def _mail(self, file: SdiFile, message: SdiMessage, at: datetime, *, is_anomaly: bool) -> bytes:
        transmission = file.transmission
        subject = f"{SUBJECTS[message.kind]} {transmission.sdi_id}"
        message_id = f"<{transmission.sdi_id}.{message.file_name.removesuffix('.xml')}@pec.fatturapa.it>"
        headers = [
            ("Date", format_datetime(at.astimezone(sdi_checks.ROME))),
            ("From", SENDER),
            ("To", file.sender),
            ("Subject", subject),
            ("Message-ID", message_id),
        ]
        is_quoted = message.kind == "RC"
        inner = plain_mail(
            headers,
            self._text(transmission, subject),
            (message.file_name, message.xml),
            quoted=is_quoted,
        )
        pec_id = f"opec{transmission.sdi_id}.{at:%Y%m%d%H%M%S}.{message.file_name[-7:-4]}@{self.provider.domain}"
        original = Original(SENDER, (file.sender,), subject, message_id, pec_id, inner)
        # messages of missed delivery are known to come without daticert.xml
        return transport_mail(self.provider, original, at, is_anomaly=is_anomaly, with_daticert=message.kind != "MC")

    def _text(self, transmission: Transmission, subject: str) -> str:
        """The covering text; it names the assigned address once, and again each time it changes."""
        text = f"{subject}\n\nSi trasmette in allegato il messaggio relativo al file {transmission.file_name}.\n"
        address = self.settings.assigned_address
        if self.state.fact("announced_address", "") != address:
            self.state.set_fact("announced_address", address)
            text += (
                "\nIl nuovo indirizzo da utilizzare per inviare le prossime fatture al Sistema di Interscambio, "
                f"fino ad un eventuale nuovo avviso, e' {address}\n"
            )
        return text


def plan_answers(plan: str | dict[str, Any], verdicts: list[Verdict]) -> list[Answer]:
    """Answers asked for: a kind, "silence", {"NS": [codes]} or {"NE": "EC02"}. Raises PlanError."""
    kind, value = next(iter(plan.items())) if isinstance(plan, dict) and len(plan) == 1 else (plan, None)
    if kind == "silence":
        return []
    if not isinstance(kind, str) or kind not in SUBJECTS:
        raise PlanError(f"sdi: a kind of message, silence, or one kind with its value, not {plan!r}")
    return [make_answer(step, value if step == kind else None, verdicts) for step in _AFTER.get(kind, [kind])]


def make_answer(kind: str, value: object, verdicts: list[Verdict]) -> Answer:
    """`value` is a list of codes for NS, EC01 or EC02 for NE, nothing for the rest. Raises PlanError."""
    if kind == "NS":
        codes = value if value is not None else []
        if not isinstance(codes, list) or not all(isinstance(code, str) and len(code) == 5 for code in codes):
            raise PlanError("NS: a list of five-digit codes")
        return Answer("NS", verdicts=tuple(verdict(code) for code in codes) or tuple(verdicts) or (verdict("00311"),))
    if kind == "NE":
        if value not in (None, "EC01", "EC02"):
            raise PlanError("NE: EC01 or EC02")
        return Answer("NE", outcome=str(value or "EC01"))
    if value is not None:
        raise PlanError(f"{kind} takes no value")
    return Answer(kind)


def _find_root(xml: bytes) -> etree._Element | None:
    try:
        return sdi_checks.parse(xml)
    except XmlError:
        return None


def _transmission_text(root: etree._Element, name: str) -> str:
    return (root.findtext(f"FatturaElettronicaHeader/DatiTrasmissione/{name}") or "").strip()


def _keys(root: etree._Element | None) -> tuple[sdi_controls.DocumentKey, ...]:
    return tuple(sdi_controls.document_keys(root)) if root is not None else ()


def _documents(root: etree._Element | None) -> tuple[tuple[str, str], ...]:
    return tuple((key.number, key.year) for key in _keys(root))

"""The doors for tests and drills under `/control/pec`: look at what happened, and say what shall happen next."""

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.pec.envelopes import Original, transport_mail
from sandbox.pec.provider import OUTCOMES, Plan, attachments, parse
from sandbox.pec.sdi import PlanError, make_answer, plan_answers
from sandbox.pec.sdi_messages import MessageError
from sandbox.pec.state import Mail, SdiFile
from sandbox.pec.submission import SmtpFault

if TYPE_CHECKING:
    from sandbox.pec.stand_in import PecStandIn

_MESSAGE_NAME = re.compile(r"_(RC|NS|MC|NE|DT|AT)_[A-Za-z0-9]{1,3}\.xml$")
_MESSAGE_FIELDS = {"kind", "codes", "outcome", "duplicate", "anomaly"}
Handler = Callable[[Request], Awaitable[Response]]


class ControlError(ValueError):
    """The request makes no sense; the message says why."""


class Control:
    """Routes over one stand-in."""

    def __init__(self, stand_in: "PecStandIn") -> None:
        self.pec = stand_in

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/outgoing", _guard(self.outgoing)),
            Route("/invoices", _guard(self.invoices)),
            Route("/invoices/{name}", _guard(self.invoice)),
            Route("/invoices/{name}/message", _guard(self.send_message), methods=["POST"]),
            Route("/settings", _guard(self.settings), methods=["GET", "POST"]),
            Route("/next", _guard(self.plan_next), methods=["GET", "POST", "DELETE"]),
            Route("/forget", _guard(self.forget), methods=["POST"]),
            Route("/release", _guard(self.release), methods=["POST"]),
            Route("/mail", _guard(self.drop_mail), methods=["POST"]),
            Route("/mailbox", _guard(self.mailbox)),
            Route("/mailbox/{uid:int}", _guard(self.mail)),
        ]

    async def forget(self, request: Request) -> Response:
        """Begin anew: no mail anywhere, and SDI has never seen a file. What no test run may leave to the next."""
        inbox = self.pec.imap.folders.inbox
        self.pec.state.forget()
        await inbox.delete([mail.uid for mail in inbox.mails()])
        return JSONResponse({})

    async def outgoing(self, request: Request) -> Response:
        """Messages the product submitted."""
        rows = []
        for item in self.pec.state.outgoing():
            row = asdict(item)
            row.pop("raw")
            row["attachments"] = [
                {"name": file.name, "size": len(file.content)} for file in attachments(parse(item.raw))
            ]
            rows.append(row)
        return JSONResponse(rows)

    async def invoices(self, request: Request) -> Response:
        """Files SDI received, with its verdict and messages."""
        return JSONResponse([self._describe(file) for file in self.pec.state.files()])

    async def invoice(self, request: Request) -> Response:
        """The XML of one file, taken out of its .p7m."""
        return Response(self._file(request).content, media_type="application/xml")

    async def send_message(self, request: Request) -> Response:
        """Send a further message about a file: {"kind", "codes", "outcome", "duplicate": extra copies, "anomaly"}."""
        file, body = self._file(request), await _body(request, _MESSAGE_FIELDS)
        kind, copies = body.get("kind"), body.get("duplicate", 0)
        if not isinstance(kind, str) or kind not in ("RC", "NS", "MC", "NE", "DT", "AT"):
            raise ControlError("kind: RC, NS, MC, NE, DT or AT")
        if not isinstance(copies, int) or not 0 <= copies <= 100:
            raise ControlError("duplicate: 0 to 100 further copies")
        answer = make_answer(kind, {"NS": body.get("codes"), "NE": body.get("outcome")}.get(kind), list(file.verdicts))
        now = datetime.now(UTC)
        anomaly = bool(body.get("anomaly", False))
        message = self.pec.sdi.answer(file, answer, now, copies=1 + copies, is_anomaly=anomaly)
        self.pec.wake.set()
        return JSONResponse({"kind": message.kind, "file_name": message.file_name}, 201)

    async def settings(self, request: Request) -> Response:
        """GET the settings, POST some of them."""
        if request.method == "POST":
            settings = self.pec.provider.settings.copy_with(await _body(request))
            self.pec.provider.settings = self.pec.sdi.settings = settings
        return JSONResponse(asdict(self.pec.provider.settings))

    async def plan_next(self, request: Request) -> Response:
        """Say what happens to the next message: {"provider", "sdi", "smtp": the fields of `SmtpFault`}.

        Plans of several requests wait in a row, one message each. DELETE drops them all.
        """
        if request.method == "POST":
            self._plan(await _body(request, {"provider", "sdi", "smtp"}))
        elif request.method == "DELETE":
            self.pec.provider.plans.clear()
            self.pec.smtp.faults.clear()
        plans = [asdict(plan) for plan in self.pec.provider.plans]
        return JSONResponse({"plans": plans, "smtp": [asdict(fault) for fault in self.pec.smtp.faults]})

    def _plan(self, body: dict[str, Any]) -> None:
        plan = Plan(body.get("provider", ""), body.get("sdi", ""))
        if plan.provider and plan.provider not in OUTCOMES:
            raise ControlError(f"provider: one of {', '.join(OUTCOMES)}")
        if plan.sdi:
            plan_answers(plan.sdi, [])
        smtp = body.get("smtp")
        if smtp is not None:
            self.pec.smtp.faults.append(SmtpFault(**smtp))
        if plan != Plan():
            self.pec.provider.plans.append(plan)

    async def release(self, request: Request) -> Response:
        """Let go of the answers that `hold` kept; those that come later are kept again while it is on."""
        count = self.pec.state.release()
        self.pec.wake.set()
        return JSONResponse({"released": count})

    async def drop_mail(self, request: Request) -> Response:
        """Put any mail into the inbox as it is: {"raw": base64}. With "certified" true, inside a PEC envelope."""
        body = await _body(request, {"raw", "certified"})
        try:
            raw = base64.b64decode(body.get("raw", ""), validate=True)
        except (binascii.Error, TypeError) as error:
            raise ControlError("raw: a mail in base64") from error
        if not raw:
            raise ControlError("raw: a mail in base64")
        raw = re.sub(rb"\r?\n", b"\r\n", raw)
        if body.get("certified"):
            raw = self._wrap(raw)
        return JSONResponse({"uid": await self.pec.imap.folders.inbox.deliver(raw)}, 201)

    def _wrap(self, raw: bytes) -> bytes:
        """The mail as another customer of the same provider would have sent it: true PEC, but not from SDI."""
        message = parse(raw)
        message_id = str(message["Message-ID"] or "<senza-id@pec.gestore.test>")
        sender = str(message["From"] or "sconosciuto@pec.gestore.test")
        original = Original(
            sender,
            (self.pec.provider.mailbox,),
            str(message["Subject"] or ""),
            message_id,
            f"opec.{message_id.strip('<>')}",
            raw,
        )
        return transport_mail(self.pec.provider.provider, original, datetime.now(UTC))

    async def mailbox(self, request: Request) -> Response:
        """Mails in the inbox; kind is X-Ricevuta's value, RC to AT, posta-certificata, anomalia or ordinaria."""
        return JSONResponse([_describe_mail(mail) for mail in self.pec.imap.folders.inbox.mails()])

    async def mail(self, request: Request) -> Response:
        try:
            mail = self.pec.imap.folders.inbox.mail(request.path_params["uid"])
        except KeyError:
            return JSONResponse({"error": "no such mail in INBOX"}, 404)
        return Response(mail.raw, media_type="message/rfc822")

    def _file(self, request: Request) -> SdiFile:
        files = self.pec.state.files(request.path_params["name"])
        if not files:
            raise LookupError(f"SDI has not received {request.path_params['name']}")
        return files[0]

    def _describe(self, file: SdiFile) -> dict[str, Any]:
        transmission = file.transmission
        messages = [
            {"kind": message.kind, "outcome": message.outcome, "file_name": message.file_name, "at": message.created_at}
            for message in self.pec.state.messages(transmission.sdi_id)
        ]
        return {
            "name": transmission.file_name,
            "sdi_id": transmission.sdi_id,
            "sha256": transmission.sha256,
            "received_at": transmission.received_at.isoformat(),
            "format": "FPA12" if transmission.is_public else "FPR12",
            "recipient_code": transmission.recipient_code,
            "documents": [{"number": number, "year": year} for number, year in transmission.documents],
            "state": file.state,
            "verdicts": [asdict(verdict) for verdict in file.verdicts],
            "messages": messages,
        }


def _describe_mail(mail: Mail) -> dict[str, Any]:
    message = parse(mail.raw)
    return {
        "uid": mail.uid,
        "subject": str(message["Subject"] or ""),
        "from": str(message["From"] or ""),
        "message_id": str(message["Message-ID"] or ""),
        "refers_to": str(message["X-Riferimento-Message-ID"] or ""),
        "kind": _kind(mail),
        "flags": list(mail.flags),
    }


def _kind(mail: Mail) -> str:
    message = parse(mail.raw)
    if message["X-Ricevuta"]:
        return str(message["X-Ricevuta"])
    transport = str(message["X-Trasporto"] or "")
    if transport == "errore":
        return "anomalia"
    if transport != "posta-certificata":
        return "ordinaria"
    matches = (_MESSAGE_NAME.search(file.name) for file in attachments(message))
    return next((match[1] for match in matches if match), "posta-certificata")


async def _body(request: Request, fields: set[str] | None = None) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise ControlError(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("not a JSON object")
    if fields is not None and not body.keys() <= fields:
        raise ControlError(f"fields: {', '.join(sorted(fields))}")
    return body


def _guard(handler: Handler) -> Handler:
    """Answer 400 and 404 with the reason."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except LookupError as error:
            return JSONResponse({"error": str(error)}, 404)
        except (PlanError, MessageError, ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint

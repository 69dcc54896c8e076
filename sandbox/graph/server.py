"""The mail endpoints of Graph for one sending mailbox, and what tests and the page may look at and set."""

import base64
import copy
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.frame import StandIn
from sandbox.graph import mail as mails
from sandbox.graph.errors import GraphError
from sandbox.graph.identity import CLIENT_ID, CLIENT_SECRET, TENANT_ID, Identity
from sandbox.graph.limits import Limits
from sandbox.graph.mail import Attachment, Mail
from sandbox.graph.mailbox import Mailbox
from sandbox.graph.uploads import SMALL_FILE, Uploads

SENDER_EMAIL = "noreply@aistrategyhub.example"
SENDER_NAME = "AI Strategy Hub"
MAX_REQUEST = 4 * 1024 * 1024
FOLDERS = ("inbox", "drafts", "sentitems")
FILTER = re.compile(r"(internetMessageId|receivedDateTime|sentDateTime|isRead) (eq|ge|gt|le|lt) '?([^']+?)'?\Z")
Handler = Callable[[Request], Awaitable[Response]]


class GraphStandIn(StandIn):
    name = "graph"
    tls = True

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.identity = Identity()
        self.limits = Limits()
        self.uploads = Uploads()
        self.mailbox = Mailbox(data / "graph" / "messages")
        self.bounces: dict[str, str] = {}

    def env(self) -> dict[str, str]:
        return {
            "MS_GRAPH_AUTHORITY": self.url,
            "MS_GRAPH_ENDPOINT": f"{self.url}/v1.0",
            "MS_GRAPH_TENANT_ID": TENANT_ID,
            "MS_GRAPH_CLIENT_ID": CLIENT_ID,
            "MS_GRAPH_CLIENT_SECRET": CLIENT_SECRET,
            "MS_GRAPH_SENDER_EMAIL": SENDER_EMAIL,
            "MS_GRAPH_SENDER_NAME": SENDER_NAME,
        }

    def routes(self) -> list[BaseRoute]:
        self.identity.url = self.uploads.url = self.url
        user = "/v1.0/users/{user}"
        one = f"{user}/messages/{{id}}"
        return [
            Route(f"{user}/sendMail", self._guard(self.send_mail), methods=["POST"]),
            Route(f"{user}/messages", self._guard(self.messages), methods=["GET", "POST"]),
            Route(f"{user}/mailFolders/{{folder}}/messages", self._guard(self.messages), methods=["GET"]),
            Route(f"{one}/$value", self._guard(self.mime_content), methods=["GET"]),
            Route(f"{one}/send", self._guard(self.send_draft), methods=["POST"]),
            Route(f"{one}/attachments", self._guard(self.attachments), methods=["GET", "POST"]),
            Route(f"{one}/attachments/createUploadSession", self._guard(self.upload_session), methods=["POST"]),
            Route(one, self._guard(self.message), methods=["GET", "PATCH", "DELETE"]),
            *self.uploads.routes(),
            *self.identity.routes(),
        ]

    def control_routes(self) -> list[BaseRoute]:
        return [
            Route("/messages", self.control_messages, methods=["GET", "DELETE"]),
            Route("/messages/{id}", self.control_message),
            Route("/messages/{id}/attachments/{name:path}", self.control_attachment),
            Route("/tokens", self.control_tokens),
            Route("/limits", self.control_limits, methods=["GET", "POST"]),
            Route("/expire-tokens", self.control_expire, methods=["POST"]),
            Route("/bounce", self.control_bounce, methods=["GET", "POST", "DELETE"]),
        ]

    def _guard(self, handler: Handler) -> Handler:
        """Token, mailbox, size and concurrency before the handler; Graph's error shape after it."""

        async def endpoint(request: Request) -> Response:
            try:
                self._check_token(request)
                _check_user(request.path_params["user"])
                async with self.limits.request():
                    _check_size(await request.body())
                    return await handler(request)
            except GraphError as error:
                return error.response()

        return endpoint

    def _check_token(self, request: Request) -> None:
        if not self.identity.is_valid(request.headers.get("authorization", "")):
            raise GraphError(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")

    async def send_mail(self, request: Request) -> Response:
        """JSON with `message`, or base64 MIME as text/plain."""
        if request.headers.get("content-type", "").startswith("text/plain"):
            raw = mails.decode_base64((await request.body()).decode("ascii", "replace"), "MIME content")
            mail = mails.from_mime(raw, sender=SENDER_EMAIL, sender_name=SENDER_NAME)
        else:
            data = await _json(request)
            if "message" not in data and "Message" not in data:
                raise GraphError(400, "ErrorInvalidRequest", "The value of parameter 'Message' is missing.")
            message = data.get("message") or data.get("Message")
            mail = mails.from_graph(message, sender=SENDER_EMAIL, sender_name=SENDER_NAME)
            mail.saved = bool(data.get("saveToSentItems", True))
        self._send(mail)
        return Response(status_code=202)

    def _send(self, mail: Mail) -> None:
        """Accept a mail; the report of an address known to bounce follows at once."""
        mail.check_recipients()
        self.limits.message()
        mail.folder, mail.at = "sentitems", mails.now_utc()
        self.mailbox.add(mail)
        for address in mail.recipients:
            if address.lower() in self.bounces:
                self.mailbox.add(mails.bounce_of(mail, address, self.bounces[address.lower()]))

    async def messages(self, request: Request) -> Response:
        if request.method == "POST":
            draft = mails.from_graph(await _json(request), sender=SENDER_EMAIL, sender_name=SENDER_NAME)
            self.mailbox.add(draft)
            return JSONResponse(draft.as_graph(), 201)
        folder = request.path_params.get("folder", "").lower()
        if folder and folder not in FOLDERS:
            raise GraphError(404, "ErrorItemNotFound", "The specified folder could not be found in the store.")
        listing = [mail for mail in self.mailbox.newest_first() if mail.saved and folder in {"", mail.folder}]
        for condition in _conditions(request.query_params.get("$filter", "")):
            listing = [mail for mail in listing if condition(mail)]
        if request.query_params.get("$orderby", "").lower().endswith(" asc"):
            listing.reverse()
        top = request.query_params.get("$top", "10")
        if not top.isdigit():
            raise GraphError(400, "BadRequest", f"Invalid value '{top}' for $top query option found.")
        return JSONResponse({"value": [mail.as_graph() for mail in listing[: int(top)]]})

    def _mail(self, request: Request) -> Mail:
        mail = self.mailbox.mails.get(request.path_params["id"])
        if mail is None or not mail.saved:
            raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return mail

    def _draft(self, request: Request) -> Mail:
        mail = self._mail(request)
        if mail.folder != "drafts":
            raise GraphError(400, "ErrorInvalidOperation", "The message is not a draft any more.")
        return mail

    async def message(self, request: Request) -> Response:
        mail = self._mail(request)
        if request.method == "DELETE":
            self.mailbox.remove(mail)
            return Response(status_code=204)
        if request.method == "PATCH":
            changes = await _json(request)
            mails.update_from_graph(mail if set(changes) == {"isRead"} else self._draft(request), changes)
            self.mailbox.add(mail)
        return JSONResponse(mail.as_graph())

    async def mime_content(self, request: Request) -> Response:
        return Response(self._mail(request).as_mime(), media_type="text/plain")

    async def attachments(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"value": [each.as_graph() for each in self._mail(request).attachments]})
        attachment = Attachment.from_graph(await _json(request))
        if len(attachment.content) >= SMALL_FILE:
            text = "The attachment is 3 MB or more: use an upload session."
            raise GraphError(413, "ErrorAttachmentSizeLimitExceeded", text)
        self._draft(request).attachments.append(attachment)
        return JSONResponse(attachment.as_graph(), 201)

    async def upload_session(self, request: Request) -> Response:
        return self.uploads.create(self._draft(request), await _json(request))

    async def send_draft(self, request: Request) -> Response:
        """Send a draft. It moves to Sent Items and so gets another id, unless immutable ids were asked for."""
        draft = self._draft(request)
        mail = copy.copy(draft)
        if "immutableid" not in request.headers.get("prefer", "").lower():
            mail.id = mails.new_id()
        self._send(mail)
        if mail.id != draft.id:
            self.mailbox.remove(draft)
        return Response(status_code=202)

    async def control_messages(self, request: Request) -> Response:
        """Mails sent and reports received, newest first; `to`, `subject` and `since` (ISO time) narrow the list."""
        if request.method == "DELETE":
            self.mailbox.clear()
        to = request.query_params.get("to", "").lower()
        subject = request.query_params.get("subject", "").lower()
        since = request.query_params.get("since", "").replace("+00:00", "Z")
        summaries = [
            mail.summary()
            for mail in self.mailbox.newest_first()
            if mail.folder != "drafts"
            and (not to or to in {address.lower() for address in mail.recipients})
            and subject in mail.subject.lower()
            and mail.at >= since
        ]
        return JSONResponse(summaries)

    def _find_mail(self, request: Request) -> Mail | None:
        return self.mailbox.mails.get(request.path_params["id"])

    async def control_message(self, request: Request) -> Response:
        mail = self._find_mail(request)
        if mail is None:
            return JSONResponse({"error": "no such message"}, 404)
        return JSONResponse({**mail.summary(), "raw": base64.b64encode(mail.as_mime()).decode()})

    async def control_attachment(self, request: Request) -> Response:
        mail = self._find_mail(request)
        attachments = [each for each in mail.attachments if each.name == request.path_params["name"]] if mail else []
        if not attachments:
            return JSONResponse({"error": "no such attachment"}, 404)
        return Response(attachments[0].content, media_type=attachments[0].content_type)

    async def control_tokens(self, _request: Request) -> Response:
        return JSONResponse({"issued": self.identity.token_count})

    async def control_limits(self, request: Request) -> Response:
        if request.method == "POST":
            body = await request.json()
            limits = self.limits.as_dict()
            if not set(body) <= set(limits) or not all(
                isinstance(value, int | float) and value >= 0 for value in body.values()
            ):
                return JSONResponse({"error": f"numbers for {', '.join(limits)}"}, 400)
            for name, value in body.items():
                setattr(self.limits, name, value)
        return JSONResponse(self.limits.as_dict())

    async def control_expire(self, _request: Request) -> Response:
        self.identity.expire_all()
        return JSONResponse({"issued": self.identity.token_count})

    async def control_bounce(self, request: Request) -> Response:
        """Addresses whose mail bounces, with the status of the report (5.1.1 hard, 4.x.x soft)."""
        if request.method == "DELETE":
            self.bounces.clear()
        elif request.method == "POST":
            body = await request.json()
            status = str(body.get("status", "5.1.1"))
            if not mails.ADDRESS.match(str(body.get("to", ""))) or not re.match(r"[45]\.\d+\.\d+\Z", status):
                return JSONResponse({"error": "to is an address, status like 5.1.1 or 4.2.2"}, 400)
            self.bounces[body["to"].lower()] = status
        return JSONResponse(self.bounces)


def _check_user(user: str) -> None:
    """This application may use one mailbox; others of the domain are closed to it, and the rest do not exist."""
    if user.lower() == SENDER_EMAIL:
        return
    if user.lower().endswith(f"@{SENDER_EMAIL.partition('@')[2]}"):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    raise GraphError(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")


def _check_size(body: bytes) -> None:
    if len(body) > MAX_REQUEST:
        raise GraphError(413, "BadRequest", "The maximum request length supported is 4MB.")


async def _json(request: Request) -> dict[str, Any]:
    try:
        data = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None
    if not isinstance(data, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
    return data


def _conditions(expression: str) -> list[Callable[[Mail], bool]]:
    """The parts of a `$filter` joined by `and`; an operator or property not known here is refused."""
    parts = [part.strip() for part in expression.split(" and ") if part.strip()]
    return [_condition(part) for part in parts]


def _condition(part: str) -> Callable[[Mail], bool]:
    match = FILTER.match(part)
    if not match:
        raise GraphError(400, "ErrorInvalidUrlQueryFilter", f"The query filter '{part}' is not supported.")
    name, operator, value = match.groups()
    compare: dict[str, Callable[[str, str], bool]] = {
        "eq": lambda left, right: left == right,
        "ge": lambda left, right: left >= right,
        "gt": lambda left, right: left > right,
        "le": lambda left, right: left <= right,
        "lt": lambda left, right: left < right,
    }

    def holds(mail: Mail) -> bool:
        own = {"internetMessageId": mail.internet_message_id, "isRead": str(mail.is_read).lower()}.get(name, mail.at)
        return compare[operator](own, value)

    return holds

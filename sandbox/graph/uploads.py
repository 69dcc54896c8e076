"""Upload sessions for attachments of 3 MB and more: ranged PUTs to a URL that carries its own permission."""

import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.graph.errors import GraphError
from sandbox.graph.mail import Attachment, Mail

CHUNK_UNIT = 320 * 1024
MAX_CHUNK = 4 * 1024 * 1024
MAX_FILE = 150 * 1024 * 1024
SMALL_FILE = 3 * 1024 * 1024
LIFETIME_S = 3600
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")


@dataclass
class Upload:
    mail: Mail
    name: str
    content_type: str
    size: int
    expires_at: float
    content: bytes = b""


class Uploads:
    """The open sessions, by the secret in their URL."""

    def __init__(self) -> None:
        self.url = ""
        self.open: dict[str, Upload] = {}

    def routes(self) -> list[BaseRoute]:
        return [Route("/uploads/{key}", self.endpoint, methods=["GET", "PUT", "DELETE"])]

    def create(self, mail: Mail, data: Any) -> Response:
        item = (data or {}).get("AttachmentItem") if isinstance(data, dict) else None
        if not isinstance(item, dict) or item.get("attachmentType") != "file" or not item.get("name"):
            raise GraphError(400, "ErrorInvalidRequest", "AttachmentItem needs attachmentType 'file', name and size.")
        size = item.get("size")
        if not isinstance(size, int) or not SMALL_FILE <= size <= MAX_FILE:
            text = "An upload session is for a file between 3 MB and 150 MB; post a smaller one to attachments."
            raise GraphError(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", text)
        key = secrets.token_urlsafe(32)
        content_type = item.get("contentType") or "application/octet-stream"
        self.open[key] = Upload(mail, item["name"], content_type, size, time.monotonic() + LIFETIME_S)
        body = {
            "uploadUrl": f"{self.url}/uploads/{key}?authtoken={secrets.token_urlsafe(16)}",
            **_progress(self.open[key]),
        }
        return JSONResponse(body, 201)

    async def endpoint(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except GraphError as error:
            return error.response()

    async def _answer(self, request: Request) -> Response:
        key = request.path_params["key"]
        upload = self.open.get(key)
        if upload is None or upload.expires_at < time.monotonic():
            raise GraphError(404, "ErrorItemNotFound", "The upload session was not found or has expired.")
        if request.headers.get("authorization"):
            raise GraphError(401, "InvalidAuthenticationToken", "The upload URL must be used without Authorization.")
        if request.method == "DELETE":
            del self.open[key]
            return Response(status_code=204)
        if request.method == "GET":
            return JSONResponse(_progress(upload))
        upload.content += await _read_range(request, upload)
        if len(upload.content) < upload.size:
            return JSONResponse(_progress(upload))
        del self.open[key]
        attachment = Attachment(upload.name, upload.content_type, upload.content)
        upload.mail.attachments.append(attachment)
        place = f"{self.url}/v1.0/users/{upload.mail.sender}/messages/{upload.mail.id}/attachments/{attachment.id}"
        return Response(status_code=201, headers={"Location": place})


def _progress(upload: Upload) -> dict[str, Any]:
    remaining_s = upload.expires_at - time.monotonic()
    expires = (datetime.now(UTC) + timedelta(seconds=remaining_s)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"expirationDateTime": expires, "nextExpectedRanges": [f"{len(upload.content)}-"]}


async def _read_range(request: Request, upload: Upload) -> bytes:
    content = await request.body()
    match = RANGE.match(request.headers.get("content-range", ""))
    if not match:
        raise GraphError(400, "ErrorInvalidRange", "Content-Range must read 'bytes {start}-{end}/{total}'.")
    start, end, total = (int(number) for number in match.groups())
    if total != upload.size or end - start + 1 != len(content) or end >= total:
        raise GraphError(400, "ErrorInvalidRange", "Content-Range does not fit the content or the announced size.")
    if start != len(upload.content):
        raise GraphError(416, "ErrorInvalidRange", f"The next expected range is {len(upload.content)}-.")
    if len(content) > MAX_CHUNK:
        raise GraphError(413, "RequestEntityTooLarge", "A range is 4 MB at most.")
    if end + 1 < total and len(content) % CHUNK_UNIT:
        raise GraphError(400, "ErrorInvalidRange", "A range other than the last is a multiple of 320 KiB.")
    return content

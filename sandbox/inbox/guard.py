"""Who may use the page: this machine's browser at its own address. Scripts without a browser's headers may, too."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Guard:
    """Refuses other hosts (DNS rebinding) and other sites' forms; sets the security headers a route did not set."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", POLICY)
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cache-control"] = "no-store"
            await send(message)

        refusal = refuse(scope["method"], Headers(scope=scope))
        app = PlainTextResponse(refusal, 403) if refusal else self.app
        await app(scope, receive, send_with_headers)


def refuse(method: str, headers: Headers) -> str:
    """Why this request may not pass, or nothing."""
    host = headers.get("host", "")
    if host.rsplit(":", 1)[0] not in HOSTS:
        return "This page answers at 127.0.0.1 and localhost only."
    if method in {"GET", "HEAD", "OPTIONS"}:
        return ""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return "A form of another site may not be sent here."
    # a page without referrer sends "null"; then Sec-Fetch-Site has vouched for it
    origin = headers.get("origin", "")
    is_own = origin in {"", f"http://{host}"} or (origin == "null" and "sec-fetch-site" in headers)
    return "" if is_own else "A form of another site may not be sent here."

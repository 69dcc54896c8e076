"""The HTTP side of `/v1`: keys, versions, idempotency, dispatch, errors and headers."""

import asyncio
import base64
import binascii
import hashlib
import json
import logging
import re
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.stripe.api import ENDPOINTS
from sandbox.stripe.api.endpoint import Endpoint
from sandbox.stripe.context import API_VERSION, Context, new_id
from sandbox.stripe.errors import StripeError
from sandbox.stripe.params import Params, check_params, decode_form
from sandbox.stripe.render import show
from sandbox.stripe.store import Store

logger = logging.getLogger(__name__)

MAJOR = API_VERSION.split(".")[1]
KEY_LIFE_S = 86_400
MAX_BODY = 1_000_000
ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type, stripe-version, idempotency-key",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Expose-Headers": "Request-Id, Stripe-Version",
    "Access-Control-Max-Age": "300",
}


@dataclass
class Slowdown:
    """Hold requests whose "METHOD /path" starts with `match` for `seconds` after their idempotency key is taken."""

    match: str = ""
    seconds: float = 1.0
    times: int = 1


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class ApiServer:
    """`handle` is the one route; `on_commit` is called after each request that may have left events."""

    def __init__(self, store: Store, secret_key: str, publishable_key: str) -> None:
        self.store = store
        self.secret_key = secret_key
        self.publishable_key = publishable_key
        self.url = ""
        self.slowdowns: list[Slowdown] = []
        self.in_flight: set[str] = set()

    def on_commit(self) -> None:
        """Replaced by whoever must hear of new events."""

    async def handle(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=ANY_ORIGIN)
        request_id = new_id("req", 14)
        headers = {**ANY_ORIGIN, "Request-Id": request_id, "Cache-Control": "no-cache, no-store"}
        try:
            headers["Stripe-Version"] = self.version(request)
            answer = await self.answer(request, request_id)
        except StripeError as error:
            answer = Answer(error.status, error.body(request_id))
        headers |= answer.headers
        body = json.dumps(answer.body, indent=2)
        return Response(body, answer.status, headers, media_type="application/json")

    def version(self, request: Request) -> str:
        version = request.headers.get("stripe-version") or API_VERSION
        if not re.fullmatch(rf"20\d\d-\d\d-\d\d\.{MAJOR}", version):
            raise StripeError(
                f"Invalid Stripe API version: {version}. This server speaks the {MAJOR} versions.", started=False
            )
        return version

    async def answer(self, request: Request, request_id: str) -> Answer:
        is_publishable = self.authenticate(request)
        endpoint, idents = self.find(request)
        if is_publishable and not endpoint.is_public:
            raise StripeError(
                "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a "
                "list of your API keys at https://dashboard.stripe.com/account/apikeys.",
                status=401,
                code="secret_key_required",
            )
        raw = await self.read(request)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        ctx = Context(self.store, self.url, request_id=request_id, publishable=is_publishable)
        if key is None:
            await self.slow_down(request)
            return self.run(ctx, endpoint, idents, raw)
        return await self.run_once(request, ctx, endpoint, idents, raw, key)

    def authenticate(self, request: Request) -> bool:
        """Whether the key is the publishable one."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        key = value.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if not key:
            raise StripeError(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
                started=False,
            )
        if key == self.publishable_key:
            return True
        if key != self.secret_key:
            masked_key = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
            raise StripeError(
                f"Invalid API Key provided: {masked_key}", status=401, code="api_key_invalid", started=False
            )
        return False

    def find(self, request: Request) -> tuple[Endpoint, tuple[str, ...]]:
        for endpoint in ENDPOINTS:
            idents = endpoint.match(request.method, request.url.path)
            if idents is not None:
                return endpoint, idents
        raise StripeError(
            f"Unrecognized request URL ({request.method}: {request.url.path}). Please see https://stripe.com/docs or "
            "we can help at https://support.stripe.com/.",
            status=404,
        )

    async def read(self, request: Request) -> Params:
        body = (await request.body()).decode("utf-8", "replace")
        kind = request.headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0]
        if len(body) > MAX_BODY or (body and kind != "application/x-www-form-urlencoded"):
            raise StripeError(
                f"Invalid request (check that your POST content type is application/x-www-form-urlencoded): {kind}",
                started=False,
            )
        return decode_form("&".join(part for part in (request.url.query, body) if part))

    async def slow_down(self, request: Request) -> None:
        line = f"{request.method} {request.url.path}"
        for slowdown in self.slowdowns:
            if line.startswith(slowdown.match):
                slowdown.times -= 1
                if slowdown.times <= 0:
                    self.slowdowns.remove(slowdown)
                await asyncio.sleep(slowdown.seconds)
                return

    def run(self, ctx: Context, endpoint: Endpoint, idents: tuple[str, ...], raw: Params) -> Answer:
        """One transaction: all of the request's work with its kept answer, or none of it."""
        try:
            params = check_params(endpoint.params, raw)
            result = endpoint.handler(ctx, params, *idents)
            answer = Answer(200, show(ctx, result, params.get("expand", [])))
            if endpoint.is_dry:
                self.store.roll_back()
        except StripeError as error:
            if not error.keeps:
                self.store.roll_back()
            if not error.started:
                raise
            answer = Answer(error.status, error.body(ctx.request_id or ""))
        except Exception:
            self.store.roll_back()
            logger.exception("%s %s failed", endpoint.method, endpoint.path)
            trouble = StripeError("An unknown error occurred", status=500, kind="api_error")
            answer = Answer(500, trouble.body(ctx.request_id or ""))
        if ctx.idempotency_key:
            self.keep(ctx, endpoint, idents, raw, answer)
        self.store.commit()
        self.on_commit()
        return answer

    async def run_once(
        self, request: Request, ctx: Context, endpoint: Endpoint, idents: tuple[str, ...], raw: Params, key: str
    ) -> Answer:
        """The first answer to this idempotency key, made now or kept from before."""
        if not 0 < len(key) <= 255:
            raise StripeError("Idempotency keys must be between 1 and 255 characters long.", started=False)
        echo = {"Idempotency-Key": key}
        replay = self.find_answer(key, request.url.path, raw)
        if replay:
            return Answer(replay.status, replay.body, {**replay.headers, **echo})
        if key in self.in_flight:
            raise StripeError(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.in_flight.add(key)
        try:
            ctx.idempotency_key = key
            await self.slow_down(request)
            answer = self.run(ctx, endpoint, idents, raw)
        finally:
            self.in_flight.discard(key)
        return Answer(answer.status, answer.body, echo)

    def find_answer(self, key: str, path: str, raw: Params) -> Answer | None:
        database = self.store.database
        database.execute("DELETE FROM answers WHERE created < ?", (int(time.time()) - KEY_LIFE_S,))
        row = database.execute("SELECT * FROM answers WHERE key = ?", (key,)).fetchone()
        self.store.commit()
        if row is None:
            return None
        advice = f"Try using a key other than '{key}' if you meant to execute a different request."
        if row["route"] != path:
            where = f"('{path}' vs '{row['route']}')"
            message = (
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for {where}."
            )
            raise StripeError(f"{message} {advice}", kind="idempotency_error")
        if row["fingerprint"] != _fingerprint(raw):
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            raise StripeError(f"{message} {advice}", kind="idempotency_error")
        headers = {"Idempotent-Replayed": "true", "Original-Request": row["request"]}
        return Answer(row["status"], json.loads(row["body"]), headers)

    def keep(self, ctx: Context, endpoint: Endpoint, idents: tuple[str, ...], raw: Params, answer: Answer) -> None:
        path = endpoint.address(idents)
        self.store.database.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                ctx.idempotency_key,
                path,
                _fingerprint(raw),
                answer.status,
                json.dumps(answer.body),
                ctx.request_id,
                int(time.time()),
            ),
        )


def _fingerprint(raw: Params) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()

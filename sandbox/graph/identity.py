"""The identity platform: OpenID discovery and the token endpoint for client credentials.

Errors carry the AADSTS codes that learn.microsoft.com/entra lists for them.
"""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

TENANT_ID = "7c4f0f6e-5d0a-4a51-9a55-3f1c8e0b2d11"
CLIENT_ID = "0b8d6a52-2f3e-4f0b-8f6b-6e7a9d1c4e22"
CLIENT_SECRET = "sandbox~client~secret~Q8x"
TOKEN_LIFETIME_S = 3599


class Identity:
    """One tenant with one application."""

    def __init__(self) -> None:
        self.url = ""
        self.token_count = 0
        self.expires_at: dict[str, float] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.discovery),
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
        ]

    def is_valid(self, authorization: str) -> bool:
        """Whether this Authorization header carries a token that was issued here and is still good."""
        token = authorization.removeprefix("Bearer ")
        return self.expires_at.get(token, 0.0) > time.monotonic()

    def expire_all(self) -> None:
        self.expires_at.clear()

    async def discovery(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant != TENANT_ID:
            return _refusal(
                400,
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
            )
        base = f"{self.url}/{tenant}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "EU",
            }
        )

    async def token(self, request: Request) -> Response:
        form = await request.form()
        refusal = self._refuse(request.path_params["tenant"], {name: str(value) for name, value in form.items()})
        if refusal:
            return refusal
        token = f"eyJ0eXAiOiJKV1QifQ.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(24)}"
        self.token_count += 1
        self.expires_at[token] = time.monotonic() + TOKEN_LIFETIME_S
        lifetime = {"expires_in": TOKEN_LIFETIME_S, "ext_expires_in": TOKEN_LIFETIME_S}
        return JSONResponse({"token_type": "Bearer", **lifetime, "access_token": token})

    def _refuse(self, tenant: str, form: dict[str, str]) -> Response | None:
        client = form.get("client_id", "")
        if tenant != TENANT_ID:
            return _refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if client != CLIENT_ID:
            text = f"Application with identifier '{client}' was not found in the directory."
            return _refusal(400, "unauthorized_client", 700016, text)
        if not secrets.compare_digest(form.get("client_secret", "").encode(), CLIENT_SECRET.encode()):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client}'."
            )
            return _refusal(401, "invalid_client", 7000215, text)
        scopes = [scope for scope in form.get("scope", "").split() if scope not in {"openid", "profile"}]
        if not scopes or not all(scope.endswith("/.default") for scope in scopes):
            text = (
                f"The provided value for scope {form.get('scope', '')} is not valid. Client credential flows must have "
                "a scope value with /.default suffixed to the resource identifier (application ID URI)."
            )
            return _refusal(400, "invalid_scope", 1002012, text)
        return None


def _refusal(status: int, error: str, code: int, text: str) -> JSONResponse:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return JSONResponse(body, status)

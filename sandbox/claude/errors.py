"""How the Messages API refuses (platform.claude.com/docs: errors), and ready refusals for tests."""

import secrets
from typing import Any

from starlette.responses import JSONResponse


class ApiError(Exception):
    """A refusal in the API's own shape; `code` is the stable name some errors carry in `details`."""

    def __init__(self, status: int, kind: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.kind, "message": str(self)}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}

    def response(self, request_id: str) -> JSONResponse:
        return JSONResponse(self.body(request_id), self.status, {"request-id": request_id})


def new_id(prefix: str) -> str:
    return f"{prefix}_01{secrets.token_hex(11)}"


def _fault(status: int, kind: str, message: str, *, code: str = "", retry_after: int | None = None) -> dict[str, Any]:
    request_id = new_id("req")
    headers = {"request-id": request_id}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    body = ApiError(status, kind, message, code=code).body(request_id)
    return {"match": "POST /v1/messages", "status": status, "body": body, "headers": headers}


# Ready bodies for `POST /control/claude/faults`: status and headers as the API sends them.
HTTP_FAULTS: dict[str, dict[str, Any]] = {
    "rate_limit": _fault(
        429, "rate_limit_error", "This request would exceed the rate limit for your organization.", retry_after=2
    ),
    "spend_limit": _fault(
        429,
        "rate_limit_error",
        "You have reached your specified API usage limits. You will regain access on the first day of next month.",
        code="enforced_spend_limit_reached",
    ),
    "overloaded": _fault(529, "overloaded_error", "Overloaded"),
    "api_error": _fault(500, "api_error", "Internal server error"),
}


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid_request_error", message)

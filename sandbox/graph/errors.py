"""Graph's error shape, and ready faults of it."""

import math
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse


class GraphError(Exception):
    """A refusal as Graph words it; `retry_after_s` becomes the Retry-After header."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        request_id = str(uuid.uuid4())
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        inner = {"date": now, "request-id": request_id, "client-request-id": request_id}
        return {"error": {"code": self.code, "message": str(self), "innerError": inner}}

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, self.headers)


def _fault(error: GraphError) -> dict[str, Any]:
    return {"match": "POST /v1.0/", "status": error.status, "body": error.body(), "headers": error.headers}


# Ready bodies for `POST /control/graph/faults`.
HTTP_FAULTS: dict[str, dict[str, Any]] = {
    "throttled": _fault(
        GraphError(
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
            retry_after_s=2,
        )
    ),
    "throttled_without_retry_after": _fault(GraphError(429, "ApplicationThrottled", "Too many requests.")),
    "internal_error": _fault(GraphError(500, "InternalServerError", "An internal server error occurred.")),
    "unavailable": _fault(
        GraphError(503, "ServiceUnavailable", "The service is temporarily unavailable.", retry_after_s=2)
    ),
    "gateway_timeout": _fault(GraphError(504, "GatewayTimeout", "The request timed out.")),
}

"""Stripe's error answers: type, code, status and the fields beside them."""

from typing import Any


class StripeError(Exception):
    """An answer other than 200.

    `keeps` says that what happened until here stays (a declined card leaves a failed charge); otherwise the request
    leaves no trace. `started` says that the endpoint began its work, so an idempotency key stores the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keeps: bool = False,
        started: bool = True,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.keeps = keeps
        self.started = started
        self.extra = extra

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        error |= {name: value for name, value in self.extra.items() if value is not None}
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(kind: str, ident: str, param: str | None = None) -> StripeError:
    """No such object: 404 when the address names it, 400 when a parameter does."""
    return StripeError(
        f"No such {kind}: '{ident}'", status=400 if param else 404, code="resource_missing", param=param or "id"
    )


def request_error(message: str, *, code: str | None = None, param: str | None = None, **extra: Any) -> StripeError:
    """A request that is well formed and not possible now."""
    return StripeError(message, code=code, param=param, **extra)

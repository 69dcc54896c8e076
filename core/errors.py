"""The three kinds of trouble that are not bugs.

A `DomainError` is a refusal, written for the person who asked. `TransientError` and `PermanentError` are what a
vendor client raises: the first may go away by waiting, the second needs somebody to change something.
"""

from django.utils.functional import Promise


class DomainError(Exception):
    """A request that the rules refuse. `code` is stable for programs, `message` is shown to the person.

    `field` names the input to correct, when there is exactly one. A kind of refusal that always says the same has its
    sentence as a class attribute.
    """

    code = "refused"
    status = 409
    message: str | Promise = ""
    field: str | None = None
    retry_after_s: int | None = None  # when the same request may be asked again

    def __init__(
        self, message: str | Promise | None = None, *, code: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(message or self.message)
        if message is not None:
            self.message = message
        if field:
            self.field = field
        if code:
            self.code = code


class InvalidInputError(DomainError):
    """Input that cannot be right as it stands."""

    code = "invalid"
    status = 400


class VendorError(Exception):
    """A vendor's refusal or failure. `code` is the vendor's own word for it."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TransientError(VendorError):
    """Network trouble, throttling or a vendor's 5xx: worth another try, after `retry_after_s` when it was said."""

    def __init__(self, message: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class ChannelError(TransientError):
    """The way to the vendor is closed for whoever comes: login refused, key expired, throttled. No request's fault."""


class PermanentError(VendorError):
    """A vendor's refusal that another try will not change."""

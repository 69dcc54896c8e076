"""Headers that every answer carries, whichever layer gives it: a view, Django's own, the files, or none of them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# of an answer that has no policy of its own, as it is no page: nothing in it runs, loads or is framed
_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"


def security_headers(*, is_secure: bool) -> dict[str, str]:
    """The headers by their names; `is_secure` when it goes out over https (RFC 6797 §7.2: HSTS only there)."""
    headers = {
        "Content-Security-Policy": _CLOSED,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY or "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
        "Referrer-Policy": str(settings.SECURE_REFERRER_POLICY),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
    }
    if is_secure and settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
    return headers


class SecurityHeadersMiddleware:
    """Stands before all others, so that those who answer by themselves have them too; who has said more, keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in security_headers(is_secure=request.is_secure()).items():
            response.headers.setdefault(name, value)
        return response

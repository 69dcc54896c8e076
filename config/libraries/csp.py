"""What a page may load, and from where (https://www.w3.org/TR/CSP3/)."""

from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF


def content_security_policy(stripe_js_url: str) -> dict[str, Any]:
    """Settings of django-csp: our own files, and Stripe's script with what it frames and asks."""
    stripe = f"{urlsplit(stripe_js_url).scheme}://{urlsplit(stripe_js_url).netloc}"
    is_real = stripe == "https://js.stripe.com"
    return {
        "DIRECTIVES": {
            "default-src": [NONE],
            "script-src": [SELF, stripe],
            "style-src": [SELF],
            "img-src": [SELF, "data:"],
            "font-src": [SELF],
            "connect-src": [SELF, "https://api.stripe.com" if is_real else stripe],
            "frame-src": [
                stripe,
                *(["https://*.js.stripe.com", "https://hooks.stripe.com"] if is_real else []),
            ],
            "form-action": [SELF],
            "manifest-src": [SELF],
            "base-uri": [NONE],
            "object-src": [NONE],
            "frame-ancestors": [NONE],
        }
    }

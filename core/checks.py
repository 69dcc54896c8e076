"""Keys and proxies as a live site must have them."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

_KEYS = ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_HMAC_KEY")


@register("core")
def check_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each key is another: whoever learns one forges nothing that the others sign (NIST SP 800-57-1 §5.2)."""
    values = {name: getattr(settings, name) for name in _KEYS}
    counts = Counter(values.values())
    equal = [name for name, value in values.items() if counts[value] > 1]
    if not equal:
        return []
    hint = 'Make a new one: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    return [Error(f"{', '.join(equal)} are equal: each must be a key of its own", hint=hint, id="core.E001")]


@register("core", deploy=True)
def check_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that nobody has named, every caller has the proxy's address and every request looks like http."""
    if not settings.HTTPS or settings.TRUSTED_PROXY_COUNT:
        return []
    hint = "Set it to the number of proxies of yours that add to X-Forwarded-For; 0 is right without any."
    message = "SITE_URL is https, but TRUSTED_PROXY_COUNT is 0: behind a proxy, limits would count all callers as one"
    return [CheckWarning(message, hint=hint, id="core.W001")]

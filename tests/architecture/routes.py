"""Every address the site answers, as the URLconf has them."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver


def routes() -> dict[str, Any]:
    """The view of each address by its pattern; the back office's own pages have tests in tests/config."""
    return dict(_below(get_resolver(), ""))


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for part in resolver.url_patterns:
        route = prefix + str(part.pattern)
        if isinstance(part, URLPattern):
            yield route, part.callback
        elif route != f"{settings.ADMIN_PATH}/":
            yield from _below(part, route)


def methods_of(view: Any) -> set[str] | None:
    """What a view of REST framework answers to; None for another view."""
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return {name.upper() for name in cls.http_method_names if hasattr(cls, name)} - {"OPTIONS"} if cls else None

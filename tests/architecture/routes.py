"""Every address the site answers, as the URLconf has them."""

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver


def routes() -> dict[str, Any]:
    """The view of each address by its pattern; the back office's own are in `back_office_routes`."""
    return dict(_below(get_resolver(), ""))


def back_office_routes() -> dict[str, Any]:
    """The pattern of each address of the back office by its name."""
    resolver = get_resolver().namespace_dict["admin"][1]
    return {pattern.name: pattern for pattern in _patterns_of(resolver) if pattern.name}


def table_of(name: str) -> Any:
    """The table that an address of the back office belongs to, by the address's name; None for those of the site."""
    tables = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    return next((model for table, model in tables.items() if re.fullmatch(rf"{table}_[a-z_]+", name)), None)


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for part in resolver.url_patterns:
        route = prefix + str(part.pattern)
        if isinstance(part, URLPattern):
            yield route, part.callback
        elif route != f"{settings.ADMIN_PATH}/":
            yield from _below(part, route)


def _patterns_of(resolver: Any) -> Iterator[URLPattern]:
    for part in resolver.url_patterns:
        if isinstance(part, URLResolver):
            yield from _patterns_of(part)
        else:
            yield part


def methods_of(view: Any) -> set[str] | None:
    """What a view of REST framework answers to; None for another view."""
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return {name.upper() for name in cls.http_method_names if hasattr(cls, name)} - {"OPTIONS"} if cls else None

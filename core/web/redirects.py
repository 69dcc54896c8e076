"""Where a request may be sent on to: addresses that came with it are only followed within this site."""

from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def page_after(request: HttpRequest, default: str) -> str:
    """The path in the request's `next`, from the form or the address; `default` (a path or a route) without one."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = target.startswith("/") and url_has_allowed_host_and_scheme(target, None)
    return target if is_ours else resolve_url(default)

"""Who asks: the signed-in user of a request, as our own type."""

from typing import Any

from django.core.exceptions import PermissionDenied

from accounts.models import User


def require_user(request: Any) -> User:
    """The user of a page or API call that only signed-in people reach; `PermissionDenied` for anybody else."""
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied


def user_of(request: Any) -> User | None:
    """The signed-in user, or None for a guest."""
    return request.user if isinstance(request.user, User) else None

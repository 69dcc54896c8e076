"""For routes of the API that anybody may call; `core.web.rest` is read before REST framework is ready for this."""

from typing import Any

from rest_framework.decorators import authentication_classes, permission_classes
from rest_framework.permissions import AllowAny


def public(view: Any) -> Any:
    """No token is asked for, and a wrong one does not get in the way."""
    return authentication_classes([])(permission_classes([AllowAny])(view))

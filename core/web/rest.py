"""What every door of the API shares."""

from typing import Any

from rest_framework.request import Request


def checked(serializer_class: Any, request: Request, **context: Any) -> dict[str, Any]:
    """What the request brings, by the shape of the serializer; a refusal names the fields."""
    serializer = serializer_class(data=request.data, **context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

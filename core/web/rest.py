"""What every door of the API shares."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request


class BoundedJSONParser(JSONParser):
    """REST framework's, which answers 500 to brackets nested deeper than Python reads them."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError from error


def validate_request(serializer_class: Any, request: Request, **context: Any) -> dict[str, Any]:
    """What the request brings, by the shape of the serializer; a refusal names the fields."""
    serializer = serializer_class(data=request.data, **context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

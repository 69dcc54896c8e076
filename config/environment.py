"""Settings read from the environment: what cannot be read is named, with what was expected."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

_EXPECTED = {int: "a whole number", float: "a number"}


class Values(FileAwareMapping):
    """The environment; a `NAME_FILE` gives NAME its content, without the line break that most tools put at the end."""

    def __getitem__(self, name: str) -> str:
        # a password that begins with $ is not the name of another variable: escaped here, taken back by `Environment`
        return str(super().__getitem__(name)).rstrip("\r\n").replace("$", r"\$")  # type: ignore[no-untyped-call]


class Environment(environ.Env):
    """django-environ, with the variable's name in every error, and lists without the blanks people write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ENVIRON, self.escape_proxy = Values(), True  # type: ignore[assignment, no-untyped-call]

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """See `environ.Env.get_value`; raises ImproperlyConfigured where the value is not what `cast` asks for."""
        try:
            value = super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except ValueError as error:
            is_list = isinstance(cast, list)
            expected = (
                "a list of numbers, with commas between them," if is_list else _EXPECTED.get(cast, "another value")
            )
            raise ImproperlyConfigured(
                f"{var} is {self.ENVIRON[var]!r}: {expected} was expected. Without its line the default applies."
            ) from error
        if isinstance(value, list):
            return [part for each in value if (part := each.strip() if isinstance(each, str) else each) != ""]
        return value

    def secret(self, name: str, *, debug: bool) -> str:
        """A key of at least 32 characters (RFC 7518 §3.2 asks as many bytes for HS256), made up only with `debug`."""
        value: str = self.str(name, default=f"insecure-{name}-insecure-insecure-insecure" if debug else "")
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} must be set and have at least 32 characters")
        return value

"""One request id through pages, API answers, logs and tasks; JSON lines in production."""

import logging
import re
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="")


# What opens something by itself: signed and random tokens in an address, JWTs, keys of vendors, secrets of a query.
_SECRETS = re.compile(
    r"(?<=/)(?=[^/\s?\"']*[A-Z:])[\w:-]{24,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
    r"|(?<=[?&])(?P<name>[\w-]*(?:token|secret|key|code|password|signature))=[^&\s\"']+"
    r"|\b(?:sk-|sk_|rk_|whsec_)[\w-]{16,}|\b(?:pi|seti)_\w+_secret_\w+"
)
_REMOVED = "[redacted]"


def redact(text: str) -> str:
    """The text without what opens something by itself (ASVS 16.2.5)."""
    return _SECRETS.sub(lambda match: f"{match['name']}={_REMOVED}" if match["name"] else _REMOVED, text)


class TextFormatter(logging.Formatter):
    """Redacts the finished line: a path stands in the message, in Django's `request`, and in tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonLinesFormatter(JsonFormatter):
    """The same as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RequestIdFilter(logging.Filter):
    """Adds the current request or task id to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configuration(level: str, form: str, folder: str) -> dict[str, Any]:
    """Django's LOGGING: to the terminal as `form` ("json" or "text"), and as JSON to a file where there is a folder."""
    file = {
        "class": "logging.handlers.WatchedFileHandler", "filename": str(Path(folder) / "aish.log"),
        "formatter": "json", "filters": ["request_id"],
    }  # fmt: skip
    console = {"class": "logging.StreamHandler", "formatter": form, "filters": ["request_id"]}
    handlers = {"console": console, **({"file": file} if folder else {})}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "core.logs.RequestIdFilter"}},
        "formatters": {
            "json": {
                "()": "core.logs.JsonLinesFormatter",
                "fmt": "{asctime}{levelname}{name}{message}{request_id}",
                "style": "{",
                "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
            },
            "text": {
                "()": "core.logs.TextFormatter",
                "fmt": "{levelname:.1} {name} {message} {request_id}",
                "style": "{",
            },
        },
        "handlers": handlers,
        "root": {"handlers": [*handlers], "level": level},
        "loggers": {
            "httpx2": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
        },
    }

"""One request id through pages, API answers, logs and tasks; JSON lines in production."""

import logging
import re
from contextvars import ContextVar
from pathlib import Path
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")


# What opens something by itself: signed and random tokens in an address, JWTs, keys of vendors, secrets of a query.
_SECRETS = re.compile(
    r"(?<=/)(?=[^/\s?\"']*[A-Z:])[\w:-]{24,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
    r"|(?<=[?&])(?P<name>[\w-]*(?:token|secret|key|code|password|signature))=[^&\s\"']+"
    r"|\b(?:sk-|sk_|rk_|whsec_)[\w-]{16,}|\b(?:pi|seti)_\w+_secret_\w+"
)
_REMOVED = "[redacted]"
_FILTERS = ["request_id", "redaction"]


def redact(text: str) -> str:
    """The text without what opens something by itself (ASVS 16.2.5)."""
    return _SECRETS.sub(lambda match: f"{match['name']}={_REMOVED}" if match["name"] else _REMOVED, text)


class RedactionFilter(logging.Filter):
    """Takes secrets out of a line before any handler has it; a line of an address is one in every log there is."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True


class RequestIdFilter(logging.Filter):
    """Adds the current request or task id to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configuration(level: str, form: str, folder: str) -> dict[str, Any]:
    """Django's LOGGING: to the terminal as `form` ("json" or "text"), and as JSON to a file where there is a folder."""
    file = {
        "class": "logging.handlers.WatchedFileHandler", "filename": str(Path(folder) / "aish.log"),
        "formatter": "json", "filters": _FILTERS,
    }  # fmt: skip
    console = {"class": "logging.StreamHandler", "formatter": form, "filters": _FILTERS}
    handlers = {"console": console, **({"file": file} if folder else {})}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": "core.logs.RequestIdFilter"},
            "redaction": {"()": "core.logs.RedactionFilter"},
        },
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "{asctime}{levelname}{name}{message}{request_id}",
                "style": "{",
                "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
            },
            "text": {"format": "{levelname:.1} {name} {message} {request_id}", "style": "{"},
        },
        "handlers": handlers,
        "root": {"handlers": [*handlers], "level": level},
        "loggers": {
            "httpx2": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "pypdf": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
        },
    }

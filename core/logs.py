"""One request id through pages, API answers, logs and tasks; JSON lines in production.

What opens something by itself is taken out of every record of every logger (`configure`), and out of
what is reported to Sentry (`sentry_options`).
"""

import logging
import logging.config
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="")


# What opens something by itself: signed and random tokens in an address, JWTs, keys of vendors, secrets of a query.
# Servers write an address quoted again: %3A is the colon of a signed token.
_SECRETS = re.compile(
    r"(?:(?<=/)|(?<=%2[Ff]))(?=[^/\s?\"']*[A-Z:])(?:[\w:-]|%3[Aa]){24,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
    r"|(?<=[?&])(?P<name>[\w-]*(?:token|secret|key|code|password|signature))=[^&\s\"']+"
    r"|\b(?:sk-|sk_|rk_|whsec_)[\w-]{16,}|\b(?:pi|seti)_\w+_secret_\w+"
)
_REMOVED = "[redacted]"


def redact(text: str) -> str:
    """The text without what opens something by itself (ASVS 16.2.5)."""
    return _SECRETS.sub(lambda match: f"{match['name']}={_REMOVED}" if match["name"] else _REMOVED, text)


def redact_event(event: Any, _hint: Any) -> Any:
    """Sentry's `before_send` and `before_breadcrumb`: the event with every text in it redacted."""
    if isinstance(event, str):
        return redact(event)
    if isinstance(event, dict):
        return {name: redact_event(value, None) for name, value in event.items()}
    if isinstance(event, list | tuple):
        return [redact_event(value, None) for value in event]
    return event


def sentry_options() -> dict[str, Any]:
    """What Sentry's SDK is started with: neither bodies nor variables go along, for they hold what people wrote."""
    return {
        "before_send": redact_event, "before_breadcrumb": redact_event,
        "max_request_body_size": "never", "include_local_variables": False, "traces_sample_rate": 0.0,
    }  # fmt: skip


class RedactedRecord(logging.LogRecord):
    """Every record of the process: servers and libraries have formatters of their own, and read the arguments."""

    def __init__(self, *values: Any, **more: Any) -> None:
        super().__init__(*values, **more)
        if isinstance(self.args, tuple):
            self.args = tuple(redact(value) if isinstance(value, str) else value for value in self.args)

    def getMessage(self) -> str:  # noqa: N802 -- the library's name
        return redact(super().getMessage())


class _OwnLines(logging.Formatter):
    """Times in UTC (ASVS 5.0 16.2.2), and the finished line redacted: tracebacks and Django's `request` hold paths."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{record.msecs:03.0f}Z"

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class TextFormatter(_OwnLines):
    """For a terminal."""


class JsonLinesFormatter(_OwnLines, JsonFormatter):
    """For whatever gathers logs."""


class RequestIdFilter(logging.Filter):
    """Adds the current request or task id to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: what `configuration` says, for records that are redacted from the beginning."""
    logging.setLogRecordFactory(RedactedRecord)
    logging.config.dictConfig(config)


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
                "fmt": "{asctime} {levelname:.1} {name} {message} {request_id}",
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

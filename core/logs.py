"""One request id through pages, API answers, logs and tasks; JSON lines in production."""

import logging
from contextvars import ContextVar
from pathlib import Path
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")


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

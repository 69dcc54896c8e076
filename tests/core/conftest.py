"""What tests of the core share."""

import logging
import logging.config
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import settings

from tests.factories import make_api_session

# For what only a real commit shows. With core alone to be emptied afterwards: all tables take three seconds.
COMMITTED = pytest.mark.django_db(transaction=True, available_apps=["core"])


def token_of(user: Any) -> str:
    """An access token of the API."""
    return make_api_session(user).access


@pytest.fixture
def log_lines() -> Iterator[StringIO]:
    """What production writes of our own modules and of refused requests: the real formatter and filters."""
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    config: Any = logging.config.DictConfigurator(settings.LOGGING)
    handler.setFormatter(config.configure_formatter(config.config["formatters"]["json"]))
    for name in config.config["handlers"]["console"]["filters"]:
        handler.addFilter(config.configure_filter(config.config["filters"][name]))
    for name in ("core", "django.request"):
        logging.getLogger(name).addHandler(handler)
    yield lines
    for name in ("core", "django.request"):
        logging.getLogger(name).removeHandler(handler)

"""No address with a secret in it is written down: not by us, the server or Sentry (ASVS 5.0 14.2.1, 16.2.5).

Every free place of every address is declared here. A new one without its line fails.
"""

import logging
import re
from collections.abc import Callable
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import sentry_sdk
from django.core import signing
from django.test import Client
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from uvicorn.logging import AccessFormatter
from uvicorn.protocols.utils import get_path_with_query_string

from accounts.login.tokens import new_secret
from core.logs import RedactedRecord, sentry_options
from tests.architecture.routes import routes
from tests.core.conftest import log_lines as log_lines  # noqa: PLC0414 -- a fixture

pytestmark = pytest.mark.django_db


def mailed_secret() -> str:
    return new_secret()[0]


def signed_number() -> str:
    return signing.dumps("TKT-2026-09999", salt="chatbot.ticket")


# what opens something by itself, and how it is made
SECRETS: dict[str, Callable[[], str]] = {
    "account/verifica/<str:token>/": mailed_secret,
    "account/nuova-password/<str:token>/": mailed_secret,
    "area/dati/elimina/<str:token>/": mailed_secret,
    "account/sblocca/<str:token>/": mailed_secret,
    "richieste/<str:token>/": signed_number,
    "richieste/<str:token>/risolta/": signed_number,
    "richieste/<str:token>/allegati/<uuid:reference>/": signed_number,
}
# what names a thing, and opens nothing without the right to it
NAMES = {"slug", "name", "number", "kind", "reference", "session_id", "device_id", "version"}
NO_SECRET = {"api/v1/chat/conversations/<uuid:token>/handoff"}  # goes with the cookie or key of the conversation
REFERENCE = "7f3a1c2e-9d0b-4e1f-8a2b-0123456789ab"


def addresses() -> list[tuple[str, str]]:
    """Each address with a secret in its place, and the secret; ten of each, for they are random."""
    made = [(route, make()) for route, make in SECRETS.items() for _time in range(10)]
    return [
        ("/" + route.replace("<str:token>", secret).replace("<uuid:reference>", REFERENCE), secret)
        for route, secret in made
    ]


def leaks(secret: str, text: str) -> bool:
    """Whether a part of the secret can be read: a signature alone opens what it signs."""
    parts = [part for part in re.split(r":|%3A", secret) if len(part) > 8]
    return any(part in text for part in parts)


def test_every_place_of_an_address_is_declared():
    places = {route: set(re.findall(r"<(?:\w+:)?(\w+)>", route)) for route in routes()}

    undeclared = {route for route, names in places.items() if not names <= NAMES} - NO_SECRET
    assert undeclared == set(SECRETS)


def test_no_line_of_ours_holds_the_secret_of_an_address(client: Client, log_lines: StringIO):
    for path, secret in addresses():
        client.get(f"{path}nowhere/")
        client.put(quote(path))

        assert not leaks(secret, log_lines.getvalue())
    assert log_lines.getvalue().count("[redacted]") >= len(addresses())


def test_no_line_of_the_server_holds_the_secret_of_an_address():
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(AccessFormatter('%(client_addr)s - "%(request_line)s" %(status_code)s'))
    logger = logging.getLogger("tests.uvicorn.access")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)

    for path, secret in addresses():
        full_path = get_path_with_query_string({"path": path, "query_string": b"da=mail"})
        logger.info('%s - "%s %s HTTP/%s" %d', "192.0.2.7:4711", "GET", full_path, "1.1", 200)

        assert not leaks(secret, lines.getvalue()), full_path
    assert logging.getLogRecordFactory() is RedactedRecord


class KeptTransport(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def capture_envelope(self, envelope: Envelope) -> None:
        self.text += envelope.serialize().decode()


def test_no_report_of_an_error_holds_the_secret_of_an_address_or_what_somebody_wrote():
    kept = KeptTransport()
    client = sentry_sdk.Client(dsn="http://key@127.0.0.1:1/1", transport=kept, **sentry_options())

    for path, secret in addresses():
        event: Any = {
            "message": f"broken at {path}",
            "request": {"url": f"https://www.example.it{path}", "headers": {"Referer": path}},
            "breadcrumbs": {"values": [{"message": quote(path), "data": {"path": [path]}}]},
        }  # fmt: skip
        client.capture_event(event)

        assert not leaks(secret, kept.text)
    assert kept.text.count("[redacted]") == 5 * len(addresses())
    assert (client.options["max_request_body_size"], client.options["include_local_variables"]) == ("never", False)

"""What opens something by itself stands in no line of the log."""

import logging
import logging.config
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client

from accounts.login.tokens import access_token, new_secret
from config.celery import app as celery_app
from core.logs import redact
from tests.chatbot.talk import NOW

AT = datetime.fromisoformat("2026-11-24T09:00:00+01:00")
TICKET_TOKEN = "IlRDSy0yMDI2LTAwMDAxIg:1wP3kZ:8tq0bX1mJY0Qw7n5cUo4k2l9vZr6sT3hLdEfGaBcDeF"


@pytest.mark.parametrize(
    "line",
    [
        "Not Found: /richieste/2026/servizi/readiness-nis2/",
        "Not Found: /servizi/valutazione-impatto-intelligenza-artificiale/",
        "Bad Request: /area/ordini/ORD-2026-00012/",
        "GET /static/css/components.3f2ab1c9d0e1.css 200",
        "answer to 7f3a1c2e-9d0b-4e1f-8a2b-0123456789ab: Claude: rate_limit_error",
        "Wrong path /api/v1/chat/conversations/7f3a1c2e-9d0b-4e1f-8a2b-0123456789ab/handoff",
    ],
)
def test_ordinary_line_stays_as_it_is(line: str):
    assert redact(line) == line


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Not Found: /richieste/{}/", TICKET_TOKEN),
        ("Not Found: /en/richieste/{}/risolta/", TICKET_TOKEN),
        ("Gone: /account/nuova-password/{}/?x=1", "Zb3k0P_q9Yx2LmN-8sT4vW7aCdEfGhIjKlMnOpQrStU"),
        ("GET /area/dati/elimina/{}/ HTTP/1.1", "Zb3k0P_q9Yx2LmN-8sT4vW7aCdEfGhIjKlMnOpQrStU"),
        ("GET /richieste/{}/ HTTP/1.1", TICKET_TOKEN.replace(":", "%3A")),
        ("GET /account/accedi/?next=%2Frichieste%2F{}%2F", TICKET_TOKEN.replace(":", "%3A")),
        ("redirected to /area/?payment_intent_client_secret={}", "pi_3Abc_secret_XyZ"),
        ("refused: ?token={}&next=/", "abc123"),
        ("intent {} is not there", "pi_3AbcDef_secret_XyZ0123"),
        ("Invalid API Key provided: {}", "sk_live_0123456789abcdefghij"),
        ("key {} refused", "sk-ant-api03-0123456789abcdefghij"),
    ],
)
def test_secret_is_taken_out(line: str, secret: str):
    assert secret not in redact(line.format(secret))
    assert "[redacted]" in redact(line.format(secret))


def test_every_token_of_ours_is_known_as_one():
    for _number in range(200):
        secret, _hash = new_secret()
        assert redact(f"Not Found: /account/verifica/{secret}/") == "Not Found: /account/verifica/[redacted]/"


@pytest.mark.parametrize("form", ["json", "text"])
def test_time_of_a_line_is_utc_and_says_so(form: str):
    config: Any = logging.config.DictConfigurator(settings.LOGGING)
    formatter = config.configure_formatter(config.config["formatters"][form])
    record = logging.LogRecord("core", logging.INFO, "", 0, "here", (), None)
    record.created, record.msecs, record.request_id = AT.timestamp(), 42.0, ""

    assert "2026-11-24T08:00:00.042Z" in formatter.format(record)


def test_worker_keeps_the_handlers_it_has_from_us():
    handlers = logging.getLogger().handlers[:]

    celery_app.log.setup(loglevel="WARNING")

    assert logging.getLogger().handlers == handlers


@pytest.mark.django_db
def test_no_handler_gets_a_token(client: Client, log_lines: StringIO):
    token = signing.dumps("TCK-2026-09999", salt="chatbot.ticket")

    client.get(f"/richieste/{token}/")
    logging.getLogger("django.request").warning("bearer %s", access_token(uuid4(), NOW))

    assert log_lines.getvalue().count("[redacted]") == 3  # the path as message and as Django's request, the bearer
    assert token not in log_lines.getvalue()
    assert "eyJ" not in log_lines.getvalue()

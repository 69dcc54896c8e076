"""Rules of the web surface that hold for every address, whoever answers there (ids of OWASP ASVS 5.0)."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.urls import URLPattern, get_resolver

from config.asgi import application
from tests.architecture.belongings import Belongings, address
from tests.architecture.conftest import belongings, client_of  # noqa: F401 -- fixtures
from tests.architecture.routes import routes
from tests.architecture.test_settings import LIVE, settings_of

pytestmark = pytest.mark.django_db

NAMES = (
    "HTTPS", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "SECURE_SSL_REDIRECT",
    "SECURE_REFERRER_POLICY", "X_FRAME_OPTIONS",
)  # fmt: skip
APPLICATION = "https://app.example.it"
TRICKS = (
    "null", "https://app.example.it.evil.example", "https://evilapp.example.it", "https://app.example.it@evil.example",
    "http://app.example.it", "https://app.example.it:8443", "https://sub.app.example.it", "https://app.example.itx",
    "https://appxexample.it", "https://APP.example.it%00.evil.example", "*", "",
)  # fmt: skip
# of the owner's downloads: the trail says that a file was fetched, and a PDF is drawn when it is first asked for
TRACES = {"core_auditentry", "invoicing_document", "invoicing_invoicefile"}


@pytest.fixture(scope="session")
def live_values() -> dict[str, Any]:
    return dict(zip(NAMES, settings_of(LIVE, *NAMES), strict=True))


@pytest.fixture
def live(live_values: dict[str, Any], settings: Any) -> None:
    """What holds under https."""
    for name, value in live_values.items():
        setattr(settings, name, value)
    settings.RATE_LIMIT_BURST = 10_000


def answers_of(client: Client) -> dict[str, Any]:
    """An answer of every kind that there is, by what it is."""
    places = [f"/{route}" for route in routes() if "<" not in route and "^" not in route]
    answers = {
        f"{path} {method}": getattr(client, method)(path, secure=True) for path in places for method in ("get", "post")
    }
    answers |= {
        "file": client.get("/static/css/base.css", secure=True),
        "file that is not there": client.get("/static/nowhere.css", secure=True),
        "page that is not there": client.get("/nowhere", secure=True),
        "API address that is not there": client.get("/api/v1/nowhere", secure=True),
        "refused method": client.put("/", secure=True),
        "unknown host": client.get("/", secure=True, headers={"host": "evil.example"}),
        "NUL": client.get("/%00", secure=True),
        "redirect of a missing slash": client.get("/servizi", secure=True),
        "back office": client.get("/admin/", secure=True),
        "preflight": client.options("/api/v1/services", secure=True, headers={"Origin": "https://evil.example"}),
        "redirect to https": client.get("/"),
    }  # fmt: skip
    for answer in answers.values():
        b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answers


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _space, value in (part.strip().partition(" ") for part in policy.split(";"))}


def faults(headers: Any, *, is_secure: bool = True) -> list[str]:
    """Which rule an answer breaks."""
    policy = directives(headers.get("Content-Security-Policy", ""))
    hsts = headers.get("Strict-Transport-Security")
    rules = {
        "3.4.1": hsts == ("max-age=31536000; includeSubDomains; preload" if is_secure else None),
        "3.4.3": policy.get("object-src", policy.get("default-src")) == "'none'" and policy.get("base-uri") == "'none'",
        "3.4.4": headers.get("X-Content-Type-Options") == "nosniff",
        "3.4.5": headers.get("Referrer-Policy") == "same-origin",
        "3.4.6": policy.get("frame-ancestors") == "'none'" and headers.get("X-Frame-Options") == "DENY",
        "3.4.8": headers.get("Cross-Origin-Opener-Policy") == "same-origin",
    }
    return [rule for rule, is_held in rules.items() if not is_held]


def test_every_answer_has_every_security_header(live: None, customer_client: Client, customer: Any):
    """ASVS 5.0 3.4.1, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 3.4.8."""
    guest = Client(raise_request_exception=False)
    answers = {
        **answers_of(guest),
        **{f"{name} as customer": answer for name, answer in answers_of(customer_client).items()},
    }

    broken = {
        name: faults(answer.headers, is_secure="redirect to https" not in name) for name, answer in answers.items()
    }
    assert {name: rules for name, rules in broken.items() if rules} == {}
    assert {200, 301, 302, 400, 401, 404, 405} <= {answer.status_code for answer in answers.values()}


def test_answer_to_a_bug_has_every_security_header(live: None, settings: Any):
    settings.LOGIN_URL = "nowhere:nothing"  # whoever is sent there meets an error that nobody foresaw

    answer = Client(raise_request_exception=False).get("/area/", secure=True)

    assert (answer.status_code, faults(answer.headers)) == (500, [])


@pytest.mark.parametrize("path", ["/", "/api/v1/webhooks/stripe"])
def test_answer_of_no_view_has_every_security_header(path: str, live: None):
    messages: list[Any] = []
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "scheme": "https", "http_version": "1.1",
        "headers": [(b"host", b"testserver"), (b"content-length", b"99999999")], "client": None, "server": None,
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * 300_000, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    async_to_sync(application)(scope, receive, send)

    names = {name.decode().title(): value.decode() for name, value in messages[0]["headers"]}
    assert (messages[0]["status"], faults({name.replace("Csp", "CSP"): value for name, value in names.items()})) == (
        413,
        [],
    )


@pytest.mark.parametrize("origin", TRICKS)
@pytest.mark.parametrize("path", ["/api/v1/services", "/api/v1/me", "/api/v1/chat/widget", "/"])
def test_no_other_origin_reads_an_answer(origin: str, path: str, client: Client, settings: Any):
    """ASVS 5.0 3.4.2."""
    settings.CORS_ALLOWED_ORIGINS = settings.CHAT_EMBED_ORIGINS = [APPLICATION]
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    answers = [client.get(path, headers={"Origin": origin}), client.options(path, headers=preflight)]

    assert [answer.get("Access-Control-Allow-Origin") for answer in answers] == [None, None]
    assert [answer.get("Access-Control-Allow-Credentials") for answer in answers] == [None, None]


def fingerprints() -> dict[str, Any]:
    """Of every table of ours its number of rows, and a sum that any change of one alters."""
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})
    with connection.cursor() as cursor:
        rows = {}
        for table in tables:
            cursor.execute(f'SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM "{table}" t')
            rows[table] = cursor.fetchone()
    return rows


def back_office_lists() -> list[str]:
    """The pages of the back office that need no row."""
    [admin] = [part for part in get_resolver().url_patterns if str(part.pattern) == f"{django_settings.ADMIN_PATH}/"]
    paths = []
    for part in admin.url_patterns:
        inner = [part] if isinstance(part, URLPattern) else part.url_patterns
        prefix = "" if isinstance(part, URLPattern) else str(part.pattern)
        paths += [f"/admin/{prefix}{view.pattern}" for view in inner]
    return [path for path in paths if "<" not in path and "(" not in path and "logout" not in path]


@pytest.mark.parametrize("role", ["guest", "stranger", "super_admin", "owner"])
def test_no_visit_changes_anything(role: str, belongings: Belongings, client_of: Any, settings: Any):  # noqa: F811
    """ASVS 5.0 3.5.3: what a link or a picture can ask for writes no row and alters none."""
    settings.RATE_LIMIT_BURST = 10_000
    client = client_of(role)
    paths = [address(route, belongings) for route in routes()] + (back_office_lists() if role == "super_admin" else [])
    client.get("/")
    before = fingerprints()

    for path in paths:
        client.get(path)
        client.head(path)

    after = fingerprints()
    traces = {"owner": TRACES, "super_admin": {"core_auditentry"}}  # whoever exports the trail is in it
    assert {table for table in before if before[table] != after[table]} <= traces.get(role, set())
    assert len(paths) > 60

"""Web pages as sources: fetched from the public internet only, read anew when their text has changed."""

import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from chatbot import tasks
from chatbot.clients import web
from chatbot.knowledge import ingest, webpages
from chatbot.models import Document, WebPage
from core.errors import PermanentError, TransientError
from core.models import AuditEntry
from tests.broker import queued
from tests.chatbot import files
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import NOW
from tests.clock import at
from tests.database import refused_rows

pytestmark = pytest.mark.django_db

PAGE = """<!doctype html><html lang="it"><head><title>Chi rientra nella NIS2</title></head><body><main><article>
<h1>Chi rientra nella NIS2</h1><p>La direttiva riguarda le medie e grandi imprese dei settori critici, con più di
cinquanta dipendenti o dieci milioni di fatturato.</p><h2>Registrazione</h2><p>I soggetti si registrano sulla
piattaforma dell'Agenzia per la cybersicurezza nazionale entro il 28 febbraio di ogni anno.</p></article></main>
<!-- visit 1 --></body></html>"""


class Site(ThreadingHTTPServer):
    """A web site: `answers` says for each path the status, the headers and the content; `requests` what was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[dict[str, str]] = []

    def serve(self, path: str, content: str | bytes, status: int = 200, **headers: str) -> str:
        all_headers = {"Content-Type": "text/html; charset=utf-8"}
        all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, all_headers, content.encode() if isinstance(content, str) else content)
        return self.url + path


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.requests.append(dict(self.headers))
        status, headers, content = self.server.answers[self.path]
        if headers.get("ETag") and headers["ETag"] == self.headers.get("If-None-Match"):
            status, content = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.KNOWLEDGE_INTERNAL_HOSTS = ["127.0.0.1"]
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def resolve_as(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """The system's resolver answers with these addresses, and notes what it was asked."""
    hosts: list[str] = []

    def resolve(host: str, port: int, *_args: Any, **_options: Any) -> list[Any]:
        hosts.append(host)
        family = socket.AF_INET6 if ":" in addresses[0] else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return hosts


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["127.8.8.8"], ["10.0.0.5"], ["172.16.3.4"], ["192.168.1.1"], ["169.254.169.254"], ["0.0.0.0"],
        ["100.64.0.1"], ["::1"], ["fe80::1%eth0"], ["fd00::1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "127.0.0.1"],
    ],
    ids="+".join,
)  # fmt: skip
def test_name_of_an_inner_address_is_not_fetched(addresses: list[str], monkeypatch: pytest.MonkeyPatch):
    resolve_as(monkeypatch, *addresses)

    with pytest.raises(PermanentError, match="non è sulla rete pubblica") as caught:
        web.fetch("https://intranet.example/page")

    assert caught.value.code == "private_address"


def test_name_is_resolved_once_and_its_checked_address_is_the_one_used(monkeypatch: pytest.MonkeyPatch):
    """A name that is public when it is checked and private when it is used (DNS rebinding) gets nowhere."""
    hosts = resolve_as(monkeypatch, "127.0.0.1")

    with pytest.raises(PermanentError):
        web.fetch("http://rebind.example/")

    assert hosts == ["rebind.example"]


@pytest.mark.parametrize(
    "target", ["http://localhost/admin", "http://[::1]/", "http://127.0.0.1:6379/", "file:///etc/passwd"]
)
def test_redirect_does_not_lead_inside(target: str, site: Site, settings: Any):
    url = site.serve("/away", "", status=302, Location=target)
    settings.KNOWLEDGE_INTERNAL_HOSTS = ["127.0.0.1"] if "127.0.0.1" not in target else []
    if not settings.KNOWLEDGE_INTERNAL_HOSTS:
        with pytest.raises(PermanentError):
            web.fetch(target)
        return

    with pytest.raises(PermanentError) as caught:
        web.fetch(url)

    assert caught.value.code in {"private_address", "scheme"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/a", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https://", "scheme"),
        ("https://user:password@example.com/", "credentials"),
        ("https://example.com:8443/", "port"),
        ("http://example.com:22/", "port"),
        ("http://example.com:99999/", "port"),
    ],
)
def test_address_that_is_none_of_a_page_is_refused(url: str, code: str):
    with pytest.raises(PermanentError) as caught:
        web.clean_url(url)

    assert caught.value.code == code


def look(page: WebPage, now: datetime = NOW) -> None:
    """Its turn has come."""
    WebPage.objects.filter(pk=page.pk).update(next_try_at=now)
    with at(now):
        webpages.look_at(page=page)
    page.refresh_from_db()


def test_page_is_read_with_its_title_and_headings(site: Site, embedder: Embedder):
    page = WebPage.objects.create(url=site.serve("/nis2/", PAGE), topic="NIS2", next_try_at=NOW)

    look(page)
    document = Document.objects.get()
    ingest.ingest(document=document)

    document.refresh_from_db()
    assert (document.title, document.topic, document.language) == ("Chi rientra nella NIS2", "NIS2", "it")
    assert (document.name, document.kind, document.page) == ("127.0.0.1-nis2.html", "html", page)
    assert "Registrazione" in document.chunks.values_list("heading", flat=True)
    assert (page.last_error, page.checked_at, page.changed_at) == ("", NOW, NOW)
    assert page.next_try_at == NOW + timedelta(days=7)
    assert site.requests[0]["User-Agent"].startswith("AIStrategyHub (+http")


def test_page_whose_text_is_the_same_is_not_read_again(site: Site, embedder: Embedder):
    page = WebPage.objects.create(url=site.serve("/", PAGE), next_try_at=NOW)
    look(page)
    site.serve("/", PAGE.replace("visit 1", "visit 2"))

    look(page, NOW + timedelta(days=7))

    assert Document.objects.count() == 1
    assert (page.checked_at, page.changed_at) == (NOW + timedelta(days=7), NOW)


def test_server_that_knows_of_no_change_sends_nothing(site: Site):
    page = WebPage.objects.create(url=site.serve("/", PAGE, ETag='"v1"', Last_Modified="Fri, 27 Nov 2026 08:00:00 GMT"))
    look(page)

    look(page, NOW + timedelta(days=7))

    assert (page.changed_at, page.last_error) == (NOW, "")
    assert site.requests[1]["If-None-Match"] == '"v1"'
    assert site.requests[1]["If-Modified-Since"] == "Fri, 27 Nov 2026 08:00:00 GMT"


def test_changed_page_takes_the_place_of_its_old_text_when_it_is_ready(site: Site, embedder: Embedder):
    page = WebPage.objects.create(url=site.serve("/", PAGE), next_try_at=NOW)
    look(page)
    old = Document.objects.get()
    ingest.ingest(document=old)
    site.serve("/", PAGE.replace("28 febbraio", "31 marzo"))
    embedder.batches.clear()

    look(page, NOW + timedelta(days=7))
    new = Document.objects.exclude(pk=old.pk).get()
    still_used = Document.objects.get(pk=old.pk).is_active
    with at(NOW + timedelta(days=7)):
        ingest.ingest(document=new)

    old.refresh_from_db()
    assert (still_used, old.is_active, new.replaces) == (True, False, old)
    assert embedder.batches == [1], "only the passage that changed"


@pytest.mark.parametrize(
    ("answer", "error", "passes"),
    [
        ({"content": "", "status": 404}, "La pagina risponde con lo stato 404.", False),
        ({"content": "", "status": 503}, "La pagina risponde con lo stato 503.", True),
        ({"content": b"\x89PNG", "Content_Type": "image/png"}, "Questo è image/png: si leggono solo", False),
        ({"content": "x" * (10 * 1024 * 1024 + 1)}, "La pagina supera i 10 MB.", False),
        ({"content": "<html><body></body></html>"}, "There is no text in the file.", False),
    ],
    ids=["gone", "busy", "picture", "large", "empty"],
)
def test_trouble_is_shown_and_tried_again(answer: dict[str, Any], error: str, passes: bool, site: Site):
    page = WebPage.objects.create(url=site.serve("/", **answer))

    look(page)

    assert error in page.last_error
    assert (page.state, page.attempts, page.result) == ("pending", 1 if passes else 0, "failed")
    assert page.next_try_at == NOW + (timedelta(hours=1) if passes else timedelta(days=7))
    assert not Document.objects.exists()


def test_page_that_redirects_for_ever_is_given_up(site: Site):
    url = site.serve("/round", "", status=301, Location="/round")

    with pytest.raises(PermanentError, match="più di 3 volte"):
        web.fetch(url)
    assert len(site.requests) == 4


def test_server_that_is_away_is_passing_trouble(settings: Any):
    settings.KNOWLEDGE_INTERNAL_HOSTS = ["127.0.0.1"]

    with pytest.raises(TransientError, match="ConnectionError"):
        web.fetch("http://127.0.0.1:1/")


def test_pdf_behind_an_address_is_read(site: Site, embedder: Embedder):
    url = site.serve("/guida", files.pdf("Il testo della guida."), Content_Type="application/pdf")
    page = WebPage.objects.create(url=url)

    look(page)

    assert Document.objects.get().name == "127.0.0.1-guida.pdf"


def test_trouble_that_does_not_pass_waits_for_the_next_turn_after_five_tries(site: Site):
    page = WebPage.objects.create(url=site.serve("/", "", status=503))

    for hours in range(5):
        look(page, NOW + timedelta(hours=hours))

    assert (page.state, page.attempts, page.last_error) == ("pending", 0, "La pagina risponde con lo stato 503.")
    assert page.next_try_at == NOW + timedelta(hours=4, days=7)


def test_error_on_one_page_leaves_the_next_one_its_look(site: Site):
    oldest = WebPage.objects.create(url=site.serve("/", PAGE), next_try_at=NOW - timedelta(minutes=1))
    next_one = WebPage.objects.create(url=site.serve("/b", PAGE.replace("28 febbraio", "31 marzo")), next_try_at=NOW)

    with at(NOW), refused_rows("chatbot_document", f"NEW.page_id = {oldest.pk}"):
        tasks.look_at_due_pages()

    oldest.refresh_from_db()
    assert [document.page for document in Document.objects.all()] == [next_one]
    assert (oldest.state, "nobody foresaw" in oldest.last_error) == ("pending", True)


def test_staff_have_a_page_looked_at_before_its_turn(site: Site, django_capture_on_commit_callbacks: Any):
    page = WebPage.objects.create(url=site.serve("/", PAGE))
    look(page)

    with django_capture_on_commit_callbacks(execute=True):
        webpages.look_now(page=page)
    webpages.look_at(page=page)

    assert len(site.requests) == 2
    assert queued("slow") == [("chatbot.look_at_page", {"page_id": page.pk})]


def test_pages_are_looked_at_when_their_time_has_come(site: Site):
    url = site.serve("/", PAGE)
    WebPage.objects.create(url=url, next_try_at=NOW - timedelta(minutes=1))
    WebPage.objects.create(url=f"{url}?later", next_try_at=NOW + timedelta(minutes=1))
    WebPage.objects.create(url=f"{url}?off", next_try_at=NOW - timedelta(minutes=1), is_active=False)

    with at(NOW):
        assert (webpages.look_at_due(), webpages.look_at_due()) == (1, 0)
    assert len(site.requests) == 1


def test_staff_add_an_address(staff_client: Client, staff: Any, django_capture_on_commit_callbacks: Any):
    values = {"url": "https://www.acn.gov.it/nis", "topic": "NIS2", "every_days": "30", "is_active": "on"}

    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post("/admin/chatbot/webpage/add/", values)

    page = WebPage.objects.get()
    assert (page.url, page.every_days, page.result) == ("https://www.acn.gov.it/nis", 30, "new")
    assert queued("slow") == [("chatbot.look_at_page", {"page_id": page.pk})]
    assert AuditEntry.objects.filter(action="webpage.created", actor=staff).exists()


def test_staff_are_told_why_an_address_is_refused(staff_client: Client):
    values = {"url": "https://u:p@example.com/", "topic": "NIS2", "every_days": "30"}

    page = staff_client.post("/admin/chatbot/webpage/add/", values)

    assert page.context["adminform"].form.errors["url"] == ["Un indirizzo con nome e password non viene conservato."]
    assert not WebPage.objects.exists()

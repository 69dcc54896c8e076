"""A running instance, started as `./start-dev.sh` starts it, and a real browser to use it with."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.frame import free_port
from sandbox.inbox.authenticator import code_of
from sandbox.services import Postgres, Redis
from tests import waiting

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "OPENAI_API_KEY", "OPENAI_BASE_URL", "EMBEDDING_MODEL",
             "EMBEDDING_INPUT_TYPES")  # fmt: skip
READY_S = 180
until = partial(waiting.until, limit_s=90)  # a whole instance, on a machine that runs all other tests beside it
# the machine's network is closed: a browser that looks for updates waits for its own requests
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip


@dataclass
class Site:
    """One running instance; `redis` and `postgres` are ours to stop and start."""

    url: str
    sandbox: str
    process: subprocess.Popen[bytes]
    redis: Redis
    postgres: Postgres
    env: dict[str, str]
    log: Path
    embedder: str  # another site's origin that may embed the assistant; whoever needs a page there serves it
    backup_codes: dict[str, list[str]] = field(default_factory=dict)  # of staff who have signed in

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command against the instance, as a person in another terminal would."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def ready(self) -> dict[str, Any]:
        status: dict[str, Any] = requests.get(f"{self.url}/ready", timeout=30).json()
        return status

    def wait_for_documents(self) -> None:
        until(lambda: self.ready()["documents_waiting"] == 0, "the documents were not read", limit_s=READY_S)

    def control(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.sandbox}/control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def mails(self, email: str) -> list[dict[str, Any]]:
        """What came to an address, newest first."""
        answer = requests.get(f"{self.sandbox}/control/graph/messages", params={"to": email}, timeout=30)
        mails: list[dict[str, Any]] = answer.json()
        return mails

    def mailed_link(self, email: str, path: str) -> str:
        """The newest link to `path` mailed to an address, waited for."""

        def link() -> str:
            for mail in self.mails(email):
                if match := re.search(rf"https?://\S+{re.escape(path)}\S+", mail["text"]):
                    return match.group()
            return ""

        return until(link, f"no link to {path} came to {email}")


def dev_environment(**settings: str) -> dict[str, str]:
    """What a terminal of its own has: of the suite's settings only the embedding server, where there is one."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**env, "READ_ENV_FILES": "False", "PORT": str(free_port()), "SANDBOX_PORT": str(free_port()), **settings}


def start_dev(data: Path, env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """`./start-dev.sh` without its preparation, which the suite has done."""
    command = [sys.executable, "-m", "sandbox.dev", "--data", str(data), "--env", str(data / "settings.env")]
    with (data / "dev.log").open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT, env=env, start_new_session=True)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with waiting.start_surely(run_site) as site:
        yield site


@contextmanager
def run_site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="aish-journeys-") as folder:
        data = Path(folder)
        redis = Redis(data / "redis", fast=True)
        embedder = f"http://127.0.0.1:{free_port()}"
        env = dev_environment(REDIS_URL=redis.start(), CHAT_EMBED_ORIGINS=embedder)
        process = start_dev(data, env)
        here = Site(
            f"http://127.0.0.1:{env['PORT']}", f"http://127.0.0.1:{env['SANDBOX_PORT']}", process, redis,
            Postgres(data / "postgres"), {}, data / "dev.log", embedder,
        )  # fmt: skip
        try:
            _wait_ready(here)
            here.env = {**env, **read_settings(data / "settings.env"), **read_settings(data / "run.env")}
            yield here
            if process.poll() is not None:  # every test after that moment failed, and none of them knows why
                pytest.fail(f"the instance ended by itself:\n{_tail(here)}")
        finally:
            process.terminate()
            process.wait(timeout=60)
            redis.stop()


def read_settings(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line and line[0] != "#")
    return {name: value for name, _equals, value in pairs}


def _tail(site: Site) -> str:
    return site.log.read_text(errors="replace")[-6000:]


def _wait_ready(site: Site) -> None:
    def is_ready() -> bool:
        if site.process.poll() is not None:
            pytest.fail(f"the instance ended:\n{_tail(site)}")
        try:
            return bool(site.ready()["status"] == "ready")
        except requests.RequestException:
            return False

    until(is_ready, f"the instance was not ready, see {site.log}", limit_s=READY_S)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # run-tests.sh names the browser it has found; a developer may have Playwright's own
        opened = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Visitor:
    """A person's browser; what its console and the network complain about is kept, and must be nothing."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")

    def log_in(self, email: str = "giulia@brandolini.example", password: str = "ruled-sheet-2026") -> None:
        self.go("/account/accedi/")
        self.page.fill("#id_email", email)
        self.page.fill("#id_password", password)
        self.page.click("main form button")
        self.page.wait_for_url("**/area/")

    def log_in_as_staff(self, email: str = "admin@aish.example", password: str = "ruled-sheet-2026") -> None:
        """With the second factor: set up at the first sign-in of the run, a backup code at each later one."""
        codes = self.site.backup_codes.get(email, [])
        self.go("/account/accedi/")
        self.page.fill("#id_email", email)
        self.page.fill("#id_password", password)
        self.page.click("main form button")
        if codes:
            self.page.wait_for_url("**/account/codice/")
            self.go("/account/codice/?riserva")
            self.page.fill("#id_code", codes.pop())
            self.page.click("main form button")
            self.page.wait_for_url("**/area/")
            return
        self.page.wait_for_url("**/area/")
        self.go("/area/sicurezza/")
        self.page.click("form[action$='/app/nuova/'] button")
        key = self.page.locator(".secret").inner_text()
        self.page.fill("#id_code", code_of(key, time.time()))
        self.page.click("form.form button")
        self.page.locator(".codes li").first.wait_for()
        self.site.backup_codes[email] = self.page.locator(".codes li").all_inner_texts()

    def open_assistant(self, *, keep: bool = False) -> None:
        """Open the panel and make the choice it asks for before anything can be sent."""
        self.page.click(".launcher")
        self.page.locator("#assistant-panel").wait_for()
        choice = self.page.locator(".chat__choice")
        if choice.is_visible():
            choice.locator("button").nth(int(keep)).click()

    def ask(self, question: str) -> None:
        self.page.fill("#assistant-question", question)
        self.page.keyboard.press("Enter")

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser of its own for a person: `visit(width=360, theme="dark", language="en")`."""
    opened: list[tuple[Any, Visitor]] = []

    def open_(width: int = 1280, height: int = 900, theme: Any = "light", language: str = "it") -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce",
            locale={"it": "it-IT", "en": "en-GB"}[language],
        )  # fmt: skip
        context.set_default_timeout(30_000)
        visitor = Visitor(context.new_page(), site)
        visitor.page.on("console", lambda line: _note(visitor, line.type, line.text))
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"script: {error}"))
        opened.append((context, visitor))
        return visitor

    yield open_
    for context, visitor in opened:
        context.close()
        assert visitor.complaints == []


def _note(visitor: Visitor, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visitor.complaints.append(f"{kind}: {text}")


def keep_screenshot(page: Page, name: str) -> None:
    """Renew a picture of the README, when asked to (KEEP_SCREENSHOTS=1)."""
    if os.environ.get("KEEP_SCREENSHOTS"):
        page.screenshot(path=ROOT / "docs" / "img" / f"{name}.png")

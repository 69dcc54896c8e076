"""The sandbox's page over running stand-ins: what it shows, what its forms do, and what it refuses."""

import asyncio
import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from playwright.sync_api import Page, sync_playwright

from sandbox.claude import ClaudeStandIn
from sandbox.frame import StandIn, free_port, serve
from sandbox.graph import GraphStandIn
from sandbox.inbox import page_app
from sandbox.inbox.authenticator import code_of
from sandbox.pec import PecStandIn
from sandbox.vies import ViesStandIn
from tests.sandbox.pec.test_mail import Product
from tests.sandbox.pec.test_sdi_checks import NAME, invoice
from tests.waiting import until

EVIL = "<script>alert(1)</script>"


@dataclass
class Sandbox:
    """The page at `url` over `stand_ins`."""

    url: str
    stand_ins: dict[str, StandIn]

    @property
    def env(self) -> dict[str, str]:
        return {name: value for each in self.stand_ins.values() for name, value in each.env().items()}

    def page(self, path: str, **query: str) -> str:
        answer = requests.get(f"{self.url}{path}", params=query, timeout=10)
        answer.raise_for_status()
        return answer.text

    def do(self, action: str, headers: dict[str, str] | None = None, **form: str) -> requests.Response:
        return requests.post(f"{self.url}/do/{action}", data=form, headers=headers, timeout=10)

    def control(self, name: str, path: str) -> Any:
        return requests.get(f"{self.url}/control/{name}{path}", timeout=10).json()


@contextlib.contextmanager
def open_sandbox(stand_ins: list[StandIn], certificate: tuple[Path, Path]) -> Iterator[Sandbox]:
    """Serve page and stand-ins from a thread, as `python -m sandbox` does from its main one."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    page_port = free_port()
    trouble: list[BaseException] = []

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for each in stand_ins:
                port = free_port()
                each.url = f"{'https' if each.tls else 'http'}://127.0.0.1:{port}"
                await stack.enter_async_context(serve(each.app(), port, certificate=certificate if each.tls else None))
                await each.start()
                stack.push_async_callback(each.stop)
            await stack.enter_async_context(serve(page_app(stand_ins), page_port))
            ready.set()
            await stop.wait()

    def target() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001 -- handed to the test below
            trouble.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=target, name="sandbox")
    thread.start()
    ready.wait(timeout=20)
    if trouble:
        raise RuntimeError("the sandbox did not start") from trouble[0]
    try:
        yield Sandbox(f"http://127.0.0.1:{page_port}", {each.name: each for each in stand_ins})
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=20)


@pytest.fixture
def open_stand_ins(tmp_path, authority) -> Iterator[Callable[..., Sandbox]]:
    """Open a sandbox with the stand-ins of these names."""
    makers: dict[str, Callable[[], StandIn]] = {
        "claude": lambda: ClaudeStandIn(tmp_path),
        "graph": lambda: GraphStandIn(tmp_path),
        "pec": lambda: PecStandIn(tmp_path, authority=authority),
        "stripe": lambda: _stripe(tmp_path),
        "vies": lambda: ViesStandIn(tmp_path),
    }
    with contextlib.ExitStack() as stack:
        yield lambda *names: stack.enter_context(
            open_sandbox([makers[name]() for name in names], authority.certificate)
        )


def _stripe(data: Path) -> StandIn:
    from sandbox.stripe import StripeStandIn  # noqa: PLC0415 -- the largest stand-in, for the tests that pay

    return StripeStandIn(data)


class Sender:
    """Sends mail through the Graph stand-in."""

    def __init__(self, sandbox: Sandbox, ca: Path) -> None:
        self.env = sandbox.env
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.env["MS_GRAPH_CLIENT_ID"],
            "client_secret": self.env["MS_GRAPH_CLIENT_SECRET"],
            "scope": "https://graph.microsoft.com/.default",
        }
        url = f"{self.env['MS_GRAPH_AUTHORITY']}/{self.env['MS_GRAPH_TENANT_ID']}/oauth2/v2.0/token"
        self.token = self.session.post(url, data=form, timeout=5).json()["access_token"]

    def send(self, subject: str, html: str, to: str = "anna@example.it") -> int:
        attachment = {
            "@odata.type": "#microsoft.graph.fileAttachment", "name": "fattura 1.pdf",
            "contentType": "application/pdf", "contentBytes": base64.b64encode(b"%PDF-1.7").decode(),
        }  # fmt: skip
        message = {
            "subject": subject,
            "body": {"contentType": "HTML", "content": html},
            "toRecipients": [{"emailAddress": {"address": to}}],
            "attachments": [attachment],
            "internetMessageHeaders": [{"name": "X-Order", "value": "ORD-2026-00001"}],
        }
        url = f"{self.env['MS_GRAPH_ENDPOINT']}/users/{self.env['MS_GRAPH_SENDER_EMAIL']}/sendMail"
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.session.post(url, json={"message": message}, headers=headers, timeout=5).status_code


@pytest.fixture
def mail(open_stand_ins, authority) -> Iterator[tuple[Sandbox, Sender]]:
    sandbox = open_stand_ins("graph")
    sender = Sender(sandbox, authority.root)
    yield sandbox, sender
    sender.session.close()


def test_home_shows_a_card_for_each_stand_in_that_runs(open_stand_ins):
    sandbox = open_stand_ins("claude", "vies")

    page = sandbox.page("/")

    assert re.findall(r"<h2><a href=\"(/\w+)\">([\w ]+)</a>", page) == [("/claude", "Claude"), ("/vies", "VIES")]
    assert sandbox.env["ANTHROPIC_BASE_URL"] in page
    assert "mode extractive, 0 open streams" in page
    assert "/mail" not in page


def test_page_of_an_absent_stand_in_says_so(open_stand_ins):
    answer = requests.get(f"{open_stand_ins('vies').url}/payments", timeout=5)

    assert answer.status_code == 404
    assert "the stripe stand-in does not run" in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/mail/unknown-id", "/mail/unknown-id/html"])
def test_unknown_page_is_not_found(open_stand_ins, path):
    answer = requests.get(f"{open_stand_ins('graph').url}{path}", timeout=5)

    assert answer.status_code == 404
    assert "Not here" in answer.text


def test_mails_are_listed_filtered_and_opened(mail):
    sandbox, sender = mail
    sender.send("Benvenuta", "<p>Apri <a href='https://example.eu/v?t=1&amp;u=2'>il link</a></p>")
    sender.send("Ordine", "<p>Grazie</p>", to="bruno@example.it")

    assert re.findall(r"<a href=\"/mail/[^\"]+\">(\w+)</a>", sandbox.page("/mail")) == ["Ordine", "Benvenuta"]
    html = sandbox.page("/mail", to="anna@example.it")
    assert "Ordine" not in html
    ident = re.search(r"/mail/([^\"/]+)\">Benvenuta", html)[1]
    mail_html = sandbox.page(f"/mail/{ident}")
    assert 'href="https://example.eu/v?t=1&amp;u=2" target="_blank" rel="noopener noreferrer"' in mail_html
    assert "ORD-2026-00001" in mail_html
    attachment = requests.get(f"{sandbox.url}/mail/{ident}/attachments/fattura%201.pdf", timeout=5)
    assert attachment.content == b"%PDF-1.7"
    assert attachment.headers["content-disposition"] == "attachment; filename*=UTF-8''fattura%201.pdf"
    assert attachment.headers["content-type"] == "application/octet-stream"


def test_hostile_mail_is_escaped_on_the_page_and_shut_in_as_html(mail):
    sandbox, sender = mail
    sender.send(EVIL, f"<p>ciao</p>{EVIL}<a href='javascript:alert(2)'>x</a>")

    html = sandbox.page("/mail")
    ident = re.search(r"/mail/([^\"/]+)\">&lt;script", html)[1]
    html = requests.get(f"{sandbox.url}/mail/{ident}/html", timeout=5)

    assert EVIL not in html
    assert EVIL not in sandbox.page(f"/mail/{ident}")
    assert "javascript:" not in sandbox.page(f"/mail/{ident}")
    policy = html.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
    assert "allow-scripts" not in policy


def test_every_answer_carries_a_strict_policy(mail):
    sandbox, _ = mail
    for path in ("/", "/mail", "/graph", "/static/page.css", "/nothing", "/control/graph/limits"):
        headers = requests.get(f"{sandbox.url}{path}", timeout=5).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_no_page_has_inline_script_or_style(open_stand_ins):
    sandbox = open_stand_ins("claude", "graph", "pec", "vies")
    for path in ("/", "/mail", "/pec", "/sdi", "/vies", "/claude", "/graph"):
        page = sandbox.page(path)
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9"},
        {"Origin": "null"},
        {"Host": "rebound.example"},
    ],
)
@pytest.mark.parametrize("path", ["/do/vies-state", "/control/vies/state"])
def test_form_of_another_site_is_refused(open_stand_ins, path, headers):
    sandbox = open_stand_ins("vies")

    answer = requests.post(f"{sandbox.url}{path}", data={"state": "down", "slow_s": "1"}, headers=headers, timeout=5)

    assert answer.status_code == 403
    assert sandbox.control("vies", "/state")["state"] == "up"


def test_reading_under_another_host_name_is_refused(open_stand_ins):
    answer = requests.get(
        f"{open_stand_ins('graph').url}/control/graph/messages", headers={"Host": "evil.example"}, timeout=5
    )

    assert answer.status_code == 403


def test_own_form_changes_the_stand_in_and_says_what_it_did(open_stand_ins):
    sandbox = open_stand_ins("vies")

    answer = sandbox.do(
        "vies-state", {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"},
        state="slow", member_states_down="de, fr", slow_s="0,5",
    )  # fmt: skip

    assert answer.history[0].status_code == 303
    assert answer.url.startswith(f"{sandbox.url}/vies?")
    assert "The service has changed." in answer.text
    state = sandbox.control("vies", "/state")
    assert (state["state"], state["member_states_down"], state["slow_s"]) == ("slow", ["DE", "FR"], 0.5)


@pytest.mark.parametrize(
    ("action", "form", "reason"),
    [
        ("vies-state", {"state": "up", "slow_s": "much"}, "slow_s: a number is needed"),
        ("vies-number", {"number": "US1"}, "number begins with the code of a member state"),
        ("claude-mode", {"mode": "wise"}, "mode is one of"),
        ("claude-fault", {"fault": "flood"}, "fault: one of rate_limit, spend_limit, overloaded, api_error"),
        ("graph-fault", {"fault": EVIL}, "fault: one of"),
        ("bounce", {"to": "x"}, "to is an address"),
        ("sdi-next", {}, "choose what shall happen next"),
        ("sdi-message", {"name": "IT1_00001.xml", "kind": "RC"}, "SDI has not received IT1_00001.xml"),
    ],
)
def test_senseless_form_is_refused_with_the_reason(open_stand_ins, action, form, reason):
    answer = open_stand_ins("claude", "graph", "pec", "vies").do(action, **form)

    assert answer.status_code == 200
    assert f"Not done: {reason}" in answer.text
    assert EVIL not in answer.text


@pytest.mark.parametrize("action", ["unknown", "next-card"])
def test_action_without_its_stand_in_is_not_found(open_stand_ins, action):
    assert open_stand_ins("vies").do(action).status_code == 404


def test_claude_forms_set_mode_pace_and_faults(open_stand_ins):
    sandbox = open_stand_ins("claude")

    sandbox.do("claude-mode", mode="obey")
    sandbox.do("claude-pace", first_byte_s="0.5", token_s="0.1")
    sandbox.do("claude-fault", fault="overloaded")
    sandbox.do("stream-fault", kind="hang", after_deltas="2")

    assert sandbox.control("claude", "/mode")["mode"] == "obey"
    assert sandbox.control("claude", "/pace") == {"first_byte_s": 0.5, "token_s": 0.1, "jitter": 0.0}
    assert sandbox.control("claude", "/faults")[0]["status"] == 529
    assert sandbox.control("claude", "/stream-fault") == [{"kind": "hang", "after_deltas": 2, "times": 1}]
    assert "1 fault waiting" in sandbox.page("/")
    sandbox.do("clear-claude-faults")
    sandbox.do("clear-stream-faults")
    assert (sandbox.control("claude", "/faults"), sandbox.control("claude", "/stream-fault")) == ([], [])


def test_claude_requests_are_shown_with_their_body(open_stand_ins):
    sandbox = open_stand_ins("claude")
    headers = {"x-api-key": sandbox.env["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    body = {"model": "claude-sonnet-4-6", "max_tokens": 50, "messages": [{"role": "user", "content": f"Ciao {EVIL}"}]}
    requests.post(f"{sandbox.env['ANTHROPIC_BASE_URL']}/v1/messages", json=body, headers=headers, timeout=5)

    page = sandbox.page("/claude")

    assert "Mi dispiace: i documenti" in page
    assert "Ciao &lt;script&gt;" in page
    assert EVIL not in page


def test_graph_forms_make_faults_bounces_and_expiry(mail):
    sandbox, sender = mail

    sandbox.do("graph-fault", fault="throttled")
    assert [sender.send("Uno", "<p>1</p>"), sender.send("Due", "<p>2</p>")] == [429, 202]
    sandbox.do("bounce", to="anna@example.it", status="4.2.2")
    sender.send("Tre", "<p>3</p>")
    assert "Undeliverable: Tre" in sandbox.page("/mail")
    sandbox.do("expire-tokens")
    assert sender.send("Quattro", "<p>4</p>") == 401
    sandbox.do("graph-limits", per_minute="1", concurrent="2")
    assert (sandbox.control("graph", "/limits")["per_minute"], sandbox.control("graph", "/limits")["concurrent"]) == (
        1,
        2,
    )
    sandbox.do("clear-mail")
    assert "No mail yet" in sandbox.page("/mail")


@pytest.fixture
def pec_product(open_stand_ins) -> tuple[Sandbox, Product]:
    sandbox = open_stand_ins("pec")
    sandbox.do("pec-settings", receipt_delay_s="0", sdi_delay_s="0")
    return sandbox, Product(sandbox.env)


def test_invoice_sent_by_pec_is_shown_with_its_receipts_and_xml(pec_product):
    sandbox, product = pec_product
    product.send(invoice())
    until(lambda: len(sandbox.control("pec", "/mailbox")) >= 3)

    pec, sdi = sandbox.page("/pec"), sandbox.page("/sdi")

    assert "avvenuta-consegna" in pec
    assert NAME in pec
    assert NAME in sdi
    xml = sandbox.page(f"/sdi/{NAME}")
    assert "&lt;FatturaElettronicaHeader&gt;" in xml
    answer = next(mail for mail in sandbox.control("pec", "/mailbox") if mail["kind"] in {"RC", "MC"})
    receipt = sandbox.page(f"/pec/mailbox/{answer['uid']}")
    assert "&lt;IdentificativoSdI&gt;" in receipt
    assert "daticert.xml" in receipt
    raw = requests.get(f"{sandbox.url}/pec/mailbox/{answer['uid']}/raw", timeout=5)
    assert b"X-Trasporto: posta-certificata" in raw.content


def test_forms_plan_a_rejection_and_send_further_messages(pec_product):
    sandbox, product = pec_product
    sandbox.do("sdi-next", sdi="NS", codes="00404, 00417")
    assert sandbox.control("pec", "/next")["plans"] == [{"provider": "", "sdi": {"NS": ["00404", "00417"]}}]

    product.send(invoice())
    until(lambda: any(file["state"] == "rejected" for file in sandbox.control("pec", "/invoices")))
    sandbox.do("sdi-message", name=NAME, kind="NS", codes="00311", duplicate="yes")

    messages = sandbox.control("pec", "/invoices")[0]["messages"]
    assert [message["kind"] for message in messages] == ["NS", "NS"]
    assert "rejected" in sandbox.page("/sdi")


def test_form_holds_and_releases_the_answers(pec_product):
    sandbox, product = pec_product
    sandbox.do("pec-settings", receipt_delay_s="0", sdi_delay_s="0", hold="yes")
    product.send(invoice())
    until(lambda: sandbox.control("pec", "/invoices"))
    assert "Answers are being held." in sandbox.page("/pec")

    sandbox.do("pec-release")

    until(lambda: any(mail["kind"] in {"RC", "MC"} for mail in sandbox.control("pec", "/mailbox")))


def test_smtp_fault_is_planned(pec_product):
    sandbox, _ = pec_product

    sandbox.do("pec-next", smtp_code="451")

    assert [fault["code"] for fault in sandbox.control("pec", "/next")["smtp"]] == [451]
    sandbox.do("clear-plans")
    assert sandbox.control("pec", "/next") == {"plans": [], "smtp": []}


def _pay(sandbox: Sandbox, card: str) -> Any:
    client = stripe.StripeClient(
        sandbox.env["STRIPE_SECRET_KEY"], base_addresses={"api": sandbox.env["STRIPE_API_BASE"]}, max_network_retries=0
    )
    return client.v1.payment_intents.create(
        params={
            "amount": 12200,
            "currency": "eur",
            "payment_method": card,
            "confirm": True,
            "return_url": "http://127.0.0.1:8000/",
            "automatic_payment_methods": {"enabled": True},
            "description": EVIL,
        }
    )


def _status(sandbox: Sandbox, ident: str) -> str:
    intents = [each for each in sandbox.control("stripe", "/objects/payment_intent") if each["id"] == ident]
    return str(intents[0]["status"])


@pytest.mark.parametrize(("succeed", "status"), [("yes", "succeeded"), ("no", "requires_payment_method")])
def test_pending_3d_secure_is_answered_from_the_page(open_stand_ins, succeed, status):
    sandbox = open_stand_ins("stripe")
    intent = _pay(sandbox, "pm_card_threeDSecure2Required")
    page = sandbox.page("/payments")
    assert "122.00 EUR" in page
    assert f'<input type="hidden" name="id" value="{intent.id}">' in page
    assert EVIL not in page

    sandbox.do("authorize", id=intent.id, succeed=succeed)

    assert _status(sandbox, intent.id) == status
    assert status in sandbox.page("/payments")


def test_next_card_can_be_made_to_fail_from_the_page(open_stand_ins):
    sandbox = open_stand_ins("stripe")
    sandbox.do("next-card", outcome="insufficient_funds")

    with pytest.raises(stripe.CardError) as exc_info:
        _pay(sandbox, "pm_card_visa")

    assert exc_info.value.error.decline_code == "insufficient_funds"


def test_webhooks_are_held_and_redelivered_from_the_page(open_stand_ins):
    sandbox = open_stand_ins("stripe")
    sandbox.do("hold", hold="yes")
    _pay(sandbox, "pm_card_visa")
    assert "Webhooks are held." in sandbox.page("/payments")
    event = sandbox.control("stripe", "/deliveries")["pending"][0]["event"]

    sandbox.do("redeliver", event=event)

    assert [each["event"] for each in sandbox.control("stripe", "/deliveries")["pending"]].count(event) == 2


@pytest.fixture
def browser_page(tmp_path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1100, "height": 900})
        browser.close()


@pytest.mark.browser
def test_person_reads_mail_and_throws_switches_in_a_browser(mail, browser_page, tmp_path):
    sandbox, sender = mail
    troubles: list[str] = []
    browser_page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    sender.send("Conferma", f"<h1>Ciao</h1><a href='{sandbox.url}/graph'>Apri</a>{EVIL}")

    browser_page.goto(f"{sandbox.url}/mail")
    sender.send("Arrivata dopo", "<p>Da sola</p>")
    browser_page.get_by_role("link", name="Arrivata dopo").wait_for(timeout=10_000)
    browser_page.get_by_role("link", name="Conferma").press("Enter")
    frame = browser_page.frame_locator("iframe")
    assert frame.get_by_role("heading").inner_text() == "Ciao"
    with browser_page.context.expect_page() as popup:
        frame.get_by_role("link", name="Apri").click()
    assert popup.value.get_by_role("heading", level=1).inner_text() == "Microsoft Graph"
    browser_page.get_by_role("link", name="Graph", exact=True).click()
    browser_page.get_by_role("button", name="Expire all").click()

    assert browser_page.get_by_role("status").inner_text() == "All tokens have expired."
    # the only complaint may be the mail's own script, which the policy stops
    assert [text for text in troubles if "script" not in text.lower()] == []
    for width, scheme in ((360, "dark"), (1100, "light")):
        browser_page.set_viewport_size({"width": width, "height": 900})
        browser_page.emulate_media(color_scheme=scheme)
        for path in ("/", "/mail", "/graph"):
            browser_page.goto(f"{sandbox.url}{path}")
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser_page.evaluate(overflow) == 0
            browser_page.screenshot(path=tmp_path / f"{path.strip('/') or 'home'}-{width}-{scheme}.png", full_page=True)


def test_authenticator_shows_the_code_of_a_key(open_stand_ins):
    """The key and first code of RFC 6238, appendix B, at 59 s; and that of this moment on the page."""
    key = base64.b32encode(b"12345678901234567890").decode()
    page = open_stand_ins("vies").page("/authenticator", key=f"{key[:4]} {key[4:].lower()}")

    assert code_of(key, 59) == "287082"
    assert {code_of(key, time.time() - late) for late in (0, 5)} & set(re.findall(r"<strong>(\d{6})</strong>", page))


def test_authenticator_says_what_is_no_key(open_stand_ins):
    page = open_stand_ins("vies").page("/authenticator", key=EVIL)

    assert "This is not a key as the page for the authenticator app shows it." in page
    assert EVIL not in page

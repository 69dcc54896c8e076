"""The Payment Element in Chromium, on a merchant's page whose policy allows nothing inline."""

import http.server
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe
from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

from sandbox.frame import StandIn
from sandbox.stripe import StripeStandIn
from tests.sandbox.conftest import Running

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="it"><head><meta charset="utf-8"><title>Cassa</title>
<link rel="stylesheet" href="/shop.css">
<script src="{script}"></script><script src="/shop.js" type="module"></script></head>
<body data-key="{key}"><h1>Cassa</h1><form id="checkout"><div id="element"></div><button id="pay">Paga</button></form>
<output id="result"></output></body></html>"""
STYLE = "html { color-scheme: light dark } body { font-family: sans-serif; max-width: 30rem; margin: 1rem auto }"
SCRIPT = """
const query = new URLSearchParams(location.search);
const secret = query.get("secret");
const result = document.getElementById("result");
const show = (name, value) => { result.dataset.kind = name; result.textContent = JSON.stringify(value); };
document.addEventListener("securitypolicyviolation", (event) =>
  fetch("/violation", { method: "POST", body: event.violatedDirective + " " + event.blockedURI }));
const stripe = Stripe(document.body.dataset.key, { locale: query.get("locale") || "it" });
window.stripe = stripe;
if (query.has("redirect_status")) show("returned", Object.fromEntries(query));
else {
  const appearance = query.has("theme") ? { theme: query.get("theme") } : {};
  const elements = stripe.elements({ clientSecret: secret, appearance });
  const payment = elements.create("payment");
  const seen = [];
  for (const name of ["ready", "change", "focus", "blur", "loaderror"]) payment.on(name, (event) => {
    seen.push([name, event.complete, event.error?.code]);
    document.body.dataset.events = JSON.stringify(seen);
  });
  payment.mount("#element");
  document.getElementById("checkout").addEventListener("submit", async (event) => {
    event.preventDefault();
    const confirm = secret.startsWith("seti_") ? "confirmSetup" : "confirmPayment";
    const confirmParams = { return_url: location.origin + "/done" };
    const redirect = query.get("redirect") || "if_required";
    const answer = await stripe[confirm]({ elements, confirmParams, redirect });
    if (answer.error) show("error", answer.error);
    else show("intent", answer.paymentIntent || answer.setupIntent);
  });
}
"""


@dataclass
class Shop:
    """A merchant's site: `violations` are what its policy blocked, `requests` what its server was sent."""

    url: str
    violations: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def desk(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(StripeStandIn(tmp_path))


@pytest.fixture
def shop(desk: Running) -> Iterator[Shop]:
    site = Shop("")
    policy = f"default-src 'self'; script-src 'self' {desk.url}; frame-src {desk.url}; connect-src 'self' {desk.url}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            site.requests.append(self.path)
            page = PAGE.format(script=desk.env["STRIPE_JS_URL"], key=desk.env["STRIPE_PUBLISHABLE_KEY"])
            kinds = {
                "/shop.js": ("text/javascript", SCRIPT),
                "/shop.css": ("text/css", STYLE),
                "/favicon.ico": ("image/png", ""),
            }
            kind, text = kinds.get(self.path.partition("?")[0], ("text/html", page))
            self.answer(kind, text)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            (site.violations if self.path == "/violation" else site.requests).append(body)
            self.answer("text/plain", "")

        def answer(self, kind: str, text: str):
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, shop: Shop) -> Iterator[Page]:
    context = chromium.new_context(locale="it-IT")
    tab = context.new_page()
    violations: list[str] = []
    tab.on(
        "console",
        lambda message: violations.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield tab
    context.close()
    assert (shop.violations, violations) == ([], [])


@pytest.fixture
def api(desk: Running) -> stripe.StripeClient:
    return stripe.StripeClient(desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url})


def new_secret(api: stripe.StripeClient) -> str:
    intent = api.v1.payment_intents.create(
        {"amount": 12200, "currency": "eur", "automatic_payment_methods": {"enabled": True}}
    )
    return intent.client_secret


def fields_of(page: Page) -> FrameLocator:
    return page.frame_locator("#element iframe")


def fill_card(page: Page, number: str, cvc: str = "123") -> None:
    frame = fields_of(page)
    frame.get_by_label("Numero della carta").fill(number)
    frame.get_by_label("Data di scadenza").fill("12 / 34")
    frame.get_by_label("Codice di sicurezza").fill(cvc)


def result_of(page: Page, kind: str) -> dict[str, Any]:
    result = page.locator("#result")
    expect(result).to_have_attribute("data-kind", kind, timeout=15_000)
    return json.loads(result.text_content() or "")


def pay(page: Page) -> None:
    page.get_by_role("button", name="Paga").click()


def test_card_pays_and_the_merchant_never_sees_it(page: Page, shop: Shop, api: stripe.StripeClient):
    secret = new_secret(api)
    page.goto(f"{shop.url}/?secret={secret}")

    fill_card(page, "4242424242424242")
    pay(page)

    intent = result_of(page, "intent")
    assert (intent["status"], intent["amount"]) == ("succeeded", 12200)
    assert api.v1.payment_intents.retrieve(intent["id"]).status == "succeeded"
    events = json.loads(page.locator("body").get_attribute("data-events") or "")
    assert events[0][0] == "ready"
    assert [event[1] for event in events if event[0] == "change"][-1] is True
    traffic = json.dumps(shop.requests) + page.content()
    assert "4242" not in traffic.replace(secret, "")


def test_bank_page_authorises_by_keyboard(page: Page, shop: Shop, api: stripe.StripeClient):
    page.goto(f"{shop.url}/?secret={new_secret(api)}")
    fill_card(page, "4000000000003220")

    pay(page)
    bank = page.frame_locator("dialog iframe")
    expect(bank.get_by_text("122,00 €")).to_be_visible()
    expect(bank.get_by_text("AI Strategy Hub")).to_be_visible()
    expect(bank.get_by_role("button", name="Autorizza")).to_be_focused()
    page.keyboard.press("Enter")

    assert result_of(page, "intent")["status"] == "succeeded"
    expect(page.locator("dialog")).to_have_count(0)


def test_refused_authentication_leaves_the_payment_open(page: Page, shop: Shop, api: stripe.StripeClient):
    page.goto(f"{shop.url}/?secret={new_secret(api)}")
    fill_card(page, "4000002760003184")

    pay(page)
    page.frame_locator("dialog iframe").get_by_role("button", name="Rifiuta").click()

    error = result_of(page, "error")
    assert error["code"] == "payment_intent_authentication_failure"
    assert error["payment_intent"]["status"] == "requires_payment_method"


def test_declined_card_tells_why_in_the_page_language_and_another_card_pays(
    page: Page, shop: Shop, api: stripe.StripeClient
):
    page.goto(f"{shop.url}/?secret={new_secret(api)}")
    fill_card(page, "4000000000009995")

    pay(page)

    error = result_of(page, "error")
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["message"] == "La carta non ha fondi sufficienti."
    fill_card(page, "5555555555554444")
    pay(page)
    assert result_of(page, "intent")["status"] == "succeeded"


@pytest.mark.parametrize(
    ("number", "expiry", "cvc", "code", "text"),
    [
        ("4242424242424241", "12 / 34", "123", "invalid_number", "Il numero della carta non è valido."),
        ("4242", "12 / 34", "123", "incomplete_number", "Il numero della carta è incompleto."),
        ("4242424242424242", "01 / 20", "123", "invalid_expiry_year_past", "L'anno di scadenza è già passato."),
        ("4242424242424242", "12 / 34", "1", "incomplete_cvc", "Il codice di sicurezza è incompleto."),
    ],
)
def test_wrong_fields_are_told_beside_the_field_and_nothing_is_sent(
    page: Page, shop: Shop, api: stripe.StripeClient, number: str, expiry: str, cvc: str, code: str, text: str
):
    secret = new_secret(api)
    page.goto(f"{shop.url}/?secret={secret}")
    frame = fields_of(page)
    frame.get_by_label("Numero della carta").fill(number)
    frame.get_by_label("Data di scadenza").fill(expiry)
    frame.get_by_label("Codice di sicurezza").fill(cvc)

    pay(page)

    error = result_of(page, "error")
    assert (error["type"], error["code"], error["message"]) == ("validation_error", code, text)
    expect(frame.get_by_role("alert").filter(has_text=text)).to_be_visible()
    intent = api.v1.payment_intents.retrieve(secret.partition("_secret_")[0])
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)


def test_button_stays_under_the_pointer_while_it_is_pressed(page: Page, shop: Shop, api: stripe.StripeClient):
    """The field loses its focus to the press and shows its error: a form that grew then would take the click away."""
    page.goto(f"{shop.url}/?secret={new_secret(api)}")
    frame = fields_of(page)
    fill_card(page, "4242424242424242", cvc="1")
    button = page.get_by_role("button", name="Paga")
    button.hover()
    before = button.bounding_box()

    page.mouse.down()
    expect(frame.get_by_role("alert").filter(has_text="incompleto")).to_be_visible()
    frame.locator("body").evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert button.bounding_box() == before
    page.mouse.up()

    assert result_of(page, "error")["code"] == "incomplete_cvc"
    after = button.bounding_box()
    assert before
    assert after
    assert after["y"] > before["y"]


def test_typing_moves_through_the_fields_and_enter_submits(page: Page, shop: Shop, api: stripe.StripeClient):
    page.goto(f"{shop.url}/?secret={new_secret(api)}")
    frame = fields_of(page)

    frame.get_by_label("Numero della carta").click()
    page.keyboard.type("4242424242424242")
    page.keyboard.type("1234")
    page.keyboard.type("123")
    expect(frame.get_by_label("Numero della carta")).to_have_value("4242 4242 4242 4242")
    expect(frame.get_by_label("Data di scadenza")).to_have_value("12 / 34")
    page.keyboard.press("Enter")

    assert result_of(page, "intent")["status"] == "succeeded"


def test_redirect_always_returns_with_the_intent(page: Page, shop: Shop, api: stripe.StripeClient):
    secret = new_secret(api)
    page.goto(f"{shop.url}/?secret={secret}&redirect=always")
    fill_card(page, "4242424242424242")

    pay(page)

    assert result_of(page, "returned") == {
        "payment_intent": secret.partition("_secret_")[0],
        "payment_intent_client_secret": secret,
        "redirect_status": "succeeded",
    }


def test_setup_saves_the_card_for_the_customer(page: Page, shop: Shop, api: stripe.StripeClient):
    customer = api.v1.customers.create({"email": "anna@example.com"})
    intent = api.v1.setup_intents.create({"customer": customer.id})
    page.goto(f"{shop.url}/?secret={intent.client_secret}")
    expect(fields_of(page).get_by_text("autorizzi AI Strategy Hub")).to_be_visible()
    fill_card(page, "4000002500003155")

    pay(page)
    page.frame_locator("dialog iframe").get_by_role("button", name="Autorizza").click()

    assert result_of(page, "intent")["status"] == "succeeded"
    methods = api.v1.customers.payment_methods.list(customer.id)
    assert [method.card.last4 for method in methods.data] == ["3155"]


def test_wrong_client_secret_is_a_load_error(page: Page, shop: Shop, api: stripe.StripeClient):
    wrong = f"{new_secret(api).partition('_secret_')[0]}_secret_wrong"

    page.goto(f"{shop.url}/?secret={wrong}")

    expect(page.locator("body")).to_have_attribute("data-events", re.compile(".+"))
    assert json.loads(page.locator("body").get_attribute("data-events") or "") == [
        ["loaderror", None, "resource_missing"]
    ]


def test_server_side_redirect_comes_back_to_the_merchant(page: Page, shop: Shop, api: stripe.StripeClient):
    intent = api.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "return_url": f"{shop.url}/done?order=7",
        }
    )

    page.goto(intent.next_action.redirect_to_url.url)
    page.get_by_role("button", name="Autorizza").click()

    query = result_of(page, "returned")
    assert (query["order"], query["payment_intent"], query["redirect_status"]) == ("7", intent.id, "succeeded")


def test_element_follows_locale_and_theme(page: Page, shop: Shop, api: stripe.StripeClient):
    page.goto(f"{shop.url}/?secret={new_secret(api)}&locale=en&theme=night")

    frame = fields_of(page)
    expect(frame.get_by_label("Card number")).to_be_visible()
    expect(frame.get_by_label("Country")).to_have_value("IT")
    assert frame.locator("body").evaluate("node => getComputedStyle(node).color") == "rgb(238, 242, 248)"

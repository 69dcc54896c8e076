"""The main job walked through the public doors of a running instance: pages, mail, Stripe's API, server-sent events.

Nothing here touches the database or a service: what the tour sees, a customer can see. Against the stand-ins it reads
the mails itself; elsewhere it asks for the links.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from lxml import html

TIMEOUT_S = 30
CARD = {"number": "4000002500003155", "exp_month": "12", "exp_year": "2031", "cvc": "123"}
COMPANY = {
    "kind": "company", "company_name": "Cartiera del Serchio S.r.l.", "vat_number": "12345670017",
    "recipient_code": "M5UXCR1", "street": "Via del Brennero 44", "postcode": "55100", "city": "Lucca",
    "province": "LU", "country": "IT",
}  # fmt: skip
QUESTIONS = (
    ("Entro quante ore va inviata la pre-notifica di un incidente secondo il decreto NIS2?", "answered"),
    ("Qual è la ricetta della carbonara con la panna?", "refused"),
)


class TourError(Exception):
    """A step that did not come out as a customer would expect; the message says what was seen."""


@dataclass
class Step:
    """One line of the timeline: what was done, what was seen, and when, in seconds from the start."""

    title: str
    result: str
    at_s: float
    took_s: float


@dataclass
class Page:
    """A page as a browser has it: address, status and parsed content."""

    url: str
    status: int
    tree: Any

    def text(self, selector: str) -> str:
        elements = self.tree.xpath(selector)
        return " ".join(elements[0].text_content().split()) if elements else ""


@dataclass
class Tour:
    """A customer's browser, with a clock."""

    site: str
    sandbox: str
    ask: Callable[[str], str]
    wait_s: float = 180.0
    on_step: Callable[[Step], None] | None = None
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.browser.headers["Accept-Language"] = "it"
        self.email = f"tour-{uuid.uuid4().hex[:10]}@cartiera.example"
        self.password = uuid.uuid4().hex
        self.started = self.last = time.monotonic()

    # --- the way ---

    def run(self) -> list[Step]:
        """Walk the whole way; `TourError` at the first step that is not seen through."""
        self._register()
        self._verify()
        self._log_in()
        order = self._order()
        self._pay(order)
        self._wait_payment(order)
        number = self._wait_invoice(order)
        self._wait_mail(number)
        self._download(number)
        self._wait_documents()
        for question, expected in QUESTIONS:
            self._ask(question, expected)
        return self.steps

    def _register(self) -> None:
        page = self._submit(
            "/account/registrati/",
            {"first_name": "Laura", "last_name": "Tour", "email": self.email, "password": self.password, "terms": "on"},
        )
        self._expect(self.email in page.tree.text_content(), "the page does not ask to look into the mail", page)
        self._record("Registered", self.email)

    def _verify(self) -> None:
        link = self._find_link("/account/verifica/")
        page = self._submit(urlsplit(link).path, {})
        self._expect(page.url.endswith("/account/accedi/"), "the link does not lead to the login", page)
        self._record("Address verified by the mailed link", urlsplit(link).path[:24] + "…")

    def _log_in(self) -> None:
        page = self._submit("/account/accedi/", {"email": self.email, "password": self.password})
        self._expect(urlsplit(page.url).path == "/area/", "the login does not lead to the area", page)
        self._record("Signed in", "area")

    def _order(self) -> str:
        services = self._get("/servizi/")
        links = dict.fromkeys(services.tree.xpath("//main//a[starts-with(@href, '/servizi/')]/@href"))
        for link in links:
            page = self._get(link)
            form = page.tree.xpath("//form[starts-with(@action, '/carrello/')]/@action")
            if form:
                break
        else:
            raise TourError("no service on offer can be put into the cart")
        name = page.text("//h1")
        self._submit(form[0], {}, page=page)
        self._record("Service in the cart", name)
        page = self._submit("/cassa/", {**COMPANY, "terms": "on"})
        match = re.search(r"/area/ordini/(ORD-\d{4}-\d{5,})/paga/", page.url)
        if match is None:
            raise TourError(f"the checkout did not lead to the payment but to {page.url}")
        self._record("Order placed", match.group(1))
        return match.group(1)

    def _pay(self, order: str) -> None:
        page = self._get(f"/area/ordini/{order}/paga/")
        element = json.loads(page.tree.xpath("//script[@id='element']/text()")[0])
        script = urlsplit(page.tree.xpath("//script[contains(@src, 'stripe')]/@src")[0])
        # Stripe.js speaks to api.stripe.com; a stand-in serves script and API from one place
        api = "https://api.stripe.com" if script.netloc == "js.stripe.com" else f"{script.scheme}://{script.netloc}"
        intent = self._confirm(api, element)
        self._expect(intent["status"] == "requires_action", f"the card asked for no 3-D Secure: {intent['status']}")
        self._record("Card given, the bank asks (3-D Secure)", intent["id"])
        challenge = self._get(intent["next_action"]["redirect_to_url"]["url"])
        form = challenge.tree.xpath("//form[.//button]")[0]
        button = form.xpath(".//button[@name][1]")[0]
        answer = self.browser.post(
            urljoin(challenge.url, form.get("action") or ""),
            data={**_hidden_fields(form), button.get("name"): button.get("value", "")},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        self._expect(answer.status_code < 400, f"the bank's page answered {answer.status_code}")
        self._record("3-D Secure confirmed", button.text_content().strip())

    def _confirm(self, api: str, element: dict[str, str]) -> dict[str, Any]:
        secret = element["clientSecret"]
        answer = requests.post(
            f"{api}/v1/payment_intents/{secret.partition('_secret_')[0]}/confirm",
            auth=(element["publishableKey"], ""),
            data={
                "client_secret": secret,
                "return_url": element["returnUrl"],
                "payment_method_data[type]": "card",
                **{f"payment_method_data[card][{name}]": value for name, value in CARD.items()},
            },
            timeout=TIMEOUT_S,
        )
        body: dict[str, Any] = answer.json()
        if "error" in body:
            raise TourError(f"Stripe: {body['error'].get('message')}")
        return body

    def _wait_payment(self, order: str) -> None:
        self._until(lambda: self._state(order)["status"] == "paid", "the order was not marked paid by Stripe's event")
        self._record("Order paid, by Stripe's event", order)

    def _wait_invoice(self, order: str) -> str:
        self._until(lambda: bool(self._state(order)["invoice"]), "no invoice was issued")
        number = str(self._state(order)["invoice"])
        self._record("Invoice issued", number)
        final = ("delivered", "made_available", "rejected", "send_failed")
        self._until(lambda: self._state(order)["invoice_state"] in final, "no answer came from SDI")
        state = str(self._state(order)["invoice_state"])
        self._expect(state in ("delivered", "made_available"), f"SDI's answer: {state}")
        self._record("Delivered by SDI", state)
        return number

    def _wait_mail(self, number: str) -> None:
        mail = self._find_mail(lambda mail: number in mail["subject"] and mail["attachments"], f"the invoice {number}")
        self._record("Mail with PDF and XML", ", ".join(file["name"] for file in mail["attachments"]))

    def _download(self, number: str) -> None:
        for kind, beginning in (("pdf", b"%PDF-"), ("xml", b"<?xml")):
            answer = self.browser.get(f"{self.site}/area/fatture/{number}/{kind}/", timeout=TIMEOUT_S)
            good = answer.status_code == 200 and answer.content.startswith(beginning)
            self._expect(good, f"the {kind.upper()} came with status {answer.status_code}")
            self._record(f"{kind.upper()} downloaded", f"{len(answer.content)} bytes")

    def _wait_documents(self) -> None:
        """A new installation reads its documents for a minute or two; until then the assistant knows less."""
        answer = requests.get(f"{self.site}/ready", timeout=TIMEOUT_S).json()
        if answer["documents_waiting"]:
            self._until(
                lambda: not requests.get(f"{self.site}/ready", timeout=TIMEOUT_S).json()["documents_waiting"],
                "the assistant's documents were not read",
            )
            self._record("Assistant's documents read", f"{answer['documents_waiting']} were waiting")

    def _ask(self, question: str, expected: str) -> None:
        token = self._get("/area/").tree.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]
        events = list(self._stream(question, token))
        done = next((data for name, data in events if name == "done"), None)
        if done is None:
            raise TourError(f"the answer to “{question}” did not come to an end")
        text = "".join(data["text"] for name, data in events if name == "token")
        sources = {f"{data['title']}, {data['heading']}" for name, data in events if name == "citation"}
        self._expect(done["outcome"] == expected, f"“{question}” was {done['outcome']}: {text[:120]}")
        self._expect(bool(sources) == (expected == "answered"), f"“{question}” came with {len(sources)} sources")
        self._record(f"Question {done['outcome']}", "; ".join(sorted(sources)) or text[:80])

    # --- the means ---

    def _get(self, path: str) -> Page:
        return _page(self.browser.get(urljoin(self.site, path), timeout=TIMEOUT_S))

    def _submit(self, path: str, values: dict[str, str], page: Page | None = None) -> Page:
        page = page or self._get(path)
        token = page.tree.xpath("//input[@name='csrfmiddlewaretoken']/@value")
        self._expect(page.status == 200 and bool(token), f"{path} answered {page.status}", page)
        data = {**values, "csrfmiddlewaretoken": token[0]}
        headers = {"Referer": page.url}
        return _page(self.browser.post(urljoin(self.site, path), data=data, headers=headers, timeout=TIMEOUT_S))

    def _stream(self, question: str, token: str) -> Iterator[tuple[str, dict[str, Any]]]:
        headers = {"X-CSRFToken": token, "Referer": self.site}
        url = f"{self.site}/api/v1/chat/messages"
        with self.browser.post(url, json={"text": question}, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            self._expect(answer.status_code == 200, f"the assistant answered {answer.status_code}")
            name = ""
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

    def _state(self, order: str) -> dict[str, str]:
        answer = self.browser.get(f"{self.site}/area/ordini/{order}/stato/", timeout=TIMEOUT_S)
        self._expect(answer.status_code == 200, f"the order's state answered {answer.status_code}")
        state: dict[str, str] = answer.json()
        return state

    def _find_link(self, path: str) -> str:
        if not self.sandbox:
            return self.ask(f"The link mailed to {self.email}: ")
        mail = self._find_mail(lambda mail: path in mail["text"], "a link")
        match = re.search(rf"https?://\S+{re.escape(path)}\S+", mail["text"])
        if match is None:
            raise TourError("the mail has no link")
        return match.group()

    def _find_mail(self, is_match: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """The newest mail to us that `is_match` accepts, waited for in the sandbox's inbox."""
        if not self.sandbox:
            self.ask(f"Press return when the mail with {what} is there. ")
            return {"subject": "", "attachments": []}
        matches: list[dict[str, Any]] = []

        def poll_inbox() -> bool:
            url = f"{self.sandbox}/control/graph/messages"
            mails = requests.get(url, params={"to": self.email}, timeout=TIMEOUT_S).json()
            matches.extend(mail for mail in mails if is_match(mail))
            return bool(matches)

        self._until(poll_inbox, f"no mail with {what} came to {self.email}")
        return matches[0]

    def _until(self, condition: Callable[[], bool], trouble: str) -> None:
        deadline = time.monotonic() + self.wait_s
        while not condition():
            if time.monotonic() > deadline:
                raise TourError(f"{trouble} within {self.wait_s:.0f} s")
            time.sleep(0.25)

    def _expect(self, condition: bool, trouble: str, page: Page | None = None) -> None:
        if condition:
            return
        errors = page.tree.xpath("//*[contains(@class, 'error') or @role='alert']") if page is not None else []
        message = "; ".join(" ".join(node.text_content().split()) for node in errors)[:300]
        raise TourError(f"{trouble}{f' (the page says: {message})' if message else ''}")

    def _record(self, title: str, result: str) -> None:
        now = time.monotonic()
        step = Step(title, result, round(now - self.started, 2), round(now - self.last, 2))
        self.last = now
        self.steps.append(step)
        if self.on_step:
            self.on_step(step)


def _page(answer: requests.Response) -> Page:
    return Page(answer.url, answer.status_code, html.fromstring(answer.text or "<html></html>"))


def _hidden_fields(form: Any) -> dict[str, str]:
    return {field.get("name"): field.get("value", "") for field in form.xpath(".//input[@type='hidden']")}

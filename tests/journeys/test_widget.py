"""The assistant's widget in a browser: on our pages and another site's, on bad connections, by keyboard, on a phone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.frame import free_port
from tests.journeys.conftest import Site, Visit, Visitor, keep_screenshot
from tests.journeys.test_look import flaws

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTION = "Entro quante ore va inviata la pre-notifica di un incidente secondo la NIS2?"
FOREIGN = "Qual è la ricetta della carbonara con la panna?"
NO_ANSWER = "I nostri documenti non danno una risposta a questa domanda."


@pytest.fixture(autouse=True)
def ready(site: Site) -> Iterator[None]:
    """Documents read, the model at its usual pace, and an hour's questions not used up by the test before."""
    site.wait_for_documents()
    site.control("claude/pace", first_byte_s=0, token_s=0)
    yield
    site.control("claude/pace", first_byte_s=0, token_s=0)
    site.control("claude/mode", mode="extractive")


def last_answer(page: Page) -> Locator:
    return page.locator("#assistant-panel .chat__answer").last


def wait_for_answer(page: Page, *, count: int = 1) -> Locator:
    """The last of so many answers once it is complete."""
    expect(page.locator("#assistant-panel .chat__answer")).to_have_count(count)
    answer = last_answer(page)
    expect(answer).to_have_attribute("aria-busy", "false", timeout=60_000)
    return answer


def find_focus(page: Page) -> str:
    """The id, class or tag of what has the focus, in the panel or on the page."""
    return str(
        page.evaluate(
            """() => {
              let found = document.activeElement;
              while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
              return found?.id || found?.className || found?.tagName;
            }"""
        )
    )


def test_notice_comes_before_anything_can_be_sent(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/servizi/")

    page.click(".launcher")
    expect(page.locator("#assistant-notice")).to_contain_text("sistema di intelligenza artificiale")
    expect(page.locator("#assistant-notice a")).to_have_attribute("href", f"{guest.site.url}/note-legali/privacy/")
    expect(page.locator("#assistant-question")).to_be_hidden()
    keep_screenshot(page, "assistant-notice")
    page.locator(".chat__choice button").first.click()

    expect(page.locator("#assistant-question")).to_be_focused()
    expect(page.locator("#assistant-notice")).to_be_visible()


def test_answer_streams_and_can_be_stopped(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    site.control("claude/pace", token_s=0.3)

    guest.ask(QUESTION)
    expect(last_answer(page).locator(".chat__text")).to_contain_text("Ecco")
    expect(last_answer(page)).to_have_attribute("aria-busy", "true")
    page.locator(".chat__row button:visible").click()
    answer = wait_for_answer(page)
    text = answer.locator(".chat__text").inner_text()

    expect(answer.locator(".alert")).to_be_visible()
    page.wait_for_function("document.visibilityState === 'visible'")
    assert answer.locator(".chat__text").inner_text() == text
    expect(page.locator("#assistant-question")).to_be_focused()


def test_lost_connection_is_told_and_the_answer_goes_on_by_itself(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    site.control("claude/pace", token_s=0.2)
    guest.ask(QUESTION)
    expect(last_answer(page).locator(".chat__text")).to_contain_text("Ecco che cosa")

    page.context.set_offline(True)
    expect(page.locator(".chat__state")).to_be_visible()
    expect(last_answer(page).locator(".chat__text")).to_contain_text("Ecco che cosa")  # what was there stays
    site.control("claude/pace", token_s=0)
    page.context.set_offline(False)

    answer = wait_for_answer(page)
    expect(answer.locator(".chat__text")).to_contain_text("24 ore")
    expect(page.locator(".chat__state")).to_be_hidden()
    page.reload()
    expect(page.locator("#assistant-panel .chat__question")).to_have_text([QUESTION])
    expect(page.locator("#assistant-panel .chat__answer")).to_have_count(1)
    guest.complaints.clear()  # the browser notes each request without a connection


def test_page_left_in_the_middle_of_an_answer_goes_on_with_it(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    site.control("claude/pace", token_s=0.2)
    guest.ask(QUESTION)
    expect(last_answer(page).locator(".chat__text")).to_contain_text("Ecco che cosa")
    site.control("claude/pace", token_s=0)

    guest.go("/servizi/")

    expect(wait_for_answer(page).locator(".chat__text")).to_contain_text("24 ore")
    expect(page.locator("#assistant-panel .chat__question")).to_have_text([QUESTION])


@pytest.mark.parametrize("keep", [False, True])
def test_conversation_lasts_as_long_as_was_agreed(visit: Visit, keep: bool):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant(keep=keep)
    guest.ask(FOREIGN)
    expect(wait_for_answer(page).locator(".chat__text")).to_have_text(NO_ANSWER)

    page.reload()

    expect(page.locator("#assistant-panel .chat__question")).to_have_text([FOREIGN])
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "conversation")
    assert (cookie["expires"] > 0, cookie["httpOnly"]) == (keep, True)


def test_deleting_withdraws_the_choice_and_the_conversation(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant(keep=True)
    guest.ask(FOREIGN)
    wait_for_answer(page)

    page.locator(".chat__kept button:visible").last.click()

    expect(page.locator(".chat__choice")).to_be_visible()
    expect(page.locator("#assistant-panel .chat__question")).to_have_count(0)
    assert [cookie["name"] for cookie in page.context.cookies() if cookie["name"] == "conversation"] == []
    page.reload()
    expect(page.locator(".chat__choice")).to_be_visible()
    expect(page.locator("#assistant-panel .chat__question")).to_have_count(0)


def test_feedback_asks_why_and_two_thumbs_down_offer_a_person(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    for count, question in enumerate((FOREIGN, "Chi ha vinto la partita di ieri?"), start=1):
        guest.ask(question)
        answer = wait_for_answer(page, count=count)
        answer.locator(".chat__thumb").nth(1).click()
        expect(answer.locator(".chat__reasons")).to_be_visible()
        answer.locator("input[value=incomplete]").check()
        answer.locator(".chat__reasons textarea").fill("Manca tutto.")
        answer.locator(".chat__reasons button").first.click()
        expect(answer.locator(".chat__reasons")).to_be_hidden()
        expect(answer.locator(".chat__thumb").nth(1)).to_have_attribute("aria-pressed", "true")

    page.locator(".chat__offer button").click()
    expect(page.locator(".chat__person h3")).to_be_focused()
    page.keyboard.press("Escape")
    page.reload()

    expect(last_answer(page).locator(".chat__thumb").nth(1)).to_have_attribute("aria-pressed", "true")


def test_person_is_always_within_reach_and_guests_say_who_they_are(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")
    page.click(".launcher")

    page.locator(".chat__head .btn--text").click()
    form = page.locator(".chat__person form")
    form.locator("button").first.click()
    expect(form.locator("#assistant-name")).to_have_attribute("aria-invalid", "true")
    expect(form.locator("#assistant-name")).to_be_focused()
    for name, value in {"name": "Anna Bianchi", "email": "anna@esempio.example", "text": "Serve un parere."}.items():
        form.locator(f"[name={name}]").fill(value)
    with page.expect_response(lambda answer: answer.url.endswith("/handoff")) as response_info:
        form.locator("button").first.click()

    data = response_info.value.request.post_data_json
    assert data == {"name": "Anna Bianchi", "email": "anna@esempio.example", "text": "Serve un parere."}
    outcome = page.locator(".chat__person .alert--done" if response_info.value.ok else ".chat__person .alert--stop")
    expect(outcome).to_be_visible()
    guest.complaints.clear()  # a refusal is noted by the browser


def test_customer_is_not_asked_for_a_name(visit: Visit):
    giulia = visit()
    giulia.log_in()
    giulia.open_assistant()
    giulia.page.wait_for_load_state("networkidle")

    giulia.page.locator(".chat__head .btn--text").click()

    expect(giulia.page.locator(".chat__person [name=text]")).to_be_visible()
    expect(giulia.page.locator(".chat__person [name=email]")).to_have_count(0)


def test_answer_is_copied_with_its_sources(visit: Visit):
    guest = visit()
    page = guest.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    guest.go("/")
    guest.open_assistant()
    guest.ask(QUESTION)
    answer = wait_for_answer(page)

    answer.locator(".chat__acts button").first.click()

    paragraphs = page.evaluate("navigator.clipboard.readText()").split("\n\n")
    assert "24 ore" in paragraphs[0]
    assert paragraphs[-1].startswith("[1] Guida NIS2 per le PMI, ")
    expect(answer.locator(".chat__acts button").first).to_have_text("Copiata")


@pytest.mark.parametrize("width", [1280, 360])
def test_escape_closes_the_innermost_thing_only(visit: Visit, width: int):
    guest = visit(width=width)
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    guest.ask(QUESTION)
    answer = wait_for_answer(page)

    mark = answer.locator(".chat__text .cite").first
    mark.click()
    expect(answer.locator(".sources blockquote mark").first).to_be_visible()
    expect(answer.locator(".sources li").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(answer.locator(".sources blockquote").first).to_be_hidden()
    expect(mark).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.locator("#assistant-panel")).to_have_count(0)
    assert "launcher" in find_focus(page)


def test_escape_right_after_a_passage_opened_closes_the_passage(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    guest.ask(QUESTION)
    answer = wait_for_answer(page)

    # both keys in one task of the browser: what it tells only later has not been told yet
    answer.locator(".chat__text .cite").first.evaluate(
        """async (mark) => {
          mark.click();
          await null;
          mark.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        }"""
    )

    expect(answer.locator(".sources blockquote").first).to_be_hidden()
    expect(answer.locator(".chat__text .cite").first).to_be_focused()


def test_answers_hold_no_html_no_images_and_no_foreign_links(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    text = (
        "<img src=x onerror=alert(1)> ![x](https://evil.example/a.png) https://evil.example/?q=1 "
        f"[qui](javascript:alert(1)) {site.url}/servizi/."
    )
    guest.go("/")
    guest.open_assistant()
    guest.ask(QUESTION)
    passage = (wait_for_answer(page).locator(".sources blockquote").first.text_content() or "").strip()
    # whichever of the passages given it is: a quote that does not stand in one is no citation
    cites = [
        {"type": "search_result_location", "search_result_index": index, "cited_text": passage, "source": "x",
         "title": "x", "start_block_index": 0, "end_block_index": 1}
        for index in range(5)
    ]  # fmt: skip
    rewritten = {"content": [{"type": "text", "text": QUESTION}]}  # the second question follows on the first
    reply = {"content": [{"type": "text", "text": text, "citations": cites}]}
    site.control("claude/mode", mode="scripted", script=[rewritten, reply])

    guest.ask(f"{QUESTION} Di nuovo.")
    answer = wait_for_answer(page, count=2)

    links = [link.get_attribute("href") for link in answer.locator(".chat__text a:not(.cite)").all()]
    assert (answer.locator("img").count(), links) == (0, [f"{site.url}/servizi/"])
    expect(answer.locator(".chat__text")).to_contain_text("‹img src=x onerror=alert(1)> [x]([…]) […]")


def test_keyboard_alone_is_enough(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")
    page.locator(".launcher").focus()
    page.keyboard.press("Enter")
    page.locator("#assistant-panel").wait_for()
    first_focus = find_focus(page)

    page.locator(".chat__choice button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.type(FOREIGN)
    page.keyboard.press("Enter")
    answer = wait_for_answer(page)
    for _step in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.querySelector('.assistant').shadowRoot.activeElement?.matches('.chat__thumb')"):
            break
    page.keyboard.press("Enter")

    assert first_focus == "assistant-title"
    expect(answer.locator(".chat__thumb[aria-pressed=true]")).to_have_count(1)


def test_focus_leaves_the_panel_on_a_wide_screen_and_stays_in_it_on_a_phone(visit: Visit):
    leaves_panel = {}
    for width in (1280, 360):
        guest = visit(width=width)
        guest.go("/")
        guest.open_assistant()
        guest.page.locator("#assistant-question").focus()
        places = []
        for _step in range(30):
            guest.page.keyboard.press("Tab")
            places.append(guest.page.evaluate("document.activeElement.matches('.assistant, body')"))
        leaves_panel[width] = not all(places)

    assert leaves_panel == {1280: True, 360: False}


def test_answer_is_announced_once_and_whole(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    guest.go("/")
    guest.open_assistant()
    site.control("claude/pace", token_s=0.05)
    guest.ask(QUESTION)
    voice = page.locator("#assistant-panel [aria-live=polite]")
    expect(last_answer(page).locator(".chat__text")).to_contain_text("Ecco")
    while_streaming = voice.locator("p").count()
    wait_for_answer(page)

    expect(voice.locator("p")).to_have_count(2)
    assert while_streaming == 1
    assert "24 ore" in voice.locator("p").last.inner_text()
    assert page.locator(".chat__log").get_attribute("aria-live") == "off"


@pytest.mark.parametrize(
    ("width", "theme", "language"), [(360, "dark", "en"), (360, "light", "it"), (1280, "dark", "it")]
)
def test_every_state_fits_and_can_be_read(visit: Visit, width: int, theme: str, language: str):
    guest = visit(width=width, theme=theme, language=language)
    page = guest.page
    flaws_by_state = {}
    guest.go("/")
    page.click(".launcher")
    page.locator(".chat__choice").wait_for()
    flaws_by_state["notice"] = flaws(guest)
    page.locator(".chat__choice button").first.click()
    guest.ask(QUESTION)
    answer = wait_for_answer(page)
    answer.locator(".chat__text .cite").first.click()
    flaws_by_state["passage"] = flaws(guest)
    if (width, theme) == (360, "dark"):
        keep_screenshot(page, "assistant-phone")
    answer.locator(".chat__thumb").nth(1).click()
    answer.locator(".chat__reasons").wait_for()
    flaws_by_state["feedback"] = flaws(guest)
    page.locator(".chat__head .btn--text").click()
    flaws_by_state["person"] = flaws(guest)

    assert flaws_by_state == {state: [] for state in flaws_by_state}
    assert page.evaluate("document.querySelector('.assistant').shadowRoot.querySelector('dialog').scrollWidth") <= width


def test_what_a_finger_presses_is_44_pixels_wide_and_high(browser: Browser, site: Site):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    try:
        phone = Visitor(context.new_page(), site)
        phone.go("/")
        phone.open_assistant()
        phone.ask(FOREIGN)
        answer = wait_for_answer(phone.page)
        answer.locator(".chat__thumb").nth(1).click()
        answer.locator(".chat__reasons").wait_for()
        sizes = phone.page.evaluate(
            """() => [...document.querySelector('.assistant').shadowRoot
              .querySelectorAll('button, summary, label.choice')]
              .map((found) => [found.getBoundingClientRect(), found.textContent || found.ariaLabel])
              .filter(([box]) => box.height)
              .map(([box, name]) => [name, Math.round(box.width), Math.round(box.height)])"""
        )
    finally:
        context.close()

    assert [size for size in sizes if size[1] < 44 or size[2] < 44] == []
    assert len(sizes) >= 10


def test_phone_on_its_side_and_a_page_at_200_percent_can_be_used(visit: Visit):
    guest = visit(width=640, height=360)
    guest.go("/")
    guest.open_assistant()

    guest.ask(FOREIGN)

    expect(wait_for_answer(guest.page).locator(".chat__text")).to_have_text(NO_ANSWER)
    assert flaws(guest) == []


PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Another site</title>
<link rel="stylesheet" href="/own.css"></head><body><h1>Another site</h1><p>Text.</p>
<script type="module" src="{site}/assistente.js" data-assistant></script></body></html>"""
OWN = b"""html { font-size: 62.5% } * { letter-spacing: .2em; text-transform: uppercase; color: purple }
button { display: none }"""


def serve(origin: str, site: Site, lang: str) -> ThreadingHTTPServer:
    """A page of another site, under a policy that allows our host only what docs/widget.md asks for."""
    policy = (
        f"default-src 'none'; style-src 'self' {site.url}; script-src {site.url}; connect-src {site.url}; "
        "base-uri 'none'; form-action 'none'"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_page = self.path == "/"
            body = PAGE.format(lang=lang, site=site.url).encode() if is_page else OWN if "css" in self.path else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if is_page else "text/css")
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", urlsplit(origin).port or 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    return server


def looks(page: Page) -> Any:
    return page.evaluate(
        "[...document.querySelectorAll('h1, p')].map((e) => JSON.stringify(e.getBoundingClientRect()))"
    )


@pytest.mark.parametrize("language", ["it", "en"])
def test_another_site_embeds_it_under_a_strict_policy(visit: Visit, site: Site, language: str):
    server = serve(site.embedder, site, language)
    try:
        guest: Visitor = visit()
        page = guest.page
        page.goto(f"{site.embedder}/")
        before = looks(page)
        guest.open_assistant()
        guest.ask(FOREIGN)
        answer = wait_for_answer(page)
        expect(answer.locator(".alert")).to_be_visible()
        expect(page.locator("#assistant-question")).to_be_in_viewport(ratio=1)
        style = answer.locator(".chat__text").evaluate(
            "(e) => { const s = getComputedStyle(e); return [s.letterSpacing, s.textTransform] }"
        )
        size = page.locator("#assistant-panel h2").bounding_box()
        if language == "en":
            keep_screenshot(page, "assistant-embedded")
        page.reload()
        page.click(".launcher")

        expect(page.locator("#assistant-panel .chat__question")).to_have_text([FOREIGN])
        assert (style, looks(page)) == (["normal", "none"], before)
        assert size is not None
        assert size["height"] > 20
        assert page.context.cookies() == []
        assert page.locator("#assistant-panel h2").inner_text() == {"it": "Assistente", "en": "Assistant"}[language]
        answer.locator(".chat__thumb").first.click()
        expect(answer.locator(".chat__thumb").first).to_have_attribute("aria-pressed", "true")
        assert flaws(guest) == []
    finally:
        server.shutdown()
        server.server_close()


def test_site_that_is_not_in_the_list_gets_nothing(visit: Visit, site: Site):
    origin = f"http://127.0.0.1:{free_port()}"
    server = serve(origin, site, "it")
    try:
        guest = visit()
        with guest.page.expect_event("requestfailed") as request_info:
            guest.page.goto(f"{origin}/")

        assert "/api/v1/chat/widget" in request_info.value.url
        expect(guest.page.locator(".launcher")).to_have_count(0)
        guest.complaints.clear()
    finally:
        server.shutdown()
        server.server_close()

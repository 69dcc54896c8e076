"""From a question the documents do not answer to a person, and from the person's answer to an article that does."""

import json
import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Site, Visit, Visitor, until
from tests.journeys.test_look import flaws

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTION = "Chi porta le brioche alla riunione del lunedì in ufficio a Milano?"
ANSWER = "Le brioche alla riunione del lunedì in ufficio a Milano le porta chi arriva per ultimo."


def ask(visitor: Visitor, question: str) -> Locator:
    """Ask beside the assistant's own page; what the panel answers."""
    visitor.go("/assistenza/")
    visitor.open_assistant()
    visitor.ask(question)
    return visitor.page.locator("#assistant-panel .chat__answer").last


def press(page: Page, button: str, **fields: str) -> None:
    """Choose a button of the back office, fill in what it asks and confirm."""
    page.click(f"a[href*='/{button}']")
    for name, value in fields.items():
        page.fill(f".question [name={name}]", value)
    page.click(".question__yes")
    page.wait_for_url(re.compile("/change/"))


def open_in_back_office(staff: Visitor, number: str) -> None:
    staff.go(f"/admin/chatbot/ticket/?q={number}")
    staff.page.click(f"table a:has-text('{number}')")
    staff.page.wait_for_url(re.compile("/change/"))


def test_guest_reaches_a_person_and_the_answer_becomes_an_article(visit: Visit, site: Site):
    site.wait_for_documents()
    guest, staff = visit(width=390), visit()
    page, desk = guest.page, staff.page
    email = f"mario-{uuid.uuid4().hex[:8]}@posta.example"

    # a guest asks, gets no answer, and wants a person
    expect(ask(guest, QUESTION)).to_contain_text("non danno una risposta", timeout=60_000)
    guest.go("/assistenza/")
    expect(page.locator(".talk")).to_contain_text(QUESTION)
    for name, value in {"name": "Mario Rossi", "email": email, "text": "Mi serve saperlo entro lunedì."}.items():
        page.fill(f"#id_{name}", value)
    page.click("form[action='/assistenza/persona/'] button")
    page.wait_for_url("**/richieste/**")
    number = page.locator("h1 .nowrap").inner_text()
    assert number.startswith("TKT-")
    assert flaws(guest) == []

    # staff note something among themselves, and answer
    staff.log_in_as_staff()
    open_in_back_office(staff, number)
    expect(desk.locator("#content, main, body").first).to_contain_text(QUESTION)
    press(desk, "add_note", text="Chiede sempre la stessa cosa.")
    press(desk, "answer", text=ANSWER)

    # the guest comes back by the mailed link, on another device
    link = site.mailed_link(email, "/richieste/")
    until(lambda: any(ANSWER in mail["text"] for mail in site.mails(email)), "the answer was not mailed")
    phone = visit(width=360, theme="dark")
    phone.page.goto(link)
    expect(phone.page.locator(".thread")).to_contain_text(ANSWER)
    expect(phone.page.locator("body")).not_to_contain_text("Chiede sempre la stessa cosa.")
    phone.page.fill("#id_text", "Grazie, chiarissimo.")
    phone.page.click("form[enctype] button")
    expect(phone.page.locator(".thread")).to_contain_text("Grazie, chiarissimo.")
    assert flaws(phone) == []

    # solved, and an article from now on
    open_in_back_office(staff, number)
    expect(desk.locator(".saids")).to_contain_text("Grazie, chiarissimo.")
    press(desk, "resolve", text="")
    press(desk, "make_article", question=QUESTION)
    site.wait_for_documents()

    # its question belongs to what is measured from now on
    report = json.loads(site.manage("rag_eval", "--articles", "--json").stdout)
    assert report["methods"]["hybrid"]["article"]["recall_at_5"] == 1.0

    # the next one who asks is answered with its source
    other = visit()
    answer = ask(other, QUESTION)
    expect(answer.locator(".sources li").first).to_contain_text(QUESTION, timeout=60_000)
    expect(answer.locator(".chat__text")).to_contain_text("chi arriva per ultimo")


def test_customer_asks_a_person_and_says_solved(visit: Visit):
    giulia = visit()
    page = giulia.page
    giulia.log_in()

    giulia.go("/area/richieste/")
    page.click("main a[href='/assistenza/persona/']")
    page.fill("#id_text", "Possiamo pagare in due rate?")
    page.click("form[action='/assistenza/persona/'] button")
    page.wait_for_url("**/area/richieste/TKT-*/")
    assert flaws(giulia) == []
    expect(page.locator(".thread")).to_contain_text("Possiamo pagare in due rate?")
    page.click("form[action$='/risolta/'] button")

    expect(page.locator("h1 ~ .cluster .badge--done")).to_be_visible()

"""The main job as a person does it: from the first visit to the invoice and to an answer with its source."""

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.journeys.conftest import Site, Visit, Visitor, keep_screenshot, until
from tests.stripe_browser import DECLINED, THREE_D_SECURE, VISA

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMPANY = {
    "company_name": "Cartiera del Serchio S.r.l.", "vat_number": "12345670017", "recipient_code": "M5UXCR1",
    "street": "Via del Brennero 44", "postcode": "55100", "city": "Lucca",
}  # fmt: skip
PASSWORD = "quattro-parole-messe-in-fila"


def register(visitor: Visitor, email: str) -> None:
    """Open an account and follow the mailed link."""
    page = visitor.page
    visitor.go("/account/registrati/")
    for name, value in {"first_name": "Laura", "last_name": "Nardi", "email": email, "password": PASSWORD}.items():
        page.fill(f"#id_{name}", value)
    page.check("#id_terms")
    page.click("main form button.btn")
    expect(page.locator("main")).to_contain_text(email)
    page.goto(visitor.site.mailed_link(email, "/account/verifica/"))
    page.click("main form button")
    page.wait_for_url("**/account/accedi/")


def order(visitor: Visitor, service: str = "readiness-nis2") -> str:
    """Put a service into the cart and place the order; its number, on the page of the payment."""
    page = visitor.page
    visitor.go(f"/servizi/{service}/")
    page.click("form[action*='/aggiungi/'] button")
    page.wait_for_url("**/carrello/")
    page.click("main a[href='/cassa/']")
    for name, value in COMPANY.items():
        if not page.input_value(f"#id_{name}"):
            page.fill(f"#id_{name}", value)
    page.select_option("#id_province", "LU")
    page.check("#id_terms")
    page.click("button[form='details']")
    page.wait_for_url("**/paga/")
    return page.url.split("/")[-3]


def give_card(page: Page, number: str) -> None:
    """Fill the Payment Element, which is Stripe's frame, and pay."""
    frame = page.frame_locator("[data-payment-element] iframe")
    frame.locator("[name=number]").fill(number)
    frame.locator("[name=expiry]").fill("12/31")
    frame.locator("[name=cvc]").fill("123")
    page.click("#payment-form button")


def authorise(page: Page, *, succeed: bool = True) -> None:
    """Answer the bank's question."""
    choice = page.frame_locator("iframe[name='__stripe3dsFrame']").locator(
        f"button[name=choice][value={'authorise' if succeed else 'fail'}]"
    )
    choice.click()


def test_customer_registers_buys_and_has_the_invoice(visit: Visit, site: Site, tmp_path: Path):
    laura = visit()
    page, email = laura.page, f"laura-{uuid.uuid4().hex[:8]}@cartiera.example"

    register(laura, email)
    laura.log_in(email, PASSWORD)
    number = order(laura)
    page.frame_locator("[data-payment-element] iframe").locator("[name=number]").wait_for()
    keep_screenshot(page, "pay")
    give_card(page, THREE_D_SECURE)
    authorise(page)
    page.wait_for_url(f"**/area/ordini/{number}/**")
    expect(page.locator("main [data-wait]")).to_have_attribute("data-invoice", "delivered", timeout=60_000)
    with page.expect_download() as pdf:
        page.click(".files a[href$='/pdf/']")
    with page.expect_download() as xml:
        page.click(".files a[href$='/xml/']")

    pdf.value.save_as(tmp_path / "invoice.pdf")
    xml.value.save_as(tmp_path / "invoice.xml")
    pdf_text = PdfReader(tmp_path / "invoice.pdf").pages[0].extract_text()
    invoice = (tmp_path / "invoice.xml").read_text()
    assert page.locator("main [data-wait]").get_attribute("data-status") == "paid"
    assert "Cartiera del Serchio S.r.l." in pdf_text
    assert "<Denominazione>Cartiera del Serchio S.r.l.</Denominazione>" in invoice
    until(lambda: any(mail["attachments"] for mail in site.mails(email)), "the invoice was not mailed")
    keep_screenshot(visit_order_in_the_dark(visit, email, number), "order-dark")


def visit_order_in_the_dark(visit: Visit, email: str, number: str) -> Page:
    night = visit(theme="dark")
    night.log_in(email, PASSWORD)
    night.go(f"/area/ordini/{number}/")
    return night.page


def test_person_without_company_buys_in_english(visit: Visit):
    mary = visit(width=390, language="en")
    page, email = mary.page, f"mary-{uuid.uuid4().hex[:8]}@posta.example"

    register(mary, email)
    mary.log_in(email, PASSWORD)
    mary.go("/servizi/readiness-nis2/")
    page.click("form[action*='/aggiungi/'] button")
    page.click("main a[href='/cassa/']")
    page.check("input[name=kind][value=person]")
    expect(page.locator("#id_company_name")).to_be_hidden()
    for name, value in {
        "first_name": "Mary", "last_name": "Rossi", "tax_code": "RSSMRA85T50A562W", "street": "Via Roma 1",
        "postcode": "56017", "city": "San Giuliano Terme",
    }.items():  # fmt: skip
        page.fill(f"#id_{name}", value)
    page.select_option("#id_province", "PI")
    page.check("#id_terms")
    page.click("button[form='details']")
    page.wait_for_url("**/paga/")
    give_card(page, VISA)

    page.wait_for_url("**/area/ordini/**")
    expect(page.locator("main [data-wait]")).to_have_attribute("data-invoice", "made_available", timeout=60_000)
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.locator(".alert")).to_contain_text("is in your tax drawer")


def test_declined_card_charges_nothing_and_another_one_pays(visit: Visit):
    giulia = visit()
    page = giulia.page
    giulia.log_in()
    number = order(giulia)

    give_card(page, DECLINED)
    expect(page.locator("[data-payment-message]")).to_contain_text("rifiutata", ignore_case=True)
    url = page.url
    give_card(page, VISA)

    page.wait_for_url(f"**/area/ordini/{number}/**")
    expect(page.locator("main [data-wait]")).to_have_attribute("data-status", "paid", timeout=60_000)
    assert url.endswith("/paga/")
    giulia.complaints.clear()  # the browser notes Stripe's 402 as a failed request


def test_bank_that_says_no_leaves_the_order_open(visit: Visit):
    giulia = visit()
    page = giulia.page
    giulia.log_in()
    number = order(giulia)

    give_card(page, THREE_D_SECURE)
    authorise(page, succeed=False)
    expect(page.locator("[data-payment-message] .alert")).to_be_visible()
    giulia.go(f"/area/ordini/{number}/")

    assert page.locator("main [data-wait]").get_attribute("data-status") == "awaiting_payment"
    expect(page.locator(f"main a[href='/area/ordini/{number}/paga/']")).to_be_visible()
    giulia.complaints.clear()


def test_question_is_answered_with_a_passage_to_open(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    site.wait_for_documents()
    guest.go("/servizi/")

    guest.open_assistant()
    guest.ask("Entro quante ore va inviata la pre-notifica di un incidente secondo la NIS2?")
    answer = page.locator("#assistant-panel .chat__answer").last
    expect(answer.locator(".sources li").first).to_be_visible(timeout=60_000)
    expect(answer).not_to_have_attribute("aria-busy", "true")
    answer.locator(".sources summary").first.click()

    expect(answer.locator(".sources blockquote").first).to_contain_text("24 ore")
    expect(answer.locator(".chat__text")).to_contain_text("24 ore")


def test_guest_finds_a_service_and_asks_about_it_without_naming_it(visit: Visit, site: Site):
    guest = visit()
    page = guest.page
    site.wait_for_documents()
    guest.go("/servizi/")
    page.click("main a:has-text('Cybersecurity e NIS2')")
    page.wait_for_url("**/servizi/?categoria=*")
    expect(page.locator("main")).not_to_contain_text("AI Act assessment")
    page.click("main a:has-text('Readiness NIS2')")
    page.wait_for_url("**/servizi/readiness-nis2/")

    guest.open_assistant()
    guest.ask("Serve anche a una PMI di 60 persone?")
    answer = page.locator("#assistant-panel .chat__answer").last

    expect(answer.locator(".sources li").first).to_contain_text("Readiness NIS2", timeout=60_000)
    expect(answer.locator(".chat__text")).to_contain_text("anche una di 60 persone")
    expect(answer).not_to_have_attribute("aria-busy", "true")
    keep_screenshot(page, "assistant")


def test_question_beside_the_point_is_refused_and_names_a_person(visit: Visit, site: Site):
    guest = visit(width=390)
    page = guest.page
    site.wait_for_documents()
    guest.go("/")

    guest.open_assistant()
    guest.ask("Qual è la ricetta della carbonara con la panna?")
    answer = page.locator("#assistant-panel .chat__answer").last

    expect(answer.locator(".alert")).to_be_visible(timeout=60_000)
    expect(answer.locator(".chat__text")).to_have_text("I nostri documenti non danno una risposta a questa domanda.")
    assert answer.locator(".sources li").count() == 0

"""A person takes a copy of their data, asks to be forgotten, changes their mind, and is forgotten in the end."""

import uuid
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Site, Visit, Visitor, until
from tests.journeys.test_look import flaws

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "una-frase-facile-da-ricordare"


def new_customer(visitor: Visitor) -> str:
    """Registered, confirmed and signed in; the address."""
    email, page = f"anna-{uuid.uuid4().hex[:8]}@posta.example", visitor.page
    visitor.go("/account/registrati/")
    for name, value in {"first_name": "Anna", "last_name": "Neri", "email": email, "password": PASSWORD}.items():
        page.fill(f"#id_{name}", value)
    page.check("#id_terms")
    page.click("main form button")
    page.goto(visitor.site.mailed_link(email, "/account/verifica/"))
    page.click("main form button")
    visitor.log_in(email, PASSWORD)
    return email


def test_copy_comes_by_one_click_and_the_account_goes_by_many(visit: Visit, site: Site, tmp_path: Path):
    # copies are made by the same worker that reads documents, and wait for them
    site.wait_for_documents()
    anna = visit(width=390)
    email, page = new_customer(anna), anna.page

    # a copy
    anna.go("/area/dati/")
    page.click("form[action$='/copia/'] button")

    def is_ready() -> bool:
        anna.go("/area/dati/")
        return page.locator("a[href*='/area/dati/copia/']").is_visible()

    until(is_ready, "the copy was not made")
    with page.expect_download() as download:
        page.click("a[href*='/area/dati/copia/']")
    download.value.save_as(tmp_path / "copy.zip")
    copy = zipfile.ZipFile(tmp_path / "copy.zip")
    assert copy.testzip() is None
    assert email in copy.read("data/accounts-user.json").decode()
    until(lambda: any("/area/dati/" in mail["text"] for mail in site.mails(email)), "no mail about the copy")

    # the deletion, seen, asked for and confirmed
    page.click("main a[href='/area/dati/elimina/']")
    assert flaws(anna) == []
    page.fill("#id_password", PASSWORD)
    page.click("main .btn--stop")
    page.goto(site.mailed_link(email, "/area/dati/elimina/"))
    assert flaws(anna) == []
    page.click("main .btn--stop")
    expect(page.locator("main .alert--warn")).to_be_visible()
    assert flaws(anna) == []

    # another mind the next morning: signing in leads to the way back
    morning = visit()
    morning.go("/account/accedi/")
    morning.page.fill("#id_email", email)
    morning.page.fill("#id_password", PASSWORD)
    morning.page.click("main form button")
    morning.page.wait_for_url("**/area/dati/")
    morning.page.click("form[action$='/conserva/'] button")
    expect(morning.page.locator("main .alert--warn")).to_have_count(0)

    # and in the end, by letter
    result = site.manage("erase_account", email)
    assert result.stdout.rstrip().endswith("erased"), result.stderr
    anna.go("/area/")
    page.wait_for_url("**/account/accedi/**")
    until(lambda: len(site.mails(email)) >= 6, "the last mail did not come")

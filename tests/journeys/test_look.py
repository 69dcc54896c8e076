"""Every page as it looks: it fits narrow and wide windows, is readable in both themes, and by a screen reader."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import Visit, Visitor, keep_screenshot
from tests.journeys.test_main_job import order

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PUBLIC = [
    "/", "/servizi/", "/servizi/readiness-nis2/", "/carrello/", "/assistenza/", "/assistenza/persona/",
    "/account/accedi/", "/account/registrati/", "/account/nuova-password/", "/account/verifica/",
    "/note-legali/privacy/", "/note-legali/terms/", "/note-legali/cookies/", "/note-legali/accessibility/",
]  # fmt: skip
PRIVATE = [
    "/area/",
    "/area/ordini/",
    "/area/fatture/",
    "/area/richieste/",
    "/area/profilo/",
    "/area/dati/",
    "/area/dati/elimina/",
]
WINDOWS = [(360, "light", "it"), (1280, "dark", "en"), (1280, "light", "it"), (360, "dark", "en")]
# WCAG 2.2 AA, the law's measure (EN 301 549)
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "iframes": False,  # frames are Stripe's
    "preload": False,  # axe would copy a shadow root's stylesheets into the page, which the policy forbids
}


def flaws(visitor: Visitor) -> list[str]:
    """What axe finds wrong on the open page, and by how much it is too wide."""
    page: Any = visitor.page
    # a button under the pointer changes its colours for a moment: half-way they are nobody's
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished))")
    violations = Axe().run(page, options=RULES).response["violations"]
    lines = [f"{rule['id']}: {node['target']}" for rule in violations for node in rule["nodes"]]
    return lines + ([f"{visitor.overflow()} px too wide"] if visitor.overflow() > 0 else [])


@pytest.mark.parametrize(("width", "theme", "language"), WINDOWS)
def test_public_pages_fit_and_can_be_read(visit: Visit, width: int, theme: str, language: str):
    guest = visit(width=width, theme=theme, language=language)
    flaws_by_path = {}

    for path in PUBLIC:
        guest.go(path)
        flaws_by_path[path] = flaws(guest)
        if path == "/" and (width, theme) == (1280, "light"):
            keep_screenshot(guest.page, "home")

    assert flaws_by_path == {path: [] for path in PUBLIC}
    assert guest.page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize(("width", "theme", "language"), WINDOWS[:2])
def test_pages_of_a_customer_fit_and_can_be_read(visit: Visit, width: int, theme: str, language: str):
    giulia = visit(width=width, theme=theme, language=language)
    giulia.log_in()
    number = order(giulia)
    giulia.page.frame_locator("[data-payment-element] iframe").locator("[name=number]").wait_for()
    flaws_by_path = {"pay": flaws(giulia)}
    paths = [*PRIVATE, f"/area/ordini/{number}/"]

    for path in paths:
        giulia.go(path)
        flaws_by_path[path] = flaws(giulia)

    assert flaws_by_path == {path: [] for path in ["pay", *paths]}


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_open_assistant_fits_and_can_be_read(visit: Visit, width: int, theme: str):
    guest = visit(width=width, theme=theme)
    guest.go("/")

    guest.page.click(".launcher")
    guest.page.locator("#assistant-panel").wait_for()

    assert flaws(guest) == []


def test_keyboard_alone_reaches_the_content_and_the_assistant(visit: Visit):
    guest = visit()
    page = guest.page
    guest.go("/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    at_content = page.evaluate("document.activeElement.id")
    page.locator(".launcher").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#assistant-title")).to_be_focused()
    page.keyboard.press("Escape")

    assert at_content == "content"
    assert page.evaluate("document.activeElement.className") == page.locator(".launcher").get_attribute("class")

"""Redis stops in the middle of the day: customers go on, and what waited is caught up when it returns."""

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Site, Visit, until
from tests.journeys.test_main_job import give_card, order
from tests.stripe_browser import VISA

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_shop_stays_open_without_redis_and_catches_up(visit: Visit, site: Site):
    giulia = visit()
    page = giulia.page
    site.redis.stop()
    try:
        degraded = site.ready()
        giulia.log_in()
        number = order(giulia)
        give_card(page, VISA)
        page.wait_for_url(f"**/area/ordini/{number}/**")
        waiting = page.locator("main [data-wait]").get_attribute("data-status")
    finally:
        site.redis.start()

    assert (degraded["status"], degraded["redis"], degraded["database"]) == ("degraded", False, True)
    assert waiting == "awaiting_payment"
    expect(page.locator("main [data-wait]")).to_have_attribute("data-invoice", "delivered", timeout=120_000)
    until(lambda: site.ready()["status"] == "ready", "the instance did not recover")
    giulia.complaints.clear()

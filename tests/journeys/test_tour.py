"""`manage.py tour`, the smoke test of a deployment, against an instance that works and against none."""

import json

import pytest

from sandbox.frame import free_port
from tests.journeys.conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

STEPS = [
    "Registered", "Address verified by the mailed link", "Signed in", "Service in the cart", "Order placed",
    "Card given, the bank asks (3-D Secure)", "3-D Secure confirmed", "Order paid, by Stripe's event",
    "Invoice issued", "Delivered by SDI", "Mail with PDF and XML", "PDF downloaded", "XML downloaded",
    "Question answered", "Question refused",
]  # fmt: skip


def test_tour_sees_every_step_through_the_public_doors(site: Site):
    result = site.manage("tour", "--json")

    report = json.loads(result.stdout)
    times = [step["at_s"] for step in report["steps"]]
    assert (result.returncode, report["ok"], report["error"]) == (0, True, "")
    # a step of its own only where they still have to be read
    assert [step["title"] for step in report["steps"] if step["title"] != "Assistant's documents read"] == STEPS
    assert times == sorted(times)


def test_tour_of_an_instance_that_is_not_there_fails_and_says_so(site: Site):
    url = f"http://127.0.0.1:{free_port()}"

    result = site.manage("tour", "--json", "--url", url)

    report = json.loads(result.stdout)
    assert (result.returncode, report["ok"], report["steps"]) == (1, False, [])
    assert report["error"] == f"{url} cannot be reached: ConnectionError"

"""Pages as customers see them, against a bare Django view on the same server that asks the database, too."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.frame import Candidate, Report, Sample, Target, measure
from bench.instance import SERVE, Instance, instance, wait_for
from bench.wire import post_all, request
from sandbox.frame import free_port
from sandbox.stack import running

REQUESTS = 60
LIMIT = 6


class Page(NamedTuple):
    path: str
    queries: int  # of the bare view: what the page made when it was first measured, so that making fewer counts
    signed_in: bool


PAGES = {
    "home": Page("/", 1, signed_in=False),
    "service": Page("/servizi/readiness-nis2/", 2, signed_in=False),
    "area": Page("/area/", 8, signed_in=True),
    "orders": Page("/area/ordini/", 6, signed_in=True),
}


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds a page, one after the other over one connection; the area's for a customer who has three orders."""
    with instance() as here, TemporaryDirectory(prefix="aish-bare-") as folder:
        port, log = free_port(), Path(folder) / "bare.log"
        bare = f"http://127.0.0.1:{port}/"
        with running([*SERVE, "--port", str(port), "bench.bare:application"], log=log, env=here.env):
            wait_for(f"{bare}?queries=0", log)
            cookies = {"Cookie": f"session={_sign_in(here, Path(folder))}"}
            candidates = {
                name: _get(f"{here.url}{page.path}", cookies if page.signed_in else {}) for name, page in PAGES.items()
            }
            candidates |= {
                f"bare, {page.queries} queries": _get(f"{bare}?queries={page.queries}", {}) for page in PAGES.values()
            }
            figures = measure(candidates, rounds, warmup)
        targets = [
            Target(f"{name} / bare", figures.ratio(name, f"bare, {page.queries} queries", "ms"), LIMIT)
            for name, page in PAGES.items()
        ]
        return Report("pages", figures, targets, here.postgresql, {"requests a round": REQUESTS})


def _get(url: str, headers: Mapping[str, str]) -> Candidate:
    def candidate() -> Sample:
        requests = [request(url, b"", headers, "GET")] * REQUESTS
        return {"ms": asyncio.run(post_all(url, requests, connections=1)) / REQUESTS * 1000}

    return candidate


def _sign_in(here: Instance, folder: Path) -> str:
    """The session of a customer with three orders, of which one waits for its payment."""
    here.manage("shell", "--command", _CUSTOMER.format(path=folder / "session"))
    return (folder / "session").read_text()


_CUSTOMER = """
from pathlib import Path
from django.test import Client
from tests.factories import make_customer, make_order, sign_in
user = make_customer("bench@example.test")
for _number in range(3):
    order = make_order(user)
user.orders.exclude(pk=order.pk).update(status="paid")
client = Client()
sign_in(client, user)
Path("{path}").write_text(client.session.session_key)
"""

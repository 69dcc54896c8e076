"""The web process's resident memory once it has served every kind of page, mail not included: that is the worker's."""

import subprocess
import urllib.request

from bench.frame import Candidate, Report, Sample, Spread, Target, measure
from bench.instance import Instance, instance

PAGES = (
    "/",
    "/servizi/",
    "/carrello/",
    "/account/accedi/",
    "/account/registrati/",
    "/assistenza/",
    "/admin/login/",
    "/api/v1/services",
)
REPEATS = 25


def run(rounds: int, warmup: int) -> Report:
    """Megabytes (10^6 bytes) resident after each round of pages in two languages."""
    with instance() as here:
        figures = measure({"web process": _visit(here)}, rounds, warmup)
        target = Target("MB resident", Spread.of(figures.values("web process", "MB")), 250)
        return Report("memory", figures, [target], here.postgresql, {"requests a round": len(PAGES) * REPEATS})


def _visit(here: Instance) -> Candidate:
    def candidate() -> Sample:
        for number in range(REPEATS):
            # as many visitors: the API has a limit for each
            headers = {"Accept-Language": ("it", "en")[number % 2], "X-Forwarded-For": f"198.51.100.{number}"}
            for path in PAGES:
                request = urllib.request.Request(here.url + path, headers=headers)
                with urllib.request.urlopen(request, timeout=30) as answer:
                    answer.read()
        return {"MB": resident_mb(here.pid)}

    return candidate


def resident_mb(pid: int) -> float:
    """What the process holds in memory now, by ps (kibibytes)."""
    result = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return int(result.stdout) * 1024 / 1e6

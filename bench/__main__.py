"""`python -m bench NAME [--rounds N] [--warmup N] [--json] [--check]`; NAME is a hot path or `all`."""

import argparse
import importlib
import sys
from collections.abc import Iterator

from bench.frame import BenchError, Report, show

NAMES = ("invoice", "invoicing", "archive", "webhook", "chatbot", "ingest", "stream", "streams", "pages", "memory")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the hot paths against their floor.")
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument("--rounds", type=_positive, default=7, help="rounds that count (default: 7)")
    parser.add_argument("--warmup", type=int, default=1, help="rounds before them (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    arguments = parser.parse_args()
    names = NAMES if arguments.name == "all" else (arguments.name,)
    try:
        reports = list(_run(names, arguments.rounds, arguments.warmup))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(show(reports, as_json=arguments.json))
    return 1 if arguments.check and not all(report.is_met for report in reports) else 0


def _run(names: tuple[str, ...], rounds: int, warmup: int) -> Iterator[Report]:
    for name in names:
        # one at a time: the web server's figures need not carry the invoice's imports, nor the other way round
        report: Report = importlib.import_module(f"bench.{name}").run(rounds, warmup)
        yield report


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())

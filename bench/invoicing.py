"""An invoice issued, drawn and numbered under load: against the bare statements, a bare canvas, a bare counter.

Runs the product in this process, on an embedded PostgreSQL of its own. The bare statements leave the same rows in the
same tables: two counters, the invoice, its file, its document, its event and the audit's entry.
"""

import contextlib
import datetime
import io
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from bench.frame import BenchError, Candidate, Report, Sample, Target, measure, repeat
from bench.instance import SELLER
from bench.invoice import DAY, DRAFT, bare
from sandbox.stack import database_and_cache, new_secrets

ISSUES = 60
THREADS, PARALLEL = 32, 1000
_COUNT = "UPDATE core_counter SET value = value + 1 WHERE kind = %s AND year = %s RETURNING value"


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds an issue and a PDF; issues a second by 32 threads of which one in ten rolls back."""
    with product() as url:
        one = {
            "issue": repeat(_issue, ISSUES),
            "issue, nobody woken": repeat(_issue_without_message, ISSUES),
            "same rows and lxml": _same_rows(url),
        }
        figures = measure({**one, "pdf": repeat(_pdf(), 20), "canvas": repeat(_canvas(), 20)}, rounds, warmup)
        parallel = measure({"issue, 32 threads": _parallel(_issue_or_not), "bare counter": _bare_parallel(url)}, 1, 0)
        _require_gapless()
        targets = [
            Target(
                "issue, nobody woken / (counters + inserts + lxml)",
                figures.ratio("issue, nobody woken", "same rows and lxml", "ms"),
                2,
            ),
            Target("pdf / canvas with the same text", figures.ratio("pdf", "canvas", "ms"), 3),
        ]
        figures.rounds.update(parallel.rounds)
        rate = parallel.ratio("issue, 32 threads", "bare counter", "per second").median
        return Report(
            "invoicing", figures, targets, "18", {"32 threads, rate / bare counter": round(rate, 3), "gaps": 0}
        )


@contextlib.contextmanager
def product() -> Iterator[str]:
    """Django on a database of its own, migrated; its address."""
    with tempfile.TemporaryDirectory(prefix="aish-bench-") as folder, database_and_cache(Path(folder), {}) as env:
        settings = {**new_secrets(), **SELLER, "READ_ENV_FILES": "False", "DEBUG": "False", "LOG_LEVEL": "ERROR"}
        os.environ.update({**env, **settings, "SITE_URL": "http://127.0.0.1", "DATABASE_POOL_SIZE": "40"})
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django  # noqa: PLC0415 -- its settings are known only now
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        yield env["DATABASE_URL"]
        from django.db import connection  # noqa: PLC0415

        connection.close()
        wrapper: Any = connection
        wrapper.close_pool()


def _issue() -> None:
    from invoicing.services import issue_invoice  # noqa: PLC0415

    issue_invoice(**_build_arguments())


def _build_arguments() -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {"draft": DRAFT, "customer": None, "reference": "bench", "language": "it", "today": DAY, "now": now}


def _issue_without_message() -> None:
    """Number, XML, checks and rows, but not the message to the worker that sends the invoice."""
    from django.db import connection, transaction  # noqa: PLC0415

    from invoicing.services import issue_invoice  # noqa: PLC0415

    inside: Any = issue_invoice.__wrapped__  # type: ignore[attr-defined]
    with transaction.atomic():
        inside(**_build_arguments())
        connection.run_on_commit.clear()


def _issue_or_not(number: int) -> None:
    from django.db import connection, transaction  # noqa: PLC0415

    try:
        with transaction.atomic():
            _issue()
            transaction.set_rollback(number % 10 == 0)
    finally:
        connection.close()


def _same_rows(url: str) -> Candidate:
    """The least that leaves the rows of an issue: bare lxml, and a statement a row by the bare driver."""
    inserts = _record_inserts()
    connection = psycopg.connect(url)

    def one() -> None:
        with connection.transaction():
            number, file = (
                _first(connection.execute(_COUNT, counter)) for counter in (("invoice", DAY.year), ("sdi-file", 0))
            )
            new = {"number": f"{DAY.year}/{number:05d}", "file_name": f"IT11847200968_F{file}.xml", "content": bare()}
            for table, sql, values in inserts:
                new[table] = _first(connection.execute(sql, {**values, **_same(new, values)}))

    return repeat(one, ISSUES)


def _same(new: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """What differs from the row recorded: names and numbers, and the keys of the rows just kept."""
    keys = {"invoice_id": "invoicing_invoice", "xml_id": "invoicing_document", "document_id": "invoicing_document"}
    return {name: new[keys.get(name, name)] for name in values if keys.get(name, name) in new}


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    return row and row[0]


def _record_inserts() -> list[tuple[str, str, dict[str, Any]]]:
    """Table, INSERT and values of each row that an issue leaves, the counters apart."""
    from django.db import connection, transaction  # noqa: PLC0415

    from core.models import AuditEntry  # noqa: PLC0415
    from invoicing.models import Invoice  # noqa: PLC0415

    _issue()
    invoice = Invoice.objects.latest("pk")
    file = invoice.current_file()
    rows = [invoice, file.xml, file, invoice.events.get(), AuditEntry.objects.latest("pk")]
    inserts: list[tuple[str, str, dict[str, Any]]] = []

    def note(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
        columns = re.findall(r'"(\w+)"', sql)
        table, names = columns[0], columns[1 : len(values) + 1]
        marks = ", ".join(f"%({name})s" for name in names)
        text = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) RETURNING id"
        inserts.append((table, text, dict(zip(names, values, strict=True))))
        return execute(sql, values, many, context)

    with transaction.atomic(), connection.execute_wrapper(note):
        for row in rows:
            row.pk, row._state.adding = None, True  # noqa: SLF001 -- the row once more
            for name in {"number", "file_name"} & set(vars(row)):
                setattr(row, name, "another")
            row.save(force_insert=True)
        transaction.set_rollback(True)
    return inserts


def _parallel(work: Callable[[int], None]) -> Candidate:
    def candidate() -> Sample:
        start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(PARALLEL)))
        return {"per second": PARALLEL / (time.perf_counter() - start)}

    return candidate


def _bare_parallel(url: str) -> Candidate:
    """Nothing but the counter, by as many threads with as many rollbacks."""
    local = threading.local()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE bench_counter (value integer)")
        connection.execute("INSERT INTO bench_counter VALUES (0)")

    def work(number: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = psycopg.connect(url)
        with local.connection.transaction() as transaction:
            local.connection.execute("UPDATE bench_counter SET value = value + 1")
            if number % 10 == 0:
                raise psycopg.Rollback(transaction)

    return _parallel(work)


def _require_gapless() -> None:
    from invoicing.models import Invoice  # noqa: PLC0415

    numbers = sorted(int(number[5:]) for number in Invoice.objects.values_list("number", flat=True))
    if numbers != list(range(1, len(numbers) + 1)):
        raise BenchError("the numbers have a gap or a double")


def _pdf() -> Callable[[], Any]:
    from invoicing import pdf  # noqa: PLC0415
    from invoicing.fatturapa.xml import Transmission, build_xml  # noqa: PLC0415

    xml = build_xml(DRAFT, number="2026/00042", transmission=Transmission("11847200968", "0000A"))
    return lambda: pdf.render(xml, file_name="IT11847200968_0000A.xml", sha256="0" * 64)


def _canvas() -> Callable[[], Any]:
    """The words of the same page, one after the other in the same fonts, and nothing else."""
    from pypdf import PdfReader  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    lines = PdfReader(io.BytesIO(_pdf()())).pages[0].extract_text().splitlines()

    def draw() -> bytes:
        buffer = io.BytesIO()
        canvas = Canvas(buffer, invariant=1)
        for position, line in enumerate(lines):
            canvas.setFont(("sans", "bold", "serif")[position % 3], 9)
            canvas.drawString(60, 800 - position * 12, line)
        canvas.save()
        return buffer.getvalue()

    return draw

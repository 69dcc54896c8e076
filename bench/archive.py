"""The archive package of a year with ten thousand invoices: the exporting process's peak of resident memory.

The rows are copies of one issued invoice under other numbers and names, PDF already drawn: packing is what is measured.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import psycopg

from bench.frame import BenchError, Report, Sample, Spread, Target, measure
from bench.instance import SELLER, manage
from sandbox.stack import ROOT, database_and_cache, new_secrets

DOCUMENTS = 10_000
YEAR = 2026


def run(_rounds: int, _warmup: int, *, documents: int = DOCUMENTS) -> Report:
    """Megabytes (10^6 bytes) at the peak of one export; it takes minutes, and further rounds would say the same."""
    with tempfile.TemporaryDirectory(prefix="aish-bench-") as name, database(Path(name)) as env:
        _fill(env, documents)
        package = Path(name) / "package.zip"
        figures = measure({"export": partial(_export, env, package, documents)}, 1, 0)
        facts = {"documents": documents, "package, MB": round(package.stat().st_size / 1e6, 1)}
        target = Target("MB at the peak", Spread.of(figures.values("export", "MB")), 200)
        return Report("archive", figures, [target], _version(env), facts)


@contextlib.contextmanager
def database(data: Path) -> Iterator[Mapping[str, str]]:
    """A freshly migrated database, as settings."""
    with database_and_cache(data, {}, fast=True) as services:
        env = {**os.environ, **new_secrets(), **SELLER, **services, "READ_ENV_FILES": "False", "DEBUG": "False"}
        env |= {"SITE_URL": "http://127.0.0.1", "DATA_DIR": str(data), "LOG_LEVEL": "ERROR"}
        manage(env, "migrate", "--verbosity", "0")
        yield env


def _fill(env: Mapping[str, str], documents: int) -> None:
    manage(env, "shell", "--command", _ISSUE)
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        for table, columns in _COPIES.items():
            query = "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = %s"
            (names,) = connection.execute(query, [table]).fetchone() or ("",)
            values = ",".join(columns.get(name, f"t.{name}") for name in names.split(","))
            connection.execute(
                f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} t, generate_series(1, {documents - 1}) n"
            )
        (count,) = connection.execute("SELECT count(*) FROM invoicing_invoice").fetchone() or (0,)
    if count != documents:
        raise BenchError(f"{count} invoices instead of {documents}")


# One invoice with its file, XML, PDF and first event, as it is issued.
_ISSUE = f"""
from datetime import date
from django.utils import timezone
from bench.invoice import DRAFT
from invoicing import courtesy_copy, services
day = date({YEAR}, 11, 18)
invoice = services.issue_invoice(
    draft=DRAFT.with_date(day), customer=None, reference="ORD-{YEAR}-00001", language="it", today=day,
    now=timezone.now(),
)
courtesy_copy.draw_pdf(invoice=invoice)
"""
# The columns in which a copy differs from its original; n counts the copies, identifiers are shifted by the hundred.
_COPIES = {
    "invoicing_document": {"id": "t.id + n * 100"},
    "invoicing_invoice": {"id": "t.id + n * 100", "number": f"'{YEAR}/C' || n"},
    "invoicing_invoicefile": {
        "id": "t.id + n * 100", "file_name": "'C' || n || '.xml'", "invoice_id": "t.invoice_id + n * 100",
        "xml_id": "t.xml_id + n * 100", "pdf_id": "t.pdf_id + n * 100",
    },
    "invoicing_invoiceevent": {
        "id": "t.id + n * 100", "invoice_id": "t.invoice_id + n * 100", "document_id": "t.document_id + n * 100",
    },
}  # fmt: skip


def _export(env: Mapping[str, str], package: Path, documents: int) -> Sample:
    command = [sys.executable, "manage.py", "export_archive", str(YEAR), "--out", str(package)]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or output != f"{package}: {documents} documents\n":
        raise BenchError(f"export_archive: {process.returncode} {output}")
    return {"MB": usage.ru_maxrss * 1024 / 1e6, "s": time.perf_counter() - start}


def _version(env: Mapping[str, str]) -> str:
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        return ".".join(map(str, divmod(connection.info.server_version, 10_000)))

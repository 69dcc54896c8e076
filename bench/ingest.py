"""A document taken in: whether the embedder always has work, and how much memory a thousand pages take.

The embedder beside it needs a set time for each text, as a vendor's does, and takes one call at a time. Its own rate is
that of the same client calling it without a break.
"""

import contextlib
import io
import json
import os
import resource
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from bench.frame import BenchError, Candidate, Report, Sample, Spread, Target, measure
from bench.instance import SERVE, wait_for
from bench.invoicing import product
from sandbox.frame import free_port
from sandbox.stack import running

SECONDS_A_TEXT = 0.01
SECTIONS = 400
BATCH = 16
PAGES, FEW_PAGES = 1_000, 100
MB = 1e6


def run(rounds: int, warmup: int) -> Report:
    """Texts a second at the embedder, and the most megabytes (10^6 bytes) two processes held for a PDF."""
    with product() as database, _embedder(database) as url:
        figures = measure({"ingest": _ingest(url), "embedder alone": _alone(url)}, rounds, warmup)
        share = figures.ratio("ingest", "embedder alone", "texts/s")
        few, many = _memory(FEW_PAGES), _memory(PAGES)
        targets = [
            Target("share of the embedder's own rate", share, 0.9, at_least=True),
            Target(f"MB of the worker, {PAGES} pages", Spread.of([many["worker"]]), 300),
            Target(f"MB of the reader, {PAGES} pages", Spread.of([many["reader"]]), 500),
        ]
        facts = {f"MB, {pages} pages": peaks for pages, peaks in ((FEW_PAGES, few), (PAGES, many))}
        return Report("ingest", figures, targets, "18", facts)


@contextlib.contextmanager
def _embedder(database: str) -> Iterator[str]:
    """The floor's embedder in a process of its own, known to the product's settings."""
    from django.conf import settings  # noqa: PLC0415 -- known once the product is set up

    url = f"http://127.0.0.1:{free_port()}"
    # the floor does other jobs too, and wants their settings
    env = {**os.environ, "DATABASE_URL": database, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "bench"}
    env["BENCH_EMBEDDER_SECONDS_A_TEXT"] = str(SECONDS_A_TEXT)
    with tempfile.TemporaryDirectory(prefix="aish-bench-") as folder:
        log = Path(folder) / "floor.log"
        with running([*SERVE, "--port", url.rpartition(":")[2], "bench.floor:application"], log=log, env=env):
            wait_for(f"{url}/", log)
            settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = f"{url}/v1", "bench"
            settings.EMBEDDING_MODEL = "bench"
            yield url


def _ingest(url: str) -> Candidate:
    def candidate() -> Sample:
        _take_in(_text(SECTIONS).encode(), "testo.md")
        return _read_rate(url)

    return candidate


def _alone(url: str) -> Candidate:
    from chatbot.clients.embeddings import embed_passages  # noqa: PLC0415

    def candidate() -> Sample:
        for start in range(0, SECTIONS, BATCH):
            embed_passages([_section(number) for number in range(start, start + BATCH)])
        return _read_rate(url)

    return candidate


def _read_rate(url: str) -> Sample:
    with urllib.request.urlopen(f"{url}/embedder", timeout=10) as answer:
        body = json.load(answer)
    if body["texts"] < SECTIONS:
        raise BenchError(f"the embedder was given {body['texts']} texts, not {SECTIONS}")
    return {"texts/s": body["texts"] / body["seconds"]}


def _memory(pages: int) -> dict[str, float]:
    """The most that this process, which does the worker's part, and the reader of files it starts have held so far."""
    _take_in(_pdf(pages), f"{pages}.pdf")
    kibibytes = {
        "worker": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "reader": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }
    return {name: round(value * 1024 / MB) for name, value in kibibytes.items()}


def _take_in(content: bytes, name: str) -> None:
    """Read, cut and embed a document; without those of earlier rounds, whose vectors would be taken over."""
    from django.utils import timezone  # noqa: PLC0415

    from chatbot.knowledge.ingest import add_document, ingest  # noqa: PLC0415
    from chatbot.models import Document  # noqa: PLC0415

    Document.objects.all().delete()
    document = add_document(file=io.BytesIO(content), name=name, size=len(content), now=timezone.now())
    if not ingest(document=document):
        document.refresh_from_db()
        raise BenchError(f"{name}: {document.state} {document.last_error}")


def _text(sections: int) -> str:
    return "\n\n".join(f"## Articolo {number}\n\n{_section(number)}" for number in range(1, sections + 1))


def _section(number: int) -> str:
    return f"Il punto {number} dice quanto segue. " + "Il titolare adotta misure adeguate al rischio. " * 15


def _pdf(pages: int) -> bytes:
    """Forty lines on each page, a heading on the first of them."""
    out = io.BytesIO()
    canvas = Canvas(out)
    for page in range(1, pages + 1):
        canvas.drawString(72, 790, f"Articolo {page}")
        for line in range(40):
            canvas.drawString(72, 770 - line * 17, f"Comma {line}: il titolare adotta misure adeguate, punto {page}.")
        canvas.showPage()
    canvas.save()
    return out.getvalue()

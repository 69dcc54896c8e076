"""`ingest --wait`: tells how the reading goes, ends when it is over, and notices that nobody reads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chatbot.knowledge import ingest
from chatbot.knowledge.waiting import QUIET, Watch
from chatbot.models import Document
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, NOW, RECORDS, add, learn
from tests.clock import at

MOMENT = timedelta(seconds=1)


@pytest.mark.django_db
def test_watch_tells_what_is_new_and_when_it_is_over(embedder: Embedder):
    first, second = add(BREACH), add(RECORDS, "altro.md")
    watch = Watch([first, second], now=NOW)

    before = (watch.look(now=NOW), watch.look(now=NOW + MOMENT), watch.is_over)
    ingest.ingest(document=first)
    between = (watch.look(now=NOW + 2 * MOMENT), watch.is_over)
    ingest.ingest(document=second)
    after = (watch.look(now=NOW + 3 * MOMENT), watch.is_over)

    assert before == (["0 of 2 documents ready, 0 of 0 passages embedded"], [], False)
    assert between == (["1 of 2 documents ready, 1 of 1 passages embedded"], False)
    assert after == (["2 of 2 documents ready, 2 of 2 passages embedded"], True)
    assert list(watch.failures()) == []


@pytest.mark.django_db
def test_silence_is_told_once_as_a_worker_that_does_not_run():
    watch = Watch([add(BREACH)], now=NOW)
    watch.look(now=NOW)

    early = watch.look(now=NOW + QUIET - MOMENT)
    lines = watch.look(now=NOW + QUIET)
    again = watch.look(now=NOW + QUIET + MOMENT)

    assert (early, again) == ([], [])
    start = "celery --app config worker --queues slow"
    assert lines == [f"nothing has moved for 30 seconds: no worker seems to run. Start one with: {start}"]


@pytest.mark.django_db
def test_worker_at_another_document_is_no_silence():
    watch = Watch([add(BREACH)], now=NOW)
    watch.look(now=NOW)
    Document.objects.claim(add(RECORDS, "altro.md").pk, now=NOW + QUIET)

    assert watch.look(now=NOW + QUIET + MOMENT) == []
    assert len(watch.look(now=NOW + QUIET + timedelta(minutes=4))) == 1  # its worker is not heard of any more


@pytest.mark.django_db
def test_document_put_off_is_told_with_its_reason(embedder: Embedder):
    document = add(BREACH)
    watch = Watch([document], now=NOW)
    watch.look(now=NOW)
    embedder.fail(503)
    with at(NOW):
        ingest.ingest(document=document)

    lines = watch.look(now=NOW + MOMENT)

    assert lines[-1] == "gdpr.it.md: tried again at 10:01: embeddings: InternalServerError"
    assert watch.look(now=NOW + QUIET + 2 * MOMENT) == []


@pytest.mark.django_db
def test_deleted_document_is_not_waited_for():
    document = add(BREACH)
    watch = Watch([document], now=NOW)
    Document.objects.all().delete()

    watch.look(now=NOW)

    assert watch.is_over
    assert list(watch.failures()) == ["gdpr.it.md: deleted meanwhile"]


@contextmanager
def worker() -> Iterator[None]:
    """Reads what is due until the block ends, as a Celery worker does."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.02):
            ingest.ingest_due()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_command_waits_until_all_is_read(tmp_path: Path, embedder: Embedder):
    (tmp_path / "a.md").write_text(BREACH)
    (tmp_path / "b.md").write_text(RECORDS)
    out = StringIO()

    with worker():
        call_command("ingest", str(tmp_path), wait=True, stdout=out)

    assert set(Document.objects.values_list("state", flat=True)) == {"done"}
    assert out.getvalue().splitlines()[-1] == "2 of 2 documents ready, 2 of 2 passages embedded"


@pytest.mark.django_db(transaction=True)
def test_command_fails_when_one_could_not_be_read(tmp_path: Path, embedder: Embedder):
    (tmp_path / "a.md").write_text(BREACH)
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4 no more than this")
    out, err = StringIO(), StringIO()

    with worker(), pytest.raises(CommandError, match="1 not read"):
        call_command("ingest", str(tmp_path), wait=True, stdout=out, stderr=err)

    assert err.getvalue().startswith("b.pdf: failed: The file is damaged or cut off.")
    assert out.getvalue().splitlines()[-1] == "1 of 2 documents ready, 1 failed, 1 of 1 passages embedded"


@pytest.mark.django_db
def test_command_does_not_wait_for_what_is_ready(tmp_path: Path, embedder: Embedder):
    (tmp_path / "gdpr.md").write_text(BREACH)
    learn(BREACH)
    out = StringIO()

    call_command("ingest", str(tmp_path / "gdpr.md"), wait=True, stdout=out)

    assert out.getvalue().splitlines()[-1] == "1 of 1 documents ready, 1 of 1 passages embedded"

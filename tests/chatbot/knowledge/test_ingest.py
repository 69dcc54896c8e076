"""From a file to passages that answers can rest on: every step is a row, and trouble costs time but no document."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext

from chatbot import tasks
from chatbot.knowledge import ingest
from chatbot.knowledge.parsing.errors import Reason
from chatbot.knowledge.parsing.words import SENTENCES
from chatbot.models import Chunk, Citation, Document, Message
from chatbot.retrieval.search import search
from core.models import AuditEntry, ChannelPause
from core.queue import LostClaimError
from core.uploads import UploadRefusedError
from tests.broker import queued
from tests.chatbot import files
from tests.chatbot.embedder import WAIT_S, Embedder
from tests.chatbot.talk import BREACH, NOW, RECORDS, add, ask, learn
from tests.clock import at
from tests.database import refused_rows
from tests.queues import claim_row

pytestmark = pytest.mark.django_db

ADD = "/admin/chatbot/document/add/"
LONG = "\n\n".join(f"## Articolo {number}\n\nTesto dell’articolo {number}." for number in range(1, 21))


def read(document: Document, now: Any = NOW) -> Document:
    """The document after a worker had it."""
    with at(now):
        ingest.ingest(document=Document.objects.get(pk=document.pk))
    document.refresh_from_db()
    return document


def sweep(now: Any) -> int:
    with at(now):
        return ingest.ingest_due()


def progress(document: Document) -> tuple[str, int, int]:
    document.refresh_from_db()
    return document.state, document.embedded_count, document.chunk_count


def find_titles(text: str) -> list[str]:
    """The files that full text alone finds for a question."""
    return [hit.title for hit in search(text, None, count=5)]


def test_document_that_waits_keeps_no_other_from_being_found(embedder: Embedder):
    cache.delete("chatbot-words-counted")
    straggler = add(RECORDS, "registro.it.md", title="Registro")
    embedder.fail(503)
    assert read(straggler).state == "pending"

    read(add(BREACH, "violazione.it.md", title="Violazione"))

    assert find_titles("notifica della violazione") == ["Violazione"]


def test_sweep_counts_what_came_too_soon_after_another(embedder: Embedder):
    cache.delete("chatbot-words-counted")
    embedder.fail(503)
    read(add("## Articolo 1\n\nAltro.", "altro.it.md"))
    read(add(BREACH, "violazione.it.md", title="Violazione"))
    read(add(RECORDS, "registro.it.md", title="Registro"))  # within twenty seconds of the one before

    before, _count, after = find_titles("registro delle attività"), sweep(NOW), find_titles("registro delle attività")

    assert (before, after) == ([], ["Registro"])


def upload(client: Client, content: bytes, name: str, **fields: str) -> Any:
    values = {"title": "", "topic": "GENERAL", "language": "it", **fields}
    return client.post(ADD, {**values, "files": SimpleUploadedFile(name, content)})


@contextmanager
def reading_elsewhere(document: Document, embedder: Embedder) -> Iterator[Callable[[], None]]:
    """Another worker has the document and waits for its first vectors; calling what is given lets it go on."""

    def work() -> None:
        try:
            ingest.ingest(document=document)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, embedder.hold() as request_received:
        working = pool.submit(work)
        assert request_received.wait(WAIT_S)

        def finish() -> None:
            embedder.go.set()
            working.result(timeout=WAIT_S)

        yield finish
        finish()


def test_added_document_waits_and_wakes_a_worker(django_capture_on_commit_callbacks: Any):
    with django_capture_on_commit_callbacks(execute=True):
        document = add(BREACH, "gdpr.md")

    assert (document.state, document.kind, document.name) == ("pending", "md", "gdpr.md")
    assert (bytes(document.content), document.size) == (BREACH.encode(), len(BREACH.encode()))
    assert queued("slow") == [("chatbot.ingest_document", {"document_id": document.pk})]


@pytest.mark.parametrize(
    ("name", "text", "fields", "expected"),
    [
        ("guida.md", "Il testo della guida.", {}, ("guida", "GENERAL", "it", "")),
        ("guida.md", "# La guida\n\nIl testo.", {}, ("La guida", "GENERAL", "it", "")),
        ("audit.md", "The text of the guide.", {}, ("audit", "GENERAL", "en", "")),
        ("guida.en.md", "Testo.", {}, ("guida.en", "GENERAL", "en", "")),
        ("nis2_EN.txt", "Text.", {}, ("nis2_EN", "GENERAL", "it", "")),
        ("nis2-en.txt", "Text.", {}, ("nis2-en", "GENERAL", "en", "")),
        (
            "x.md",
            "---\ntitle: Guida\ntopic: NIS2\nlanguage: en\nversion: 2026-11\n---\nT.",
            {},
            ("Guida", "NIS2", "en", "2026-11"),
        ),
        ("x.md", "---\ntitle: Guida\ntopic: cucina\n---\nT.", {}, ("Guida", "GENERAL", "it", "")),
        ("x.txt", "---\ntitle: Guida\n---\nT.", {}, ("x", "GENERAL", "it", "")),
        (
            "x.en.md",
            "---\ntitle: Guida\ntopic: NIS2\n---\nT.",
            {"title": "Altro", "topic": "AI", "language": "it"},
            ("Altro", "AI", "it", ""),
        ),
    ],
)
def test_what_is_not_said_comes_from_the_file(
    name: str, text: str, fields: dict[str, str], expected: tuple[str, str, str, str], embedder: Embedder
):
    document = learn(text, name, **fields)

    assert (document.title, document.topic, document.language, document.version) == expected


def test_document_is_read_into_passages(embedder: Embedder):
    document = read(add(files.pdf("Prima pagina.", "Seconda pagina."), "atto.pdf"))

    rows = list(document.chunks.order_by("position").values_list("position", "page", "text", "language"))
    assert rows == [(0, 1, "Prima pagina.", "it"), (1, 2, "Seconda pagina.", "it")]
    assert progress(document) == ("done", 2, 2)
    assert (document.completed_at, document.last_error, document.attempts) == (NOW, "", 1)
    assert set(Chunk.objects.values_list("embedding_model", flat=True)) == {"multilingual-e5-small"}
    assert [len(chunk.embedding) for chunk in Chunk.objects.all()] == [1536, 1536]


def test_long_text_is_cut_to_the_size_of_the_settings(embedder: Embedder, settings: Any):
    settings.RAG_CHUNK_SIZE, settings.RAG_CHUNK_OVERLAP = 60, 25
    text = "Prima frase del testo. Seconda frase del testo. Terza frase. Quarta frase del testo."

    document = read(add(text, "a.txt"))

    assert list(document.chunks.order_by("position").values_list("text", flat=True)) == [
        "Prima frase del testo. Seconda frase del testo. Terza frase.",
        "Terza frase. Quarta frase del testo.",
    ]


def test_passages_are_embedded_in_batches(embedder: Embedder):
    read(add(LONG))

    assert embedder.batches == [16, 4]


def test_same_file_is_not_read_twice(embedder: Embedder, django_capture_on_commit_callbacks: Any):
    first = learn(BREACH)

    with django_capture_on_commit_callbacks(execute=True):
        second = add(BREACH, "altro-nome.md")

    assert (second.pk, second.name, Document.objects.count(), queued("slow")) == (first.pk, "gdpr.it.md", 1, [])


@pytest.mark.parametrize("change", [{"is_active": False}, {"state": "failed", "next_try_at": None}])
def test_same_file_is_taken_again_when_the_first_is_of_no_use(change: dict[str, Any], embedder: Embedder):
    first = learn(BREACH)
    Document.objects.filter(pk=first.pk).update(**change)

    assert add(BREACH).pk != first.pk


def test_new_edition_embeds_only_what_has_changed(embedder: Embedder):
    learn(BREACH + RECORDS, title="GDPR")
    embedder.reset()

    edition = read(add(BREACH + RECORDS.replace("titolare", "responsabile"), title="GDPR"))

    assert (progress(edition), embedder.batches) == (("done", 2, 2), [1])


@pytest.mark.parametrize(("failures", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
def test_embedder_in_trouble_is_asked_again_after_a_growing_wait(failures: int, wait: int, embedder: Embedder):
    document = add(BREACH)
    embedder.fail(503)
    Document.objects.update(attempts=failures - 1)

    read(document)

    assert (document.state, document.attempts, document.last_error) == (
        "pending", failures, "embeddings: InternalServerError",
    )  # fmt: skip
    assert document.next_try_at == NOW + timedelta(minutes=wait)


def test_document_put_off_goes_on_where_it_stopped(embedder: Embedder):
    document = add(LONG)
    embedder.fail(0, 429)
    read(document)
    stopped = progress(document)
    embedder.reset()

    read(document, NOW + timedelta(minutes=1))

    assert (stopped, progress(document), embedder.batches) == (
        ("pending", 16, 20), ("done", 20, 20), [4],
    )  # fmt: skip
    assert document.last_error == ""


def test_document_put_off_is_left_alone_until_then(embedder: Embedder):
    document = add(BREACH)
    embedder.fail(503)
    read(document)

    early = sweep(NOW + timedelta(seconds=59))
    late = sweep(NOW + timedelta(seconds=60))

    assert (early, late, progress(document)) == (0, 1, ("done", 1, 1))


def test_key_that_the_embedder_refuses_is_no_fault_of_the_document(embedder: Embedder):
    document = add(BREACH)
    embedder.fail(401)

    read(document)

    assert (document.state, document.attempts, ChannelPause.objects.get().name) == ("pending", 0, "embeddings")
    assert document.last_error.startswith("embeddings: AuthenticationError: Error code: 401")


def test_document_that_kills_its_reader_is_given_up(embedder: Embedder):
    document = add(BREACH)
    Document.objects.update(attempts=len(Document.BACKOFF) + 1)

    read(document)

    assert (document.state, document.last_error) == ("failed", "each worker that took it was ended before it answered")
    assert (Chunk.objects.count(), embedder.batches) == (0, [])


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"%PDF-1.7\ngarbage", "a.pdf", Reason.DAMAGED),
        (files.locked_pdf("Segreto.", password="x"), "a.pdf", Reason.LOCKED),
        (files.pdf(""), "a.pdf", Reason.SCANNED),
        (files.word(("Normal", "")), "a.docx", Reason.EMPTY),
    ],
    ids=["broken", "locked", "scanned", "empty"],
)
def test_file_that_cannot_be_read_fails_with_the_reason(
    content: bytes, name: str, reason: Reason, embedder: Embedder, staff_client: Client
):
    document = read(add(content, name))

    assert (document.state, document.last_error, Chunk.objects.count()) == ("failed", SENTENCES[reason], 0)
    page = staff_client.get(f"/admin/chatbot/document/{document.pk}/change/").content.decode()
    assert name in staff_client.get("/admin/chatbot/document/").content.decode()
    assert escape(gettext(SENTENCES[reason])) in page
    assert gettext(SENTENCES[reason]) != SENTENCES[reason]


def test_what_a_file_holds_beside_its_text_is_named_on_its_page(embedder: Embedder, staff_client: Client):
    document = read(add(files.slides(("Chi siamo", "Una cosa.", "Da non dire.")), "a.pptx"))

    assert (document.state, document.omissions) == ("done", {"speaker_notes": 1})
    page = staff_client.get(f"/admin/chatbot/document/{document.pk}/change/").content.decode()
    assert "note del relatore di 1 diapositiva" in page


def test_pdf_with_characters_no_table_keeps_is_read(embedder: Embedder):
    document = read(add(files.pdf_with_letter_a_read_as("0000"), "a.pdf"))

    assert (document.state, document.chunks.get().text) == ("done", "B ciao")


def test_failed_document_is_read_again_from_the_start(embedder: Embedder, django_capture_on_commit_callbacks: Any):
    document = add(BREACH)
    embedder.fail(400)
    read(document)

    with django_capture_on_commit_callbacks(execute=True):
        ingest.read_again(document=document)

    assert progress(document) == ("pending", 0, 0)
    assert (document.last_error, document.attempts) == ("", 0)
    assert queued("slow") == [("chatbot.ingest_document", {"document_id": document.pk})]
    assert read(document, timezone.now()).state == "done"


def test_document_reads_the_same_when_read_again(embedder: Embedder):
    document = learn(BREACH + RECORDS)
    before = list(document.chunks.order_by("position").values_list("position", "heading", "text"))

    ingest.read_again(document=document)
    gone = Chunk.objects.count()
    read(document, timezone.now())

    assert (gone, list(document.chunks.order_by("position").values_list("position", "heading", "text"))) == (0, before)


@pytest.mark.django_db(transaction=True)
def test_document_is_read_by_one_worker(embedder: Embedder):
    document = add(LONG)

    with reading_elsewhere(document, embedder) as finish:
        is_ready = ingest.ingest(document=Document.objects.get(pk=document.pk))
        swept = ingest.ingest_due()
        finish()

    assert (is_ready, swept, progress(document), document.attempts) == (False, 0, ("done", 20, 20), 1)
    assert embedder.batches == [16, 4]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_workers_embed_a_document_once(embedder: Embedder):
    document = add(BREACH)
    together = threading.Barrier(10)

    def work(_number: int) -> bool:
        try:
            row = Document.objects.get(pk=document.pk)
            together.wait(WAIT_S)
            return ingest.ingest(document=row)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        done = sorted(pool.map(work, range(10)))

    assert (done, embedder.batches, progress(document)) == ([False] * 9 + [True], [1], ("done", 1, 1))


@pytest.mark.django_db(transaction=True)
def test_reading_is_seen_from_outside(embedder: Embedder):
    document = add(LONG)

    with reading_elsewhere(document, embedder):
        progress_before = progress(document)
        waiting = Document.objects.waiting().count()

    assert (progress_before, waiting) == (("running", 0, 20), 1)
    assert (progress(document), Document.objects.waiting().count()) == (("done", 20, 20), 0)


@pytest.mark.django_db(transaction=True)
def test_document_deleted_while_it_is_read_leaves_nothing(embedder: Embedder):
    document = add(LONG)

    with reading_elsewhere(document, embedder) as finish:
        Document.objects.filter(pk=document.pk).delete()
        finish()

    assert (Document.objects.count(), Chunk.objects.count()) == (0, 0)


def test_worker_that_is_gone_loses_its_document_after_the_lease(embedder: Embedder):
    document = add(BREACH)
    with at(NOW):
        claim_row(document)

    early = sweep(NOW + Document.LEASE - timedelta(seconds=1))
    late = sweep(NOW + Document.LEASE)

    assert (early, late, progress(document)) == (0, 1, ("done", 1, 1))


def test_task_of_a_deleted_document_does_nothing(embedder: Embedder):
    document = add(BREACH)
    document.delete()

    tasks.ingest_document(document_id=document.pk)

    assert (Document.objects.count(), embedder.batches) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_document_is_read_though_the_broker_was_away(broker_away: None, embedder: Embedder):
    document = add(BREACH)

    ingest.ingest_due()

    assert progress(document) == ("done", 1, 1)


def test_deleted_document_is_gone_with_every_trace_but_what_was_cited(
    staff_client: Client, embedder: Embedder, staff: Any
):
    document = learn(BREACH)
    answer = Message.objects.create(conversation=ask("Quante ore?").conversation, role="answer", text="72 ore.[1]")
    chunk = document.chunks.get()
    Citation.objects.create(message=answer, number=1, chunk=chunk, title="GDPR", passage=chunk.text, quote="72 ore")

    staff_client.post(f"/admin/chatbot/document/{document.pk}/delete/", {"post": "yes"})

    citation = Citation.objects.get()
    assert (Document.objects.count(), Chunk.objects.count()) == (0, 0)
    assert (citation.chunk, citation.passage) == (None, chunk.text)
    entry = AuditEntry.objects.get(action="document.deleted")
    assert (entry.actor, entry.target) == (staff, f"chatbot.document:{document.pk}")


TAKEN = "Accettiamo questi tipi di file: DOC, DOCX, HTM, HTML, MD, ODT, PDF, PPTX, TXT, XHTML, XLSX."
REFUSED = [
    (b"MZ\x90\x00", "programma.exe", "file_kind", TAKEN),
    (b"Testo.", "senza-estensione", "file_kind", TAKEN),
    (b"Testo.", "pagina.html", "file_content", "HTML"),
    (b"Testo.", "antico.doc", "file_content", "DOC"),
    (b"", "vuoto.txt", "file_empty", "vuoto."),
    (b"a" * (10 * 1024 * 1024 + 1), "grande.txt", "file_size", "supera 10 MB. Riducetelo"),
    (files.pdf("A."), "finto.txt", "file_content", "TXT"),
    (b"MZ\x90\x00\x03", "finto.pdf", "file_content", "PDF"),
    (b"<html><script>x</script>", "finto.md", "file_content", "MD"),
    (files.archive({"a.txt": b"A."}), "finto.docx", "file_content", "DOCX"),
    (b"ciao\x01", "antico.txt", "file_content", "TXT"),
    (
        files.archive({"[Content_Types].xml": b"", "word/document.xml": b" " * (101 * 1024 * 1024)}),
        "bomba.docx", "file_bomb", "supera di molto la sua dimensione",
    ),
]  # fmt: skip
each_refused = pytest.mark.parametrize(
    ("content", "name", "code", "message"),
    REFUSED,
    ids=[f"{name}-{code}" for _content, name, code, _message in REFUSED],
)


@each_refused
def test_file_we_do_not_take_is_refused(content: bytes, name: str, code: str, message: str):
    with pytest.raises(UploadRefusedError) as caught:
        ingest.add_document(file=BytesIO(content), name=name, size=len(content), now=NOW)

    assert (caught.value.code, Document.objects.count()) == (code, 0)


@each_refused
def test_staff_are_told_why_a_file_is_refused(content: bytes, name: str, code: str, message: str, staff_client: Client):
    page = upload(staff_client, content, name)

    [error] = page.context["adminform"].form.errors["files"]
    assert (page.status_code, message in error, Document.objects.count()) == (200, True, 0)


def test_staff_upload_a_document(staff_client: Client, staff: Any, django_capture_on_commit_callbacks: Any):
    with django_capture_on_commit_callbacks(execute=True):
        page = upload(staff_client, BREACH.encode(), "gdpr.md", title="GDPR", topic="GDPR", language="it")

    document = Document.objects.get()
    assert (page.status_code, page["Location"]) == (302, "/admin/chatbot/document/")
    assert (document.title, document.topic, document.language, document.state) == ("GDPR", "GDPR", "it", "pending")
    assert queued("slow") == [("chatbot.ingest_document", {"document_id": document.pk})]
    entry = AuditEntry.objects.get(action="document.created")
    assert (entry.actor, entry.target) == (staff, f"chatbot.document:{document.pk}")


def test_form_without_a_file_asks_for_one(staff_client: Client):
    page = staff_client.post(ADD, {"title": "X", "topic": "GDPR", "language": "it"})

    assert page.context["adminform"].form.errors["files"] == ["Scegliete un file."]
    assert Document.objects.count() == 0


def test_customers_upload_nothing(customer_client: Client):
    page = upload(customer_client, BREACH.encode(), "gdpr.md")

    assert (page.status_code, page["Location"], Document.objects.count()) == (302, f"/admin/login/?next={ADD}", 0)


def test_staff_see_how_far_the_reading_came(staff_client: Client, embedder: Embedder):
    document = add(LONG)
    embedder.fail(0, 503)
    read(document)

    page = staff_client.get(f"/admin/chatbot/document/{document.pk}/change/").content.decode()

    assert '<progress value="16" max="20" aria-label="16 passi su 20"></progress> 16/20' in page


def test_document_switched_off_keeps_its_passages(staff_client: Client, embedder: Embedder):
    document = learn(BREACH)

    staff_client.post(
        f"/admin/chatbot/document/{document.pk}/change/",
        {"title": "Altro titolo", "topic": "NIS2", "language": "it", "version": "2"},
    )

    assert progress(document) == ("done", 1, 1)
    assert (document.title, document.topic, document.version, document.is_active) == (
        "Altro titolo",
        "NIS2",
        "2",
        False,
    )


def test_command_loads_files_and_folders(tmp_path: Path, embedder: Embedder):
    (tmp_path / "leggi" / "dentro").mkdir(parents=True)
    (tmp_path / "nota.txt").write_text("Nota.")
    (tmp_path / "leggi" / "a.md").write_text(BREACH)
    (tmp_path / "leggi" / "dentro" / "b.PDF").write_bytes(files.pdf("B."))
    (tmp_path / "leggi" / "foto.png").write_bytes(b"png")
    out = StringIO()

    call_command("ingest", str(tmp_path / "nota.txt"), str(tmp_path / "leggi"), stdout=out)

    names = list(Document.objects.order_by("pk").values_list("name", "state"))
    assert names == [("nota.txt", "pending"), ("a.md", "pending"), ("b.PDF", "pending")]
    assert out.getvalue().splitlines()[0] == f"{tmp_path / 'nota.txt'}: pending"


def test_command_says_what_it_does_not_take_and_takes_the_rest(tmp_path: Path):
    (tmp_path / "nota.txt").write_text("Nota.")
    (tmp_path / "vuoto.txt").touch()
    paths = [str(tmp_path / name) for name in ("vuoto.txt", "manca.txt", "nota.txt")]
    err = StringIO()

    with pytest.raises(CommandError, match="2 not taken"):
        call_command("ingest", *paths, stdout=StringIO(), stderr=err)

    assert [line.partition(": ")[0] for line in err.getvalue().splitlines()] == paths[:2]
    assert [document.name for document in Document.objects.all()] == ["nota.txt"]


def test_command_takes_a_file_once(tmp_path: Path, embedder: Embedder):
    (tmp_path / "gdpr.md").write_text(BREACH)
    learn(BREACH)
    out = StringIO()

    call_command("ingest", str(tmp_path / "gdpr.md"), stdout=out)

    assert (out.getvalue(), Document.objects.count()) == (f"{tmp_path / 'gdpr.md'}: done\n", 1)


@pytest.mark.django_db(transaction=True)
def test_error_on_the_oldest_document_leaves_the_next_one_its_reading(embedder: Embedder):
    oldest, next_one = add(BREACH), add(RECORDS, "registri.it.md")

    with refused_rows("chatbot_chunk", f"NEW.document_id = {oldest.pk}"):
        tasks.ingest_due_documents()

    assert (progress(oldest)[0], progress(next_one)[0]) == ("pending", "done")
    assert "nobody foresaw" in oldest.last_error


def test_worker_that_lost_its_document_writes_nothing_more(embedder: Embedder):
    with at(NOW):
        slow = claim_row(add(LONG))
        ingest._store_passages(slow)
    with at(NOW + Document.LEASE):
        claim_row(slow)

    with pytest.raises(LostClaimError):
        ingest._embed(slow)

    assert Chunk.objects.exclude(embedding=None).count() == 0

"""What staff do with documents: many at once, new versions, switching, deleting without a trace."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chatbot import tasks
from chatbot.knowledge import ingest
from chatbot.models import Chunk, Document, WordCount
from core.models import AuditEntry
from tests.broker import queued
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, add, learn

pytestmark = pytest.mark.django_db

ADD = "/admin/chatbot/document/add/"


def test_staff_upload_many_at_once(staff_client: Client, django_capture_on_commit_callbacks: Any):
    files = [SimpleUploadedFile(name, content) for name, content in (
        ("gdpr.md", BREACH.encode()), ("registri.html", b"<!doctype html><p>Registri.</p>"),
        ("guida.doc", (Path(__file__).parent / "guida.doc").read_bytes()),
    )]  # fmt: skip

    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(ADD, {"title": "", "topic": "GDPR", "language": "", "files": files})

    names = Document.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == ["gdpr.md", "registri.html", "guida.doc"]
    assert len(queued("slow")) == 3
    assert AuditEntry.objects.filter(action="document.created").count() == 3


def test_one_bad_file_refuses_them_all_and_is_named(staff_client: Client):
    files = [SimpleUploadedFile("gdpr.md", BREACH.encode()), SimpleUploadedFile("vuoto.txt", b"")]

    page = staff_client.post(ADD, {"title": "", "topic": "GDPR", "language": "", "files": files})

    [error] = page.context["adminform"].form.errors["files"]
    assert error.startswith("vuoto.txt: ") or "vuoto" in error
    assert not Document.objects.exists()


def test_many_files_have_no_common_title(staff_client: Client):
    files = [SimpleUploadedFile("a.txt", b"A."), SimpleUploadedFile("b.txt", b"B.")]

    page = staff_client.post(ADD, {"title": "Guida", "topic": "GDPR", "language": "", "files": files})

    assert page.context["adminform"].form.errors["title"][0].startswith("Più file non possono avere un solo titolo")


def test_new_version_takes_the_place_of_the_old_one_when_it_is_ready(embedder: Embedder):
    old = learn(BREACH, "guida.it.md")
    new = add(BREACH.replace("72 ore", "24 ore"), "guida.it.md")
    waiting = Document.objects.get(pk=old.pk).is_active

    ingest.ingest(document=new)

    old.refresh_from_db()
    assert (waiting, old.is_active, new.replaces) == (True, False, old)


def test_version_that_cannot_be_read_leaves_the_old_one_in_use(embedder: Embedder):
    old = learn(BREACH, "guida.it.md")
    broken = add("---\ntitle: X\n---\n", "guida.it.md")

    ingest.ingest(document=broken)

    old.refresh_from_db()
    broken.refresh_from_db()
    assert (old.is_active, broken.state) == (True, "failed")


def test_deleted_document_leaves_no_word_behind(
    staff_client: Client, embedder: Embedder, django_capture_on_commit_callbacks: Any
):
    document = learn(BREACH)

    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(f"/admin/chatbot/document/{document.pk}/delete/", {"post": "yes"})
    tasks.count_words()

    assert ("chatbot.count_words", {}) in queued("default")
    assert not Chunk.objects.exists()
    assert not WordCount.objects.exclude(stem="").exists()


@pytest.mark.parametrize(("action", "before", "after"), [("switch_on", False, True), ("switch_off", True, False)])
def test_staff_switch_many_documents(action: str, before: bool, after: bool, staff_client: Client):
    keys = [add(f"Testo {number}.", f"{number}.txt").pk for number in range(2)]
    Document.objects.update(is_active=before)

    staff_client.post("/admin/chatbot/document/", {"action": action, "_selected_action": keys})

    assert set(Document.objects.values_list("is_active", flat=True)) == {after}
    assert AuditEntry.objects.filter(action="document.changed").count() == 2

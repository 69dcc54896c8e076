"""Rows and files agree: whatever a crash leaves is found by the sweep, from either side."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import tasks
from accounts.documents import services, storage
from accounts.models import CustomerDocument, DocumentVersion
from core.models import Sweep
from tests.accounts.documents.papers import NOW, files, paper, replace, share, upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
HOUR = timedelta(hours=1)


def age(path: Path) -> None:
    os.utime(path, (0, 0))


def lose_connection(execute: Any, sql: str, *arguments: Any) -> Any:
    """As a server that goes away at the last statement."""
    if sql.startswith('INSERT INTO "core_auditentry"'):
        raise OperationalError("server closed the connection unexpectedly")
    return execute(sql, *arguments)


def test_crash_between_file_and_row_leaves_a_file_that_the_sweep_deletes(customer: Any):
    kept = upload(customer)
    with pytest.raises(OperationalError), connection.execute_wrapper(lose_connection):
        upload(customer, "altro.txt")
    left = files()
    early = storage.reconcile(now=timezone.now())
    for path in left:
        age(path)

    count = storage.reconcile(now=timezone.now())

    assert (len(left), early, count, files()) == (2, 0, 1, [kept.newest().path])


def test_half_a_file_has_no_name_of_a_whole_one(customer: Any, monkeypatch: Any):
    def end_early(_source: Any, target: Any) -> None:
        target.write(b"Organ")
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", end_early)

    with pytest.raises(storage.StorageFailedError):
        upload(customer)

    assert (files(), CustomerDocument.objects.count()) == ([], 0)


def test_part_that_a_killed_process_left_goes_after_an_hour(customer: Any):
    path = upload(customer).newest().path
    part = path.with_name("ab.part")
    part.write_bytes(b"Organ")
    early = storage.reconcile(now=timezone.now())
    age(part)

    assert (early, storage.reconcile(now=timezone.now()), files()) == (0, 1, [path])


def test_deletion_whose_file_stayed_is_ended_by_the_sweep(customer: Any, staff: Any):
    deleted, withdrawn = upload(customer), share(customer, staff)
    services.delete_upload(document=deleted, actor=customer)  # the test's transaction is never committed: as a crash
    services.withdraw_document(document=withdrawn, actor=staff, now=NOW)
    for path in files():
        age(path)

    assert (len(files()), storage.reconcile(now=timezone.now()), files()) == (2, 2, [])


def test_row_without_its_file_is_noted_until_the_file_is_back(customer: Any, staff: Any):
    document = share(customer, staff)
    replace(document, staff, b"Due.")
    path = document.versions.get(number=1).path
    content = path.read_bytes()
    path.unlink()

    counts = [storage.reconcile(now=NOW), storage.reconcile(now=NOW + HOUR)]
    missing = list(DocumentVersion.objects.without_file().values_list("number", "missing_since"))
    path.write_bytes(content)

    assert (counts, missing) == ([1, 0], [(1, NOW)])
    assert (storage.reconcile(now=NOW + HOUR), DocumentVersion.objects.without_file().count()) == (0, 0)


def test_what_is_withdrawn_is_missed_by_nobody(customer: Any, staff: Any):
    document = share(customer, staff)
    storage.note_missing(document.newest(), NOW)
    services.withdraw_document(document=document, actor=staff, now=NOW)

    assert (storage.reconcile(now=NOW), DocumentVersion.objects.without_file().count()) == (0, 0)


def test_sweep_runs_by_the_clock(customer: Any):
    upload(customer)
    age(files()[0])
    CustomerDocument.objects.all().delete()

    tasks.reconcile_documents()

    assert (Sweep.objects.get(name="accounts.reconcile_documents").rows_worked, files()) == (1, [])


def test_folder_that_is_not_there_yet_is_no_fault():
    assert storage.reconcile(now=NOW) == 0


def test_file_is_read_from_its_start(customer: Any):
    file = paper()
    file.read(5)

    document = services.upload_document(customer=customer, file=file, note="", now=NOW).document

    assert document.newest().path.read_bytes() == paper().read()

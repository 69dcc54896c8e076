"""Files of documents in UPLOAD_DIR: whole or not at all, and what a crash leaves on either side is noticed.

A file is there before its row is committed, and is deleted after its row is. So whatever a crash interrupts, it leaves
a file without a row, which `reconcile` deletes, and never a row without a file. That comes from elsewhere only, a
backup without its folder for instance; it is noted in the row, for people to see.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import DocumentVersion
from accounts.models.documents import DOCUMENTS_FOLDER
from core.errors import DomainError

logger = logging.getLogger(__name__)

# between a file and the commit of its row
_TIME_FOR_A_ROW = timedelta(hours=1)
_PART = ".part"


class StorageFailedError(DomainError):
    """The disk did not take the file: full, or not there."""

    code = "storage_failed"
    status = 503
    message = _("The file could not be kept on our side, and nothing was saved. Please try again a little later.")
    field = "file"


def write(file: BinaryIO, path: Path) -> str:
    """Put a file there and return its SHA-256; it is all there, also after a power cut, or not at all."""
    part = path.with_name(path.name + _PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(part, "wb", opener=_open_private) as target:
            file.seek(0)
            shutil.copyfileobj(file, target)
            target.flush()
            os.fsync(target.fileno())
        digest = _digest(part)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        logger.exception("cannot keep a file")
        raise StorageFailedError from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return digest


def delete(paths: Iterable[Path]) -> None:
    """Delete files once their rows are gone for good; what a crash leaves, the sweep finds."""
    doomed = list(paths)

    def unlink() -> None:
        for path in doomed:
            path.unlink(missing_ok=True)

    transaction.on_commit(unlink, robust=True)


def reconcile(*, now: datetime) -> int:
    """Delete files without a row, note rows without their file; returns how many of both there were."""
    folder = Path(settings.MEDIA_ROOT) / DOCUMENTS_FOLDER
    limit = (now - _TIME_FOR_A_ROW).timestamp()
    # the folder first: a file that comes later has its row when the rows are read, or is none of these
    old = {path.name: path for path in folder.glob("*/*") if _age_of(path) <= limit}
    expected = {reference.hex for reference in DocumentVersion.objects.with_file().values_list("reference", flat=True)}
    orphans = [path for name, path in sorted(old.items()) if name not in expected]
    for path in orphans:
        path.unlink(missing_ok=True)
    if orphans:
        logger.warning("%s files of documents without a row deleted", len(orphans))
    return len(orphans) + _note_missing(now)


def note_missing(version: DocumentVersion, now: datetime) -> None:
    """A row whose file is not there: somebody must look for it."""
    logger.error("the file of version %s is missing", version.reference)
    DocumentVersion.objects.filter(pk=version.pk, missing_since=None).update(missing_since=now)


def _note_missing(now: datetime) -> int:
    count = 0
    for version in DocumentVersion.objects.with_file().iterator(chunk_size=500):
        is_there = version.path.exists()
        if is_there and version.missing_since:
            DocumentVersion.objects.filter(pk=version.pk).update(missing_since=None)
        elif not is_there and version.missing_since is None:
            note_missing(version, now)
            count += 1
    return count


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """A new name lasts only once its folder is written."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # renamed or deleted in this moment
        return float("inf")

"""A person's own data as a ZIP: asked for, built in the background, kept for a week, then deleted.

The file is written row by row and file by file, so that its size is no matter for the memory.
"""

import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts import tasks
from accounts.models import DataExport, User
from core import audit, privacy
from core.privacy import Person, Table
from core.queue import work_due
from core.tasks import enqueue
from core.web.ratelimit import TooManyRequestsError
from notifications.services import Recipient, notify

_ONE_A = timedelta(days=1)
_ROWS = 200
# Every entry has the same date: the same data gives the same bytes.
_DATE = (2026, 1, 1, 0, 0, 0)


@transaction.atomic
def request_export(*, user: User, now: datetime) -> DataExport:
    """Ask for an export, once a day; `TooManyRequestsError` says how long to wait. One that failed does not count."""
    User.objects.select_for_update().get(pk=user.pk)  # two at once: the second one waits, and is refused
    recent = DataExport.objects.filter(user=user, requested_at__gt=now - _ONE_A)
    last = recent.exclude(state=DataExport.State.FAILED).order_by("-requested_at").first()
    if last:
        raise TooManyRequestsError(retry_after_s=int((last.requested_at + _ONE_A - now).total_seconds()))
    export = DataExport.objects.create(user=user, requested_at=now, next_try_at=now)
    audit.record(action="user.export_requested", target=user, actor=user)
    enqueue(tasks.build_exports)
    return export


def newest_export(user: User) -> DataExport | None:
    """The one asked for last, whatever became of it."""
    return DataExport.objects.filter(user=user).order_by("-requested_at").first()


def find_export(*, user: User, reference: Any, now: datetime) -> DataExport | None:
    """The person's own export of that reference, if it can be downloaded."""
    export = DataExport.objects.filter(user=user, reference=reference).first()
    return export if export and export.is_there(now) and export.path.exists() else None


def build_due() -> int:
    """Build what waits and what a killed worker left; returns how many were tried."""
    return work_due(DataExport.objects.all(), _build)


def clear_expired(*, now: datetime) -> int:
    """Delete files whose week is over, and those of accounts erased meanwhile; returns how many files went."""
    state = DataExport.State
    DataExport.objects.filter(state=state.DONE, expires_at__lte=now).update(state=state.EXPIRED)
    ready = {
        f"{reference}.zip"
        for reference in DataExport.objects.filter(state=state.DONE).values_list("reference", flat=True)
    }
    building = {
        f"{reference}.part"
        for reference in DataExport.objects.filter(state=state.RUNNING).values_list("reference", flat=True)
    }
    count = 0
    for path in sorted((Path(settings.MEDIA_ROOT) / "exports").glob("*")):
        # the hour: a file becomes a ready export in two steps
        if path.name not in ready | building and path.stat().st_mtime < now.timestamp() - 3600:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _build(export: DataExport) -> None:
    part = export.path.with_suffix(".part")
    export.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            write_export(file, Person.of(export.user))
        part.replace(export.path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    now = timezone.now()
    with transaction.atomic():
        export.finish(ready_at=now, expires_at=now + DataExport.RETENTION, size=export.path.stat().st_size)
        notify(to=Recipient.of(export.user), kind="data_export_ready", context={"export": export})


def write_export(file: BinaryIO, person: Person) -> None:
    """Write the whole ZIP: a README in the person's language, one JSON file for each table, and the files."""
    tables = sorted(privacy.tables(), key=lambda table: table.file_name)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "README.txt", [_readme(person, tables).encode()])
        for table in tables:
            _add(archive, f"data/{table.file_name}", _json_of(table, person))
        for table in tables:
            for export_file in table.files(person) if table.files else ():
                _add(archive, f"files/{_safe(export_file.name)}", iter([export_file.content()]))


def _add(archive: zipfile.ZipFile, name: str, parts: Any) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    with archive.open(entry, "w", force_zip64=True) as target:
        for part in parts:
            target.write(part)


def _json_of(table: Table, person: Person) -> Iterator[bytes]:
    """A JSON list, one row at a time, in the order the rows were written."""
    names, lookups = tuple(table.columns), tuple(table.columns.values())
    rows = table.rows(person).order_by("pk").values_list(*lookups)
    before = "["
    for row in rows.iterator(chunk_size=_ROWS):
        text = json.dumps(dict(zip(names, row, strict=True)), cls=_Encoder, ensure_ascii=False, indent=2)
        yield f"{before}\n{text}".encode()
        before = ","
    yield b"[]\n" if before == "[" else b"\n]\n"


class _Encoder(DjangoJSONEncoder):
    """Amounts as they are written, moments with their offset from UTC."""

    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            return o.isoformat()
        return str(o) if isinstance(o, Decimal) else super().default(o)


def _readme(person: Person, tables: list[Table]) -> str:
    with translation.override(person.user.language):
        about = [(table.file_name, table.category) for table in tables]
        values = {
            "email": person.email,
            "about": about,
            "house": settings.SELLER_NAME,
            "support_email": settings.SUPPORT_EMAIL,
        }
        return render_to_string("accounts/data_export.txt", values).strip() + "\n"


def _safe(name: str) -> str:
    """A path that stays inside the folder it is unpacked to, whatever the names in it."""
    parts = [part.replace("\\", "_") for part in PurePosixPath(name).parts if part not in ("/", ".", "..")]
    return "/".join(parts)

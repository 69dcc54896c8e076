"""The audit trail: rows written with the change they tell of, sealed into a hash chain a moment later.

Sealing is apart (a beat task every few seconds, one at a time) because a chain grown inside the business transaction
would make every audited transaction wait for every other, and two of them wait for each other.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from core.models import AuditEntry, AuditVerification

_LOCK = 0x61756469  # advisory lock: one sealer at a time


def record(*, action: str, target: Model | None = None, actor: Any = None, **detail: Any) -> AuditEntry:
    """Write one entry in the caller's transaction. `detail` must be JSON and hold no secrets and no free text.

    People are told by their number alone: an entry can never be changed, and must be able to outlive their names.
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_label=_label(actor),
        action=action,
        target=name_of(target) if target else "",
        detail=detail,
    )


def record_reading(*, action: str, target: Model, actor: Any, **detail: Any) -> None:
    """Write that a person looked at something, unless there is such an entry of the same day.

    One statement that waits for nobody. Two at the same moment may both write: one entry too many does no harm.
    """
    now = timezone.now()
    about, values = name_of(target), json.dumps(detail)
    since = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_auditentry (at, actor_id, actor_label, action, target, detail, hash)
            SELECT %s, %s, %s, %s, %s, %s::jsonb, ''
            WHERE NOT EXISTS (
                SELECT FROM core_auditentry
                WHERE target = %s AND at >= %s AND actor_id = %s AND action = %s AND detail = %s::jsonb
            )
            """,
            [now, actor.pk, _label(actor), action, about, values, about, since, actor.pk, action, values],
        )


def name_of(target: Model) -> str:
    """How entries name a row: its table, and the number people know it by, or else its primary key.

    Neither can be changed nor says anything of a person, so that all entries about the row are found by it.
    """
    return f"{target._meta.label_lower}:{getattr(target, key_field(target._meta.model))}"


def _label(actor: Any) -> str:
    return f"user {actor.pk}" if actor else "system"


def key_field(model: type[Model]) -> str:
    """The column that `name_of` takes."""
    is_numbered = any(field.name == "number" and field.unique for field in model._meta.fields)
    return "number" if is_numbered else "pk"


def seal() -> int:
    """Chain every entry not yet chained and return how many. Safe to run twice and in parallel."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.sealed().last()
        position, digest = (last.position or 0, last.hash) if last else (0, "")
        entries = list(AuditEntry.objects.waiting().order_by("pk"))
        for entry in entries:
            position += 1
            digest = _digest(entry, position, digest)
            entry.position, entry.hash = position, digest
            entry.save(update_fields=["position", "hash"])
    return len(entries)


def verify(*, now: datetime) -> AuditVerification:
    """Walk the whole chain and keep what came out: its length, what does not fit, whether its end was cut off.

    A chain that lost its last entries fits in itself; only where it ended at the last verification tells.
    """
    before = find_lost_end()
    last = AuditEntry.objects.sealed().last()
    end = before or last
    positions = [entry.position for entry in broken_entries()]
    return AuditVerification.objects.create(
        at=now, count=AuditEntry.objects.sealed().count(), broken_count=len(positions),
        first_broken=positions[0] if positions else None, is_cut=before is not None,
        position=end.position if end else None, hash=end.hash if end else "",
    )  # fmt: skip


def find_lost_end() -> AuditVerification | None:
    """The last verification, if the entry that ended the chain then is not in its place any more."""
    last = AuditVerification.objects.newest()
    if last is None or last.position is None:
        return None
    is_there = AuditEntry.objects.filter(position=last.position, hash=last.hash).exists()
    return None if is_there else last


def broken_entries() -> Iterator[AuditEntry]:
    """Entries that were changed, moved or follow a gap, in chain order."""
    expected, digest = 1, ""
    for entry in AuditEntry.objects.sealed().iterator(chunk_size=1000):
        if entry.position != expected or entry.hash != _digest(entry, expected, digest):
            yield entry
        expected, digest = (entry.position or 0) + 1, entry.hash


def _digest(entry: AuditEntry, position: int, previous: str) -> str:
    values = [
        position,
        entry.pk,
        entry.at.isoformat(),
        entry.actor_label,
        entry.action,
        entry.target,
        entry.detail,
        previous,
    ]
    message = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return hmac.new(settings.AUDIT_HMAC_KEY.encode(), message, hashlib.sha256).hexdigest()

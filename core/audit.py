"""The audit trail: rows written with the change they tell of, sealed into a hash chain a moment later.

Sealing is apart (a beat task every few seconds, one at a time) because a chain grown inside the business transaction
would make every audited transaction wait for every other, and two of them wait for each other.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Model

from core.models import AuditEntry

_LOCK = 0x61756469  # advisory lock: one sealer at a time


def record(*, action: str, target: Model | None = None, actor: Any = None, **detail: Any) -> AuditEntry:
    """Write one entry in the caller's transaction. `detail` must be JSON and hold no secrets and no free text.

    People are told by their number alone: an entry can never be changed, and must be able to outlive their names.
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_label=f"user {actor.pk}" if actor else "system",
        action=action,
        target=f"{target._meta.label_lower}:{_name(target)}" if target else "",
        detail=detail,
    )


def _name(target: Model) -> str:
    return str(target.pk if isinstance(target, get_user_model()) else target)


def seal() -> int:
    """Chain every entry not yet chained and return how many. Safe to run twice and in parallel."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.exclude(position=None).order_by("-position").first()
        position, digest = (last.position or 0, last.hash) if last else (0, "")
        entries = list(AuditEntry.objects.filter(position=None).order_by("pk"))
        for entry in entries:
            position += 1
            digest = _digest(entry, position, digest)
            entry.position, entry.hash = position, digest
            entry.save(update_fields=["position", "hash"])
    return len(entries)


def broken_entries() -> Iterator[AuditEntry]:
    """Entries that were changed, moved or follow a gap, in chain order."""
    expected, digest = 1, ""
    for entry in AuditEntry.objects.exclude(position=None).order_by("position").iterator(chunk_size=1000):
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

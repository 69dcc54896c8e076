"""Follows documents until a worker has read them all, and notices when none seems to be at work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from chatbot.models import Document

QUIET = timedelta(seconds=30)
_WORKER = "celery --app config worker --queues slow"


class Watch:
    """How far some documents have come. `look` as often as it is wanted to be told."""

    def __init__(self, documents: Sequence[Document], *, now: datetime) -> None:
        self._names = {document.pk: document.name for document in documents}
        self._lines: list[str] = []
        self._moved_at = now
        self._has_warned = False
        self._rows: dict[int, Document] = {}

    @property
    def is_over(self) -> bool:
        """Whether each is ready, failed or deleted; ask after a look."""
        done = (Document.State.DONE, Document.State.FAILED)
        return all(row.state in done for row in self._rows.values())

    def look(self, *, now: datetime) -> list[str]:
        """What is new since the last look, in lines to read."""
        fields = ("state", "last_error", "chunk_count", "embedded_count", "next_try_at")
        self._rows = Document.objects.only(*fields).in_bulk(self._names)
        lines = [self._progress(), *self._put_off(now)]
        fresh = [line for line in lines if line not in self._lines]
        if fresh:
            self._lines, self._moved_at, self._has_warned = lines, now, False
            return fresh
        if self.is_over or self._has_warned or now - self._moved_at < QUIET or self._is_somebody_reading(now):
            return []
        self._has_warned = True
        quiet = int((now - self._moved_at).total_seconds())
        return [f"nothing has moved for {quiet} seconds: no worker seems to run. Start one with: {_WORKER}"]

    def failures(self) -> Iterator[str]:
        """Those that will not be ready, each with why."""
        for pk, name in self._names.items():
            row = self._rows.get(pk)
            if row is None:
                yield f"{name}: deleted meanwhile"
            elif row.state == Document.State.FAILED:
                yield f"{name}: failed: {row.last_error}"

    def _progress(self) -> str:
        counts = Counter(row.state for row in self._rows.values())
        passages = sum(row.chunk_count for row in self._rows.values())
        embedded_count = sum(row.embedded_count for row in self._rows.values())
        ready = f"{counts[Document.State.DONE]} of {len(self._names)} documents ready"
        failed = f", {counts[Document.State.FAILED]} failed" if counts[Document.State.FAILED] else ""
        return f"{ready}{failed}, {embedded_count} of {passages} passages embedded"

    def _put_off(self, now: datetime) -> Iterator[str]:
        for row in self._rows.values():
            if row.state == Document.State.PENDING and row.last_error and row.next_try_at and row.next_try_at > now:
                again = timezone.localtime(row.next_try_at)
                yield f"{self._names[row.pk]}: tried again at {again:%H:%M}: {row.last_error}"

    def _is_somebody_reading(self, now: datetime) -> bool:
        """One worker reads after the other, so the one at work may be at another document; or all are put off."""
        reading = Document.objects.filter(state=Document.State.RUNNING, next_try_at__gt=now)
        return reading.exists() or any(True for _line in self._put_off(now))

"""Archive packages as staff ask for them and, once a month, by themselves: built in the background, with progress."""

import hashlib
from datetime import date

from django.db import transaction
from django.utils import timezone

from core.queue import work_due
from core.tasks import enqueue
from invoicing import tasks
from invoicing.archive.contents import Period, last_month, write_package
from invoicing.models import ArchivePackage

# Corrections of the last days of a month may still come (five days), so its package waits.
_DAY_OF_MONTH = 8


@transaction.atomic
def request_package(*, period: str) -> ArchivePackage:
    """Ask for a package, or for a fresh one where there is one already. `BadPeriodError` for a period that is none.

    One that is being built just now is left at it.
    """
    package, _created = ArchivePackage.objects.get_or_create(period=str(Period.parse(period)))
    if ArchivePackage.objects.revive(package.pk):
        ArchivePackage.objects.filter(pk=package.pk).update(done_count=0, finished_at=None, last_error="")
    package.refresh_from_db()
    enqueue(tasks.build_packages)
    return package


def request_last_month(*, today: date) -> bool:
    """Ask for the accountant's package of the month before, once, from the eighth on; True when it was asked for."""
    period = last_month(today)
    if today.day < _DAY_OF_MONTH or not period.invoices().exists():
        return False
    if ArchivePackage.objects.filter(period=str(period)).exists():
        return False
    request_package(period=str(period))
    return True


def build_due() -> int:
    """Build what waits, and what a killed worker left; returns how many were tried."""
    return work_due(ArchivePackage.objects.all(), _build)


def _build(package: ArchivePackage) -> None:
    def progress(done: int, total: int) -> None:
        if done % 25 == 0 or done == total:
            package.keep(done_count=done, total_count=total)

    count = write_package(package.path, Period.parse(package.period), progress)
    with package.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    package.finish(
        finished_at=timezone.now(), sha256=digest, done_count=count, total_count=count,
        size=package.path.stat().st_size,
    )  # fmt: skip

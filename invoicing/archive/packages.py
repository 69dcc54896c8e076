"""Archive packages as staff ask for them and, once a month, by themselves: built in the background, with progress."""

import hashlib
from datetime import date

from django.db import transaction

from core.clock import database_now
from core.queue import work_due
from core.tasks import enqueue
from invoicing import tasks
from invoicing.archive.contents import Period, last_month, write_package
from invoicing.models import ArchivePackage, InvoiceFile

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


def request_outdated(*, today: date) -> int:
    """Ask anew for each package of a past month whose documents have changed since it was built; returns how many.

    A document has the day of its operation and leaves up to twelve days later (art. 21, c. 4, DPR 633/1972), a late one
    later still: its month may be packed by then.
    """
    count = 0
    for package in ArchivePackage.objects.filter(state=ArchivePackage.State.DONE, period__contains="-"):
        is_past = package.period < f"{today:%Y-%m}"
        if is_past and _is_outdated(package):
            request_package(period=package.period)
            count += 1
    return count


def _is_outdated(package: ArchivePackage) -> bool:
    invoices = Period.parse(package.period).invoices()
    later_files = InvoiceFile.objects.filter(created_at__gt=package.finished_at)
    return invoices.count() != package.done_count or invoices.filter(files__in=later_files).exists()


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
        finished_at=database_now(), sha256=digest, done_count=count, total_count=count,
        size=package.path.stat().st_size,
    )  # fmt: skip

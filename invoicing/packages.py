"""Archive packages as staff ask for them and, once a month, by themselves: built in the background, with progress."""

import hashlib
import logging
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from core.tasks import enqueue
from invoicing import tasks
from invoicing.archive import BadPeriodError, Period, last_month, write_package
from invoicing.models import ArchivePackage

logger = logging.getLogger(__name__)

# A builder that has not finished within this time was killed.
_LEASE = timedelta(minutes=30)
# Corrections of the last days of a month may still come (five days), so its package waits.
_DAY_OF_MONTH = 8


@transaction.atomic
def request_package(*, period: str) -> ArchivePackage:
    """Ask for a package, or for a fresh one where there is one already. `BadPeriodError` for a period that is none."""
    checked = str(Period.parse(period))
    package, _created = ArchivePackage.objects.update_or_create(
        period=checked,
        defaults={"state": ArchivePackage.State.PENDING, "done_count": 0, "error": "", "finished_at": None},
    )
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


def build_due(*, now: datetime) -> int:
    """Build what waits, and what a killed worker left; returns how many."""
    state = ArchivePackage.State
    due = Q(state=state.PENDING) | Q(state=state.BUILDING, claimed_at__lt=now - _LEASE)
    built = 0
    for pk in ArchivePackage.objects.filter(due).order_by("requested_at").values_list("pk", flat=True):
        if ArchivePackage.objects.filter(due, pk=pk).update(state=state.BUILDING, claimed_at=now):
            _build(ArchivePackage.objects.get(pk=pk), now)
            built += 1
    return built


def _build(package: ArchivePackage, now: datetime) -> None:
    def progress(done: int, total: int) -> None:
        if done % 25 == 0 or done == total:
            ArchivePackage.objects.filter(pk=package.pk).update(done_count=done, total_count=total)

    try:
        count = write_package(package.path, Period.parse(package.period), progress)
        with package.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, BadPeriodError) as error:
        logger.exception("archive package %s", package.period)
        package.state, package.error = ArchivePackage.State.FAILED, str(error)
        package.save(update_fields=["state", "error"])
        return
    package.state, package.finished_at, package.sha256 = ArchivePackage.State.DONE, now, digest
    package.done_count = package.total_count = count
    package.size = package.path.stat().st_size
    package.save(update_fields=["state", "finished_at", "sha256", "done_count", "total_count", "size"])

"""Walks the audit chain and names every row that does not fit, or an end that is missing; exit status 1 then."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.audit import broken_entries, find_lost_end
from core.models import AuditEntry


class Command(BaseCommand):
    help = "Check the hash chain of the audit log."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = list(broken_entries())
        for entry in broken:
            self.stderr.write(f"position {entry.position} (row {entry.pk}): {entry}")
        if lost := find_lost_end():
            self.stderr.write(f"position {lost.position}: the chain ended there on {lost}, and does no more")
        if lost and not broken:
            raise CommandError("the end of the chain is missing")
        if broken:
            raise CommandError(f"{len(broken)} audit entries do not fit the chain")
        waiting = AuditEntry.objects.waiting().count()
        sealed = AuditEntry.objects.sealed().count()
        self.stdout.write(f"OK: {sealed} entries sealed, {waiting} waiting for the next seal")

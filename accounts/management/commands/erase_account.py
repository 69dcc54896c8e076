"""Erases an account as the back office does, or with --dry-run says what that would do."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from accounts.privacy import erasure


class Command(BaseCommand):
    help = "Erase an account: what is deleted, what is kept and why. Exit status 1 when something is in the way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")

    def handle(self, *args: Any, **options: Any) -> None:
        user, now = User.objects.find(options["email"]), timezone.now()
        if user is None:
            raise CommandError("there is no account with this address")
        plan = erasure.plan_for(user=user, now=now)
        for line in plan.lines:
            self.stdout.write(
                f"{line.category.outcome.value:<11} {line.count:>5}  {line.category.title}: {line.category.why}"
            )
        for blocker in plan.blockers:
            self.stderr.write(f"first: {blocker.text}")
        if plan.blockers:
            raise CommandError("the account cannot be erased yet")
        if not options["dry_run"]:
            erasure.erase_account(user=user, now=now)
            self.stdout.write("erased")

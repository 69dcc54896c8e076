"""Walks the main job through a running instance as a new customer would, and prints when each step was seen."""

import json
from dataclasses import asdict
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.tour import Step, Tour, TourError


class Command(BaseCommand):
    help = "Register, buy, pay with 3-D Secure, get the invoice through SDI, ask the assistant: by the public doors."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--url", default=settings.SITE_URL, help="address of the instance (default: SITE_URL)")
        parser.add_argument("--sandbox", default=settings.SANDBOX_URL, help="the sandbox's page, which has the mails")
        parser.add_argument("--wait", type=float, default=180.0, help="seconds to wait for one step (default: 180)")
        parser.add_argument("--json", action="store_true", help="print the timeline as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"]
        tour = Tour(
            options["url"].rstrip("/"),
            options["sandbox"].rstrip("/"),
            ask=input,
            wait_s=options["wait"],
            on_step=None if quiet else self._print,
        )
        trouble = ""
        try:
            tour.run()
        except TourError as error:
            trouble = str(error)
        except requests.RequestException as error:
            trouble = f"{options['url']} cannot be reached: {type(error).__name__}"
        if quiet:
            steps = [asdict(step) for step in tour.steps]
            self.stdout.write(
                json.dumps({"ok": not trouble, "error": trouble, "steps": steps}, indent=2, ensure_ascii=False)
            )
        if trouble:
            raise CommandError(trouble)
        if not quiet:
            self.stdout.write(self.style.SUCCESS(f"The whole way in {tour.steps[-1].at_s:.1f} s"))

    def _print(self, step: Step) -> None:
        self.stdout.write(f"{step.at_s:7.2f} s  {step.title:42} {step.result}")

"""Fills a new installation: catalogue, knowledge base, and a person of each role to sign in as. Safe to run again."""

from datetime import timedelta
from importlib.resources import files
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.documents import services as documents
from accounts.models import User
from billing.catalogue.demo import load_catalogue
from chatbot.knowledge.ingest import add_document

DEMO_PASSWORD = "ruled-sheet-2026"  # noqa: S105 -- of a machine that only loopback reaches: see _make_logins
PEOPLE = (
    ("admin@aish.example", "Elena", "Dotti", User.Role.SUPER_ADMIN),
    ("direzione@aish.example", "Marco", "Salvi", User.Role.ADMIN),
    ("redazione@aish.example", "Irene", "Fontana", User.Role.EDITOR),
    ("clienti@aish.example", "Paolo", "Neri", User.Role.SUPPORT),
    ("giulia@brandolini.example", "Giulia", "Ferrante", User.Role.CUSTOMER),
)


class Command(BaseCommand):
    help = "Load the demo catalogue, knowledge base and logins."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--with-logins", action="store_true", help="also make the demo logins (development only)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{load_catalogue()} services in the catalogue")
        self.stdout.write(f"{self._load_documents()} documents in the knowledge base, embedded in the background")
        if options["with_logins"]:
            self._make_logins()

    def _load_documents(self) -> int:
        paths = sorted(
            (path for path in (files("chatbot") / "demo").iterdir() if path.name.endswith(".md")),
            key=lambda path: path.name,
        )
        for path in paths:
            content = path.read_bytes()
            add_document(file=BytesIO(content), name=path.name, size=len(content), now=timezone.now())
        return len(paths)

    def _make_logins(self) -> None:
        if not settings.DEBUG:
            raise CommandError("demo logins have a known password and are only made with DEBUG=true")
        for email, first_name, last_name, role in PEOPLE:
            if User.objects.find(email) is None:
                User.objects.create_user(
                    email,
                    DEMO_PASSWORD,
                    first_name=first_name,
                    last_name=last_name,
                    role=role,
                    email_verified_at=timezone.now(),
                )
            self.stdout.write(f"login {email} / {DEMO_PASSWORD}")
        self._load_customers_documents()

    def _load_customers_documents(self) -> None:
        """A file that the customer has sent, and a deliverable that waits to be opened."""
        staff, customer = (User.objects.get(email=PEOPLE[place][0]) for place in (0, -1))
        now = timezone.now()
        documents.upload_document(
            customer=customer, file=_demo_file("organigramma.md"), note="Aggiornato a novembre.",
            now=now - timedelta(days=3),
        )  # fmt: skip
        documents.share_document(
            customer=customer, title="Readiness NIS2: lacune e priorità", note="Ne parliamo al prossimo incontro.",
            order_number="", file=_demo_file("lacune-nis2.md"), actor=staff, now=now,
        )  # fmt: skip
        self.stdout.write(f"2 documents of {customer.email}")


def _demo_file(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, (files("accounts") / "demo" / name).read_bytes())

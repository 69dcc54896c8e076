"""Documents as tests need them, sent and delivered through the services, and a look at their folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.documents import services
from accounts.models import CustomerDocument, User

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CONTENT = b"Organigramma e registro dei trattamenti."
REPORT = b"Rapporto: dodici lacune, tre gravi."


def paper(name: str = "organigramma.txt", content: bytes = CONTENT) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def upload(customer: User, name: str = "organigramma.txt", content: bytes = CONTENT, **more: Any) -> CustomerDocument:
    values = {"note": "", "now": NOW, **more}
    return services.upload_document(customer=customer, file=paper(name, content), **values).document


def share(customer: User, actor: User, title: str = "Rapporto NIS2", **more: Any) -> CustomerDocument:
    values = {"note": "", "order_number": "", "file": paper("rapporto.txt", REPORT), "now": NOW, **more}
    return services.share_document(customer=customer, title=title, actor=actor, **values).document


def replace(document: CustomerDocument, actor: User, content: bytes, **more: Any) -> None:
    values = {"now": NOW, **more}
    services.replace_document(document=document, file=paper("rapporto.txt", content), actor=actor, **values)


def fresh(document: CustomerDocument) -> CustomerDocument:
    return CustomerDocument.objects.get(pk=document.pk)


def files() -> list[Path]:
    """What lies in the folder of documents, whole or not."""
    folder = Path(settings.MEDIA_ROOT) / "documents"
    return sorted(path for path in folder.rglob("*") if path.is_file())

"""Pages of the web as sources: looked at on their schedule, and read anew when they have changed."""

import hashlib
import logging
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from chatbot import tasks
from chatbot.clients import web
from chatbot.knowledge.ingest import add_document
from chatbot.knowledge.parsing import UnreadableDocumentError, parse
from chatbot.models import WebPage
from core.errors import DomainError, TransientError, VendorError
from core.queue import work, work_due
from core.tasks import enqueue

logger = logging.getLogger(__name__)


def look_at(*, page: WebPage) -> bool:
    """Fetch a page if its turn has come and nobody else does; True when it had."""
    return work(WebPage.objects.all(), page.pk, _look)


def look_at_due() -> int:
    """Look at the pages whose turn has come; returns how many."""
    return work_due(WebPage.objects.all(), _look, limit=50)


@transaction.atomic
def look_now(*, page: WebPage) -> None:
    """A person wants a page looked at before its turn."""
    WebPage.objects.revive(page.pk)
    enqueue(tasks.look_at_page, page_id=page.pk)


def _look(page: WebPage) -> None:
    """Fetch a page and keep what is new as a document; its row tells what came of it.

    Trouble that may pass is tried again in an hour, anything else at the next turn.
    """
    try:
        response = web.fetch(page.url, etag=page.etag, last_modified=page.last_modified)
        text_sha256 = "" if response.content is None else _digest(response.kind, response.content)
    except TransientError as error:
        if page.has_no_tries_left:
            _wait(page, error)
        else:
            page.put_off(str(error), checked_at=timezone.now())
        return
    except (VendorError, DomainError, UnreadableDocumentError) as error:
        _wait(page, error)
        return
    _keep(page, response, text_sha256)


def _wait(page: WebPage, error: Exception) -> None:
    logger.warning("%s: %s", page.url, error)
    now = timezone.now()
    page.finish_turn(now + timedelta(days=page.every_days), checked_at=now, last_error=str(error))


@transaction.atomic
def _keep(page: WebPage, response: web.Page, text_sha256: str) -> None:
    """A document of the page's content, unless it says what it said before: pages change their bytes at every visit."""
    now = timezone.now()
    fields = {"etag": response.etag[:200], "last_modified": response.last_modified[:60], "checked_at": now}
    if response.content is not None and text_sha256 != page.text_sha256:
        add_document(
            file=BytesIO(response.content), name=_name(page.url, response.kind), size=len(response.content), now=now,
            topic=page.topic, language=page.language, page=page,
        )  # fmt: skip
        fields |= {"text_sha256": text_sha256, "changed_at": now}
    page.finish_turn(now + timedelta(days=page.every_days), **fields)


def _digest(kind: str, content: bytes) -> str:
    parsed = parse(kind, content)
    return hashlib.sha256(repr((parsed.title, parsed.sections)).encode()).hexdigest()


def _name(url: str, kind: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path.rstrip('/').replace('/', '-')}"[:150].removesuffix(f".{kind}") + f".{kind}"

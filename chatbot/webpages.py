"""Pages of the web as sources: looked at on their schedule, and read anew when they have changed."""

import hashlib
import logging
from datetime import datetime, timedelta
from io import BytesIO
from urllib.parse import urlsplit

from chatbot.clients import web
from chatbot.ingest import add_document
from chatbot.models import WebPage
from chatbot.parsing import UnreadableDocumentError, parse
from core.errors import DomainError, TransientError, VendorError

logger = logging.getLogger(__name__)

_AGAIN_AFTER = timedelta(hours=1)
_MAX_FAILURES = 5


def look_at(*, page: WebPage, now: datetime) -> bool:
    """Fetch a page and keep what is new as a document; its row tells what came of it. True when it had changed."""
    try:
        fetched = web.fetch(page.url, etag=page.etag, last_modified=page.last_modified)
        has_changed = fetched.content is not None and _keep(page, fetched.kind, fetched.content, now)
    except (VendorError, DomainError, UnreadableDocumentError) as error:
        _note_failure(page, error, now)
        return False
    page.etag, page.last_modified = fetched.etag[:200], fetched.last_modified[:60]
    page.checked_at, page.error, page.failures = now, "", 0
    page.next_check_at = now + timedelta(days=page.every_days)
    if has_changed:
        page.changed_at = now
    page.save()
    return has_changed


def look_at_due(*, now: datetime) -> int:
    """Look at the pages whose time has come; returns how many."""
    due = list(WebPage.objects.filter(is_active=True, next_check_at__lte=now).order_by("next_check_at", "pk")[:50])
    for page in due:
        if _claim(page, now):
            look_at(page=page, now=now)
    return len(due)


def _claim(page: WebPage, now: datetime) -> bool:
    """Two workers do not fetch the same page: whoever moves its time on has it."""
    mine = WebPage.objects.filter(pk=page.pk, next_check_at=page.next_check_at)
    return mine.update(next_check_at=now + _AGAIN_AFTER) == 1


def _keep(page: WebPage, kind: str, content: bytes, now: datetime) -> bool:
    """A document of the page's content, unless it says what it said before: pages change their bytes at every visit."""
    told = parse(kind, content)
    digest = hashlib.sha256(repr((told.title, told.sections)).encode()).hexdigest()
    if digest == page.text_sha256:
        return False
    add_document(
        file=BytesIO(content), name=_name(page.url, kind), size=len(content), now=now,
        topic=page.topic, language=page.language, page=page,
    )  # fmt: skip
    page.text_sha256 = digest
    return True


def _name(url: str, kind: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path.rstrip('/').replace('/', '-')}"[:150].removesuffix(f".{kind}") + f".{kind}"


def _note_failure(page: WebPage, error: Exception, now: datetime) -> None:
    """Trouble that may pass is tried again in an hour, anything else at the next turn."""
    logger.warning("%s: %s", page.url, error)
    page.checked_at, page.error, page.failures = now, str(error), page.failures + 1
    passes = isinstance(error, TransientError) and page.failures < _MAX_FAILURES
    page.next_check_at = now + (_AGAIN_AFTER if passes else timedelta(days=page.every_days))
    page.save()

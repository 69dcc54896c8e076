"""Takes documents in and makes them searchable: kept, parsed, cut, embedded in batches, each step seen from outside."""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.contrib.postgres.search import SearchVector
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatbot import tasks
from chatbot.clients import embeddings
from chatbot.knowledge.front_matter import read_front_matter
from chatbot.knowledge.parsing import UnreadableDocumentError, parse
from chatbot.languages import language_of
from chatbot.models import Chunk, Document, Topic, WebPage
from chatbot.retrieval.chunking import passages
from chatbot.retrieval.terms import CONFIGURATIONS, are_counts_stale, refresh_counts
from core import channels
from core.queue import LostClaimError, work, work_due
from core.tasks import enqueue
from core.uploads import detect_kind

CHANNEL = channels.declare("embeddings", _("Embedding of documents"))
KINDS = frozenset({"pdf", "docx", "doc", "odt", "pptx", "xlsx", "html", "htm", "xhtml", "txt", "md"})
_FIRST_BATCH = 16
_COUNTED_EVERY_S = 20


def add_document(
    *, file: BinaryIO, name: str, size: int, now: datetime, title: str = "", topic: str = "", language: str = "",
    page: WebPage | None = None, is_article: bool = False,
) -> Document:  # fmt: skip
    """Keep a file for reading; what is not said is taken from its front matter, its name or its text.

    The same file again is not read again: the document that has it is given back. Another file of the same name, or of
    the same web page, is a new version: the one before leaves the answers when this one is ready. Raises
    `UploadRefusedError`.
    """
    kind = detect_kind(file, name=name, size=size, allowed=KINDS)
    content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    existing = Document.objects.filter(sha256=digest, is_active=True).exclude(state=Document.State.FAILED).first()
    if existing:
        return existing
    front_matter = read_front_matter(content) if kind == "md" else {}
    path = PurePath(name)
    with transaction.atomic():
        before = _version_before(path.name[:160], page)
        document = Document.objects.create(
            name=path.name[:160],
            kind=kind,
            title=(title or front_matter.get("title", ""))[:200],
            topic=_known_topic(topic or front_matter.get("topic", "")),
            language=_known_language(language or front_matter.get("language", "") or _language_of(path.stem)),
            version=front_matter.get("version", "")[:40],
            content=content,
            sha256=digest,
            size=size,
            page=page,
            is_article=is_article or bool(before and before.is_article),
            replaces=before,
            next_try_at=now,
        )
        enqueue(tasks.ingest_document, document_id=document.pk)
    return document


def ingest(*, document: Document) -> bool:
    """Read, cut and embed a document that is due and that nobody else has; True when it is ready now."""
    if not work(Document.objects.all(), document.pk, _read, channel=CHANNEL):
        return False
    state = Document.objects.filter(pk=document.pk).values_list("state", flat=True).first()
    if state in (Document.State.DONE, Document.State.FAILED):
        _count_words()
    return state == Document.State.DONE


def ingest_due() -> int:
    """Take up what a lost message or a back-off left behind; returns how many were tried."""
    count = work_due(Document.objects.all(), _read, limit=20, channel=CHANNEL)
    if are_counts_stale():
        refresh_counts()
    return count


def _read(document: Document) -> None:
    try:
        if not document.chunks.exists():
            _store_passages(document)
        _embed(document)
        _complete(document)
    except UnreadableDocumentError as error:
        document.give_up(str(error))
    except DatabaseError as error:
        if Document.objects.filter(pk=document.pk).exists():
            raise
        # somebody deleted it in the meantime, and what was read went with it
        raise LostClaimError(f"document {document.pk} is deleted") from error


def _count_words() -> None:
    """Full text finds nothing in a passage whose words are not counted. Of many documents at once not each one counts:

    the last does, one every twenty seconds, and the sweep for whatever is left.
    """
    if not Document.objects.waiting().exists() or cache.add("chatbot-words-counted", True, _COUNTED_EVERY_S):
        refresh_counts()


@transaction.atomic
def read_again(*, document: Document) -> bool:
    """A person wants a document that is ready or failed read from the start. False for one that is being read."""
    if not Document.objects.revive(document.pk):
        return False
    document.chunks.all().delete()
    Document.objects.filter(pk=document.pk).update(chunk_count=0, embedded_count=0, omissions={}, last_error="")
    enqueue(tasks.ingest_document, document_id=document.pk)
    return True


def _version_before(name: str, page: WebPage | None) -> Document | None:
    before = Document.objects.filter(is_active=True, page=page)
    return (before if page else before.filter(name=name)).order_by("-pk").first()


def _store_passages(document: Document) -> None:
    """Store the document's passages, taking over the vectors of those that were embedded before."""
    parsed_document = parse(document.kind, bytes(document.content))
    if not document.title:
        document.title = parsed_document.title[:200] or PurePath(document.name).stem
    if not document.language:
        text = "\n".join(section.text for section in parsed_document.sections[:20])
        document.language = _known_language(parsed_document.language) or language_of(text, "it")
    new_passages = passages(parsed_document.sections, size=settings.RAG_CHUNK_SIZE, overlap=settings.RAG_CHUNK_OVERLAP)
    chunks = [
        Chunk(
            document=document, position=position, section=passage.section, heading=passage.heading[:300],
            path=" › ".join(passage.path)[:500], page=passage.page, is_background=passage.is_background,
            text=passage.text, language=document.language,
        )
        for position, passage in enumerate(new_passages)
    ]  # fmt: skip
    for chunk in chunks:
        chunk.sha256 = hashlib.sha256(text_to_embed(chunk).encode()).hexdigest()
    _reuse_vectors(chunks)
    configuration = CONFIGURATIONS[document.language]
    with transaction.atomic():
        document.chunks.all().delete()
        Chunk.objects.bulk_create(chunks, batch_size=500)
        vector = SearchVector("heading", weight="A", config=configuration) + SearchVector(
            "text", weight="B", config=configuration
        )
        Chunk.objects.filter(document=document).update(search=vector)
        document.keep(
            title=document.title, language=document.language, chunk_count=len(chunks),
            embedded_count=sum(chunk.embedding is not None for chunk in chunks),
            omissions=dict(parsed_document.omissions),
        )  # fmt: skip


def _reuse_vectors(chunks: Sequence[Chunk]) -> None:
    pairs = Chunk.objects.filter(
        sha256__in=[chunk.sha256 for chunk in chunks], embedding_model=settings.EMBEDDING_MODEL
    ).values_list("sha256", "embedding")
    vectors = dict(pairs)
    for chunk in chunks:
        if chunk.sha256 in vectors:
            chunk.embedding, chunk.embedding_model = vectors[chunk.sha256], settings.EMBEDDING_MODEL


def _embed(document: Document) -> None:
    """Embed what has no vector yet, batch by batch: an interruption loses two batches at most."""
    for batch, vectors in _embed_batches(document):
        for chunk, vector in zip(batch, vectors, strict=True):
            chunk.embedding, chunk.embedding_model = vector, settings.EMBEDDING_MODEL
        with transaction.atomic():
            document.keep(embedded_count=document.embedded_count + len(batch))
            Chunk.objects.bulk_update(batch, ["embedding", "embedding_model"])


def _embed_batches(document: Document) -> Iterator[tuple[list[Chunk], list[list[float]]]]:
    """Each batch with its vectors; while one is being stored, the next is already with the embedder."""
    waiting = document.chunks.filter(~Q(embedding_model=settings.EMBEDDING_MODEL)).order_by("position")
    keys = list(waiting.values_list("pk", flat=True))
    size, ready = _FIRST_BATCH, None
    with ThreadPoolExecutor(max_workers=1) as executor:
        while keys:
            batch = list(waiting.filter(pk__in=keys[:size]))
            keys = keys[size:]
            if not batch:  # deleted meanwhile
                continue
            future = executor.submit(_embed_timed, [text_to_embed(chunk) for chunk in batch])
            if ready:
                yield ready
            vectors, seconds = future.result()
            size, ready = embeddings.next_batch_size(len(batch), seconds), (batch, vectors)
        if ready:
            yield ready


def _embed_timed(texts: Sequence[str]) -> tuple[list[list[float]], float]:
    """The vectors, and how long the embedder took for them."""
    embeddings.wait_for_questions()
    start = time.monotonic()
    return embeddings.embed_passages(texts), time.monotonic() - start


@transaction.atomic
def _complete(document: Document) -> None:
    document.finish(completed_at=timezone.now())
    if document.replaces_id and document.is_active:
        Document.objects.filter(pk=document.replaces_id).update(is_active=False)


def text_to_embed(chunk: Chunk) -> str:
    """A passage with where it stands: the act and the article say what its pronouns do not."""
    return "\n".join(part for part in (chunk.document.title, chunk.heading, chunk.text) if part)


def _known_topic(topic: str) -> str:
    return topic if topic in Topic.values else Topic.GENERAL


def _language_of(stem: str) -> str:
    """As in "guide.en" or "guida_it"."""
    match = re.search(r"[._-](\w\w)$", stem)
    return match[1] if match else ""


def _known_language(code: str) -> str:
    """ "it" or "en"; "" when nothing known was told, and the text must say it."""
    return code if code in CONFIGURATIONS else ""

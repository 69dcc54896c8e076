"""Questions that were not answered, grouped by meaning: what the knowledge base lacks, as people asked for it.

The vector of a question is kept when it is asked; a sweep groups by it. Cosines are taken from the middle of the
passages' vectors: some models put every text close to every other (0.8 between strangers), and less that middle one
threshold fits them all. SQL by hand: the ORM has no arithmetic of vectors.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection, transaction
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatbot.clients import embeddings
from chatbot.knowledge import articles
from chatbot.languages import language_of
from chatbot.models import Chunk, Document, Message, QuestionGroup, QuestionTrace, Topic
from chatbot.retrieval.search import Hit
from core.errors import DomainError, VendorError

logger = logging.getLogger(__name__)

# Measured on 28 questions of eleven meanings, Italian and English, with multilingual-e5-small alone: joins 17 of the 26
# pairs of one meaning and none of 352 others (the demo's documents), or one (four laws). Plain cosines: 0.84 and more
# between questions of one meaning, up to 0.89 between strangers. With nothing to take the middle of, only the same
# words are the same.
ALIKE, ALIKE_WITHOUT_PASSAGES = 0.56, 0.995
_AT_ONCE = 200

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('chatbot_question_groups', 0))"
_MIDDLE = """
SELECT avg(embedding)::text FROM (
    SELECT embedding FROM chatbot_chunk WHERE embedding_model = %(model)s ORDER BY sha256 LIMIT 2000
) AS sample
"""
# On average, not by one member: chains of neighbours would join everything.
_NEAREST = """
SELECT other.group_id, avg(1 - ((other.embedding - %(middle)s::halfvec) <=> (own.embedding - %(middle)s::halfvec)))
FROM chatbot_questiontrace AS own JOIN chatbot_questiontrace AS other ON other.group_id IS NOT NULL
     AND other.embedding_model = own.embedding_model
WHERE own.id = %(trace)s GROUP BY other.group_id ORDER BY 2 DESC, 1 LIMIT 1
"""
_TYPICAL = """
UPDATE chatbot_questiongroup AS changed SET typical_id = (
    SELECT member.id FROM chatbot_questiontrace AS member WHERE member.group_id = changed.id
    ORDER BY member.embedding <=> (
        SELECT avg(embedding)::halfvec FROM chatbot_questiontrace
        WHERE group_id = changed.id AND embedding_model = %(model)s
    ), member.id DESC LIMIT 1
) WHERE changed.id = ANY(%(groups)s)
"""


class GroupDoneError(DomainError):
    code = "group_done"
    message = _("Somebody else is done with these questions.")


@transaction.atomic
def keep_trace(*, question: Message, answer: Message, vector: Sequence[float] | None, best: Hit | None) -> None:
    """Remember what the question found; one forgotten meanwhile leaves nothing."""
    if not Message.objects.select_for_update().filter(pk=question.pk).exclude(text="").exists():
        return
    near: dict[str, Any] = {}
    if best:
        near = {
            # its document may have been read anew while the model wrote
            "near_chunk": Chunk.objects.only("pk").filter(pk=best.chunk_id).first(),
            "near_title": best.title, "near_heading": best.heading, "near_topic": best.topic,
            "near_score": best.score, "near_similarity": best.similarity,
        }  # fmt: skip
    QuestionTrace.objects.update_or_create(
        question=question,
        defaults={
            "answer": answer, "asked_at": question.created_at, "embedding": vector,
            "embedding_model": "" if vector is None else settings.EMBEDDING_MODEL, **near,
        },
    )  # fmt: skip


def group_questions(*, now: datetime) -> int:
    """Bring the groups up to date; returns how many questions came into one. Twice at once is the same as once."""
    since = now - QuestionTrace.WINDOW
    _embed_missing(since)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK)
        left_groups = _let_go(since)
        joined_groups = _join(since, now)
        _name(left_groups | set(joined_groups))
        QuestionGroup.objects.filter(questions=None).delete()
    return len(joined_groups)


def mark_done(*, group: QuestionGroup, note: str, actor: User, now: datetime) -> None:
    """Take the group off the list, until one more question comes. Raises when somebody else just did."""
    waiting = QuestionGroup.objects.to_answer().filter(pk=group.pk)
    if not waiting.update(done_at=now, done_by=actor, note=note):
        raise GroupDoneError


@transaction.atomic
def write_article(
    *, group: QuestionGroup, question: str, answer: str, topic: str, language: str, actor: User, now: datetime
) -> Document:
    """Answer the group's questions by an article, and be done with them; as `articles.add_article` otherwise."""
    mark_done(group=group, note="", actor=actor, now=now)
    group.article = articles.add_article(
        question=question, answer=answer, topic=topic, language=language, name=f"question-{group.pk}",
        people=_people(group), now=now,
    )  # fmt: skip
    group.save(update_fields=["article"])
    return group.article


def article_draft(group: QuestionGroup) -> dict[str, str]:
    """What an article begins with: the typical question, its language, and the topic most passages came near to."""
    typical = group.typical or group.questions.order_by("-pk").first()
    topics = Counter(group.questions.exclude(near_topic="").values_list("near_topic", flat=True)).most_common(1)
    return {
        "question": Truncator(typical.question.text_with_about).chars(200) if typical else "",
        "topic": topics[0][0] if topics else Topic.GENERAL,
        "language": language_of(typical.question.text, "it") if typical else "it",
    }  # fmt: skip


def _people(group: QuestionGroup) -> list[str]:
    """Names of the customers who asked."""
    users = User.objects.filter(conversations__messages__trace__group=group).distinct()
    return [user.get_full_name() for user in users]


def _embed_missing(since: datetime) -> None:
    """Vectors for questions asked with the embeddings away, or before the model was changed."""
    lacking = QuestionTrace.objects.unanswered(since).exclude(embedding_model=settings.EMBEDDING_MODEL)
    for trace in lacking.select_related("question").defer("embedding").order_by("-pk")[:_AT_ONCE]:
        try:
            vector = async_to_sync(embeddings.embed_question)(trace.question.text_with_about)
        except VendorError as error:
            logger.warning("questions left without a vector: %s", error)
            return
        QuestionTrace.objects.filter(pk=trace.pk).update(embedding=vector, embedding_model=settings.EMBEDDING_MODEL)


def _let_go(since: datetime) -> set[int]:
    """Questions that were answered after all or are too old leave their group; the ids of the groups they left.

    Groups whose typical question was deleted are among them: they want another.
    """
    unanswered = QuestionTrace.objects.unanswered(since).values("pk")
    gone = QuestionTrace.objects.exclude(group=None).exclude(pk__in=unanswered)
    group_ids = set(gone.values_list("group", flat=True))
    gone.update(group=None, grouped_at=None, reason="")
    nameless = QuestionGroup.objects.filter(typical=None).values_list("pk", flat=True)
    return {pk for pk in group_ids if pk} | set(nameless)


def _join(since: datetime, now: datetime) -> list[int]:
    """Put each new question into the group it is like, or into one of its own; returns the group of each.

    Groups are only added to, so that what somebody was done with stays what it was.
    """
    fresh = QuestionTrace.objects.unanswered(since).filter(group=None, embedding_model=settings.EMBEDDING_MODEL)
    rows = fresh.only("pk").order_by("pk")[:_AT_ONCE]
    traces: list[tuple[int, str]] = [(trace.pk, trace.why) for trace in rows]  # type: ignore[attr-defined]
    if not traces:
        return []
    groups = []
    with connection.cursor() as cursor:
        cursor.execute(_MIDDLE, {"model": settings.EMBEDDING_MODEL})
        [middle] = cursor.fetchone()
        alike = ALIKE if middle else ALIKE_WITHOUT_PASSAGES
        for pk, why in traces:
            cursor.execute(_NEAREST, {"middle": middle or str([0] * embeddings.WIDTH), "trace": pk})
            row = cursor.fetchone()
            group = row[0] if row and row[1] >= alike else QuestionGroup.objects.create(created_at=now).pk
            QuestionTrace.objects.filter(pk=pk).update(group=group, grouped_at=now, reason=why)
            groups.append(group)
    return groups


def _name(groups: set[int]) -> None:
    """Call each group by the question nearest to the middle of them all."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPICAL, {"groups": list(groups), "model": settings.EMBEDDING_MODEL})

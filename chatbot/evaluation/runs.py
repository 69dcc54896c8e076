"""Keeps what was measured, with what it was measured on, so that runs can be compared."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from chatbot.answering import configuration
from chatbot.evaluation.answer_metrics import AnswerResult
from chatbot.evaluation.retrieval_metrics import Question
from chatbot.models import Document, EvaluationRun


def keep_run(
    *, name: str, digest: str, figures: dict[str, Any], missed_questions: Sequence[Question],
    results: Sequence[AnswerResult], documents: QuerySet[Document], now: datetime,
) -> EvaluationRun:  # fmt: skip
    """Keep the figures with the questions' name and digest, the documents' digest and how the assistant is set."""
    corpus = list(documents.order_by("sha256", "pk").values_list("sha256", "chunk_count"))
    setting = configuration.current()
    return EvaluationRun.objects.create(
        at=now,
        name=name[:160],
        questions_sha256=digest,
        question_count=figures["questions"],
        document_count=len(corpus),
        passage_count=sum(count for _digest, count in corpus),
        waiting_count=Document.objects.waiting().count(),
        corpus_sha256=hashlib.sha256("\n".join(digest for digest, _count in corpus).encode()).hexdigest(),
        embedding_model=settings.EMBEDDING_MODEL,
        version=setting.version if setting.version.pk else None,
        answer_model=setting.model.name,
        rewrite_model=setting.rewrite_model.name if setting.version.rewrites_questions else "",
        figures=figures,
        remarks=[*(_remark(each, "missed", "") for each in missed_questions), *_remarks(results)],
    )


def _remarks(results: Sequence[AnswerResult]) -> list[dict[str, str]]:
    return [_remark(each.question, each.remark, each.error or "; ".join(each.flaws)) for each in results if each.remark]


def _remark(question: Question, what: str, detail: str) -> dict[str, str]:
    return {
        "id": question.id, "language": question.language, "kind": question.kind, "question": question.text[:300],
        "what": what, "detail": detail[:300],
    }  # fmt: skip

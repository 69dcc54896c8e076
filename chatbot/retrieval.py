"""Finds the passages a question may be answered from: vectors and full text together, by reciprocal rank fusion.

One SQL statement. The vector side compares within one embedding model and looks at every passage (exact); the full
text side searches each passage in its own language.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

# How much a rank is worth: 1 / (60 + rank) is the constant of the original paper (Cormack et al., 2009).
_RRF = 60
_POOL = 50
# Below this similarity of the best passage, with no word in common, a question is about something else altogether.
OFF_TOPIC = 0.79
# Exact terms (an article, a code, a number) are full text's to find; a free question is the vectors'.
_EXACT = re.compile(
    r"\b(?:artt?|articol\w+|articles?|comma|lett|allegat\w+|annex|considerand\w+|recital)\b|\d", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]{2,}|\d")  # "art. 5" is about its number

_STATEMENT = f"""
WITH searched AS (
    SELECT chunk.id, chunk.language, chunk.search, chunk.embedding, chunk.embedding_model
    FROM chatbot_chunk AS chunk
    JOIN chatbot_document AS document ON document.id = chunk.document_id
    WHERE document.is_active AND document.status = 'completed'
), by_vector AS (
    SELECT id, 1 - (embedding <=> %(vector)s::halfvec) AS similarity,
           row_number() OVER (ORDER BY embedding <=> %(vector)s::halfvec, id) AS place
    FROM searched WHERE %(vector)s::halfvec IS NOT NULL AND embedding_model = %(model)s
    ORDER BY embedding <=> %(vector)s::halfvec, id LIMIT {_POOL}
), by_text AS (
    SELECT id, row_number() OVER (ORDER BY score DESC, id) AS place FROM (
        SELECT id, ts_rank_cd(search, query, 1) AS score
        FROM searched, (VALUES ('it', to_tsquery('italian', %(words)s)), ('en', to_tsquery('english', %(words)s)))
             AS asked (lang, query)
        WHERE searched.language = asked.lang AND search @@ query
        ORDER BY score DESC, id LIMIT {_POOL}
    ) AS found
)
SELECT chunk.id, document.name, document.title, document.language, chunk.heading, chunk.page, chunk.text,
       coalesce(%(vector_weight)s / ({_RRF} + by_vector.place), 0)
       + coalesce(%(text_weight)s / ({_RRF} + by_text.place), 0) AS score,
       by_vector.similarity, by_text.place IS NOT NULL AS has_words
FROM by_vector FULL JOIN by_text USING (id)
JOIN chatbot_chunk AS chunk USING (id)
JOIN chatbot_document AS document ON document.id = chunk.document_id
ORDER BY score DESC, chunk.id LIMIT %(count)s
"""  # noqa: S608 -- only the two constants above are put in


@dataclass(frozen=True)
class Hit:
    """One passage found. `similarity` is the cosine, None when only full text found it."""

    chunk_id: int
    document: str
    title: str
    language: str
    heading: str
    page: int | None
    text: str
    score: float
    similarity: float | None
    has_words: bool


def search(question: str, vector: Sequence[float] | None, *, count: int) -> list[Hit]:
    """The best `count` passages for a question, best first. Without a `vector` full text works alone."""
    exact = bool(_EXACT.search(question))
    parameters = {
        "vector": None if vector is None else str(list(vector)),
        "model": settings.EMBEDDING_MODEL,
        "words": _any_of(question),
        "vector_weight": 1.0,
        "text_weight": 0.8 if exact else 0.35,
        "count": count,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, parameters)
        return [Hit(*row) for row in cursor.fetchall()]


def is_off_topic(hits: Sequence[Hit]) -> bool:
    """Whether nothing found could support an answer, so that no model needs to be asked."""
    if not hits:
        return True
    best = max((hit.similarity or 0.0 for hit in hits), default=0.0)
    return best < OFF_TOPIC and not any(hit.has_words for hit in hits)


def _any_of(question: str) -> str:
    """The question's words as a tsquery that any of them satisfies; without words it is "", which finds nothing."""
    return " | ".join(dict.fromkeys(_WORD.findall(question.lower())[:60]))

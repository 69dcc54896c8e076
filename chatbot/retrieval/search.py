"""Finds the passages a question may be answered from: by meaning (vectors) and by words (full text), in one statement.

Both sides bring their best `_POOL` passages; each passage of either then has both scores, and they are added: the
cosine, spread over the pool so that any embedding model's scale will do, and the share of the question's words. Ranks
(reciprocal rank fusion) throw away how much better a passage is, and were measured to be worse (docs/decisions.md).
Rules come before what explains them, and a section comes once, with its best passage. The share of words counts less
the fewer of them are found anywhere, which tells a question in the law's own terms from a paraphrase.

What each lever did alone to Recall@5 (60 questions on four laws, multilingual-e5-small): the document's own title
before each passage 0.65 -> 0.75; one passage a section 0.75 -> 0.78; recitals after articles 0.78 -> 0.80; BM25's
weights instead of `ts_rank_cd` 0.43 -> 0.51 (full text alone); a glossary learned from the laws' two versions 0.20 ->
0.80 (full text alone, questions in the other language). Tried and left out: passages of 350 characters (0.85 -> 0.69
alone, 0.81 at a fifth of the weight), headings as a vector of their own (0.85 -> 0.80), feedback from the first results
(0.84).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from chatbot.languages import language_of
from chatbot.models import Document
from chatbot.retrieval.terms import build_search_terms

_POOL = 50
# What a passage's share of the question's words is worth, in spreads of the vectors' pool. It counts in full where some
# passage has as large a share as `_FULL_WORD_SHARE`; a question in other words than the law's is left to the vectors.
_WORDS_WEIGHT = 6.0
_FULL_WORD_SHARE = 0.15
# Recitals and preambles explain the law at length and in the words of a question; the answer is in the articles.
_BACKGROUND_COST = 1.2
# Below this cosine of the best passage, with so few of its words found, a question is about something else altogether:
# 7 of 38 such questions, none of 107 that have an answer (laws and demo documents, multilingual-e5-small); 0.1 would be
# 11, and takes a question in the other language for foreign where documents are few.
OFF_TOPIC_SIMILARITY = 0.8
OFF_TOPIC_WORDS = 0.05
# So many passages are compared one by one, which is exact; above it the indexes are quicker.
EXACT_LIMIT = 5_000
_ASKS_FOR_BACKGROUND = re.compile(r"\b(?:considerand[oi]|recitals?|preambol[oi]|preambles?)\b", re.IGNORECASE)

# Asked before every search: the ORM took three times as long to write it.
_DOCUMENTS = """
SELECT coalesce(array_agg(id), '{}'), coalesce(sum(chunk_count), 0) FROM chatbot_document
WHERE is_active AND state = 'done'
      AND (%(topics)s::text[] = '{}' OR topic = ANY(%(topics)s::text[]))
      AND (%(languages)s::text[] = '{}' OR language = ANY(%(languages)s::text[]))
      AND (%(names)s::text[] = '{}' OR name = ANY(%(names)s::text[]))
"""
_VECTOR_SIDE = """
WITH by_vector AS (
    SELECT id, 1 - distance AS similarity FROM (
        SELECT id, embedding <=> %(vector)s::halfvec AS distance FROM chatbot_chunk
        WHERE %(vector)s::halfvec IS NOT NULL AND embedding_model = %(model)s
              AND document_id = ANY(%(documents)s::bigint[])
        ORDER BY """
_WORD_SIDE = """ LIMIT %(pool)s
    ) AS nearest
), by_word AS (
    SELECT id, sum(best) AS words FROM (
        SELECT chunk.id, max(term.weight * chunk.rank) AS best
        FROM unnest(%(languages)s::text[], %(stems)s::tsquery[], %(numbers)s::int[], %(weights)s::float8[])
             AS term (language, query, number, weight)
        CROSS JOIN LATERAL (
            SELECT id, document_id, ts_rank(search, term.query) AS rank FROM chatbot_chunk
            WHERE search @@ term.query AND language = term.language """
_TOGETHER = """
        ) AS chunk
        WHERE chunk.document_id = ANY(%(documents)s::bigint[])
        GROUP BY chunk.id, term.number
    ) AS best_by_term GROUP BY id
), best_by_word AS (
    SELECT id FROM by_word ORDER BY words DESC, id LIMIT %(pool)s
)
SELECT chunk.id, document.name, document.title, document.language, document.topic, chunk.section, chunk.heading,
       chunk.path, chunk.page, chunk.text, chunk.is_background,
       CASE WHEN chunk.embedding_model = %(model)s THEN 1 - (chunk.embedding <=> %(vector)s::halfvec) END,
       coalesce(by_word.words, 0), by_vector.id IS NOT NULL
FROM (SELECT id FROM by_vector UNION SELECT id FROM best_by_word) AS pool
JOIN chatbot_chunk AS chunk ON chunk.id = pool.id
JOIN chatbot_document AS document ON document.id = chunk.document_id
LEFT JOIN by_vector ON by_vector.id = pool.id
LEFT JOIN by_word ON by_word.id = pool.id
"""
# Few passages: their documents lead to all of them ("+ 0" keeps the planner from the vectors' index).
_STATEMENT_FOR_FEW = f"{_VECTOR_SIDE}(embedding <=> %(vector)s::halfvec) + 0, id{_WORD_SIDE}{_TOGETHER}"
# Many: each side by its own index ("OFFSET 0" keeps the planner from trying every word on every passage).
_STATEMENT_FOR_MANY = f"{_VECTOR_SIDE}embedding <=> %(vector)s::halfvec{_WORD_SIDE}OFFSET 0{_TOGETHER}"


@dataclass(frozen=True)
class Hit:
    """One passage found: `similarity` is the cosine, None without vectors; `words` the share of the question it has."""

    chunk_id: int
    document: str
    title: str
    language: str
    topic: str
    section: int
    heading: str
    path: str
    page: int | None
    text: str
    is_background: bool
    similarity: float | None
    words: float
    is_near: bool
    score: float = 0.0

    @property
    def has_words(self) -> bool:
        return self.words > 0


@dataclass(frozen=True)
class Scope:
    """What may be searched; empty says everything that is in use."""

    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def search(
    question: str, vector: Sequence[float] | None, *, count: int, scope: Scope = Scope(), uses_words: bool = True
) -> list[Hit]:
    """The best `count` passages for a question, best first. Without a `vector` full text works alone."""
    documents, passages = _documents(scope)
    terms = build_search_terms(question, language_of(question, "it")) if uses_words else []
    parameters = {
        "vector": None if vector is None else str(list(vector)),
        "model": settings.EMBEDDING_MODEL,
        "documents": "{" + ",".join(map(str, documents)) + "}",
        "pool": max(_POOL, count),
        "languages": [each.language for each in terms],
        "stems": [_quote_stem(each.stem) for each in terms],
        "numbers": [each.word for each in terms],
        "weights": [each.weight for each in terms],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT_FOR_FEW if passages <= EXACT_LIMIT else _STATEMENT_FOR_MANY, parameters)
        hits = [Hit(*row) for row in cursor.fetchall()]
    return _rank(hits, question, count)


def is_off_topic(hits: Sequence[Hit], similarity: float = OFF_TOPIC_SIMILARITY) -> bool:
    """Whether nothing found could support an answer, so that no model needs to be asked."""
    if not hits:
        return True
    best = max(hit.similarity or 0.0 for hit in hits)
    return best < similarity and max(hit.words for hit in hits) < OFF_TOPIC_WORDS


def documents_in(scope: Scope) -> QuerySet[Document]:
    """The documents that may be searched: in use, read to the end, and within the scope."""
    return Document.objects.filter(pk__in=_documents(scope)[0])


def _documents(scope: Scope) -> tuple[list[int], int]:
    """Their ids, and how many passages they have together."""
    with connection.cursor() as cursor:
        cursor.execute(
            _DOCUMENTS,
            {"topics": list(scope.topics), "languages": list(scope.languages), "names": list(scope.names)},
        )
        ids, passages = cursor.fetchone() or ([], 0)
    return ids, passages


def _rank(hits: Sequence[Hit], question: str, count: int) -> list[Hit]:
    similarities = [hit.similarity for hit in hits if hit.is_near and hit.similarity is not None]
    low = min(similarities, default=0.0)
    spread = (max(similarities) - low or 1.0) if similarities else 1.0
    weight = _WORDS_WEIGHT * min(1.0, max((hit.words for hit in hits), default=0.0) / _FULL_WORD_SHARE) ** 3
    cost = 0.0 if _ASKS_FOR_BACKGROUND.search(question) else _BACKGROUND_COST

    def score(hit: Hit) -> float:
        meaning = (hit.similarity - low) / spread if hit.similarity is not None else 0.0
        return meaning + weight * hit.words - cost * hit.is_background

    sorted_hits = sorted(hits, key=lambda hit: (-score(hit), hit.chunk_id))
    return [replace(hit, score=score(hit)) for hit in once_a_section(sorted_hits)[:count]]


def once_a_section(hits: Iterable[Hit]) -> list[Hit]:
    """The first passage of each section, in order."""
    sections: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        sections.setdefault((hit.document, hit.section), hit)
    return list(sections.values())


def _quote_stem(stem: str) -> str:
    """A stem as a tsquery that stands for itself."""
    escaped_stem = stem.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped_stem}'"

"""The words of a question as full text search knows them: stemmed, translated, and weighed by how rare they are.

PostgreSQL's ranking does not know that "cybersecurity" says less than "pseudonymisation"; the weights here are those of
BM25 (Robertson and Zaragoza, 2009), from the counts that `refresh_counts` keeps. A question also looks for its words in
the other language, by a glossary learned from the laws' two versions (`manage.py learn_glossary`).
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from django.db import connection, transaction

CONFIGURATIONS = {"it": "italian", "en": "english"}
# Ranking reads every passage that has one of the words: the rarest ones are looked for, up to so many passages
# (Recall@5 0.850 with 6,000 and 4,000, 0.842 with 2,500 and 1,500).
_BUDGET = 4_000
_MOST_WORDS = 60
_TOKEN = re.compile(r"[^\s'’\"“”«»()?!,;:]+")


@dataclass(frozen=True)
class SearchTerm:
    """One stem to look for in the passages of one language.

    `weight` is the share of the question that a passage answers with it: the weights of one language add up to 1, but
    for the translations of one word, of which the likeliest one counts.
    """

    language: str
    stem: str
    word: int
    weight: float


def build_search_terms(question: str, language: str) -> list[SearchTerm]:
    """What to look for in full text for a question asked in `language`, rarest first."""
    words = _words(question)
    alternatives = {other: _alternatives(words, language, other) for other in CONFIGURATIONS}
    counts = _counts(
        {stem for stems_by_word in alternatives.values() for word in stems_by_word for stem, _likely in word}
    )
    terms = [each for other, stems_by_word in alternatives.items() for each in _weigh(other, stems_by_word, counts)]
    return _limit_to_budget(terms, counts)


def refresh_counts() -> None:
    """Count anew in how many passages each stem stands; called when the documents have changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('chatbot_wordcount', 0))")
        cursor.execute("DELETE FROM chatbot_wordcount")
        for language in CONFIGURATIONS:
            query = f"SELECT search FROM chatbot_chunk WHERE language = '{language}'"  # noqa: S608 -- a constant above
            cursor.execute(
                """
                INSERT INTO chatbot_wordcount (language, stem, passages)
                SELECT %(language)s, word, ndoc FROM ts_stat(%(query)s)
                UNION ALL SELECT %(language)s, '', count(*) FROM chatbot_chunk WHERE language = %(language)s
                """,
                {"language": language, "query": query},
            )


def are_counts_stale() -> bool:
    """Whether there are more or fewer passages than were counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT sum(passages) FROM chatbot_wordcount WHERE stem = ''), 0) "
            "<> (SELECT count(*) FROM chatbot_chunk WHERE language = ANY(%s))",
            [list(CONFIGURATIONS)],
        )
        return bool(cursor.fetchone()[0])


def stems_of_pair(italian: str, english: str) -> tuple[list[str], list[str]]:
    """The stems of one sentence in both languages."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tsvector_to_array(to_tsvector('italian', %s)), tsvector_to_array(to_tsvector('english', %s))",
            [italian, english],
        )
        row = cursor.fetchone()
    return row[0], row[1]


def _words(question: str) -> list[dict[str, list[str]]]:
    """The question word by word: the stems of each in every language, none for a word that says nothing there."""
    tokens = list(dict.fromkeys(_TOKEN.findall(question.lower())))[:_MOST_WORDS]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tsvector_to_array(to_tsvector('italian', token)), tsvector_to_array(to_tsvector('english', token)) "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS tokens (token, place) ORDER BY place",
            [tokens],
        )
        return [dict(zip(CONFIGURATIONS, row, strict=True)) for row in cursor.fetchall()]


def _alternatives(
    words: Sequence[Mapping[str, Sequence[str]]], language: str, other: str
) -> list[list[tuple[str, float]]]:
    """For each word of the question its stems in language `other`, each with how likely it means the same."""
    alternatives = []
    for word in words:
        if not word[language]:
            continue
        if language == other:
            alternatives.append([(stem, 1.0) for stem in word[language]])
            continue
        stems = {stem: likely for each in word[language] for stem, likely in glossary()[language].get(each, ())}
        # names, numbers and loan words are the same in both; and a question may be in the language it does not seem
        as_it_is = 0.5 if stems else 1.0
        for stem in word[other]:
            stems.setdefault(stem, as_it_is)
        alternatives.append(list(stems.items()))
    return alternatives


def _weigh(
    language: str, words: Sequence[Sequence[tuple[str, float]]], counts: Mapping[tuple[str, str], int]
) -> list[SearchTerm]:
    passages = counts.get((language, ""), 0)
    rarity = []
    for word in words:
        passage_counts = [count for stem, _likely in word if (count := counts.get((language, stem), 0))]
        rarity.append(_idf(min(passage_counts, default=0), passages))
    whole = sum(rarity) or 1.0
    return [
        SearchTerm(language, stem, number, likely * rare / whole)
        for number, (word, rare) in enumerate(zip(words, rarity, strict=True))
        for stem, likely in word
    ]


def _idf(count: int, passages: int) -> float:
    return math.log(1 + (max(passages - count, 0) + 0.5) / (count + 0.5))


def _limit_to_budget(terms: Sequence[SearchTerm], counts: Mapping[tuple[str, str], int]) -> list[SearchTerm]:
    """Those that stand somewhere, rarest first, as far as reading their passages goes.

    The index knows no languages: a stem costs the passages of both.
    """
    costs = {each.stem: sum(counts.get((language, each.stem), 0) for language in CONFIGURATIONS) for each in terms}
    affordable_terms, sum_so_far = [], 0
    for each in sorted(terms, key=lambda each: costs[each.stem]):
        if not counts.get((each.language, each.stem)):
            continue
        if sum_so_far and sum_so_far + costs[each.stem] > _BUDGET:  # the rarest that there is stays, however frequent
            break
        sum_so_far += costs[each.stem]
        affordable_terms.append(each)
    return affordable_terms


def _counts(stems: Iterable[str]) -> dict[tuple[str, str], int]:
    """In how many passages of each language each stem stands; under "" how many passages the language has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT language, stem, passages FROM chatbot_wordcount WHERE language = ANY(%s) AND stem = ANY(%s)",
            [list(CONFIGURATIONS), ["", *sorted(stems)]],
        )
        return {(language, stem): count for language, stem, count in cursor.fetchall()}


@lru_cache(maxsize=1)
def glossary() -> dict[str, dict[str, list[tuple[str, float]]]]:
    """By language and stem: the stems of the other language that mean the same, with their probabilities."""
    text = files("chatbot.retrieval").joinpath("glossary.json").read_text(encoding="utf-8")
    tables: dict[str, dict[str, list[tuple[str, float]]]] = json.loads(text)
    return tables

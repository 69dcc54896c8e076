"""How well the passages are found: Recall@5, MRR@10 and refusals over questions whose right sections are known."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from statistics import fmean
from typing import Any

from asgiref.sync import async_to_sync

from chatbot.answering.rewriting import is_sure, merge_hits
from chatbot.clients import embeddings
from chatbot.retrieval.search import Hit, Scope, documents_in, is_off_topic, search

HitsByMethod = dict[str, list[tuple["Question", list[Hit]]]]

UNANSWERABLE, ARTICLE = "unanswerable", "article"
_TOP, _DEEP = 5, 10
# The same part of the same act, in whichever language it is loaded.
_PARTS = {
    "article": "articolo",
    "recital": "considerando",
    "annex": "allegato",
    "chapter": "capo",
    "section": "sezione",
}


class QuestionsError(ValueError):
    """The file is not a list of questions; the message says which line and why."""


@dataclass(frozen=True)
class Question:
    """A question, the sections that answer it (`gold`, all needed by a "multi" one), and others that do as well.

    A section is `document#heading`; `document` alone is any of its sections.
    """

    id: str
    language: str
    kind: str
    text: str
    gold: tuple[str, ...]
    also: tuple[str, ...]
    rewrite: str = ""

    @property
    def is_answerable(self) -> bool:
        return self.kind != UNANSWERABLE


@dataclass(frozen=True)
class Score:
    """Of one question by one method: the share of what it needs among five, and 1 / rank of the first right one."""

    question: Question
    recall: float
    reciprocal_rank: float


def read_questions(path: Path) -> list[Question]:
    """Questions as JSON lines with id, lang, kind, question, gold, also and optionally rewrite."""
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            questions.append(
                Question(
                    id=str(row["id"]),
                    language=row["lang"],
                    kind=row["kind"],
                    text=row["question"],
                    gold=tuple(row["gold"]),
                    also=tuple(row.get("also", ())),
                    rewrite=row.get("rewrite", ""),
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuestionsError(f"{path}, line {number}: {type(error).__name__}: {error}") from error
    if not questions:
        raise QuestionsError(f"{path} has no question")
    return questions


def article_questions() -> list[Question]:
    """The question of every article in use, which the article answers: what was once missing must stay found."""
    articles = documents_in(Scope()).filter(is_article=True).order_by("pk").defer("content")
    return [
        Question(
            id=(stem := PurePath(article.name).stem), language=article.language, kind=ARTICLE, text=article.title,
            gold=(stem,), also=(),
        )
        for article in articles
    ]  # fmt: skip


def corpus_of(questions: Sequence[Question]) -> Scope:
    """The documents that the questions name, in any language; everything in use where none of them is loaded.

    What answers a question is known for these alone: a passage of another document may be right and counts as wrong.
    An article alone competes with everything: it was written because nothing else answered its question.
    """
    corpus_questions = [question for question in questions if question.kind != ARTICLE]
    return Scope(names=_names_of(questions)) if _names_of(corpus_questions) else Scope()


def _names_of(questions: Iterable[Question]) -> tuple[str, ...]:
    acts = {_gold_key(gold)[0] for question in questions for gold in (*question.gold, *question.also)}
    names = documents_in(Scope()).values_list("name", flat=True)
    return tuple(sorted(name for name in names if _act(name) in acts))


def find(questions: Sequence[Question], scope: Scope) -> HitsByMethod:
    """What every method finds for each question.

    Where questions bring a rewriting, "rewritten" is what the assistant does with one: used where the first search is
    not sure, in turns with that.
    """
    vectors = async_to_sync(_embed_questions)([question.text for question in questions])
    rewrite_vectors = async_to_sync(_embed_questions)([question.rewrite for question in questions])
    methods: dict[str, Callable[[int, Question], list[Hit]]] = {
        "full_text": lambda _at, question: search(question.text, None, count=_DEEP, scope=scope),
        "vector": lambda at, question: search(question.text, vectors[at], count=_DEEP, scope=scope, uses_words=False),
        "hybrid": lambda at, question: search(question.text, vectors[at], count=_DEEP, scope=scope),
    }
    if any(question.rewrite for question in questions):
        methods["rewritten"] = lambda at, question: _search_with_rewriting(
            question, vectors[at], rewrite_vectors[at], scope
        )
    return {
        name: [(question, method(at, question)) for at, question in enumerate(questions)]
        for name, method in methods.items()
    }


def figures_of(hits_by_method: HitsByMethod) -> dict[str, Any]:
    """Recall@5 and MRR@10 of every method, and what would be refused without asking a model."""
    refusals = [(question, is_off_topic(hits)) for question, hits in hits_by_method["hybrid"]]
    return {
        "questions": len(refusals),
        "methods": {name: _figures(_score_all(pairs)) for name, pairs in hits_by_method.items()},
        "refusal": {
            "unanswerable_refused": _share(gone for question, gone in refusals if not question.is_answerable),
            "answerable_refused": _share(gone for question, gone in refusals if question.is_answerable),
        },
    }


def score(question: Question, hits: Sequence[Hit]) -> Score:
    """For a "multi" question the share of `gold` among the first five; else whether one right section is there."""
    hit_keys = [_keys(hit.document, hit.heading) for hit in hits]
    gold, right = {*map(_gold_key, question.gold)}, {*map(_gold_key, (*question.gold, *question.also))}
    first = set().union(*hit_keys[:_TOP])
    recall = len(gold & first) / len(gold) if question.kind == "multi" else float(bool(right & first))
    place = next((at for at, keys in enumerate(hit_keys[:_DEEP], start=1) if keys & right), None)
    return Score(question, recall, 1 / place if place else 0.0)


def find_missed(hits_by_method: HitsByMethod) -> list[Question]:
    """The questions of which the assistant's own search did not bring all they need among the first five."""
    return [each.question for each in _score_all(hits_by_method["hybrid"]) if each.recall < 1]


def is_right(question: Question, document: str, heading: str) -> bool:
    """Whether a section of a document is one of those that answer the question."""
    return not _keys(document, heading).isdisjoint(map(_gold_key, (*question.gold, *question.also)))


def _search_with_rewriting(
    question: Question, vector: Sequence[float], rewrite_vector: Sequence[float], scope: Scope
) -> list[Hit]:
    hits = search(question.text, vector, count=_DEEP, scope=scope)
    if not question.rewrite or is_off_topic(hits) or is_sure(hits, question.language):
        return hits
    return merge_hits(search(question.rewrite, rewrite_vector, count=_DEEP, scope=scope), hits, _DEEP)


async def _embed_questions(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order; none for an empty one."""
    return [await embeddings.embed_question(text) if text else [] for text in texts]


def _score_all(pairs: Iterable[tuple[Question, list[Hit]]]) -> list[Score]:
    return [score(question, hits) for question, hits in pairs if question.is_answerable]


def _figures(scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    """Over all, by kind and by language."""
    groups = defaultdict[str, list[Score]](list)
    for each in scores:
        for name in ("all", each.question.kind, each.question.language):
            groups[name].append(each)
    return {
        name: {
            "recall_at_5": round(fmean(each.recall for each in group), 3),
            "mrr_at_10": round(fmean(each.reciprocal_rank for each in group), 3),
            "questions": len(group),
        }
        for name, group in groups.items()
    }


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return round(sum(values) / len(values), 3) if values else 0.0


def _gold_key(gold: str) -> tuple[str, str]:
    document, _hash, heading = gold.partition("#")
    return _key(f"{document}.md", heading)


def _keys(name: str, heading: str) -> set[tuple[str, str]]:
    """What a passage counts for: its section, and its document where no section is named."""
    act, part = _key(name, heading)
    return {(act, part), (act, "")}


def _key(name: str, heading: str) -> tuple[str, str]:
    """Act and part, without the act's language and the part's rubric: ("gdpr", "articolo 33")."""
    kind, _space, number = heading.partition(" - ")[0].lower().strip().partition(" ")
    return _act(name), f"{_PARTS.get(kind, kind)} {number}".strip()


def _act(name: str) -> str:
    act = PurePath(name).stem
    return act[:-3] if act.endswith((".it", ".en")) else act

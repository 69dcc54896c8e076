"""Questions about documents of every kind, each with the words that a passage must hold to answer it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.conf import settings

from chatbot.clients import embeddings
from chatbot.retrieval.search import search


@dataclass(frozen=True)
class Question:
    """`facts` are pairs of a document's name and the words in it, one pair or two."""

    text: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Recall:
    """The share of facts among the passages the assistant gets; what was missed, to look at."""

    single: float
    double: float
    misses: tuple[str, ...]


def measure_recall(questions: Iterable[Question]) -> Recall:
    """Recall@5 of the facts, without a model: questions of one fact, and of two."""
    shares: dict[int, list[float]] = {1: [], 2: []}
    misses = []
    for question in questions:
        vector = async_to_sync(embeddings.embed_question)(question.text)
        hits = search(question.text, vector, count=settings.RAG_TOP_K_RESULTS)
        missed = [fact for fact in question.facts if not _is_in(fact, [(hit.document, hit.text) for hit in hits])]
        shares[len(question.facts)].append(1 - len(missed) / len(question.facts))
        misses += [f"{question.text}: {words}" for _name, words in missed]
    return Recall(_mean(shares[1]), _mean(shares[2]), tuple(misses))


def _is_in(fact: tuple[str, str], passages: Sequence[tuple[str, str]]) -> bool:
    name, words = fact
    return any(document == name and words in " ".join(text.split()) for document, text in passages)


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares)

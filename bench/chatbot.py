"""A hundred thousand passages searched: against the bare statement, and what the index finds against what there is.

Runs the product in this process, on an embedded PostgreSQL of its own, with passages made up: vectors in clusters, as
texts of a subject are, and words as frequent as in any language (Zipf). One passage in a hundred is on the topic that
the filtered search asks for.
"""

import random
import statistics
import struct
import time
from collections.abc import Sequence

import numpy as np
import psycopg

from bench.frame import BenchError, Candidate, Report, Sample, Spread, Target, measure, percentile
from bench.invoicing import product

DOCUMENTS, EACH = 1_000, 100
DIMENSIONS, NONZERO, CLUSTERS = 1536, 384, 400
QUESTIONS, TOP = 40, 10
VOCABULARY = 20_000


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds a search, its 95th percentile, and Recall@10 of the vectors' side against an exact search."""
    with product() as url:
        corpus = _Corpus()
        _fill(url, corpus)
        questions = [corpus.question() for _number in range(QUESTIONS)]
        candidates: dict[str, Candidate] = {}
        for name, topics in (("all", ()), ("filter of 1 %", ("NIS2",))):
            candidates[f"search, {name}"] = _search(questions, topics)
            candidates[f"statement, {name}"] = _statement(url, questions, topics)
        figures = measure(candidates, rounds, warmup)
        recall = {name: _recall(url, questions, topics) for name, topics in (("all", ()), ("1 %", ("NIS2",)))}
        targets = [
            *(
                Target(f"search / statement, {name}", figures.ratio(f"search, {name}", f"statement, {name}", "ms"), 1.5)
                for name in ("all", "filter of 1 %")
            ),
            *(
                Target(f"p95 in ms, {name}", figures.spread(f"search, {name}", "p95 ms"), 50)
                for name in ("all", "filter of 1 %")
            ),
            *(
                Target(f"Recall@{TOP} of the vectors, {name}", Spread.of([value]), 0.95, at_least=True)
                for name, value in recall.items()
            ),
        ]
        return Report("chatbot", figures, targets, "18", {"passages": DOCUMENTS * EACH, "questions a round": QUESTIONS})


class _Corpus:
    """Passages and questions made up from one seed."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        self._dice = random.Random(7)
        self._centres = self._random.normal(size=(CLUSTERS, NONZERO))
        self._up_to = np.cumsum(1 / np.arange(1, VOCABULARY + 1))

    def vectors(self, count: int) -> np.ndarray:
        """Unit vectors around the centres, as wide as the column."""
        near = self._centres[self._random.integers(CLUSTERS, size=count)]
        vectors = near + self._random.normal(scale=0.9, size=(count, NONZERO))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.pad(vectors, ((0, 0), (0, DIMENSIONS - NONZERO)))

    def text(self, words: int) -> str:
        draws = self._random.random(words) * self._up_to[-1]
        return " ".join(f"parola{number}" for number in np.searchsorted(self._up_to, draws))

    def question(self) -> tuple[str, list[float]]:
        """A dozen words and a vector like those of the passages."""
        return f"Che cosa dice il testo su {self.text(8)}?", [float(value) for value in self.vectors(1)[0]]


def _fill(url: str, corpus: _Corpus) -> None:
    from chatbot.retrieval.terms import refresh_counts  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("DROP INDEX chatbot_chunk_near; DROP INDEX chatbot_chunk_search")
        for number in range(DOCUMENTS):
            topic = "NIS2" if number % 100 == 0 else "GDPR"
            connection.execute(
                "INSERT INTO chatbot_document (id, name, kind, title, topic, language, version, is_active, is_article, "
                "content, sha256, size, omissions, state, attempts, chunk_count, embedded_count, created_at, "
                "completed_at) VALUES (%s, %s, 'md', %s, %s, 'it', '', true, false, "
                "'', '', 0, '{}', 'done', 1, %s, %s, now(), now())",
                [number + 1, f"{number}.md", f"Documento {number}", topic, EACH, EACH],
            )
        columns = "document_id, position, section, heading, path, is_background, text, language, sha256"
        connection.execute(f"CREATE TEMP TABLE made AS SELECT {columns}, embedding_model, embedding FROM chatbot_chunk")
        _copy(connection, corpus)
        connection.execute(
            f"INSERT INTO chatbot_chunk ({columns}, embedding_model, embedding, search) "
            f"SELECT {columns}, embedding_model, embedding, to_tsvector('italian', text) FROM made"
        )
        connection.execute("CREATE INDEX chatbot_chunk_search ON chatbot_chunk USING gin (search)")
        connection.execute(
            "CREATE INDEX chatbot_chunk_near ON chatbot_chunk USING hnsw (embedding halfvec_cosine_ops) "
            "WITH (m = 16, ef_construction = 64)"
        )
        connection.execute("VACUUM ANALYZE chatbot_chunk")
    refresh_counts()


def _copy(connection: psycopg.Connection, corpus: _Corpus) -> None:
    from django.conf import settings  # noqa: PLC0415

    types = ["int8", "int4", "int4", "text", "text", "bool", "text", "text", "text", "text"]
    with connection.cursor().copy("COPY made FROM STDIN WITH (FORMAT binary)") as copy:
        kinds = [connection.adapters.types[name].oid for name in types]
        copy.set_types([*kinds, "bytea"])
        for number in range(DOCUMENTS):
            for position, vector in enumerate(corpus.vectors(EACH)):
                wire = struct.pack(">HH", DIMENSIONS, 0) + vector.astype(">f2").tobytes()
                text = corpus.text(120)
                where = (number + 1, position, position, f"Articolo {position}", "", False)
                copy.write_row((*where, text, "it", "", settings.EMBEDDING_MODEL, wire))


def _search(questions: Sequence[tuple[str, list[float]]], topics: tuple[str, ...]) -> Candidate:
    from chatbot.retrieval.search import Scope, search  # noqa: PLC0415

    def candidate() -> Sample:
        times = []
        for text, vector in questions:
            start = time.perf_counter()
            passages = search(text, vector, count=TOP, scope=Scope(topics=topics))
            times.append((time.perf_counter() - start) * 1000)
            if len(passages) != TOP:
                raise BenchError(f"{len(passages)} passages found for {text!r} where {TOP} were asked for")
        return {"ms": statistics.fmean(times), "p95 ms": percentile(times, 95)}

    return candidate


def _statement(url: str, questions: Sequence[tuple[str, list[float]]], topics: tuple[str, ...]) -> Candidate:
    """The search's own statement with its parameters, as the product last sent it, by the bare driver."""
    statements = [_capture_sql(text, vector, topics) for text, vector in questions]
    from django.conf import settings  # noqa: PLC0415

    options = settings.DATABASES["default"]["OPTIONS"]["options"]
    connection = psycopg.connect(url, autocommit=True, options=options)

    def candidate() -> Sample:
        times = []
        for sql in statements:
            start = time.perf_counter()
            connection.execute(sql).fetchall()
            times.append((time.perf_counter() - start) * 1000)
        return {"ms": statistics.fmean(times), "p95 ms": percentile(times, 95)}

    return candidate


def _capture_sql(text: str, vector: list[float], topics: tuple[str, ...]) -> str:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from chatbot.retrieval.search import Scope, search  # noqa: PLC0415

    with CaptureQueriesContext(connection) as queries:
        search(text, vector, count=TOP, scope=Scope(topics=topics))
    return str(queries[-1]["sql"])


def _recall(url: str, questions: Sequence[tuple[str, list[float]]], topics: tuple[str, ...]) -> float:
    """How many of the nearest passages the search's vector side has among its own nearest, on the average."""
    from chatbot.retrieval.search import Scope, search  # noqa: PLC0415

    shares = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET enable_indexscan = off")
        for _text, vector in questions:
            exact = connection.execute(
                "SELECT chunk.id FROM chatbot_chunk AS chunk JOIN chatbot_document AS document "
                "ON document.id = chunk.document_id WHERE document.topic = ANY(%s) "
                "ORDER BY chunk.embedding <=> %s::halfvec LIMIT %s",
                [list(topics) or ["NIS2", "GDPR"], str(vector), TOP],
            ).fetchall()
            hits = search("", vector, count=TOP, scope=Scope(topics=topics), uses_words=False)
            shares.append(len({hit.chunk_id for hit in hits} & {row[0] for row in exact}) / TOP)
    return statistics.fmean(shares)

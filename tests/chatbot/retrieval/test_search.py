"""What a question finds: by meaning and by its words, in what may be used, and whether it is worth asking a model."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from chatbot.clients import embeddings
from chatbot.knowledge import ingest
from chatbot.models import Chunk, Document
from chatbot.models.knowledge import EMBEDDING_DIMENSIONS
from chatbot.retrieval import search as retrieval
from chatbot.retrieval.search import OFF_TOPIC_SIMILARITY, Hit, Scope, is_off_topic, search
from chatbot.retrieval.terms import refresh_counts
from core.errors import ChannelError, PermanentError, TransientError, VendorError
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, NOW, RECORDS, learn

pytestmark = pytest.mark.django_db

PRIVACY = f"""{BREACH}
## Articolo 34 - Comunicazione all’interessato

Quando il rischio è elevato, il titolare comunica la violazione all’interessato senza ingiustificato ritardo.

{RECORDS}"""
BREACH_EN = """## Article 33 - Notification of a breach

In the case of a personal data breach, the controller shall notify the supervisory authority within 72 hours.
"""


def vector_of(question: str) -> list[float]:
    return async_to_sync(embeddings.embed_question)(question)


def find(question: str, *, by_text_alone: bool = False, count: int = 5) -> list[Hit]:
    return search(question, None if by_text_alone else vector_of(question), count=count)


def headings(hits: list[Hit]) -> list[str]:
    return [hit.heading.split(" - ")[0] for hit in hits]


def test_hit_says_where_it_stands(embedder: Embedder):
    document = learn(BREACH, "regolamento.md", title="GDPR", language="it")

    [hit] = find("Quante ore ho per la notifica?")

    chunk = document.chunks.get()
    assert (hit.chunk_id, hit.document, hit.title, hit.language) == (chunk.pk, "regolamento.md", "GDPR", "it")
    assert (hit.heading, hit.page, hit.text) == ("Articolo 33 - Notifica di una violazione", None, chunk.text)
    assert (hit.similarity > OFF_TOPIC_SIMILARITY, hit.has_words) == (True, True)


def test_question_in_other_words_finds_the_passage_by_meaning(embedder: Embedder):
    learn(PRIVACY)

    hits = find("Devo avvisare i clienti colpiti?")

    assert (headings(hits)[0], hits[0].has_words) == ("Articolo 34", False)


def test_question_finds_a_passage_in_the_other_language(embedder: Embedder):
    learn(BREACH_EN, "gdpr.en.md")
    learn(RECORDS, "registri.it.md")

    assert headings(find("Quante ore per la notifica al Garante?"))[0] == "Article 33"


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Che cosa dice l’articolo 34?", "Articolo 34"),
        ("art. 33", "Articolo 33"),
        ("Che cosa vale entro 72 ore?", "Articolo 33"),
        ("articolo 30 registri", "Articolo 30"),
    ],
)
def test_exact_term_finds_the_passage_that_has_it(question: str, first: str, embedder: Embedder):
    learn(PRIVACY)

    assert headings(find(question))[0] == first
    assert headings(find(question, by_text_alone=True))[0] == first


def test_article_of_one_digit_is_found_by_its_number(embedder: Embedder):
    pieces = "\n".join(
        f"## Articolo {number} - Regola\n\nOgni titolare rispetta la regola.\n" for number in range(3, 8)
    )
    learn(pieces)

    assert headings(find("Che cosa dice l’art. 5?", by_text_alone=True)) == ["Articolo 5"]


def test_words_are_found_in_any_of_their_forms(embedder: Embedder):
    learn(PRIVACY)
    learn(BREACH_EN, "gdpr.en.md")

    for question in ("di violazioni", "of breaches"):
        assert set(headings(find(question, by_text_alone=True))) == {"Articolo 33", "Articolo 34", "Article 33"}


def test_words_of_no_meaning_find_nothing(embedder: Embedder):
    learn(PRIVACY)

    assert find("che cosa è il per con della", by_text_alone=True) == []


@pytest.mark.parametrize("question", ["?", "a", "…", "😀😀", "''", "& | ! ( ) <-> :*", "è" * 5000, "a1" * 2500, "²²"])
def test_question_of_any_shape_is_searched_for(question: str, embedder: Embedder):
    learn(BREACH)

    assert find(question, by_text_alone=True) == []


@runs(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
def test_no_question_breaks_the_search(question: str):
    assert search(question, None, count=5) == []


def test_vector_alone_finds_what_shares_no_word(embedder: Embedder):
    learn(BREACH_EN, "gdpr.en.md")

    [hit] = find("Ho subito un furto di informazioni riservate")

    assert (hit.has_words, hit.similarity > 0.7) == (False, True)


def test_hit_of_full_text_alone_has_no_similarity(embedder: Embedder):
    learn(BREACH)

    [hit] = find("notifica entro 72 ore", by_text_alone=True)

    assert (hit.similarity, hit.has_words) == (None, True)


def test_no_more_passages_than_asked_for_best_first(embedder: Embedder):
    learn(PRIVACY)

    hits = find("Entro quando si notifica la violazione?", count=2)

    assert headings(hits) == ["Articolo 33", "Articolo 34"]
    assert hits[0].score > hits[1].score


def many_passages(settings) -> None:
    """Five thousand passages around one centre in fifty documents; one is of another topic, one in English."""
    documents = Document.objects.bulk_create(
        Document(
            name=f"{number}.md", kind="md", title=f"{number}", topic="NIS2" if number == 7 else "GDPR",
            language="en" if number == 8 else "it", content=b"", sha256="", size=0, state="done", next_try_at=None,
            chunk_count=100,
        )
        for number in range(50)
    )  # fmt: skip
    [near] = [index for index in Chunk._meta.indexes if index.name == "chatbot_chunk_near"]
    with connection.schema_editor() as editor:
        editor.remove_index(Chunk, near)  # filled at once it takes a tenth of the time
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.7)")
        cursor.execute(
            """
            INSERT INTO chatbot_chunk (document_id, position, section, heading, path, is_background, text, language,
                                       sha256, embedding_model, embedding, search)
            SELECT document.id, position, position, '', '', false, 'parola', document.language, '', %(model)s,
                   (array_cat(made.near, array_fill(0, ARRAY[%(dimensions)s - 32])::float8[]))::vector::halfvec,
                   setweight(to_tsvector('italian', CASE WHEN position %% 10 = 0 THEN 'notifica' ELSE 'registro' END),
                             'B')
            FROM chatbot_document AS document, generate_series(1, 100) AS position,
                 LATERAL (SELECT array_agg(random() - 0.4 + 0 * (one + position * document.id)) AS near
                          FROM generate_series(1, 32) AS one) AS made
            WHERE document.id = ANY(%(documents)s)
            """,
            {
                "model": settings.EMBEDDING_MODEL,
                "dimensions": EMBEDDING_DIMENSIONS,
                "documents": [document.pk for document in documents],
            },
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.schema_editor() as editor:
        editor.add_index(Chunk, near)
    refresh_counts()


def test_filter_of_few_among_many_is_always_filled_and_indexes_find_the_same(monkeypatch: pytest.MonkeyPatch, settings):
    many_passages(settings)
    centre = [1.0] * 32 + [0.0] * (EMBEDDING_DIMENSIONS - 32)
    best = []
    for exact_limit in (10_000, 50):  # one by one, then by the indexes
        monkeypatch.setattr(retrieval, "EXACT_LIMIT", exact_limit)
        for scope, name in ((Scope(topics=("NIS2",)), "7.md"), (Scope(languages=("en",)), "8.md")):
            hits = search("notifica", centre, count=20, scope=scope)
            assert (len(hits), {hit.document for hit in hits}) == (20, {name})
        best.append(search("notifica", centre, count=10))

    one_by_one, by_indexes = ({hit.chunk_id for hit in hits} for hits in best)
    assert len(one_by_one) == 10
    assert len(one_by_one & by_indexes) >= 9
    assert all(hit.has_words for hit in best[1][:3])


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"state": "pending", "next_try_at": NOW},
        {"state": "running", "next_try_at": NOW},
        {"state": "failed"},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
def test_document_out_of_use_is_not_found(change: dict[str, object], embedder: Embedder):
    document = learn(BREACH)
    before = len(find("art. 33"))

    Document.objects.filter(pk=document.pk).update(**change)

    assert (before, find("art. 33"), find("art. 33", by_text_alone=True)) == (1, [], [])


def test_vectors_of_another_model_are_not_compared(embedder: Embedder):
    document = learn(BREACH_EN, "gdpr.en.md")
    Chunk.objects.filter(document=document).update(embedding_model="another-model")

    assert find("Ho subito un furto di informazioni riservate") == []
    assert [hit.similarity for hit in find("supervisory authority")] == [None]


def test_document_of_another_model_is_found_again_when_it_was_read_again(embedder: Embedder, settings):
    document = learn(BREACH_EN, "gdpr.en.md")
    settings.EMBEDDING_MODEL = "another-model"
    before = find("Ho subito un furto di informazioni riservate")

    ingest.read_again(document=document)
    ingest.ingest(document=document)

    assert (before, headings(find("Ho subito un furto di informazioni riservate"))) == ([], ["Article 33"])


def test_vector_has_the_width_of_the_column_whatever_the_model(embedder: Embedder):
    vector = vector_of("Quante ore?")

    assert (len(vector), set(vector[384:])) == (1536, {0.0})


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, ChannelError), (401, ChannelError), (500, TransientError), (503, TransientError), (400, PermanentError)],
)
def test_refusal_of_the_embedder_says_whether_waiting_helps(status: int, error: type[VendorError], embedder: Embedder):
    embedder.fail(status)

    with pytest.raises(error) as caught:
        vector_of("Quante ore?")

    assert (caught.value.code, embedder.batches) == (str(status), [1])


def test_embedder_that_is_away_is_passing_trouble(embedder: Embedder, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:1/v1"

    with pytest.raises(TransientError, match="APIConnectionError"):
        vector_of("Quante ore?")


def make_hit(similarity: float | None, words: float) -> Hit:
    return Hit(1, "a.md", "A", "it", "GDPR", 0, "", "", None, "Testo.", False, similarity, words, True)


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([], True),
        ([(0.79, 0.0)], True),
        ([(0.80, 0.0)], False),
        ([(0.79, 0.02)], True),
        ([(0.2, 0.3)], False),
        ([(None, 0.3)], False),
        ([(0.5, 0.0), (0.8, 0.0)], False),
        ([(0.5, 0.02), (0.6, 0.0)], True),
        ([(0.79, 0.04)], True),
        ([(0.79, 0.05)], False),
    ],
)
def test_question_is_off_topic_when_neither_meaning_nor_word_fits(hits: list[tuple[float, float]], expected: bool):
    assert is_off_topic([make_hit(similarity, words) for similarity, words in hits]) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Entro quante ore si notifica una violazione?", False),
        ("What is the deadline for telling the authority about a breach?", False),
        ("Qual è la ricetta della carbonara?", True),
        ("Who won the football match yesterday?", True),
    ],
)
def test_plainly_foreign_question_is_off_topic(question: str, expected: bool, embedder: Embedder):
    learn(PRIVACY)

    assert is_off_topic(find(question)) is expected

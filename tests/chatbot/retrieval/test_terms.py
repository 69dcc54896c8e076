"""The words of a question: stemmed, translated by the learned glossary, weighed by how rare they are."""

import pytest
from django.core.cache import cache
from django.core.management import call_command

from chatbot.knowledge import ingest
from chatbot.models import Document, WordCount
from chatbot.retrieval import terms
from chatbot.retrieval.chunking import Section
from chatbot.retrieval.glossary import learn as learn_glossary
from chatbot.retrieval.glossary import text_pairs
from chatbot.retrieval.terms import build_search_terms, glossary
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, RECORDS, add, learn

pytestmark = pytest.mark.django_db


def count(language: str, **counts: int) -> None:
    WordCount.objects.bulk_create(
        WordCount(language=language, stem=stem.removeprefix("_"), passages=passages)
        for stem, passages in counts.items()
    )


def weights(question: str, question_language: str, language: str) -> dict[str, float]:
    return {
        each.stem: round(each.weight, 3)
        for each in build_search_terms(question, question_language)
        if each.language == language
    }


def test_rare_word_weighs_more_than_a_frequent_one():
    count("it", _=1000, pseudonimizz=2, dat=700)

    weight_by_stem = weights("la pseudonimizzazione dei dati", "it", "it")

    assert weight_by_stem["pseudonimizz"] > 10 * weight_by_stem["dat"]
    assert sum(weight_by_stem.values()) == pytest.approx(1, abs=0.01)


def test_question_looks_for_its_words_in_the_other_language():
    count("en", _=100, breach=5, notif=3, notifi=6, hour=4)

    weight_by_stem = weights("Quante ore per notificare la violazione?", "it", "en")

    assert weight_by_stem["breach"] > 0
    assert weight_by_stem["notifi"] > 0


def test_question_in_a_language_it_does_not_seem_is_looked_for_as_it_is():
    count("en", _=100, supervisori=5, author=6)

    assert set(weights("supervisory authority", "it", "en")) >= {"supervisori", "author"}


def test_names_and_numbers_are_the_same_in_both():
    count("en", _=100, nis2=5, **{"33": 4})

    assert set(weights("articolo 33 NIS2", "it", "en")) >= {"33", "nis2"}


def test_words_of_a_question_alone_add_up_to_one_in_each_language():
    count("en", _=100, notifi=6, person=30, data=60, breach=5, within=9, hour=4, **{"72": 3})
    count("it", _=100, notif=6, personal=30, dat=60, violazion=5, ore=4, **{"72": 3})
    for language in ("it", "en"):
        search_terms = build_search_terms("Who must notify a personal data breach within 72 hours?", "en")
        best: dict[int, float] = {}
        for each in search_terms:
            if each.language == language:
                best[each.word] = max(best.get(each.word, 0.0), each.weight)
        assert 0 < sum(best.values()) <= 1.0001


def test_frequent_words_are_left_out_once_enough_passages_are_to_be_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terms, "_BUDGET", 50)
    count("it", _=1000, notif=10, violazion=30, titol=900)

    assert set(weights("il titolare notifica la violazione", "it", "it")) == {"notif", "violazion"}


def test_passages_of_the_other_language_that_have_the_same_word_are_read_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terms, "_BUDGET", 50)
    count("it", _=1000, notif=10, nis2=900)
    count("en", _=1000, nis2=2)

    assert set(weights("notifica NIS2", "it", "it")) == {"notif"}
    assert "nis2" not in weights("notifica NIS2", "it", "en")


def test_word_that_stands_nowhere_is_not_looked_for():
    count("it", _=1000, notif=10)

    assert set(weights("notifica gastronomica", "it", "it")) == {"notif"}


def test_question_of_frequent_words_alone_keeps_the_rarest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terms, "_BUDGET", 50)
    count("it", _=1000, dat=900, titol=800)

    assert set(weights("i dati del titolare", "it", "it")) == {"titol"}


def test_question_without_words_wants_nothing():
    assert build_search_terms("?", "it") == []


def test_counts_follow_the_documents(embedder: Embedder):
    document = learn(BREACH + RECORDS)
    word_counts = WordCount.objects.filter(language="it", stem__in=["", "violazion", "titol"])
    before = dict(word_counts.values_list("stem", "passages"))

    document.delete()
    terms.refresh_counts()

    assert before == {"": 2, "violazion": 1, "titol": 2}
    assert list(WordCount.objects.exclude(stem="")) == []
    assert not Document.objects.exists()


def test_counts_follow_when_the_last_of_many_cannot_be_read(embedder: Embedder):
    cache.set("chatbot-words-counted", True, 20)  # a moment ago
    waiting = add(b"%PDF-1.7\ngarbage", "rotto.pdf")
    learn(BREACH)
    word_counts = WordCount.objects.filter(stem="violazion")
    before = word_counts.exists()

    ingest.ingest(document=waiting)
    ingest.ingest_due()

    waiting.refresh_from_db()
    assert (waiting.state, before, word_counts.get().passages) == ("failed", False, 1)


def test_stem_with_quotes_and_backslashes_is_looked_for_as_it_is(embedder: Embedder):
    learn("## A\n\nIl percorso C:\\dati'vecchi vale ancora.")

    assert isinstance(build_search_terms("dov'è C:\\dati'vecchi ?", "it"), list)


def test_glossary_is_the_laws():
    assert glossary()["it"]["consens"][0][0] == "consent"
    assert glossary()["en"]["breach"][0][0] == "violazion"
    assert all(likely >= 0.1 for table in glossary().values() for others in table.values() for _stem, likely in others)


IT = [
    Section(
        "Articolo 1 - Consenso",
        "consenso libero\nconsenso revocato\ndato libero\ndato revocato\nuso libero\nuso revocato",
    ),
    Section("Articolo 2 - Dato", "dato revocato\nuna riga in più"),
]
EN = [
    Section(
        "Article 1 - Consent", "consent free\nconsent withdrawn\ndatum free\ndatum withdrawn\nuse free\nuse withdrawn"
    ),
    Section("Article 2 - Datum", "datum withdrawn"),
    Section("Article 3 - Only here", "nothing"),
]


def test_texts_are_paired_by_article_and_line():
    pairs = list(text_pairs(IT, EN))

    assert pairs.count(("Consenso", "Consent")) == pairs.count(("Dato", "Datum")) == 3
    assert ("dato libero", "datum free") in pairs
    assert not any("più" in italian for italian, _english in pairs)


def test_words_that_stand_for_each_other_are_learned():
    stems = [(italian.lower().split(), english.lower().split()) for italian, english in text_pairs(IT, EN)]

    there, back = learn_glossary(stems)

    assert {word: others[0][0] for word, others in there.items()} == {
        "consenso": "consent", "dato": "datum", "libero": "free", "revocato": "withdrawn",
    }  # fmt: skip
    assert back["withdrawn"][0][0] == "revocato"


def test_command_prints_the_glossary(tmp_path, capsys: pytest.CaptureFixture[str]):
    for name, sections in (("a.it.md", IT), ("a.en.md", EN)):
        text = "\n\n".join(f"## {each.heading}\n\n" + each.text.replace("\n", "\n\n") for each in sections)
        (tmp_path / name).write_text(text)

    call_command("learn_glossary", f"{tmp_path}/a.it.md={tmp_path}/a.en.md")

    assert '"consens": [["consent", ' in capsys.readouterr().out

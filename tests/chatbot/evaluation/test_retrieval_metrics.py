"""The figures of the search: how they are reckoned, and that the command says what is wrong with its questions."""

import hashlib
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatbot.evaluation.retrieval_metrics import Question, QuestionsError, corpus_of, find, read_questions, score
from chatbot.knowledge import ingest
from chatbot.knowledge.articles import add_article
from chatbot.models import Document, EvaluationRun
from chatbot.retrieval.search import Hit, Scope
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, NOW, RECORDS, learn


def question(kind: str = "exact", gold: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> Question:
    return Question("q", "it", kind, "Quante ore?", gold, also)


def hits(*keys: str) -> list[Hit]:
    return [
        Hit(1, f"{document}.md", "", "it", "GDPR", 0, heading, "", None, "Testo.", False, 0.9, 0.1, True)
        for document, heading in (key.split("#") for key in keys)
    ]


@pytest.mark.parametrize(
    ("sections", "recall", "rank"),
    [
        (["gdpr.it#Articolo 33 - Notifica"], 1.0, 1.0),
        (["gdpr.it#Articolo 3 - Ambito", "gdpr.it#Articolo 33"], 1.0, 0.5),
        (["gdpr.it#Articolo 330 - Altro"], 0.0, 0.0),
        (["ai-act.it#Articolo 33"], 0.0, 0.0),
        (["gdpr.en#Article 33 - Notification"], 1.0, 1.0),
        (["gdpr.it#Considerando 85"], 1.0, 1.0),
        (["gdpr.it#Articolo 1"] * 5 + ["gdpr.it#Articolo 33"], 0.0, 1 / 6),
        (["gdpr.it#Articolo 1"] * 10 + ["gdpr.it#Articolo 33"], 0.0, 0.0),
        ([], 0.0, 0.0),
    ],
)
def test_question_is_answered_by_any_right_section_among_the_first(sections: list[str], recall: float, rank: float):
    result = score(question(gold=("gdpr.it#Articolo 33",), also=("gdpr.it#Considerando 85",)), hits(*sections))

    assert (result.recall, result.reciprocal_rank) == (recall, rank)


@pytest.mark.django_db
def test_only_the_documents_that_the_questions_name_are_searched(embedder: Embedder):
    learn(BREACH, "gdpr.it.md")
    learn(RECORDS, "gdpr.en.md")
    learn("# Guida\n\nIn breve: la violazione si notifica entro 72 ore.", "guida.it.md")
    gold_questions = [question(gold=("gdpr.it#Articolo 33",))]

    scope = corpus_of(gold_questions)

    assert scope == Scope(names=("gdpr.en.md", "gdpr.it.md"))
    assert {hit.document for _question, hits in find(gold_questions, scope)["hybrid"] for hit in hits} == {*scope.names}
    assert corpus_of([question(gold=("nis2.it#Articolo 23",))]) == Scope()


@pytest.mark.django_db
def test_every_article_in_use_is_a_question_among_all_documents(embedder: Embedder):
    learn(BREACH, "gdpr.it.md")
    values = {"topic": "GDPR", "language": "it", "people": (), "now": NOW}
    for name, text in (("tkt-2026-00001", "Chi nomina il DPO?"), ("tkt-2026-00002", "Chi firma il registro?")):
        article = add_article(question=text, answer="Lo fa il titolare.", name=name, **values)
        assert ingest.ingest(document=article)
    Document.objects.filter(name="tkt-2026-00002.it.md").update(is_active=False)
    out = StringIO()

    call_command("rag_eval", articles=True, json=True, stdout=out)

    figures = json.loads(out.getvalue())
    assert figures["documents"] == {"searched": 2, "in_use": 2}
    assert figures["methods"]["hybrid"]["article"] == {"recall_at_5": 1.0, "mrr_at_10": 1.0, "questions": 1}
    run = EvaluationRun.objects.get()
    assert (run.name, run.questions_sha256) == ("articles", hashlib.sha256(b"Chi nomina il DPO?").hexdigest())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Che cos’è un *registro*?", "Un elenco."),
        ("Chi lo tiene?", "## In breve\n\nIl titolare tiene il registro.\n\n## Eccezioni\n\nNessuna."),
    ],
)
def test_article_is_found_by_any_of_its_sections(question: str, answer: str, embedder: Embedder):
    article = add_article(question=question, answer=answer, topic="", language="it", name="tkt-1", people=(), now=NOW)
    assert ingest.ingest(document=article)
    Document.objects.update(title="Un altro titolo")
    out = StringIO()

    call_command("rag_eval", articles=True, json=True, no_keep=True, stdout=out)

    assert json.loads(out.getvalue())["methods"]["hybrid"]["article"]["recall_at_5"] == 1.0


@pytest.mark.django_db
def test_new_version_of_an_article_is_one(embedder: Embedder):
    article = add_article(question="Chi?", answer="Uno.", topic="", language="it", name="tkt-1", people=(), now=NOW)

    again = learn("# Chi?\n\nDue.", "tkt-1.it.md")

    assert (again.replaces, again.is_article) == (article, True)


@pytest.mark.django_db
def test_articles_are_asked_beside_the_questions_of_a_file(questions: Path, embedder: Embedder):
    article = add_article(
        question="Chi nomina il DPO?", answer="Il titolare.", name="tkt-1", topic="", language="it", people=(), now=NOW
    )
    assert ingest.ingest(document=article)

    call_command("rag_eval", questions=questions, articles=True, json=True, stdout=StringIO())

    run = EvaluationRun.objects.get()
    assert run.name == "questions.jsonl + articles"
    assert run.question_count == len(questions.read_text().splitlines()) + 1


@pytest.mark.django_db
@pytest.mark.parametrize(("options", "message"), [({}, "say what to ask"), ({"articles": True}, "no article")])
def test_command_with_nothing_to_ask_says_so(options: dict[str, bool], message: str):
    with pytest.raises(CommandError, match=message):
        call_command("rag_eval", **options)


def test_question_about_several_sections_needs_them_all():
    multi = question("multi", ("gdpr.it#Articolo 33", "dlgs-138-2024.it#Articolo 25"), ("gdpr.it#Articolo 34",))

    half = score(multi, hits("gdpr.it#Articolo 34", "gdpr.it#Articolo 33"))
    whole = score(multi, hits("dlgs-138-2024.it#Articolo 25 - Notifica", "gdpr.it#Articolo 33 - Notifica"))

    assert (half.recall, half.reciprocal_rank) == (0.5, 1.0)
    assert (whole.recall, whole.reciprocal_rank) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("", "has no question"),
        ("\n\n", "has no question"),
        ("{", "line 1: JSONDecodeError"),
        ('{"id": "a", "lang": "it", "kind": "exact", "question": "?", "gold": []}\n[]', "line 2: TypeError"),
        ('\n{"id": "a"}', "line 2: KeyError: 'lang'"),
    ],
)
def test_file_of_questions_says_what_is_wrong_with_it(lines: str, reason: str, tmp_path: Path):
    path = tmp_path / "questions.jsonl"
    path.write_text(lines)

    with pytest.raises(QuestionsError, match=reason):
        read_questions(path)


def test_published_questions_are_read(shared: Path):
    questions = read_questions(shared / "kb" / "eval-dev.jsonl")

    assert len(questions) == 70
    assert len([each for each in questions if each.is_answerable]) == 60


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {"id": "1", "kind": "exact", "question": "Quante ore ho per la notifica?", "gold": ["gdpr.it#Articolo 33"]},
        {"id": "2", "kind": "cross", "question": "Who keeps a record of activities?", "gold": ["gdpr.it#Articolo 30"]},
        {"id": "3", "kind": "unanswerable", "question": "Qual è la ricetta della carbonara?", "gold": []},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row | {"lang": "en" if row["kind"] == "cross" else "it"}) for row in rows))
    return path


@pytest.mark.django_db
def test_command_prints_the_figures_of_every_method(questions: Path, embedder: Embedder):
    learn(BREACH + RECORDS)
    out = StringIO()

    call_command("rag_eval", questions=questions, json=True, stdout=out)

    output = json.loads(out.getvalue())
    assert output["questions"] == 3
    assert set(output["methods"]) == {"full_text", "vector", "hybrid"}
    for figures in output["methods"].values():
        assert set(figures) == {"all", "exact", "cross", "it", "en"}
    assert output["methods"]["hybrid"]["all"] == {"recall_at_5": 1.0, "mrr_at_10": 1.0, "questions": 2}
    assert output["refusal"] == {"unanswerable_refused": 1.0, "answerable_refused": 0.0}


@pytest.mark.django_db
def test_rewriting_given_with_a_question_is_used_where_the_search_is_not_sure(tmp_path: Path, embedder: Embedder):
    learn(BREACH + RECORDS)
    row = {
        "id": "1",
        "lang": "it",
        "kind": "paraphrase",
        "question": "Chi scrive l’elenco?",
        "gold": ["gdpr.it#Articolo 30"],
    }
    path = tmp_path / "questions.jsonl"
    path.write_text(
        json.dumps(
            row | {"gold": ["gdpr.it#Articolo 30"], "rewrite": "registro delle attività di trattamento del titolare"}
        )
    )
    out = StringIO()

    call_command("rag_eval", questions=path, json=True, stdout=out)

    assert json.loads(out.getvalue())["methods"]["rewritten"]["all"]["mrr_at_10"] == 1.0


@pytest.mark.django_db
def test_command_prints_a_table(questions: Path, embedder: Embedder):
    learn(BREACH + RECORDS)
    out = StringIO()

    call_command("rag_eval", questions=questions, stdout=out)

    first, second, *rows, refused = out.getvalue().strip("\n").splitlines()
    assert first.split() == ["full_text", "vector", "hybrid"]
    assert second.split() == ["Recall@5", "MRR@10"] * 3
    assert [row.split()[:2] for row in rows] == [["all", "2"], ["exact", "1"], ["it", "1"], ["cross", "1"], ["en", "1"]]
    assert refused == "refused without a model: 100.0% of what has no answer, 0.0% of what has one"


def test_command_without_its_file_says_so():
    with pytest.raises(CommandError, match="No such file"):
        call_command("rag_eval", questions=Path("/nowhere.jsonl"))

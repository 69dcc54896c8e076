"""Measures how well the assistant finds its passages, and answers from them: a table to read, or JSON.

Exit status 1 when a gate is not reached, and when nothing could be measured.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chatbot.evaluation import answer_metrics, gate, retrieval_metrics
from chatbot.evaluation.answer_metrics import AnswerResult
from chatbot.evaluation.gate import Bound, GateError, read_gate
from chatbot.evaluation.retrieval_metrics import Question, QuestionsError, read_questions
from chatbot.evaluation.runs import keep_run
from chatbot.models import Document
from chatbot.retrieval.search import Scope, documents_in
from core.errors import VendorError

_EVERY = 10


class Command(BaseCommand):
    help = "Recall@5, MRR@10 and refusals over questions whose right sections are known, against what is loaded now."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--questions", type=Path, help="JSON lines: id, lang, kind, question, gold")
        parser.add_argument("--articles", action="store_true", help="the questions that staff wrote articles for, too")
        parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
        parser.add_argument("--answers", action="store_true", help="ask the assistant every question, too (this costs)")
        parser.add_argument("--at-most", type=_euros, metavar="EUR", help="ask nothing more once --answers cost this")
        parser.add_argument("--gate", type=Path, help="TOML with the least each figure must reach; else exit status 1")
        parser.add_argument(
            "--all-documents", action="store_true", help="search everything in use, not only what the questions name"
        )
        parser.add_argument("--no-keep", action="store_true", help="leave no run in the back office")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            questions = _questions(options["questions"], with_articles=options["articles"])
            bounds = read_gate(options["gate"]) if options["gate"] else []
            waiting = self._say_what_waits()
            if options["answers"] and not settings.ANTHROPIC_API_KEY:
                raise CommandError("--answers asks Claude, and there is no key: set ANTHROPIC_API_KEY")
            if options["at_most"] and not options["answers"]:
                raise CommandError("--at-most limits what --answers may cost: say --answers, too")
            scope = Scope() if options["all_documents"] else retrieval_metrics.corpus_of(questions)
            hits_by_method = retrieval_metrics.find(questions, scope)
        except (OSError, QuestionsError, GateError, VendorError) as error:
            raise CommandError(str(error)) from error
        documents, in_use = documents_in(scope), documents_in(Scope()).count()
        figures, results = retrieval_metrics.figures_of(hits_by_method), list[AnswerResult]()
        figures["documents"] = {"searched": documents.count(), "in_use": in_use}
        if options["answers"]:
            results = self._ask(questions, options["at_most"])
            figures["answers"] = answer_metrics.figures_of(results)
        if not options["no_keep"]:
            # answers to a part of the questions say nothing beside those to all of them
            whole = dict(figures)
            if len(results) < len(questions):
                whole.pop("answers", None)
            keep_run(
                **_set_of(options["questions"], questions, with_articles=options["articles"]),
                figures=whole, missed_questions=retrieval_metrics.find_missed(hits_by_method), results=results,
                documents=documents, now=timezone.now(),
            )  # fmt: skip
        self.stdout.write(json.dumps(figures, indent=2) if options["json"] else _report(figures))
        if bounds:
            unasked_count = len(questions) - len(results) if options["answers"] else 0
            self._check_gate(bounds, figures, waiting, unasked_count)

    def _say_what_waits(self) -> int:
        """Say so when documents are still being read, and return how many: the figures are those of the others."""
        waiting = Document.objects.waiting().count()
        if waiting:
            self.stderr.write(
                f"documents still being read, and not searched: {waiting}. Wait for them (manage.py ingest --wait), or "
                "these are the figures of a part of the knowledge base"
            )
        return waiting

    def _ask(self, questions: Sequence[Question], at_most: Decimal | None) -> list[AnswerResult]:
        """Ask them all, naming those that fail and, on a terminal, how far it has come."""
        count = 0

        def report(result: AnswerResult) -> None:
            nonlocal count
            count += 1
            if result.outcome == "failed":
                self.stderr.write(f"{result.question.id}: failed: {result.error}")
            if count % _EVERY == 0 and self.stderr.isatty():
                self.stderr.write(f"{count} of {len(questions)} asked")

        results = answer_metrics.ask_all(questions, on_result=report, at_most=at_most)
        if len(results) < len(questions):
            self.stderr.write(f"{at_most} € are spent: {len(questions) - len(results)} questions were not asked")
        return results

    def _check_gate(self, bounds: Sequence[Bound], figures: dict[str, Any], waiting: int, unasked_count: int) -> None:
        """Raise with everything that is missed."""
        missed_bounds = gate.find_missed(bounds, figures)
        if unasked_count:
            missed_bounds.append(f"questions not asked: {unasked_count}")
        if waiting:
            missed_bounds.append(f"documents still being read: {waiting}")
        if missed_bounds:
            raise CommandError("the gate is not reached:\n" + "\n".join(f"  {line}" for line in missed_bounds))
        self.stderr.write(f"the gate is reached: all {len(bounds)} bounds are kept")


def _euros(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount < 1_000_000):
        raise argparse.ArgumentTypeError(f"{text}: an amount of euros such as 2.50")
    return amount


def _questions(path: Path | None, *, with_articles: bool) -> list[Question]:
    """Those of the file, and of the articles in use; `CommandError` when there is none to ask."""
    if path is None and not with_articles:
        raise CommandError("say what to ask: --questions FILE.jsonl, --articles, or both")
    articles = retrieval_metrics.article_questions() if with_articles else []
    if path is None and not articles:
        raise CommandError("there is no article in use yet")
    return [*(read_questions(path) if path else ()), *articles]


def _set_of(path: Path | None, questions: Sequence[Question], *, with_articles: bool) -> dict[str, str]:
    """What a run is called after its questions, and their digest: the file's own where there is nothing else."""
    articles = (
        "\n".join(each.text for each in questions if each.kind == retrieval_metrics.ARTICLE) if with_articles else ""
    )
    content = (path.read_bytes() if path else b"") + articles.encode()
    names = [*([path.name] if path else ()), *(["articles"] if with_articles else ())]
    return {"name": " + ".join(names), "digest": hashlib.sha256(content).hexdigest()}


def _report(figures: dict[str, Any]) -> str:
    return "\n".join([_table(figures), *(_answers(figures["answers"]) if "answers" in figures else ())])


def _table(figures: dict[str, Any]) -> str:
    methods = figures["methods"]
    groups = list(next(iter(methods.values())))
    lines = [
        f"{'':14}" + "".join(f"{name:>20}" for name in methods),
        f"{'':14}" + "  Recall@5   MRR@10 " * len(methods),
    ]
    for group in groups:
        cells = (
            f"{scores[group]['recall_at_5']:10.3f}{scores[group]['mrr_at_10']:9.3f} " for scores in methods.values()
        )
        lines.append(f"{group:10}{methods['hybrid'][group]['questions']:4}" + "".join(cells))
    documents = figures["documents"]
    if documents["searched"] < documents["in_use"]:
        lines.append(f"searched {documents['searched']} of {documents['in_use']} documents: those the questions name")
    refusal = figures["refusal"]
    lines.append(f"refused without a model: {refusal['unanswerable_refused']:.1%} of what has no answer, ")
    lines[-1] += f"{refusal['answerable_refused']:.1%} of what has one"
    return "\n".join(lines)


def _answers(answers: dict[str, Any]) -> list[str]:
    """What came of asking: counts, then shares over all and by language."""
    groups = {"all": answers, **answers["by_language"]}
    rows = [
        ("citations that hold", "citation_validity"),
        ("answered from a right section", "answered_from_gold"),
        ("refused of what has no answer", "unanswerable_refused"),
        ("refused of what has one", "answerable_refused"),
    ]
    counts = f"{answers['answered']} answered with {answers['citations']} citations, {answers['refused']} refused"
    return [
        "",
        f"asked {answers['asked']}: {counts}, {answers['failed']} failed; {answers['cost_eur']:.4f} €",
        f"{'':32}" + "".join(f"{name:>9}" for name in groups),
        *(f"{label:32}" + "".join(f"{_percent(group[name]):>9}" for group in groups.values()) for label, name in rows),
        *(f"{each['id']}: {', '.join(each['why'])}" for each in answers["invalid"]),
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"

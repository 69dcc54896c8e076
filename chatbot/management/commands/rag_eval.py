"""Measures how well the assistant finds its passages: a table to read, or JSON."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatbot.evaluation import QuestionsError, evaluate, read_questions
from core.errors import VendorError


class Command(BaseCommand):
    help = "Recall@5, MRR@10 and refusals over questions whose right sections are known, against what is loaded now."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--questions", type=Path, required=True, help="JSON lines: id, lang, kind, question, gold")
        parser.add_argument("--json", action="store_true", help="print JSON instead of tables")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            figures = evaluate(read_questions(options["questions"]))
        except (OSError, QuestionsError, VendorError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(figures, indent=2) if options["json"] else _table(figures))


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
    refusal = figures["refusal"]
    lines.append(f"refused without a model: {refusal['unanswerable_refused']:.1%} of what has no answer, ")
    lines[-1] += f"{refusal['answerable_refused']:.1%} of what has one"
    return "\n".join(lines)

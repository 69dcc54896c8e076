"""Learns the glossary from documents that exist in Italian and English, for `chatbot/retrieval/glossary.json`."""

import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from chatbot.knowledge.parsing import parse
from chatbot.retrieval.glossary import Table, learn, text_pairs
from chatbot.retrieval.terms import stems_of_pair


def _two_files(text: str) -> tuple[Path, Path]:
    italian, _equals, english = text.partition("=")
    if not english:
        raise ArgumentTypeError(f"{text!r} is not ITALIAN.md=ENGLISH.md")
    return Path(italian), Path(english)


class Command(BaseCommand):
    help = "Learn which words of Italian and English mean the same, from laws that exist in both languages."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("pairs", nargs="+", type=_two_files, metavar="ITALIAN.md=ENGLISH.md")

    def handle(self, *args: Any, **options: Any) -> None:
        stems = [
            stems_of_pair(italian, english)
            for files in options["pairs"]
            for italian, english in text_pairs(*(parse("md", file.read_bytes()).sections for file in files))
        ]
        tables = dict(zip(("it", "en"), learn(stems), strict=True))
        self.stdout.write(_as_json(tables))


def _as_json(tables: dict[str, Table]) -> str:
    """A line for each word, so that a change can be read."""
    parts = []
    for language, table in tables.items():
        lines = [f"{json.dumps(stem)}: {json.dumps(others, ensure_ascii=False)}" for stem, others in table.items()]
        parts.append(f"{json.dumps(language)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}"

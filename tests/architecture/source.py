"""Our own source, as tests read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "chatbot", "billing", "invoicing", "accounts", "notifications", "core")  # each may use what follows


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of the product, by its path; migrations are left out."""
    paths = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py"))
    names = (path.relative_to(ROOT).as_posix() for path in paths if "migrations" not in path.parent.name)
    return {name: ast.parse((ROOT / name).read_text()) for name in names}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call: its module, the call, and the last part of the called name."""
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield name, node, get_function_name(node)


def get_function_name(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def templates() -> dict[str, str]:
    """The text of every template by its path below templates/."""
    folder = ROOT / "templates"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".txt"))
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}

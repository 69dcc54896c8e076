"""Doors (pages, API, back office, webhooks): each imports services and what is below, never another door."""

import ast
from pathlib import PurePath

import pytest

from tests.architecture.source import APPS, ROOT

DOORS = {"views", "api", "webhooks"}
# config puts doors together: its addresses name them all, its router is an address, too
SWITCHBOARDS = {"config.api"}


def name_of(path: PurePath) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def is_door(module: str) -> bool:
    parts = module.split(".")
    return parts[-1] in DOORS or "admin" in parts[1:2]


MODULES = {name_of(path.relative_to(ROOT)): path for app in APPS for path in (ROOT / app).rglob("*.py")}
EACH_DOOR = sorted(module for module in MODULES if is_door(module) and module not in SWITCHBOARDS)


def find_imports(module: str) -> set[str]:
    """The modules of ours that a module names in its imports."""
    imports = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imports |= (names & set(MODULES)) or {node.module} & set(MODULES)
        elif isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names} & set(MODULES)
    return imports


def is_same_back_office(one: str, other: str) -> bool:
    return one.split(".")[:2] == other.split(".")[:2] and "admin" in one


@pytest.mark.parametrize("module", EACH_DOOR)
def test_door_imports_no_other_door(module: str):
    others = {
        other
        for other in find_imports(module)
        if is_door(other) and other != "core.admin" and not is_same_back_office(module, other)
    }

    assert others == set()

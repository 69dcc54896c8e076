"""Every permission that is asked for is in the map of roles, and every one in the map is asked for."""

import ast
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin

from accounts.roles import PERMISSIONS, Role
from tests.architecture.source import calls, modules

KNOWN = PERMISSIONS[Role.SUPER_ADMIN]
ASKING = {"has_perm", "able_to", "roles_with", "_ensure_may", "_Tile", "_given_up"}
VERBS = ("view", "add", "change", "delete")


class Recorder:
    """Stands where the user of a request does: may do everything, and keeps what was asked for."""

    is_active = is_staff = is_authenticated = True

    def __init__(self) -> None:
        self.permissions: set[str] = set()

    def has_perm(self, permission: str, _obj: Any = None) -> bool:
        self.permissions.add(permission)
        return True


def buttons_of(table: Any) -> list[Any]:
    return [getattr(table, name) for name in (*table.actions_list, *table.actions_detail)]


def asked_by_tables() -> set[str]:
    """What the back office asks: of each table and its inlines Django's verbs, and what each button needs."""
    recorder = Recorder()
    request: Any = SimpleNamespace(user=recorder, GET={}, POST={})
    tables: Any = admin.site._registry.values()
    for table in tables:
        for part in (table, *table.get_inline_instances(request)):
            for verb in VERBS if getattr(part, "can_delete", True) else VERBS[:-1]:
                getattr(part, f"has_{verb}_permission")(request, *([None] if part is not table else []))
        for button in buttons_of(table):
            table.has_right(request, button.needs)
    return recorder.permissions


def asked_by_name() -> dict[str, str]:
    """Permissions that stand in calls, with the module of each."""
    names = {}
    for module, call, function in calls():
        needs = [keyword.value for keyword in call.keywords if keyword.arg == "needs"]
        for argument in (*(call.args if function in ASKING else ()), *needs):
            if isinstance(argument, ast.Constant) and "." in str(argument.value):
                names[str(argument.value)] = module
    return names


def test_every_permission_that_is_asked_for_is_one_that_somebody_has():
    slips = {name: module for name, module in asked_by_name().items() if name not in KNOWN}

    assert (slips, asked_by_tables() - KNOWN) == ({}, set())


def test_every_permission_of_the_map_is_asked_for():
    assert KNOWN - asked_by_tables() - set(asked_by_name()) == set()


def is_role(node: ast.AST) -> bool:
    """`Role.ADMIN`, `User.Role.ADMIN` or `is_superuser`."""
    if not isinstance(node, ast.Attribute):
        return False
    of = getattr(node.value, "attr", "") or getattr(node.value, "id", "")
    return node.attr == "is_superuser" or (of == "Role" and node.attr in Role.names)


def test_only_the_map_tells_roles_apart():
    """Elsewhere a role is given, kept and shown; what somebody may do is asked by permission."""
    names = {name for name, tree in modules().items() for node in ast.walk(tree) if is_role(node)}

    assert names == {
        "accounts/models/users.py",
        "accounts/roles.py",
        "accounts/staff.py",
        "config/management/commands/loaddemo.py",
    }


@pytest.mark.parametrize("table", admin.site._registry.values(), ids=str)
def test_every_action_on_several_rows_names_its_right(table: Any):
    functions = [getattr(table, name) for name in table.actions]

    assert [function.__name__ for function in functions if not function.allowed_permissions] == []

"""House rules that no linter knows: one way to Celery, no signals, SQL with parameters only."""

import ast
from collections.abc import Iterator

from tests.architecture.source import APPS, ROOT, calls, modules

# Where SQL is written by hand, and why Django's own queries are not enough.
SQL = {
    "billing/payments/services.py": "INSERT … ON CONFLICT DO NOTHING while Stripe waits",
    "chatbot/retrieval/search.py": "vectors and full text fused in one statement",
    "chatbot/answering/budget.py": "an advisory lock",
    "chatbot/knowledge/unanswered.py": "arithmetic of vectors, which the ORM does not have, and an advisory lock",
    "chatbot/retrieval/terms.py": "ts_stat and to_tsvector, which the ORM does not have as tables",
    "config/views.py": "asks whether the database answers at all",
    "core/audit.py": "an advisory lock, and INSERT … WHERE NOT EXISTS",
    "core/clock.py": "asks for the time, which is of no table",
    "core/database_role.py": "makes a role and gives it rights, which are of no table",
    "core/numbering.py": "INSERT … ON CONFLICT DO UPDATE … RETURNING",
    "invoicing/document_store.py": "what issuing does while others wait for the number",
    "core/web/ratelimit.py": "INSERT … ON CONFLICT DO UPDATE … WHERE … RETURNING",
}


def test_celery_is_reached_through_core_tasks_alone():
    names = {
        name
        for name, _call, function in calls()
        if function in ("delay", "apply_async", "send_task", "delay_on_commit")
    }

    assert names == {"core/tasks.py"}


def test_tasks_are_enqueued_by_keyword():
    wrong = [
        f"{name}:{call.lineno}"
        for name, call, function in calls()
        if function in ("enqueue", "wake") and name != "core/tasks.py" and len(call.args) != 1
    ]

    assert wrong == []


def test_there_are_no_signals_of_our_own():
    receivers = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith((".signals", ".dispatch", "dispatch"))
    ]
    registrations = [f"{name}:{call.lineno}" for name, call, function in calls() if function in ("receiver", "Signal")]

    assert receivers + registrations == []


def test_sql_by_hand_is_where_it_is_explained():
    names = {
        name for name, _call, function in calls() if function in ("execute", "executemany", "raw", "extra", "RawSQL")
    }

    assert names == set(SQL)


def test_querysets_take_no_sql():
    assert [f"{name}:{call.lineno}" for name, call, function in calls() if function in ("raw", "extra", "RawSQL")] == []


def test_statement_is_a_constant_and_values_are_parameters():
    wrong = [
        f"{name}:{call.lineno}"
        for name, call, function in calls()
        if function == "execute" and not _is_constant(call.args[0], modules()[name])
    ]

    assert wrong == []


def _is_constant(value: ast.expr, tree: ast.Module) -> bool:
    """A literal, the name of one in the same module, a text put together from such names, or one of two."""
    if isinstance(value, ast.Name):
        literals = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        return value.id in literals and _is_constant(literals[value.id], tree)
    if isinstance(value, ast.JoinedStr):
        return all(
            _is_constant(part.value if isinstance(part, ast.FormattedValue) else part, tree) for part in value.values
        )
    if isinstance(value, ast.IfExp):
        return _is_constant(value.body, tree) and _is_constant(value.orelse, tree)
    return isinstance(value, ast.Constant)


def test_nothing_of_ours_is_marked_exempt_from_csrf_but_the_api():
    exempt = {
        f"{name}:{node.name}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "csrf_exempt" in [ast.unparse(item) for item in node.decorator_list]
    }

    # the stream checks the token itself, for callers with a session (chatbot/conversations/callers.py)
    assert exempt == {"chatbot/conversations/api.py:post_message", "config/views.py:api_not_found"}


def functions() -> Iterator[tuple[str, int]]:
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_functions_and_files_stay_short():
    long_functions = [name for name, lines in functions() if lines > 60]
    long_files = [name for name in modules() if len((ROOT / name).read_text().splitlines()) > 500]

    assert (long_functions, long_files) == ([], [])


def test_there_are_no_drawers():
    drawers = {"utils", "helpers", "constants", "exceptions", "managers", "selectors", "signals", "common"}

    assert [name for name in modules() if name.rpartition("/")[2].removesuffix(".py") in drawers] == []
    assert all((ROOT / app / "__init__.py").exists() for app in APPS)


PARTICIPLES = {"asked", "found", "given", "said", "told", "tried", "wanted", "written"}


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Names of variables, parameters, attributes that are set, and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def is_participle(name: str) -> bool:
    return name.strip("_") in PARTICIPLES


def test_names_say_what_they_hold_and_not_what_was_done_to_it():
    others = [path for folder in ("tests", "sandbox", "bench") for path in (ROOT / folder).rglob("*.py")]
    trees = modules() | {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in others}

    participles = {f"{place}: {name}" for place in trees for name in bound_names(trees[place]) if is_participle(name)}

    assert participles == set()

"""Every act leaves an entry of the audit trail: what changes a state, tells somebody or is a button reaches `record`.

The calls are followed through our own modules by name. What is of no money, access or legal state is named, with why.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from core.wording import acts
from tests.architecture.source import APPS, calls, get_function_name, modules

RECORD = {"core.audit.record", "core.audit.record_reading"}
NOTIFY = "notifications.services.notify"
# what moves a row's state, by the method's name (an invoice's `advance` records itself); or `update` of these columns
MOVES = {"move_to", "revive"}
STATES = {"status", "state", "role", "is_active", "ended_at"}
BUTTONS = {"confirmed_action", "button"}

# Functions that change or tell something and leave no entry.
WITHOUT_ENTRY = {
    "accounts.personal_data.erase": "a part of the erasure, whose service records",
    "accounts.privacy.exports.clear_expired": "files whose week is over; asking and downloading are entries",
    "accounts.links.mail_link": "a mailed link does nothing by itself; what is done with it is an entry",
    "billing.payments.services.retry_event": "by a button that records (another_try)",
    "chatbot.answering.budget._tell_staff": "a mail about a sum that others have spent",
    "chatbot.knowledge.ingest._complete": "a document takes its predecessor's place; its coming is an entry",
    "chatbot.knowledge.ingest.read_again": "by a button that records (another_try)",
    "chatbot.personal_data.erase": "a part of the erasure, whose service records",
    "core.queue.QueueQuerySet.claim": "a worker's turn, which changes nothing of what the row is about",
    "core.queue.QueueQuerySet.settle": "a worker's turn, which changes nothing of what the row is about",
    "invoicing.archive.packages.request_package": "by a page or button that records",
    "invoicing.courtesy_copy.tell_customer": "the mail about an invoice; each is a row beside it (InvoiceCopy)",
    "invoicing.sdi.alerts.alert_staff": "a mail about a state whose coming is an entry",
    "invoicing.sdi.in_tray.note_outage": "a mail about a mailbox that others do not answer for",
    "invoicing.sdi.in_tray.tell_staff_of_mails": "a mail about mails; dealing with one is an entry",
    "invoicing.sdi.receipts.apply_again": "by a button that records (another_try)",
    "notifications.alarms.verify_trail": "what came out is a row of its own (AuditVerification)",
    "notifications.services.send_again": "by a button that records (another_try)",
}
# Buttons that only lead to a page, where issuing is the entry.
LINKS = {
    *(f"invoicing.admin.invoices.InvoiceAdmin.{name}" for name in ("write_by_hand", "correct", "replace")),
    "accounts.documents.admin.CustomerDocumentAdmin.share",
}

Function = tuple[str, str, ast.FunctionDef | ast.AsyncFunctionDef]


def names_of_module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache
def functions() -> dict[str, Function]:
    """Every function of a module or class by its full name: module, class or "", and the tree."""
    result: dict[str, Function] = {}
    for path, tree in modules().items():
        module = names_of_module(path)
        for node in tree.body:
            owner, body = (node.name, node.body) if isinstance(node, ast.ClassDef) else ("", [node])
            for each in body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    result[".".join(filter(None, (module, owner, each.name)))] = (module, owner, each)
    return result


@cache
def imports(module: str) -> dict[str, str]:
    """What a name stands for in a module, of our own."""
    path = next(path for path in modules() if names_of_module(path) == module)
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(modules()[path])
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in APPS
        for alias in node.names
    }


@cache
def uses(name: str) -> frozenset[str]:
    """The functions that a function calls, or hands on to be called."""
    module, owner, tree = functions()[name]
    return frozenset(target for node in ast.walk(tree) for target in targets_of(node, module, owner))


def targets_of(node: ast.AST, module: str, owner: str) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield imports(module).get(node.id, f"{module}.{node.id}")
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "self" and node.attr in ("record", "record_reading"):
            yield f"core.audit.{node.attr}"  # of the back office's pages
        elif node.value.id in ("self", "cls"):
            yield f"{module}.{owner}.{node.attr}"
        elif node.value.id in imports(module):
            yield f"{imports(module)[node.value.id]}.{node.attr}"


@cache
def recording() -> set[str]:
    """Every function from which `record` is reached."""
    users = defaultdict(set)
    for name in functions():
        for target in uses(name):
            users[target].add(name)
    reached, waiting = set(RECORD), list(RECORD)
    while waiting:
        for user in users[waiting.pop()] - reached:
            reached.add(user)
            waiting.append(user)
    return reached


def acts_by(name: str) -> bool:
    tree = functions()[name][2]
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    moves = any(get_function_name(node) in MOVES for node in nodes)
    updates = any(
        get_function_name(node) == "update" and STATES & {keyword.arg for keyword in node.keywords} for node in nodes
    )
    return moves or updates or NOTIFY in uses(name)


def is_left_to_callers(name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether whoever calls it records."""
    users = [user for user in functions() if name in uses(user) and user not in seen | {name}]
    return bool(users) and all(user in recording() or is_left_to_callers(user, seen | {name}) for user in users)


def is_button(name: str) -> bool:
    decorators = functions()[name][2].decorator_list
    calls_of = (each.func if isinstance(each, ast.Call) else each for each in decorators)
    return bool({ast.unparse(each).rpartition(".")[2] for each in calls_of} & BUTTONS)


def test_what_changes_a_state_or_tells_somebody_leaves_an_entry():
    silent = {
        name for name in functions() if acts_by(name) and name not in recording() and not is_left_to_callers(name)
    }

    assert silent == set(WITHOUT_ENTRY)


def test_every_button_of_the_back_office_leaves_an_entry():
    buttons = {name for name in functions() if is_button(name)}

    assert {name for name in buttons if name not in recording()} == LINKS
    assert len(buttons) > 20


def codes() -> set[str]:
    """The acts that the source names: whole, with a star for a part it fills in, or a page's verb alone."""
    result = set()
    for _path, call, function in calls():
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        if function in ("record", "record_reading"):
            result |= code_of(arguments.get("action") or (call.args[2:3] or [None])[0])
        elif function == "another_try":
            result |= code_of(arguments["verb"])
    return result


def code_of(node: ast.AST | None) -> set[str]:
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.JoinedStr):
        return {"".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)}
    return set()


def fits(code: str, act: str) -> bool:
    pattern = re.escape(code).replace(r"\*", r"\w+")
    return bool(re.fullmatch(pattern if "." in code else rf"(\w+\.)?{pattern}", act))


def test_every_act_has_its_words_and_every_word_its_act():
    wordless = {code for code in codes() if not any(fits(code, act) for act in acts())}
    actless = {act for act in acts() if not any(fits(code, act) for code in codes())}

    assert (wordless, actless) == (set(), set())
    assert {"order.paid", "order.*", "invoice.moved", "look_now", "sent_again"} <= codes()  # each way to name one

"""The table of who gets which answer at which address (permissions.txt), and how a request is asked for it."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from django.db import transaction
from django.test import Client

ROLES = ("guest", "stranger", "owner", "support", "editor", "admin", "super_admin")
TABLE = Path(__file__).parent / "permissions.txt"
Key = tuple[str, str]


@cache
def read_table() -> dict[Key, tuple[str, ...]]:
    """Method and address to the answers, in the order of ROLES."""
    rows = (line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#"))
    return {
        (method, address.removeprefix("/")): tuple(answers)
        for methods, address, *answers in rows
        for method in methods.split(",")
    }


def ask(client: Client, method: str, path: str) -> str:
    """The answer as the table writes it. What the request changes is taken back, so that the next finds the same."""
    body = {"data": {}, "content_type": "application/json"} if path.startswith("/api/") and method != "GET" else {}
    with transaction.atomic():
        answer = getattr(client, method.lower())(path, **body)
        transaction.set_rollback(True)
    if answer.status_code != HTTPStatus.FOUND:
        return str(answer.status_code)
    after = path if method == "GET" else "/area/"  # an address that only takes POST is no place to come back to
    ways = {f"/account/accedi/?next={after}": "login", f"/admin/login/?next={path}": "away"}
    return ways.get(answer["Location"], "302")

"""Rows of a queue in the states that workers leave them in."""

from typing import TypeVar

from core.queue import QueuedRow

Row = TypeVar("Row", bound=QueuedRow)


def claim_row(row: Row) -> Row:
    """The row as a worker has it."""
    claim: Row | None = type(row)._default_manager.claim(row.pk)  # type: ignore[attr-defined]
    assert claim is not None, "it is not due"
    return claim


def fail_row(row: Row, error: str = "no way") -> Row:
    """The row as it waits for a person."""
    claim_row(row).give_up(error)
    row.refresh_from_db()
    return row

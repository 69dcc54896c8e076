"""State on disk (SQLite): objects as JSON, webhook deliveries, idempotent answers, and a few named values.

One request is one transaction: within it an object is loaded once and shared, and everything is written or nothing.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL, place INTEGER NOT NULL, next_attempt_at REAL NOT NULL,
    status INTEGER, signature TEXT, attempts TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS deliveries_state ON deliveries (state, place);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, route TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, request TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS named (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """`get`, `add`, `save` objects; `commit` or `roll_back` what happened since the last of these."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.database = sqlite3.connect(path, check_same_thread=False)
        self.database.row_factory = sqlite3.Row
        # WAL keeps a committed transaction whole through a kill in mid-write
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=NORMAL")
        self.database.executescript(SCHEMA)
        self.cache: dict[str, Object] = {}

    def close(self) -> None:
        self.database.close()

    def commit(self) -> None:
        self.database.commit()
        self.cache.clear()

    def roll_back(self) -> None:
        self.database.rollback()
        self.cache.clear()

    def find(self, ident: str) -> Object | None:
        if ident not in self.cache:
            row = self.database.execute("SELECT body FROM objects WHERE id = ?", (ident,)).fetchone()
            if row is None:
                return None
            self.cache[ident] = json.loads(row["body"])
        return self.cache[ident]

    def add(self, obj: Object) -> Object:
        self.database.execute(
            "INSERT INTO objects (id, kind, body) VALUES (?, ?, ?)", (obj["id"], obj["object"], json.dumps(obj))
        )
        self.cache[obj["id"]] = obj
        return obj

    def save(self, obj: Object) -> None:
        self.database.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(obj), obj["id"]))
        self.cache[obj["id"]] = obj

    def remove(self, ident: str) -> None:
        self.database.execute("DELETE FROM objects WHERE id = ?", (ident,))
        self.cache.pop(ident, None)

    def every(self, kind: str, *, newest_first: bool = True) -> Iterator[Object]:
        """All objects of a kind, in the order they were made."""
        order = "DESC" if newest_first else "ASC"
        rows = self.database.execute(f"SELECT id, body FROM objects WHERE kind = ? ORDER BY seq {order}", (kind,))
        for row in rows.fetchall():
            if row["id"] not in self.cache:
                self.cache[row["id"]] = json.loads(row["body"])
            yield self.cache[row["id"]]

    def get_value(self, name: str, default: Any = None) -> Any:
        row = self.database.execute("SELECT value FROM named WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row["value"])

    def set_value(self, name: str, value: Any) -> None:
        self.database.execute("INSERT OR REPLACE INTO named VALUES (?, ?)", (name, json.dumps(value)))

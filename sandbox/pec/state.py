"""What the PEC stand-in remembers, in one SQLite file: every change is committed before it is answered.

The mailbox with its flags, mails on their way to it, messages the product sent, and all files SDI has seen.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sandbox.pec.sdi_checks import KnownFiles, Verdict
from sandbox.pec.sdi_controls import DocumentKey
from sandbox.pec.sdi_messages import Transmission

_TABLES = """
CREATE TABLE IF NOT EXISTS folder (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uid_validity INTEGER NOT NULL, last_uid INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mail (
    folder_id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE, uid INTEGER NOT NULL, raw BLOB NOT NULL,
    flags TEXT NOT NULL, received_at TEXT NOT NULL, PRIMARY KEY (folder_id, uid));
CREATE TABLE IF NOT EXISTS queued (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due_at REAL NOT NULL, is_held INTEGER NOT NULL, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sent_at TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL,
    subject TEXT NOT NULL, message_id TEXT NOT NULL, outcome TEXT NOT NULL, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS file (
    sdi_id INTEGER PRIMARY KEY, name TEXT NOT NULL, stem TEXT NOT NULL, sha256 TEXT NOT NULL,
    received_at TEXT NOT NULL, is_public INTEGER NOT NULL, recipient_code TEXT NOT NULL, documents TEXT NOT NULL,
    pec_id TEXT NOT NULL, sender TEXT NOT NULL, state TEXT NOT NULL, verdicts TEXT NOT NULL, content BLOB NOT NULL,
    keys TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS file_name ON file (name);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sdi_id INTEGER NOT NULL REFERENCES file, kind TEXT NOT NULL,
    outcome TEXT NOT NULL, file_name TEXT NOT NULL, created_at TEXT NOT NULL, xml BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
FIRST_SDI_ID = 6782414
# a document whose file ended like this may be sent again under the same number
_OPEN_STATES = ("rejected", "refused")


@dataclass(frozen=True)
class Folder:
    """One mailbox folder."""

    id: int
    name: str
    uid_validity: int
    last_uid: int


@dataclass(frozen=True)
class Mail:
    """One mail in a folder."""

    uid: int
    raw: bytes
    flags: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True)
class QueuedMail:
    """A mail on its way to the product's mailbox."""

    id: int
    due_at: float
    raw: bytes


@dataclass(frozen=True)
class Outgoing:
    """A message the product submitted; `outcome` is what its provider did with it."""

    id: int
    sent_at: str
    sender: str
    recipients: list[str]
    subject: str
    message_id: str
    outcome: str
    raw: bytes


@dataclass(frozen=True)
class SdiFile:
    """A file SDI received; `state` follows from SDI's last message, `received` before the first."""

    transmission: Transmission
    sender: str
    state: str
    verdicts: tuple[Verdict, ...]
    content: bytes
    keys: tuple[DocumentKey, ...]


@dataclass(frozen=True)
class SdiMessage:
    """A message SDI wrote about a file."""

    kind: str
    outcome: str
    file_name: str
    created_at: str
    xml: bytes


class State:
    """The database; all methods are short and synchronous."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "state.sqlite3", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA foreign_keys = ON")
        self.db.executescript(_TABLES)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. The block must not await: other coroutines write on the same connection."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # mailbox

    def forget(self) -> None:
        """Drop everything but the mailbox's folders and their UIDs, which may never be used twice."""
        with self.transaction():
            for table in ("queued", "outgoing", "message", "file", "fact"):
                self.db.execute(f"DELETE FROM {table}")

    def folders(self) -> list[Folder]:
        rows = self.db.execute("SELECT id, name, uid_validity, last_uid FROM folder ORDER BY id")
        return [Folder(*row) for row in rows]

    def add_folder(self, name: str, uid_validity: int) -> Folder:
        query = "INSERT INTO folder (name, uid_validity, last_uid) VALUES (?, ?, 0)"
        return Folder(int(self.db.execute(query, (name, uid_validity)).lastrowid or 0), name, uid_validity, 0)

    def delete_folder(self, folder_id: int) -> None:
        self.db.execute("DELETE FROM folder WHERE id = ?", (folder_id,))

    def rename_folder(self, folder_id: int, name: str) -> None:
        self.db.execute("UPDATE folder SET name = ? WHERE id = ?", (name, folder_id))

    def mails(self, folder_id: int) -> list[Mail]:
        rows = self.db.execute(
            "SELECT uid, raw, flags, received_at FROM mail WHERE folder_id = ? ORDER BY uid", (folder_id,)
        )
        return [Mail(uid, raw, tuple(flags.split()), datetime.fromisoformat(at)) for uid, raw, flags, at in rows]

    def save_mail(self, folder_id: int, mail: Mail, *, queue_id: int | None = None) -> None:
        """Keep a new mail, and take it off the queue in the same step."""
        row = (folder_id, mail.uid, mail.raw, " ".join(mail.flags), mail.received_at.isoformat())
        with self.transaction():
            self.db.execute("INSERT INTO mail VALUES (?, ?, ?, ?, ?)", row)
            self.db.execute("UPDATE folder SET last_uid = ? WHERE id = ?", (mail.uid, folder_id))
            self.db.execute("DELETE FROM queued WHERE id = ?", (queue_id,))

    def set_flags(self, folder_id: int, uid: int, flags: tuple[str, ...]) -> None:
        self.db.execute("UPDATE mail SET flags = ? WHERE folder_id = ? AND uid = ?", (" ".join(flags), folder_id, uid))

    def delete_mails(self, folder_id: int, uids: list[int]) -> None:
        with self.transaction():
            self.db.executemany("DELETE FROM mail WHERE folder_id = ? AND uid = ?", [(folder_id, uid) for uid in uids])

    # mails on their way

    def enqueue(self, raw: bytes, due_at: datetime, *, is_held: bool = False) -> None:
        query = "INSERT INTO queued (due_at, is_held, raw) VALUES (?, ?, ?)"
        self.db.execute(query, (due_at.timestamp(), is_held, raw))

    def find_next_queued(self) -> QueuedMail | None:
        query = "SELECT id, due_at, raw FROM queued WHERE NOT is_held ORDER BY due_at, id LIMIT 1"
        row = self.db.execute(query).fetchone()
        return QueuedMail(*row) if row else None

    def release(self) -> int:
        return self.db.execute("UPDATE queued SET is_held = 0 WHERE is_held").rowcount

    # messages of the product

    def add_outgoing(
        self,
        *,
        sent_at: datetime,
        sender: str,
        recipients: list[str],
        subject: str,
        message_id: str,
        outcome: str,
        raw: bytes,
    ) -> int:
        query = """INSERT INTO outgoing (sent_at, sender, recipients, subject, message_id, outcome, raw)
            VALUES (?, ?, ?, ?, ?, ?, ?)"""
        row = (sent_at.isoformat(), sender, json.dumps(recipients), subject, message_id, outcome, raw)
        return int(self.db.execute(query, row).lastrowid or 0)

    def outgoing(self) -> list[Outgoing]:
        query = "SELECT id, sent_at, sender, recipients, subject, message_id, outcome, raw FROM outgoing ORDER BY id"
        rows = self.db.execute(query)
        return [Outgoing(number, at, sender, json.loads(to), *rest) for number, at, sender, to, *rest in rows]

    # what SDI knows

    def next_sdi_id(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(sdi_id) + 1, ?) FROM file", (FIRST_SDI_ID,)).fetchone()[0])

    def load_known_files(self) -> KnownFiles:
        stems = {row[0] for row in self.db.execute("SELECT stem FROM file WHERE stem != ''")}
        query = f"SELECT keys FROM file WHERE state NOT IN ({','.join('?' * len(_OPEN_STATES))})"
        keys = {DocumentKey(*key) for row in self.db.execute(query, _OPEN_STATES) for key in json.loads(row[0])}
        return KnownFiles(frozenset(stems), frozenset(keys))

    def add_file(self, file: SdiFile, *, stem: str) -> None:
        """Keep a new file; `stem` is the name it takes for ever, empty when the name was refused."""
        transmission = file.transmission
        verdicts = json.dumps([asdict(verdict) for verdict in file.verdicts])
        row = (
            transmission.sdi_id,
            transmission.file_name,
            stem,
            transmission.sha256,
            transmission.received_at.isoformat(),
            transmission.is_public,
        )
        row2 = (
            transmission.recipient_code,
            json.dumps(transmission.documents),
            transmission.pec_id,
            file.sender,
            file.state,
            verdicts,
        )
        marks = ",".join("?" * 14)
        self.db.execute(f"INSERT INTO file VALUES ({marks})", (*row, *row2, file.content, json.dumps(file.keys)))

    def set_file_state(self, sdi_id: int, state: str) -> None:
        self.db.execute("UPDATE file SET state = ? WHERE sdi_id = ?", (state, sdi_id))

    def files(self, name: str | None = None) -> list[SdiFile]:
        """Files in the order received; of one name, the first is the one that took it."""
        query = """SELECT sdi_id, name, sha256, received_at, is_public, recipient_code, documents, pec_id, sender,
            state, verdicts, content, keys FROM file WHERE ? IS NULL OR name = ? ORDER BY sdi_id"""
        return [_file(row) for row in self.db.execute(query, (name, name))]

    def add_message(self, sdi_id: int, message: SdiMessage) -> None:
        query = "INSERT INTO message (sdi_id, kind, outcome, file_name, created_at, xml) VALUES (?, ?, ?, ?, ?, ?)"
        row = (sdi_id, message.kind, message.outcome, message.file_name, message.created_at, message.xml)
        self.db.execute(query, row)

    def messages(self, sdi_id: int) -> list[SdiMessage]:
        query = "SELECT kind, outcome, file_name, created_at, xml FROM message WHERE sdi_id = ? ORDER BY id"
        return [SdiMessage(*row) for row in self.db.execute(query, (sdi_id,))]

    def next_message_id(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM message").fetchone()[0])

    # single facts

    def fact(self, name: str, default: str) -> str:
        row = self.db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else default

    def set_fact(self, name: str, value: str) -> None:
        self.db.execute(
            "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )


def _file(row: tuple[object, ...]) -> SdiFile:
    sdi_id, name, sha256, received_at, is_public, code, documents, pec_id, sender, state, verdicts, content, keys = row
    transmission = Transmission(
        sdi_id=int(str(sdi_id)),
        file_name=str(name),
        sha256=str(sha256),
        received_at=datetime.fromisoformat(str(received_at)),
        is_public=bool(is_public),
        recipient_code=str(code),
        documents=tuple((number, year) for number, year in json.loads(str(documents))),
        pec_id=str(pec_id),
    )
    return SdiFile(
        transmission,
        str(sender),
        str(state),
        tuple(Verdict(**verdict) for verdict in json.loads(str(verdicts))),
        bytes(content) if isinstance(content, bytes) else b"",
        tuple(DocumentKey(*key) for key in json.loads(str(keys))),
    )

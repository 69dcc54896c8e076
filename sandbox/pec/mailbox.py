"""The product's certified mailbox over IMAP with implicit TLS: pymap's in-memory backend, kept in the state file.

pymap has a maildir backend too, but it rewrites line ends and parses every mail on the way out, which breaks
signatures; here a mail comes out byte for byte as it went in, with its UID and flags, also after a restart.
"""

import asyncio
import ssl
from argparse import Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet, Message
from pymap.concurrent import Event, Subsystem
from pymap.flags import FlagOp
from pymap.imap import IMAPServer
from pymap.interfaces.message import CachedMessage
from pymap.mailbox import MailboxSnapshot
from pymap.mime import MessageContent
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import ObjectId
from pymap.parsing.specials.flag import Flag
from pymap.selected import SelectedMailbox
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash

from sandbox.pec.state import Folder, Mail, State


class StoredFolder(MailboxData):
    """A folder that writes each change to the state file before it answers."""

    def __init__(self, folders: "StoredFolders", folder: Folder) -> None:
        super().__init__(folders.content_cache, folders.thread_cache)
        self.state = folders.state
        self.id = folder.id
        self._uid_validity = folder.uid_validity
        self._max_uid = folder.last_uid
        for mail in self.state.mails(self.id):
            self._load(mail)

    def _load(self, mail: Mail, *, recent: bool = False) -> Message:
        content = MessageContent.parse(mail.raw)
        message = Message(
            mail.uid,
            mail.received_at,
            [Flag(flag.encode()) for flag in mail.flags],
            email_id=self._content_cache.add(content),
            thread_id=self._thread_cache.add(content),
            recent=recent,
            content=content,
        )
        self._max_uid = max(self._max_uid, mail.uid)
        self._messages[mail.uid] = message
        self._mod_sequences.update([mail.uid])
        self._updated.set()
        return message

    async def deliver(self, raw: bytes, *, queue_id: int | None = None) -> int:
        """Put a mail that arrives into the folder and return its UID."""
        append = AppendMessage(raw, datetime.now(UTC), frozenset())
        return (await self._append(append, recent=True, queue_id=queue_id)).uid

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> Message:
        return await self._append(append_msg, recent=recent, queue_id=None)

    async def _append(self, append_msg: AppendMessage, *, recent: bool, queue_id: int | None) -> Message:
        async with self.messages_lock.write_lock():
            when = append_msg.when or datetime.now(UTC)
            mail = Mail(self._max_uid + 1, bytes(append_msg.literal), _names(append_msg.flag_set), when)
            self.state.save_mail(self.id, mail, queue_id=queue_id)
            return self._load(mail, recent=recent)

    async def copy(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        new_uid = await super().copy(uid, destination, recent=recent)
        if new_uid is not None:
            cast("StoredFolder", destination).save(new_uid)
        return new_uid

    async def move(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        # copied, then deleted: a kill in between leaves the mail twice, never nowhere
        new_uid = await self.copy(uid, destination, recent=recent)
        if new_uid is not None:
            await self.delete([uid])
        return new_uid

    async def update(self, uid: int, cached_msg: CachedMessage, flag_set: frozenset[Flag], mode: FlagOp) -> Message:
        message = await super().update(uid, cached_msg, flag_set, mode)
        self.state.set_flags(self.id, uid, _names(message.permanent_flags))
        return message

    async def delete(self, uids: Iterable[int]) -> None:
        uids = list(uids)
        await super().delete(uids)
        self.state.delete_mails(self.id, uids)

    async def update_selected(self, selected: SelectedMailbox, *, wait_on: Event | None = None) -> SelectedMailbox:
        # IDLE must not sleep over a mail that came while the last update was being written
        is_behind = selected.mod_sequence != self._mod_sequences.highest
        return await super().update_selected(selected, wait_on=None if is_behind else wait_on)

    def save(self, uid: int) -> None:
        """Write a message that is so far in memory only."""
        self.state.save_mail(self.id, self.mail(uid))

    def mail(self, uid: int) -> Mail:
        """A mail as stored. Raises KeyError."""
        message = self._messages[uid]
        return Mail(uid, bytes(message._content or b""), _names(message.permanent_flags), message.internal_date)  # noqa: SLF001

    def mails(self) -> list[Mail]:
        return [self.mail(uid) for uid in self._messages]


def _names(flags: Iterable[Flag]) -> tuple[str, ...]:
    return tuple(sorted(bytes(flag).decode() for flag in flags))


class StoredFolders(MailboxSet):
    """All folders of the mailbox."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        for folder in state.folders():
            self._set[folder.name] = StoredFolder(self, folder)
        self._inbox = self._set.pop("INBOX") if "INBOX" in self._set else self._create("INBOX")

    @property
    def content_cache(self):  # type: ignore[no-untyped-def]  # pymap does not export the type
        return self._content_cache

    @property
    def thread_cache(self):  # type: ignore[no-untyped-def]
        return self._thread_cache

    @property
    def inbox(self) -> StoredFolder:
        return cast("StoredFolder", self._inbox)

    def _create(self, name: str) -> StoredFolder:
        return StoredFolder(self, self.state.add_folder(name, MailboxSnapshot.new_uid_validity()))

    async def add_mailbox(self, name: str) -> ObjectId:
        if name in self._set:
            raise ValueError(name)
        self._set[name] = folder = self._create(name)
        return folder.mailbox_id

    async def delete_mailbox(self, name: str) -> None:
        folder = self._set.get(name)
        await super().delete_mailbox(name)
        self.state.delete_folder(cast("StoredFolder", folder).id)

    async def rename_mailbox(self, before: str, after: str) -> None:
        if before == "INBOX":
            raise KeyError(before)
        await super().rename_mailbox(before, after)
        for name, folder in self._set.items():
            self.state.rename_folder(cast("StoredFolder", folder).id, name)


class MailboxServer:
    """IMAP with implicit TLS on a free loopback port, for one user."""

    def __init__(self, state: State, *, user: str, password: str, context: ssl.SSLContext) -> None:
        self.user = user
        self.password = password
        self.context = context
        self.folders = StoredFolders(state)
        self.server: asyncio.Server | None = None
        self.connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> int:
        """Open the port and return it."""
        # no STARTTLS and plain passwords allowed: the whole connection is inside TLS already
        login = await self._login()
        serve = IMAPServer(login, login.config)

        async def handle_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = cast("asyncio.Task[None]", asyncio.current_task())
            self.connections[task] = writer
            try:
                await serve(reader, writer, SocketInfoLocal(writer))
            finally:
                del self.connections[task]

        self.server = await asyncio.start_server(handle_client, "127.0.0.1", 0, ssl=self.context)
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self.server:
            self.server.close()
        # cut, not cancelled: pymap ends an IDLE properly only when its client is gone
        for writer in self.connections.values():
            writer.transport.abort()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def _login(self) -> Login:
        arguments = Namespace(passlib_cfg=None, proxy_protocol=None)
        config = Config(
            arguments,
            host=None,
            port=0,
            tls_enabled=False,
            demo_data=False,
            demo_user=self.user,
            demo_password=self.password,
            hash_context=BuiltinHash(rounds=1),
            cpu_subsystem=Subsystem.for_asyncio(),
        )
        config.set_cache[self.user] = (self.folders, FilterSet())
        login = Login(config)
        password_hash = await Passwords(config).hash_password(self.password)
        await login.demo_user_identity.set(UserMetadata(config, self.user, password=password_hash))
        return login

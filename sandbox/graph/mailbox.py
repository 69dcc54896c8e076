"""The mailbox on disk: one JSON file per mail, the newest 2,000 kept."""

import base64
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.graph.mail import Attachment, Mail

MAX_MAILS = 2000


class Mailbox:
    """Mails by id, oldest first. Drafts live in memory only, as a mail nobody sent is nobody's business."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mails: dict[str, Mail] = {}
        folder.mkdir(parents=True, exist_ok=True)
        mails = [_load(path) for path in folder.glob("*.json")]
        for mail in sorted(mails, key=lambda each: each.at):
            self.mails[mail.id] = mail

    def add(self, mail: Mail) -> None:
        self.mails[mail.id] = mail
        if mail.folder == "drafts":
            return
        path = self._path(mail)
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(_dump(mail), ensure_ascii=False))
        draft.replace(path)
        for old in [each for each in self.newest_first() if each.folder != "drafts"][MAX_MAILS:]:
            self.remove(old)

    def remove(self, mail: Mail) -> None:
        del self.mails[mail.id]
        self._path(mail).unlink(missing_ok=True)

    def clear(self) -> None:
        for mail in list(self.mails.values()):
            self.remove(mail)

    def newest_first(self) -> list[Mail]:
        return sorted(self.mails.values(), key=lambda mail: mail.at, reverse=True)

    def _path(self, mail: Mail) -> Path:
        # Graph's ids are longer than a file name may be on some systems
        return self.folder / f"{hashlib.sha256(mail.id.encode()).hexdigest()[:32]}.json"


def _dump(mail: Mail) -> dict[str, Any]:
    data = asdict(mail)
    data["mime"] = base64.b64encode(mail.mime).decode()
    for each in data["attachments"]:
        each["content"] = base64.b64encode(each["content"]).decode()
    return data


def _load(path: Path) -> Mail:
    data = json.loads(path.read_text())
    data["mime"] = base64.b64decode(data["mime"])
    data["headers"] = [(name, value) for name, value in data["headers"]]
    data["attachments"] = [
        Attachment(**{**each, "content": base64.b64decode(each["content"])}) for each in data["attachments"]
    ]
    return Mail(**data)

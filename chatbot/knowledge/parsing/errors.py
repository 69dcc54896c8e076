"""Why a file cannot be read. The readers run without Django, so the words for it are elsewhere (`words`)."""

from enum import StrEnum


class Reason(StrEnum):
    """What keeps a file from being read."""

    LOCKED = "locked"
    DAMAGED = "damaged"
    EMPTY = "empty"
    SCANNED = "scanned"
    TOO_MUCH = "too-much"


class UnreadableError(Exception):
    """A reader cannot go on, and knows why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

"""What one request, one timer or one control call works with: the store, the time, new ids, and events."""

import copy
import secrets
import string
import time
from dataclasses import dataclass, field, replace
from typing import Any, Self

from sandbox.stripe.errors import missing
from sandbox.stripe.store import Object, Store
from sandbox.stripe.webhooks import queue_event

API_VERSION = "2026-08-26.dahlia"
ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(length))}"


def public(obj: Any) -> Any:
    """A copy without the stand-in's own fields, whose names start with an underscore."""
    if isinstance(obj, dict):
        return {name: public(value) for name, value in obj.items() if not name.startswith("_")}
    if isinstance(obj, list):
        return [public(value) for value in obj]
    return obj


def difference(before: Object, after: Object) -> Object:
    """The old values of what changed, as in an event's `previous_attributes`."""
    changes: Object = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        is_nested = isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list"
        changes[name] = difference(old, new) if is_nested else old  # type: ignore[arg-type]
    return changes


@dataclass
class Context:
    """`now` is the clock of the objects at work: the wall's, or a test clock's."""

    store: Store
    url: str
    now: int = field(default_factory=lambda: int(time.time()))
    request_id: str | None = None
    idempotency_key: str | None = None
    publishable: bool = False

    def at(self, now: int) -> Self:
        return replace(self, now=now)

    def on_clock_of(self, obj: Object | None) -> Self:
        """The same work at the time of the test clock that `obj` hangs on, if any."""
        clock = self.store.find(obj["test_clock"]) if obj and obj.get("test_clock") else None
        return self.at(clock["frozen_time"]) if clock else self

    def find(self, kind: str, ident: str | None) -> Object | None:
        obj = self.store.find(ident) if ident else None
        return obj if obj and obj["object"] == kind and not obj.get("deleted") else None

    def get(self, kind: str, ident: str, param: str | None = None) -> Object:
        """The object, or Stripe's "No such …"; `param` names the parameter that pointed to it."""
        obj = self.find(kind, ident)
        if obj is None:
            raise missing(kind, ident, param)
        return obj

    def add(self, obj: Object, event: str | None = None) -> Object:
        self.store.add(obj)
        if event:
            self.emit(event, obj)
        return obj

    def change(self, obj: Object, event: str | None = None, **changes: Any) -> Object:
        """Lay `changes` over `obj`, save it, and tell of it if anything visible changed."""
        before = public(copy.deepcopy(obj))
        obj.update(changes)
        return self.save(obj, event, before)

    def save(self, obj: Object, event: str | None = None, before: Object | None = None) -> Object:
        self.store.save(obj)
        previous = difference(before, public(obj)) if before is not None else None
        if event and not (event.endswith(".updated") and previous == {}):
            self.emit(event, obj, previous if event.endswith("updated") else None)
        return obj

    def emit(self, kind: str, obj: Object, previous: Object | None = None) -> None:
        data: Object = {"object": copy.deepcopy(public(obj))}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        queue_event(self.store, event)

"""The audit trail in words: who did what to which object, and what stood there before and after.

Every app names its acts in a module `acts`: ACTS, by the code of the entry. What all tables have in common (created,
changed, opened) stands in `core.acts` by its verb alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Model
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.module_loading import module_has_submodule
from django.utils.text import capfirst
from django.utils.translation import gettext

from core.audit import key_field
from core.models import AuditEntry
from core.templatetags.ui import eur, figure

Text = str | Promise
_MISSING = "–"
_LONGEST = 80
EUR = "eur"


class Act:
    """An act in words. Its sentence has {name}, the object, or {object}, the object with what it is, and details.

    `kinds` says how a detail reads: EUR, "app.model" for a row by its number, "app.model.field" for one of its values.
    """

    def __init__(self, sentence: Text, **kinds: str) -> None:
        self.sentence, self.kinds = sentence, kinds


class Declarations(Protocol):
    """The module `acts` of an app."""

    ACTS: Mapping[str, Act]


@dataclass(frozen=True)
class Change:
    """A field in words, before and after; `is_kept` is False where the trail keeps the field's name alone."""

    field: str
    before: str
    after: str
    is_kept: bool


@dataclass(frozen=True)
class Line:
    """An entry in words; `who` and `what` are HTML with links where the reader may follow them."""

    entry: AuditEntry
    who: str
    what: str
    changes: list[Change]

    @property
    def is_sealed(self) -> bool:
        return self.entry.position is not None


class Reads(Protocol):
    """Whoever reads: which rows they may see, and where these are (`core.admin.base.Reader`)."""

    def find_rows(self, model: type[Model], column: str, keys: list[Any]) -> list[Model]: ...

    def address_of(self, row: Model) -> str: ...


@cache
def acts() -> dict[str, Act]:
    """What every installed app calls its acts, by code; those of `core.acts` by verb."""
    configs = [config for config in apps.get_app_configs() if config.module]
    names = [config.name for config in configs if module_has_submodule(config.module, "acts")]
    return {code: act for name in names for code, act in import_module(f"{name}.acts").ACTS.items()}


def act_of(code: str) -> Act:
    """The act in words; the code itself of an entry from another time, when it was called otherwise."""
    return acts().get(code) or acts().get(code.partition(".")[2]) or Act(f"{code}: {{object}}")


def describe(entries: Sequence[AuditEntry], reader: Reads) -> list[Line]:
    """The entries in the reader's language. A query for each table they are about, however many there are."""
    names = _Names(entries, reader)
    return [
        Line(entry, names.who(entry), _sentence(entry, names), list(changes_of(entry)))
        for entry in entries
    ]  # fmt: skip


def changes_of(entry: AuditEntry) -> Iterator[Change]:
    """What stood in each field before and after, of the object and of the parts that were edited with it."""
    yield from _in_words(entry.target.partition(":")[0], entry.detail.get("changes") or {}, "")
    for part in entry.detail.get("parts") or ():
        about = f"{_noun(part['table'])} {part['key']}"
        if part["verb"] != "changed":
            word = {"created": gettext("added"), "deleted": gettext("taken away")}[part["verb"]]
            yield Change(capfirst(about), _MISSING, word, is_kept=True)
        yield from _in_words(part["table"], part["changes"], f"{about}: ")


def object_of(target: str) -> str:
    """What an entry is about, without looking it up: "order ORD-2026-00012"."""
    table, _colon, key = target.partition(":")
    return f"{_noun(table)} {key}" if target else ""


class _Names:
    """What people and objects are called now, as far as they are there and the reader may see them."""

    def __init__(self, entries: Iterable[AuditEntry], reader: Reads) -> None:
        self._reader = reader
        targets: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            for table, key in _references(entry):
                targets[table].add(key)
        self._rows = {f"{table}:{key}": row for table, keys in targets.items() for key, row in self._find(table, keys)}

    def _find(self, table: str, keys: Iterable[str]) -> Iterator[tuple[str, Model]]:
        model = _find_model(table)
        if model is None:
            return
        column = key_field(model)
        field = model._meta.pk if column == "pk" else model._meta.get_field(column)
        rows = self._reader.find_rows(model, column, list(_valid(field, keys)))
        for row in rows:
            yield str(getattr(row, column)), row

    def link(self, target: str) -> str:
        """What a row is called, linked; its number where it is gone or not to be seen."""
        row = self._rows.get(target)
        if row is None:
            return target.partition(":")[2]
        name = str(row)
        short = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
        return format_html('<a href="{}">{}</a>', self._reader.address_of(row), short)

    def who(self, entry: AuditEntry) -> str:
        """The person, or the system: by name as long as there is one."""
        number = entry.actor_label.removeprefix("user ")
        if number == entry.actor_label:
            return gettext("System")
        target = f"{settings.AUTH_USER_MODEL.lower()}:{number}"
        return self.link(target) if target in self._rows else gettext("Account %(number)s") % {"number": number}


def _references(entry: AuditEntry) -> Iterator[tuple[str, str]]:
    table, colon, key = entry.target.partition(":")
    if colon:
        yield table, key
    if entry.actor_label.startswith("user "):
        yield settings.AUTH_USER_MODEL.lower(), entry.actor_label.removeprefix("user ")
    for detail, kind in act_of(entry.action).kinds.items():
        if kind.count(".") == 1 and detail in entry.detail:
            yield kind, str(entry.detail[detail])


def _sentence(entry: AuditEntry, names: _Names) -> str:
    act = act_of(entry.action)
    name = names.link(entry.target)
    if "called" in entry.detail:
        name = entry.detail["called"]
    noun = _noun(entry.target.partition(":")[0])
    values = {"name": name, "object": format_html("{} {}", noun, name) if noun else name}
    details = {key: _detail(entry.detail.get(key), kind, names) for key, kind in act.kinds.items()}
    return format_html(str(act.sentence), **values, **details)


def _detail(value: Any, kind: str, names: _Names) -> str:
    if value is None:
        return _MISSING
    if kind == EUR:
        return _euros(value)
    if kind.count(".") == 1:
        return names.link(f"{kind}:{value}")
    table, _dot, field = kind.rpartition(".")
    return _value(_find_field(table, field), value)


def _euros(value: Any) -> str:
    try:
        return eur(Decimal(str(value)))
    except InvalidOperation:
        return str(value)


def _in_words(table: str, values: Mapping[str, Any], prefix: str) -> Iterator[Change]:
    for name, pair in values.items():
        field = _find_field(table, name)
        label = f"{prefix}{field.verbose_name}" if field else f"{prefix}{name}"
        before, after = pair or ("", "")
        yield Change(capfirst(label), _value(field, before), _value(field, after), is_kept=pair is not None)


def _value(field: Any, value: Any) -> str:
    """A value as the page of its row has it."""
    if value is None or value == "":
        return _MISSING
    if getattr(field, "choices", None):
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return _number_or_day(field, value) or str(value)


def _number_or_day(field: Any, value: Any) -> str:
    if isinstance(field, models.DecimalField):
        return figure(Decimal(value), min(field.decimal_places, 2))
    if isinstance(field, models.DateTimeField) and (at := parse_datetime(value)):
        return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
    if isinstance(field, models.DateField):
        return date_format(date.fromisoformat(value), "SHORT_DATE_FORMAT")
    if getattr(field, "related_model", None) is get_user_model():
        return gettext("Account %(number)s") % {"number": value}
    return ""


def _noun(table: str) -> str:
    model = _find_model(table)
    return str(model._meta.verbose_name) if model else table


def _find_model(table: str) -> type[Model] | None:
    try:
        return apps.get_model(table)
    except (LookupError, ValueError):
        return None


def _find_field(table: str, name: str) -> Any:
    model = _find_model(table)
    try:
        return model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None


def _valid(field: Any, keys: Iterable[str]) -> Iterator[Any]:
    """The keys that can be of this column: an entry of another time may have named its object otherwise."""
    for key in keys:
        try:
            yield field.to_python(key)
        except ValidationError:
            continue

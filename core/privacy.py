"""What the tables know of a person: how each is exported, and what erasing the account does with it.

Every app tells it of its own tables in a module `personal_data`: TABLES, the tables that hold something of a person;
NOT_PERSONAL, those that lead to a user and say nothing of one, each with its reason; `blockers`, what has to be
settled before; and `erase`, which runs in the transaction of the whole erasure and does no harm when run twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from django.apps import apps
from django.db.models import Model, QuerySet, TextChoices
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Outcome(TextChoices):
    """What becomes of something when the account is erased."""

    ERASED = "erased", _("erased")
    ANONYMISED = "anonymised", _("made anonymous")
    KEPT = "kept", _("kept")


@dataclass(frozen=True)
class Person:
    """Whose data: the account, and the address it had when the work began."""

    user: Any
    email: str

    @classmethod
    def of(cls, user: Any) -> "Person":
        return cls(user, user.email)


@dataclass(frozen=True)
class DataCategory:
    """One line of what a person is told: several tables may belong to it. `why` names the law where data is kept."""

    title: Text
    outcome: Outcome
    why: Text


@dataclass(frozen=True)
class File:
    """A file of the export; its content is read only when its turn has come."""

    name: str
    content: Callable[[], bytes]


@dataclass(frozen=True)
class Table:
    """One table: which rows are a person's, and which columns go into the export under which name.

    `columns` maps a name to a lookup; `left_out` gives the reason for each column that is in none.
    """

    model: str
    category: DataCategory
    rows: Callable[[Person], QuerySet[Any]]
    columns: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    files: Callable[[Person], Iterable[File]] | None = None

    @property
    def model_class(self) -> type[Model]:
        return apps.get_model(self.model)

    @property
    def file_name(self) -> str:
        return f"{self.model.lower().replace('.', '-')}.json"


# What `core.queue.QueuedRow` gives a table: the reason why it is in no export.
QUEUE_COLUMNS = dict.fromkeys(
    ("attempts", "next_try_at", "claimed_at", "claim", "last_error"), "how the work on it went"
)


@dataclass(frozen=True)
class Blocker:
    """Something that has to be settled before the account can be erased, and the page where that is done."""

    text: Text
    path: str = ""


@dataclass(frozen=True)
class Line:
    """A category with the number of a person's rows in the first of its tables that has any."""

    category: DataCategory
    count: int


class Declarations(Protocol):
    """The module `personal_data` of an app."""

    TABLES: tuple[Table, ...]
    NOT_PERSONAL: Mapping[str, str]

    def blockers(self, person: Person, now: datetime) -> Iterable[Blocker]: ...

    def erase(self, person: Person, now: datetime) -> None: ...


def same(*names: str) -> dict[str, str]:
    """Columns exported under their own names."""
    return {name: name for name in names}


@cache
def declarations() -> tuple[Declarations, ...]:
    """What every installed app says, in the order of INSTALLED_APPS: whoever points to others comes first."""
    configs = [config for config in apps.get_app_configs() if config.module]
    app_names = [config.name for config in configs if module_has_submodule(config.module, "personal_data")]
    return tuple(cast("Declarations", import_module(f"{name}.personal_data")) for name in app_names)


def tables() -> Iterator[Table]:
    """Every declared table, of whichever app."""
    for app in declarations():
        yield from app.TABLES


@cache
def _personal_labels() -> frozenset[str]:
    return frozenset(table.model.lower() for table in tables())


def is_personal(model: type[Model]) -> bool:
    """Whether the table holds something of people, as its app declares."""
    return model._meta.label_lower in _personal_labels()


def lines_about(person: Person) -> list[Line]:
    """What there is of a person, category by category: first what is erased, last what is kept."""
    counts: dict[int, Line] = {}
    for table in tables():
        previous = counts.get(id(table.category))
        if previous is None or previous.count == 0:
            counts[id(table.category)] = Line(table.category, table.rows(person).count())
    order = list(Outcome)
    return sorted((line for line in counts.values() if line.count), key=lambda line: order.index(line.category.outcome))


def blockers_for(person: Person, now: datetime) -> list[Blocker]:
    """What has to be settled first, whichever app says so."""
    return [blocker for app in declarations() for blocker in app.blockers(person, now)]


def erase_rows(person: Person, now: datetime) -> None:
    """Let every app erase, in the caller's transaction."""
    for app in declarations():
        app.erase(person, now)

"""What the core itself knows of a person: acts in the audit trail, by number, and limits being counted."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.models import AuditEntry, RateBucket
from core.privacy import Blocker, DataCategory, Outcome, Person, Table, same

_AUDIT = DataCategory(
    _("Audit trail"),
    Outcome.KEPT,
    _(
        "It says who did what by the account’s number, without name or address, and proves that nothing was changed "
        "afterwards (GDPR, articles 5(2) and 32)."
    ),
)
_LIMITS = DataCategory(
    _("Limits on sign-in and mails"), Outcome.ERASED, _("Counters that end by themselves within hours.")
)


def _entries(person: Person) -> QuerySet[AuditEntry]:
    about = f"{person.user._meta.label_lower}:{person.user.pk}"
    return AuditEntry.objects.filter(Q(actor=person.user) | Q(target=about))


def _buckets(person: Person) -> QuerySet[RateBucket]:
    return RateBucket.objects.filter(key__endswith=f":{person.email}")


TABLES = (
    Table(
        model="core.AuditEntry",
        category=_AUDIT,
        rows=_entries,
        columns=same("at", "action", "target", "detail"),
        left_out={
            "id": "a number of ours",
            "actor": "the person, or somebody else",
            "actor_label": "the person, or somebody else",
            "position": "the seal of the chain",
            "hash": "the seal of the chain",
        },
    ),
    Table(
        model="core.RateBucket",
        category=_LIMITS,
        rows=_buckets,
        columns=same("free_at"),
        left_out={"key": "holds the address and the network address it was counted for"},
    ),
)
NOT_PERSONAL: dict[str, str] = {}


def blockers(_person: Person, _now: datetime) -> Iterable[Blocker]:
    """None."""
    return ()


def erase(person: Person, _now: datetime) -> None:
    """The trail stays: it has no name in it."""
    _buckets(person).delete()

"""Tables without a business word: counters, the audit chain, rate buckets, the last runs of periodic tasks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, ExpressionWrapper, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils.translation import gettext_lazy as _


class Counter(models.Model):
    """The last number given for a kind in a year; written only by `core.numbering`."""

    pk = models.CompositePrimaryKey("kind", "year")
    kind = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    value = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.year}: {self.value}"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def newest_first(self) -> "AuditEntryQuerySet":
        """By number, which has an index and goes with the time."""
        return self.order_by("-pk")

    def of_people(self, keys: Sequence[Any]) -> "AuditEntryQuerySet":
        """What these accounts did, and what was done about them."""
        labels = [f"user {key}" for key in keys]
        table = settings.AUTH_USER_MODEL.lower()
        return self.filter(Q(actor_label__in=labels) | Q(target__in=[f"{table}:{key}" for key in keys]))

    def waiting(self) -> "AuditEntryQuerySet":
        """Not sealed yet."""
        return self.filter(position=None)

    def sealed(self) -> "AuditEntryQuerySet":
        """In the chain, in its order."""
        return self.exclude(position=None).order_by("position")


class AuditEntry(models.Model):
    """Who did what to which object. Append-only by trigger; `hash` chains each sealed row to the one before."""

    at = models.DateTimeField(_("when"), auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        related_name="+",
    )
    actor_label = models.CharField(_("who"), max_length=254, blank=True)
    action = models.CharField(_("did what"), max_length=80)
    target = models.CharField(
        _("to what"), max_length=120, blank=True, help_text="model and public number of the object"
    )
    detail = models.JSONField(_("detail"), default=dict)
    position = models.PositiveBigIntegerField(
        _("position"), null=True, unique=True, help_text="place in the chain, once sealed"
    )
    hash = models.CharField(max_length=64, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes: ClassVar = [models.Index(fields=["target", "-at"], name="core_audit_target")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.target}"


class AuditVerificationQuerySet(models.QuerySet["AuditVerification"]):
    def newest(self) -> "AuditVerification | None":
        return self.order_by("-pk").first()

    def broken(self) -> "AuditVerificationQuerySet":
        """The newest, when it found the trail broken: what was wrong before and is mended is nobody's work."""
        newest = self.order_by("-pk").values("pk")[:1]
        return self.filter(Q(pk__in=newest) & (Q(broken_count__gt=0) | Q(is_cut=True)))


class AuditVerification(models.Model):
    """What came out when the chain of the audit trail was walked, and where it ended then (`core.audit.verify`)."""

    at = models.DateTimeField(_("when"))
    count = models.PositiveBigIntegerField(_("entries"))
    broken_count = models.PositiveBigIntegerField(_("entries that do not fit"))
    first_broken = models.PositiveBigIntegerField(_("first position"), null=True)
    is_cut = models.BooleanField(_("end missing"), help_text=_("the entry that was the last one before is not there"))
    # the last entry: of the chain as it was before it was cut, until that is mended
    position = models.PositiveBigIntegerField(_("last position"), null=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = AuditVerificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("check of the audit trail")
        verbose_name_plural = _("checks of the audit trail")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"

    @property
    def is_broken(self) -> bool:
        return self.broken_count > 0 or self.is_cut

    def says_the_same_as(self, other: "AuditVerification | None") -> bool:
        """Whether the same is wrong as another time."""
        names = ("broken_count", "first_broken", "is_cut")
        return other is not None and all(getattr(self, name) == getattr(other, name) for name in names)


class RateBucket(models.Model):
    """Where a strict rate limit is counted while Redis is away (`core.web.ratelimit`)."""

    key = models.CharField(primary_key=True, max_length=120)
    free_at = models.DateTimeField(help_text="theoretical arrival time of the next request")

    def __str__(self) -> str:
        return self.key


class SweepQuerySet(models.QuerySet["Sweep"]):
    def with_state(self, now: datetime) -> "SweepQuerySet":
        """With `state`: failing when the last run raised, late when twice its time has passed without a success."""
        last = Coalesce("succeeded_at", "created_at")
        is_late = LessThan(ExpressionWrapper(last + F("every") * 2, models.DateTimeField()), now - Sweep.GRACE)
        return self.annotate(  # type: ignore[no-redef]
            state=Case(
                When(Q(failed_at__gt=Coalesce("succeeded_at", Sweep.NEVER)), then=Value(Sweep.State.FAILING)),
                When(is_late, then=Value(Sweep.State.LATE)),
                default=Value(Sweep.State.FINE),
                output_field=models.CharField(),
            )
        )

    def troubled(self, now: datetime) -> "SweepQuerySet":
        """What somebody should look at."""
        return self.with_state(now).exclude(state=Sweep.State.FINE)  # type: ignore[misc]


class Sweep(models.Model):
    """A periodic task and its last run; written by `core.sweeps`."""

    class State(models.TextChoices):
        FINE = "fine", _("in order")
        LATE = "late", _("late")
        FAILING = "failing", _("failing")

    state: str  # where the rows come from `with_state`
    GRACE: ClassVar[timedelta] = timedelta(minutes=2)
    NEVER: ClassVar[datetime] = datetime(1970, 1, 1, tzinfo=UTC)

    name = models.CharField(_("name"), max_length=60, primary_key=True)
    every = models.DurationField(_("every"))
    created_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(_("begun"), null=True)
    succeeded_at = models.DateTimeField(_("last success"), null=True)
    failed_at = models.DateTimeField(_("last failure"), null=True)
    rows_worked = models.PositiveIntegerField(_("rows worked"), default=0)
    last_error = models.TextField(_("error"), blank=True)

    objects = SweepQuerySet.as_manager()

    class Meta:
        verbose_name = _("periodic task")
        verbose_name_plural = _("periodic tasks")

    def __str__(self) -> str:
        return self.name


class ChannelPause(models.Model):
    """A way to a vendor that is closed for now, and why (`core.channels`); gone when something goes through again."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("next try"))
    reason = models.TextField(_("reason"))
    failures = models.PositiveIntegerField(_("tries"), default=0)

    class Meta:
        verbose_name = _("paused channel")
        verbose_name_plural = _("paused channels")

    def __str__(self) -> str:
        return self.name

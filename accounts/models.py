"""Users, their one-time links, their API sessions and the fiscal identity they buy with."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from core.queue import QueuedRow, QueueQuerySet, seconds


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=User.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: whoever can run it vouches for the address."""
        return self.create_user(email, password, role=User.Role.SUPER_ADMIN, email_verified_at=timezone.now(), **fields)

    def find(self, email: str) -> "User | None":
        return self.filter(email=User.normalise(email)).first()


class User(AbstractBaseUser):
    """A person who signs in. The address is kept in lower case, so that equal means equal."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        SUPER_ADMIN = "super_admin", _("Super administrator")

    email = models.EmailField(_("e-mail"), unique=True)
    first_name = models.CharField(_("first name"), max_length=60)
    last_name = models.CharField(_("last name"), max_length=60)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.CUSTOMER)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="it")
    is_active = models.BooleanField(_("active"), default=True)
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, blank=True)
    date_joined = models.DateTimeField(_("registered"), auto_now_add=True)
    erased_at = models.DateTimeField(
        _("erased"), null=True, blank=True, help_text=_("Since then the row is a number that kept orders point to.")
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=["customer", "super_admin"]), name="accounts_user_role"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_lower"),
        ]

    def __str__(self) -> str:
        return self.email

    @staticmethod
    def normalise(email: str) -> str:
        return email.strip().lower()

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_staff(self) -> bool:
        """May enter the back office."""
        return self.role != self.Role.CUSTOMER

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == self.Role.SUPER_ADMIN

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Rights come from the role alone."""
        return self.is_superuser

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_superuser

    def change(self, **fields: str) -> None:
        """Set these columns and no other: what else changed since the row was read stays changed."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=list(fields))


class EmailToken(models.Model):
    """A one-time link sent by mail; only its hash is kept."""

    class Purpose(models.TextChoices):
        VERIFY = "verify", _("verify the address")
        RESET = "reset", _("reset the password")
        ERASE = "erase", _("delete the account")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_tokens")
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(purpose__in=["verify", "reset", "erase"]), name="accounts_emailtoken_purpose"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.user}"


class BillingProfile(FiscalIdentity):
    """The fiscal identity a customer last gave, offered again at the next checkout."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="billing_profile")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("billing profile")
        verbose_name_plural = _("billing profiles")

    def __str__(self) -> str:
        return self.display_name


class ApiSessionQuerySet(models.QuerySet["ApiSession"]):
    def active(self, now: datetime) -> "ApiSessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=now)


class ApiSession(models.Model):
    """One login over the API. Every access token names it, so revoking it stops the token at once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_sessions", verbose_name=_("user"))
    created_at = models.DateTimeField(_("opened"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    expires_at = models.DateTimeField(_("ends"), help_text="end of the newest refresh token")
    revoked_at = models.DateTimeField(_("closed"), null=True)
    revoked_reason = models.CharField(_("why closed"), max_length=20, blank=True)
    ip = models.GenericIPAddressField("IP", null=True)
    user_agent = models.CharField(_("program"), max_length=200, blank=True)

    objects = ApiSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("API session")
        verbose_name_plural = _("API sessions")

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class RefreshToken(models.Model):
    """One link of a session's chain of refresh tokens: good once, and a second use ends the session."""

    session = models.ForeignKey(ApiSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.session} {self.created_at:%Y-%m-%d %H:%M}"


class DataExport(QueuedRow):
    """A ZIP of all that is known of a person, built in the background and kept for a week under UPLOAD_DIR/exports."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being built")
        DONE = "done", _("ready")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    LEASE = timedelta(minutes=30)
    BACKOFF = seconds(60, 600)
    RETENTION: ClassVar[timedelta] = timedelta(days=7)

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports", verbose_name=_("user"))
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    requested_at = models.DateTimeField(_("asked for"))
    ready_at = models.DateTimeField(_("ready since"), null=True)
    expires_at = models.DateTimeField(_("ends"), null=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)

    objects = QueueQuerySet["DataExport"].as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("copy of data")
        verbose_name_plural = _("copies of data")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed", "expired"]),
                name="accounts_dataexport_state",
            ),
        ]

    def __str__(self) -> str:
        return str(self.reference)

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / "exports" / f"{self.reference}.zip"

    @property
    def file_name(self) -> str:
        return f"ai-strategy-hub-{self.requested_at:%Y-%m-%d}.zip"

    def is_there(self, now: datetime) -> bool:
        """Whether it can be downloaded."""
        return self.state == self.State.DONE and self.expires_at is not None and self.expires_at > now


class AccountErasureQuerySet(QueueQuerySet["AccountErasure"]):
    def open(self) -> "AccountErasureQuerySet":
        """Confirmed, and neither carried out nor taken back."""
        return self.exclude(state__in=[AccountErasure.State.DONE, AccountErasure.State.CANCELLED])


class AccountErasure(QueuedRow):
    """A confirmed wish to be forgotten: it waits for a week, in which it can be taken back, and is then carried out."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("in progress")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    # however long it takes to mend what is in the way: nobody's wish to be forgotten is given up after a few tries
    BACKOFF = seconds(*[3600] * 24, *[86400] * 60)
    WAIT: ClassVar[timedelta] = timedelta(days=7)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="erasures", verbose_name=_("user"))
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    confirmed_at = models.DateTimeField(_("confirmed"))
    due_at = models.DateTimeField(_("due"))
    blocked_told_at = models.DateTimeField(
        _("told what is in its way"), null=True, help_text=_("when the person was told what is still in its way")
    )
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = AccountErasureQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("deletion of an account")
        verbose_name_plural = _("deletions of accounts")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed", "cancelled"]),
                name="accounts_accounterasure_state",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state__in=["pending", "running", "failed"]),
                name="accounts_accounterasure_one",
            ),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} {self.due_at:%Y-%m-%d}"

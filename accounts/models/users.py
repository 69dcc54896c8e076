"""People who sign in, and the one-time links mailed to them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, changes


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=User.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: whoever can run it vouches for the address."""
        role, now = User.Role.SUPER_ADMIN, timezone.now()
        with transaction.atomic():
            user = self.create_user(email, password, role=role, email_verified_at=now, **fields)
            audit.record(action="user.made_staff", target=user, changes={"role": [None, str(role)]})
        return user

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
        """Set these columns and no other, as the person wants: what else changed since it was read stays changed."""
        before = changes.snapshot(self, fields)
        for name, value in fields.items():
            setattr(self, name, value)
        with transaction.atomic():
            self.save(update_fields=list(fields))
            if values := changes.between(self, before):
                audit.record(action="user.details_saved", target=self, actor=self, changes=values)


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

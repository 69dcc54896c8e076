"""People who sign in."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import roles
from core import audit, changes
from core.mail_address import plain_address

if TYPE_CHECKING:
    from accounts.models.sessions import UserSession


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

    def able_to(self, permission: str) -> models.QuerySet["User"]:
        """Those whose role has this permission, and who can sign in."""
        return self.filter(is_active=True, role__in=roles.roles_with(permission))


class User(AbstractBaseUser):
    """A person who signs in. The address is kept in one spelling (`core.mail_address`), so that equal means equal."""

    Role = roles.Role

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

    # the session that this request or call came with (`accounts.login`); nobody's anywhere else
    session: "UserSession | None" = None

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=roles.Role.values), name="accounts_user_role"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_lower"),
        ]

    def __str__(self) -> str:
        return self.email

    @staticmethod
    def normalise(email: str) -> str:
        return plain_address(email)

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
        """Rights come from the role (`accounts.roles`), as long as the account is active.

        In a session that was opened without a second factor staff have none. Every door asks here.
        """
        may_use_rights = self.is_active and (self.session is None or self.is_verified())
        return may_use_rights and perm in roles.PERMISSIONS[self.role]

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether anything of this app is for them: Django asks before it asks for each table."""
        return any(self.has_perm(perm) for perm in roles.PERMISSIONS[self.role] if perm.startswith(f"{app_label}."))

    def is_verified(self) -> bool:
        """Whether the session in hand was opened with a second factor (django-otp's word)."""
        return self.session is not None and bool(self.session.second_factor)

    def may_manage(self, other: "User") -> bool:
        """Whether the other's account may be changed by them, as far as their rights go."""
        return roles.outranks(self.role, other.role)

    def change(self, **fields: str) -> None:
        """Set these columns and no other, as the person wants: what else changed since it was read stays changed."""
        before = changes.snapshot(self, fields)
        for name, value in fields.items():
            setattr(self, name, value)
        with transaction.atomic():
            self.save(update_fields=list(fields))
            if values := changes.between(self, before):
                audit.record(action="user.details_saved", target=self, actor=self, changes=values)

"""Who works here and as what: giving roles, and closing accounts to their people without deleting them.

The last active super administrator stays one: nobody else could give that role back. Every way to lose one locks all of
them first, so that of two who take each other's role at the same moment the second is told to leave it.
"""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import roles, services
from accounts.models import User, UserSession
from accounts.notices import tell
from accounts.roles import Role
from core import audit
from core.errors import DomainError, InvalidInputError


class Reason(models.TextChoices):
    """Why a role is given: a word for the audit trail, which takes no free text."""

    JOINED = "joined", _("joins the team")
    DUTIES = "duties", _("has other duties")
    LEFT = "left", _("leaves the team")
    SECURITY = "security", _("suspicion of misuse")
    CORRECTION = "correction", _("was wrong before")


class LastSuperAdminError(DomainError):
    """Without this account nobody could do what only super administrators may."""

    code = "last_super_admin"
    message = _("This is the last active super administrator: give the role to somebody else first.")


@transaction.atomic
def assign_role(*, user: User, role: str, reason: str, actor: User, now: datetime) -> User:
    """Make `user` a `role`; their open sessions end and they are told by mail.

    Raises `PermissionDenied` when the actor may not change this person, `InvalidInputError` for a role or reason that
    cannot be given, `LastSuperAdminError`.
    """
    locked, actor = _lock(user, actor)
    _ensure_may(actor, "accounts.assign_role", locked)
    if role not in roles.grantable_roles(actor.role):
        raise InvalidInputError(_("Choose a role that you may give."), code="role_above", field="role")
    if reason not in Reason.values:
        raise InvalidInputError(_("Choose a reason."), field="reason")
    if locked.erased_at:
        raise DomainError(_("The account is erased already."), code="erased")
    if role == locked.role:
        raise InvalidInputError(_("This is their role already."), code="role_same", field="role")
    if role != Role.SUPER_ADMIN:
        _ensure_another_super_admin(locked)
    before = locked.role
    locked.role = role
    locked.save(update_fields=["role"])
    services.end_everything(user=locked, reason=UserSession.EndReason.ROLE, now=now)
    audit.record(
        action="user.role_changed", target=locked, actor=actor, before=before, after=locked.role, reason=reason
    )
    if locked.is_staff:
        tell(locked, "role_changed", role=Role(role).label)
    else:
        tell(locked, "role_removed")
    return locked


@transaction.atomic
def deactivate(*, user: User, actor: User, now: datetime) -> None:
    """Shut the account: nobody signs in with it, and its open sessions end. Nothing of it is deleted.

    Raises `PermissionDenied`, `LastSuperAdminError`, and `DomainError` for one that is shut already.
    """
    locked, actor = _lock(user, actor)
    _ensure_may(actor, "accounts.deactivate_user", locked)
    if not locked.is_active:
        raise DomainError(_("The account is deactivated already."), code="inactive")
    _ensure_another_super_admin(locked)
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    services.end_everything(user=locked, reason=UserSession.EndReason.STAFF, now=now)
    audit.record(action="user.deactivated", target=locked, actor=actor)


@transaction.atomic
def reactivate(*, user: User, actor: User) -> None:
    """Open a deactivated account again; raises `PermissionDenied`, and `DomainError` for one that is open or erased."""
    locked, actor = _lock(user, actor)
    _ensure_may(actor, "accounts.deactivate_user", locked)
    if locked.erased_at:
        raise DomainError(_("The account is erased already."), code="erased")
    if locked.is_active:
        raise DomainError(_("The account is active already."), code="active")
    locked.is_active = True
    locked.save(update_fields=["is_active"])
    audit.record(action="user.reactivated", target=locked, actor=actor)


def _lock(user: User, actor: User) -> tuple[User, User]:
    """Both as they are now, locked with every active super administrator, always in one order: nobody deadlocks."""
    super_admins = Q(role=Role.SUPER_ADMIN, is_active=True)
    rows = User.objects.select_for_update().filter(Q(pk__in=(user.pk, actor.pk)) | super_admins).order_by("pk")
    locked = {row.pk: row for row in rows}
    return locked[user.pk], locked[actor.pk]


def _ensure_may(actor: User, permission: str, user: User) -> None:
    if not (actor.has_perm(permission) and actor.may_manage(user)):
        raise PermissionDenied


def _ensure_another_super_admin(user: User) -> None:
    others = User.objects.filter(role=Role.SUPER_ADMIN, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise LastSuperAdminError

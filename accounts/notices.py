"""What the owner of an account is told by mail when something about its security changes; none can be turned off."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from notifications.services import Recipient, notify

_WAS_IT_YOU = _("Was it you? Then you need not do anything. Otherwise set a new password at once, then write to us.")


@dataclass(frozen=True)
class Notice:
    """One kind of mail: its subject, what happened, and what to do about it."""

    subject: Any
    text: Any
    advice: Any = _WAS_IT_YOU
    with_password_button: bool = True


NOTICES = {
    "password_changed": Notice(
        _("Your password has been changed"),
        _("The password of your account has been changed. Every session opened before has ended."),
    ),
    "erasure_cancelled": Notice(
        _("Your account stays"),
        _("The deletion of your account that was waiting has been called off: everything stays as it is."),
    ),
    "session_replayed": Notice(
        _("We have ended a session of your account"),
        _(
            "An app presented an access key of your account that had already been used. Somebody may have copied it, "
            "so we have ended that session: to go on, sign in again in the app."
        ),
        advice=_("If you do not recognise this, set a new password at once, then write to us."),
    ),
    "role_changed": Notice(
        _("You have another role in the back office"),
        _("Your role in the back office has changed. Every session opened before has ended: sign in again."),
        advice=_("If you did not expect this, write to us."),
        with_password_button=False,
    ),
    "role_removed": Notice(
        _("You no longer have a role in the back office"),
        _("Your account is a customer’s now. Every session opened before has ended."),
        advice=_("If you did not expect this, write to us."),
        with_password_button=False,
    ),
    "new_device": Notice(
        _("Your account was opened on a new device"),
        _("Somebody signed in to your account with a device that we had not seen before."),
    ),
    "second_factor_on": Notice(
        _("Your account now asks for a code"),
        _("Signing in with an authenticator app has been turned on for your account; your other sessions have ended."),
    ),
    "second_factor_off": Notice(
        _("Your account no longer asks for a code"),
        _("Signing in with an authenticator app has been turned off for your account."),
    ),
    "backup_codes_new": Notice(
        _("You have new backup codes"),
        _("New backup codes have been made for your account. Those of before no longer work."),
    ),
    "backup_code_used": Notice(
        _("A backup code of your account was used"),
        _("Somebody signed in to your account with one of its backup codes."),
    ),
}


def tell(user: User, event: str, **facts: Any) -> None:
    """Write the mail about an event; `facts` ("device", "place", "left", "role") are listed in it."""
    notice = NOTICES[event]
    notify(to=Recipient.of(user), kind="security_notice", context={"notice": notice, "facts": facts})

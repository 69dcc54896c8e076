"""What the audit trail calls acts about accounts."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

ACTS = {
    "user.registered": Act(_("Registered the account {name}")),
    "user.email_verified": Act(_("Confirmed the e-mail address of {name}")),
    "user.password_reset": Act(_("Set a new password for {name} by a mailed link; every session ended")),
    "user.password_changed": Act(_("Changed the password of {name}; every other session ended")),
    "user.login": Act(_("Signed in as {name} ({kind})"), kind="accounts.usersession.kind"),
    "user.session_ended": Act(_("Ended a session of {name}: {reason}"), reason="accounts.usersession.end_reason"),
    "user.sessions_ended": Act(
        _("Ended the open sessions of {name}: {reason}"), reason="accounts.usersession.end_reason"
    ),
    "user.second_factor_on": Act(_("Turned on the authenticator app of {name}")),
    "user.second_factor_off": Act(_("Turned off the authenticator app of {name}")),
    "user.backup_codes_renewed": Act(_("Made new backup codes for {name}")),
    "user.backup_code_used": Act(_("Signed in as {name} with a backup code")),
    "user.role_changed": Act(
        _("Gave {name} another role: {before} → {after}"), before="accounts.user.role", after="accounts.user.role"
    ),
    "user.deactivated": Act(_("Deactivated the account {name}")),
    "user.reactivated": Act(_("Opened the deactivated account {name} again")),
    "user.refresh_replayed": Act(_("A used key of {name} was presented again: its session ended")),
    "user.details_saved": Act(_("Changed name or language of the account {name}")),
    "user.billing_saved": Act(_("Changed the billing details of {name}")),
    "user.made_staff": Act(_("Made {name} a member of staff, on the server")),
    "customerdocument.uploaded": Act(_("Sent us the document {name}")),
    "customerdocument.shared": Act(_("Shared the document {name} with its customer")),
    "customerdocument.replaced": Act(_("Shared a new version of the document {name}")),
    "customerdocument.withdrawn": Act(_("Withdrew the document {name}; its files are deleted")),
    "customerdocument.deleted": Act(_("Deleted the file of the document {name}")),
    "customerdocument.downloaded": Act(_("Downloaded the document {name}")),
    "user.export_requested": Act(_("Asked for a copy of the data of {name}")),
    "user.export_downloaded": Act(_("Downloaded the copy of the data of {name}")),
    "user.erasure_requested": Act(_("Asked for the deletion of the account {name}")),
    "user.erasure_confirmed": Act(_("Confirmed the deletion of the account {name}")),
    "user.erasure_cancelled": Act(_("Took back the deletion of the account {name}")),
    "user.erased": Act(_("Deleted the account {name}")),
}

"""What the audit trail calls acts about accounts."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

ACTS = {
    "user.registered": Act(_("Registered the account {name}")),
    "user.email_verified": Act(_("Confirmed the e-mail address of {name}")),
    "user.password_reset": Act(_("Set a new password for {name} by a mailed link; every session ended")),
    "user.api_login": Act(_("Signed in as {name} with an app")),
    "user.api_logout": Act(_("Signed out as {name} from an app")),
    "user.refresh_replayed": Act(_("A used key of {name} was presented again: its session ended")),
    "user.details_saved": Act(_("Changed name or language of the account {name}")),
    "user.billing_saved": Act(_("Changed the billing details of {name}")),
    "user.made_staff": Act(_("Made {name} a member of staff, on the server")),
    "user.export_requested": Act(_("Asked for a copy of the data of {name}")),
    "user.export_downloaded": Act(_("Downloaded the copy of the data of {name}")),
    "user.erasure_requested": Act(_("Asked for the deletion of the account {name}")),
    "user.erasure_confirmed": Act(_("Confirmed the deletion of the account {name}")),
    "user.erasure_cancelled": Act(_("Took back the deletion of the account {name}")),
    "user.erased": Act(_("Deleted the account {name}")),
}

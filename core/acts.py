"""What the audit trail calls acts: by verb alone what all tables of the back office share, then the core's own."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

ACTS = {
    "created": Act(_("Created: {object}")),
    "changed": Act(_("Changed: {object}")),
    "deleted": Act(_("Deleted: {object}")),
    "opened": Act(_("Looked at: {object}")),
    "downloaded": Act(_("Downloaded: {object}")),
    "tried_again": Act(_("Put back in the queue: {object}")),
    "auditentry.exported": Act(_("Exported the audit trail as CSV")),
    "channelpause.tried": Act(_("Had what waits for the channel {name} tried at once")),
}

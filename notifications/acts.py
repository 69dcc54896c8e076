"""What the audit trail calls acts about mails."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

ACTS = {"mail.sent_again": Act(_("Had the mail {name} sent again"))}

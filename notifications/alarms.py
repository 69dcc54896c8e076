"""What staff are written to about when nobody is looking."""

import logging
from datetime import datetime

from django.conf import settings

from core import audit
from core.models import AuditVerification
from notifications.services import find_staff, notify

logger = logging.getLogger(__name__)


def verify_trail(*, now: datetime) -> int:
    """Verify the audit trail, and write to STAFF_EMAIL when it does not fit otherwise than before; its length."""
    before = AuditVerification.objects.newest()
    verification = audit.verify(now=now)
    # the head in the log, which is kept elsewhere: whoever rewrites the table cannot rewrite that
    logger.info("audit trail: %s entries, head %s %s", verification.count, verification.position, verification.hash)
    if verification.is_broken:
        logger.error("audit trail broken: %s entries, cut: %s", verification.broken_count, verification.is_cut)
        to = find_staff()
        if to and not verification.says_the_same_as(before):
            page = f"{settings.SITE_URL}/{settings.ADMIN_PATH}/core/auditverification/?broken=yes"
            notify(to=to, kind="audit_broken", context={"verification": verification, "page": page})
    return verification.count

"""How fast somebody may send documents: what is sent and deleted again counts, too."""

from accounts.models import User
from core.web.ratelimit import Limit, check

_UPLOADS = Limit("document-uploads", per_minute=6, burst=30, strict=True)


def check_upload_allowed(user: User) -> None:
    """Count one upload; `TooManyRequestsError` says how long to wait."""
    check(_UPLOADS, f"user:{user.pk}")

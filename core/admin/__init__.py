"""The back office: what every page of it shares, and the core's own pages."""

from core.admin import trail
from core.admin.base import (
    QUEUE_LOOKS,
    AuditedAdmin,
    HouseAdmin,
    QueueAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    YesFilter,
    amount,
    another_try,
    badge,
    button,
    confirmed_action,
    moment,
)

__all__ = [
    "QUEUE_LOOKS", "AuditedAdmin", "HouseAdmin", "QueueAdmin", "ReadOnlyAdmin", "ReadOnlyInline", "YesFilter", "amount",
    "another_try", "badge", "button", "confirmed_action", "moment", "trail",
]  # fmt: skip

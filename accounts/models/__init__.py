"""The tables of accounts."""

from accounts.models.billing import BillingProfile
from accounts.models.devices import KnownDevice, LoginThrottle
from accounts.models.documents import CustomerDocument, DocumentVersion
from accounts.models.factors import BackupCode
from accounts.models.links import EmailToken, LinkRequest
from accounts.models.privacy import AccountErasure, DataExport
from accounts.models.sessions import PendingLogin, RefreshToken, UserSession
from accounts.models.users import User

__all__ = [
    "AccountErasure",
    "BackupCode",
    "BillingProfile",
    "CustomerDocument",
    "DataExport",
    "DocumentVersion",
    "EmailToken",
    "KnownDevice",
    "LinkRequest",
    "LoginThrottle",
    "PendingLogin",
    "RefreshToken",
    "User",
    "UserSession",
]

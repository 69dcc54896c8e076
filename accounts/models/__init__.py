"""The tables of accounts."""

from accounts.models.billing import BillingProfile
from accounts.models.documents import CustomerDocument, DocumentVersion
from accounts.models.privacy import AccountErasure, DataExport
from accounts.models.sessions import ApiSession, RefreshToken
from accounts.models.users import EmailToken, User

__all__ = [
    "AccountErasure", "ApiSession", "BillingProfile", "CustomerDocument", "DataExport", "DocumentVersion", "EmailToken",
    "RefreshToken", "User",
]  # fmt: skip

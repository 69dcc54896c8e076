"""The tables of accounts."""

from accounts.models.billing import BillingProfile
from accounts.models.privacy import AccountErasure, DataExport
from accounts.models.sessions import RefreshToken, UserSession
from accounts.models.users import EmailToken, User

__all__ = ["AccountErasure", "BillingProfile", "DataExport", "EmailToken", "RefreshToken", "User", "UserSession"]

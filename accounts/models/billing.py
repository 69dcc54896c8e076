"""The fiscal identity a person buys with."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from accounts.models.users import User


class BillingProfile(FiscalIdentity):
    """The fiscal identity a customer last gave, offered again at the next checkout."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="billing_profile")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("billing profile")
        verbose_name_plural = _("billing profiles")

    def __str__(self) -> str:
        return self.display_name

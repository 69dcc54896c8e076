"""Second factors beside django-otp's own table of authenticator apps: backup codes."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class BackupCode(models.Model):
    """A code for the day the phone is lost: good once, kept as an argon2 hash beside the two letters that find it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="backup_codes", verbose_name=_("user"))
    prefix = models.CharField(max_length=2)
    code_hash = models.CharField(max_length=128)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("backup code")
        verbose_name_plural = _("backup codes")
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "prefix"], name="accounts_backupcode_prefix")]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d}"

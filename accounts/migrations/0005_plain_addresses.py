"""Addresses beyond ASCII into the spelling they are looked up by."""

from typing import Any

from django.db import migrations

from core.mail_address import plain_address


def respell(apps: Any, _editor: Any) -> None:
    """One whose plain spelling somebody else has stays as it is: two people are not to become one."""
    users = apps.get_model("accounts", "User").objects
    for user in users.exclude(email__regex=r"^[ -~]+$"):
        email = plain_address(user.email)
        if email != user.email and not users.filter(email=email).exists():
            users.filter(pk=user.pk).update(email=email)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_roles")]
    operations = [migrations.RunPython(respell, migrations.RunPython.noop)]

"""Ten codes for the day the phone is lost: each good once, hashed like passwords, all replaced together.

A code is two letters that find its row and ten that prove it: 50 bits, which nobody guesses through the throttle, and
which argon2 keeps from whoever has the table (ASVS 5.0, 6.5.2).
"""

import secrets
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts.models import BackupCode, User

COUNT = 10
# no letter or digit that is taken for another
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_PREFIX, _REST = 2, 10


@transaction.atomic
def renew(*, user: User, now: datetime) -> list[str]:
    """New codes as a person writes them down ("ab3d-efgh-jkmn"); those of before are gone. They are not kept."""
    BackupCode.objects.filter(user=user).delete()
    prefixes: set[str] = set()
    while len(prefixes) < COUNT:
        prefixes.add(_random(_PREFIX))
    codes = [prefix + _random(_REST) for prefix in sorted(prefixes)]
    BackupCode.objects.bulk_create(
        BackupCode(user=user, prefix=code[:_PREFIX], code_hash=make_password(code), created_at=now) for code in codes
    )
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes]


def verify(*, user: User, code: str, now: datetime) -> bool:
    """Whether this is one of the user's codes, never used before; asking uses it up. Costs one hash in any case."""
    plain = code.replace("-", "").replace(" ", "").lower()
    row = BackupCode.objects.filter(user=user, prefix=plain[:_PREFIX], used_at=None).first()
    if row is None:
        make_password(plain)
        return False
    if not check_password(plain, row.code_hash):
        return False
    return bool(BackupCode.objects.filter(pk=row.pk, used_at=None).update(used_at=now))


def count_left(user: User) -> int:
    """How many have not been used."""
    return BackupCode.objects.filter(user=user, used_at=None).count()


def remove(*, user: User) -> None:
    """Take them all away."""
    BackupCode.objects.filter(user=user).delete()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _position in range(length))

"""Argon2id at a cost fit for a suite that hashes hundreds of passwords."""

from typing import Any, ClassVar

from django.contrib.auth.hashers import Argon2PasswordHasher


class FastArgon2PasswordHasher(Argon2PasswordHasher):
    """The same algorithm and format, with the least work it allows."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1


class CountingArgon2PasswordHasher(FastArgon2PasswordHasher):
    """Counts what an answer costs: a test cannot measure the time, but the work it comes from."""

    count: ClassVar[int] = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        type(self).count += 1
        return str(super().encode(*args, **kwargs))

    def verify(self, *args: Any, **kwargs: Any) -> bool:
        type(self).count += 1
        return bool(super().verify(*args, **kwargs))

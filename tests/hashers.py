"""Argon2id at a cost fit for a suite that hashes hundreds of passwords."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class FastArgon2PasswordHasher(Argon2PasswordHasher):
    """The same algorithm and format, with the least work it allows."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1

"""An authenticator app for who has no phone at hand: the code of a key at this moment (RFC 6238, 6 digits, 30 s)."""

import base64
import binascii
import hashlib
import hmac
import struct

STEP_S = 30


def code_of(key: str, now_s: float) -> str:
    """The six digits for a base32 key, blanks and case aside; `ValueError` for what is no such key."""
    letters = "".join(key.split()).upper().rstrip("=")
    try:
        secret = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error as error:
        raise ValueError("this is not a key as the page for the authenticator app shows it") from error
    digest = hmac.digest(secret, struct.pack(">Q", int(now_s) // STEP_S), hashlib.sha1)
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def seconds_left(now_s: float) -> int:
    """How long the code of this moment is good yet."""
    return STEP_S - int(now_s) % STEP_S

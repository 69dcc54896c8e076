"""API tokens: a short access JWT that names its session, and single-use refresh tokens whose replay ends the session.

The rules are kept as rows, so a revoked session is over at its next request (RFC 9700 §4.14 on refresh replay).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

_ALGORITHM = "HS256"
_ISSUER = "aish"


@dataclass(frozen=True)
class TokenPair:
    """What a login or a refresh answers with."""

    access: str
    refresh: str
    expires_in_s: int


def new_secret() -> tuple[str, str]:
    """A random token for the person and the hash of it for the table."""
    token = secrets.token_urlsafe(32)
    return token, hash_secret(token)


def hash_secret(token: str) -> str:
    """SHA-256 in hex; enough for 256 random bits, which nobody can guess from the hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def successor_of(refresh: str) -> str:
    """The refresh token that follows on this one: always the same, so that a retry can be answered without keeping it.

    Only the server's key leads from one to the next; the table holds hashes of both.
    """
    key = f"refresh:{settings.JWT_SECRET_KEY}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, refresh.encode(), "sha256")).decode().rstrip("=")


def access_token(session_id: UUID, now: datetime) -> str:
    """A signed access token of one session, good for JWT_ACCESS_TOKEN_EXPIRE_MINUTES."""
    expires = now + timedelta(minutes=settings.JWT_ACCESS_TOKEN_EXPIRE_MINUTES)
    claims = {"iss": _ISSUER, "aud": "api", "typ": "access", "sid": str(session_id), "iat": now, "exp": expires}
    return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm=_ALGORITHM)


def session_id_of(token: str) -> UUID | None:
    """The session an access token names, or None for anything else: expired, forged, of another kind."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.JWT_SECRET_KEY,
            algorithms=[_ALGORITHM],
            audience="api",
            issuer=_ISSUER,
            options={"require": ["exp", "iat", "sid", "typ"]},
        )
        return UUID(str(claims["sid"])) if claims["typ"] == "access" else None
    except (jwt.InvalidTokenError, ValueError):
        return None

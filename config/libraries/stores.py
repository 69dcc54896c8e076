"""Where PostgreSQL and Redis are: one address, or its parts."""

from typing import Any

from config.environment import Environment


def database(env: Environment, pool_size: int) -> dict[str, Any]:
    """Settings of Django's database, with a pool of so many connections or, for 0, one for each request."""
    settings: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": env.str("POSTGRES_HOST", default="127.0.0.1"),
        "PORT": env.int("POSTGRES_PORT", default=5432),
        "NAME": env.str("POSTGRES_DB", default="aish"),
        "USER": env.str("POSTGRES_USER", default="aish"),
        "PASSWORD": env.str("POSTGRES_PASSWORD", default=""),
    }
    if env.str("DATABASE_URL", default=""):
        settings = env.db("DATABASE_URL")
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "options": (
            "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000 "
            # with a filter the index alone would give too few passages
            "-c hnsw.ef_search=100 -c hnsw.iterative_scan=relaxed_order"
        ),
    }
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    # under ASGI a kept connection leaks with its thread: a pool, or one connection per request
    return {**settings, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def redis_url(env: Environment) -> str:
    """The address of Redis, with its password."""
    password = env.str("REDIS_PASSWORD", default="")
    host, port = env.str("REDIS_HOST", default="127.0.0.1"), env.int("REDIS_PORT", default=6379)
    return env.str("REDIS_URL", default="") or f"redis://{':' + password + '@' if password else ''}{host}:{port}/0"

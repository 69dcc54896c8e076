"""Database work from async code: the connection is given back at once, so that nobody waits holding one."""

import asyncio
import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)
# a server that restarts is back within these
_PAUSES_S = (0.2, 1.0, 3.0, 6.0)


def gives_back(function: Callable[P, T]) -> Callable[P, T]:
    """`function` for use with `sync_to_async`: it closes the connection it used, or returns it to the pool."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.in_atomic_block:  # the caller's transaction, and theirs to close
            return function(*args, **kwargs)
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return call


async def run_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run database work in a thread of its own: a stream must not hold a connection while it waits."""
    return await sync_to_async(gives_back(function), thread_sensitive=False)(*args, **kwargs)


async def run_in_thread_with_retries(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `run_in_thread`, for work that must not be lost: tried again while the database is away, some ten seconds.

    `function` must be one that may be repeated: whether the first try was kept before it failed, nobody knows.
    """
    for pause_s in _PAUSES_S:
        try:
            return await run_in_thread(function, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            logger.warning("%s: once more in %s s: %s", getattr(function, "__name__", function), pause_s, error)
            await asyncio.sleep(pause_s)
    return await run_in_thread(function, *args, **kwargs)

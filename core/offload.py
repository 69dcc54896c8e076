"""Database work from async code: the connection is given back at once, so that nobody waits holding one."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")


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


async def offloaded(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run database work in a thread of its own: a stream must not hold a connection while it waits."""
    return await sync_to_async(gives_back(function), thread_sensitive=False)(*args, **kwargs)

"""Retries whole transactions after a conflict with others."""

from asyncio import sleep
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tortoise.backends.base.client import TransactionalDBClient

from server.database.connections import connection
from server.database.postgres.conflicts import MAX_TRIES, RETRYABLE, pause_seconds

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Function = Callable[_P, Coroutine[Any, Any, _T]]


def retried(
    function: Callable[_P, Coroutine[Any, Any, _T]],
) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """Retry `function` when PostgreSQL ends its transaction with a conflict (40001 or 40P01).

    The database has undone its changes then. It must have no lasting effect outside the database.
    Within another transaction it is not retried: the conflict undoes the outer one as a whole.
    """

    @wraps(function)
    async def repeated(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not isinstance(connection(), TransactionalDBClient):
            for _ in range(MAX_TRIES - 1):
                try:
                    return await function(*args, **kwargs)
                except RETRYABLE:
                    await sleep(pause_seconds())
        return await function(*args, **kwargs)

    return repeated

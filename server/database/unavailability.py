"""Which errors say that the database cannot answer now."""

import sqlite3

import asyncpg
from tortoise.exceptions import DBConnectionError, OperationalError

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    DBConnectionError,
    TimeoutError,
    OSError,
)
_SQLITE_SIGNS = (
    "is locked",
    "disk I/O error",
    "is full",
    "unable to open",
    "readonly database",
)


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` says that the database cannot answer now, whatever was asked of it."""
    if isinstance(error, OperationalError | sqlite3.OperationalError):
        return any(sign in str(error) for sign in _SQLITE_SIGNS)
    return isinstance(error, _GONE)

"""The database: its connections, transactions, time-outs and migrations. No query lives here."""

from server.database.connections import (
    connected,
    connection,
    dialect,
    exists,
    ping,
    sqlite_reader,
    transaction,
)
from server.database.files import back_up
from server.database.migrations import MIGRATIONS_CONFIG, migrate, unapplied_migrations
from server.database.unavailability import is_unavailable

__all__ = [
    "MIGRATIONS_CONFIG",
    "back_up",
    "connected",
    "connection",
    "dialect",
    "exists",
    "is_unavailable",
    "migrate",
    "ping",
    "sqlite_reader",
    "transaction",
    "unapplied_migrations",
]

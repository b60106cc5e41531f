"""The database: its connections, transactions, time-outs and migrations. No query lives here."""

from server.database.connections import (
    WIRE_CONNECTIONS,
    connected,
    connection,
    database_now,
    dialect,
    exists,
    own_pool,
    transaction,
)
from server.database.migrations import (
    MIGRATIONS_CONFIG,
    migrate,
    require_migrated,
    require_usable,
    told_to_the_operator,
    unapplied_migrations,
)
from server.database.postgres.pool import Pool
from server.database.retrying import retried
from server.database.sqlite.files import back_up
from server.database.sqlite.opening import sqlite_reader
from server.database.unavailability import ReadOnlyDatabase, is_unavailable, sentence_of
from server.database.writable import (
    READ_ONLY,
    ping,
    read_only,
    refuse_reading,
    require_writable,
)

__all__ = [
    "MIGRATIONS_CONFIG",
    "READ_ONLY",
    "WIRE_CONNECTIONS",
    "Pool",
    "ReadOnlyDatabase",
    "back_up",
    "connected",
    "connection",
    "database_now",
    "dialect",
    "exists",
    "is_unavailable",
    "migrate",
    "own_pool",
    "ping",
    "read_only",
    "refuse_reading",
    "require_migrated",
    "require_usable",
    "require_writable",
    "retried",
    "sentence_of",
    "sqlite_reader",
    "told_to_the_operator",
    "transaction",
    "unapplied_migrations",
]

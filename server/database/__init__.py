"""The database: its connections, transactions, time-outs and migrations. No query lives here."""

from server.database.connections import (
    WIRE_CONNECTIONS,
    after_commit,
    at_the_end,
    connected,
    connection,
    database_now,
    dialect,
    exists,
    fetch,
    is_distributed,
    own_pool,
    transaction,
)
from server.database.distribution import distribute, settle_distribution
from server.database.migrations import (
    MIGRATIONS_CONFIG,
    migrate,
    migrate_connected,
    require_migrated,
    require_usable,
    told_to_the_operator,
    unapplied_migrations,
)
from server.database.policies import State
from server.database.postgres.pool import Pool, open_pools
from server.database.reach import reached, reaching, reaching_every_tenant
from server.database.restored import (
    Restored,
    accept_restored,
    mark_restored,
    refuse_restored,
    require_settled,
)
from server.database.restoring import restore
from server.database.retrying import retried
from server.database.row_security import secure_rows, settle_row_security
from server.database.sqlite.files import back_up
from server.database.sqlite.opening import sqlite_reader
from server.database.unavailability import (
    ReadOnlyDatabase,
    StatementTooLong,
    is_unavailable,
    public_sentence_of,
    sentence_of,
)
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
    "Restored",
    "State",
    "StatementTooLong",
    "accept_restored",
    "after_commit",
    "at_the_end",
    "back_up",
    "connected",
    "connection",
    "database_now",
    "dialect",
    "distribute",
    "exists",
    "fetch",
    "is_distributed",
    "is_unavailable",
    "mark_restored",
    "migrate",
    "migrate_connected",
    "open_pools",
    "own_pool",
    "ping",
    "public_sentence_of",
    "reached",
    "reaching",
    "reaching_every_tenant",
    "read_only",
    "refuse_reading",
    "refuse_restored",
    "require_migrated",
    "require_settled",
    "require_usable",
    "require_writable",
    "restore",
    "retried",
    "secure_rows",
    "sentence_of",
    "settle_distribution",
    "settle_row_security",
    "sqlite_reader",
    "told_to_the_operator",
    "transaction",
    "unapplied_migrations",
]

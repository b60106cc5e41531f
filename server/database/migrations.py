"""Finds the unapplied migrations of the database and applies them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncpg import InsufficientPrivilegeError
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor, SqliteSchemaEditor

from server.database.connections import (
    apps_of,
    connected,
    connection,
    dialect,
    transaction,
)
from server.database.unavailability import is_unavailable, sentence_of
from server.database.writable import ping
from server.errors import Misconfigured
from server.settings import Settings

_SCHEMA_EDITORS = {"postgres": AsyncpgSchemaEditor, "sqlite": SqliteSchemaEditor}
_MIGRATION_LOCK = 0x7E55E7A
_APPLIED = "SELECT name FROM tortoise_migrations WHERE app = 'models'"
_HAS_RECORD = {
    "postgres": "SELECT 1 WHERE to_regclass('tortoise_migrations') IS NOT NULL",
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'tortoise_migrations'",
}

# The configuration that `make migration` gives to Tortoise's own command.
MIGRATIONS_CONFIG = {"connections": {"sqlite": "sqlite://:memory:"}, "apps": apps_of("sqlite")}


async def migrate(settings: Settings) -> list[str]:
    """Apply the missing migrations in one transaction, and return their names.

    Safe when several instances start together: the first holds a lock that the others wait for.
    Raises `Misconfigured` for an unusable database.
    """
    async with connected(settings, patient=True), told_to_the_operator(), transaction() as client:
        if client.capabilities.dialect == "postgres":
            # A lock of the transaction, not the session: behind a pooler the session is given to
            # another client afterwards.
            await client.execute_query(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        await _require_encoding()
        state = await _state()
        _require_known(state)
        executor = MigrationExecutor(client, apps_of(client.connection_name))
        # Before anything asks for the applied ones: in PostgreSQL that would fail, and end the
        # transaction.
        await executor.recorder.ensure_schema(_SCHEMA_EDITORS[dialect()](client))
        await executor.migrate()
        return state.missing


async def require_usable() -> None:
    """Raises `Misconfigured`, with a sentence for the operator, unless this code can serve from
    the connected database: reached, writable, in UTF-8, and with this code's own schema."""
    async with told_to_the_operator():
        await ping()
        await _require_encoding()
        await require_migrated()


async def require_migrated() -> None:
    """Raises `Misconfigured` where the schema is older or newer than this code."""
    state = await _state()
    _require_known(state)
    if state.missing:
        raise Misconfigured("The database lacks migrations. Run `tessera migrate` first.")


@asynccontextmanager
async def told_to_the_operator() -> AsyncIterator[None]:
    """Turns an outage or a missing privilege into `Misconfigured`."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error) or _lacks_privilege(error):
            raise Misconfigured(sentence_of(error)) from error
        raise


async def unapplied_migrations() -> list[str]:
    """The migrations that the connected database lacks, in order."""
    return (await _state()).missing


@dataclass(frozen=True, slots=True)
class _State:
    """missing: migrations of this code that were not applied; unknown: applied ones it lacks."""

    missing: list[str]
    unknown: list[str]


async def _state() -> _State:
    client = connection()
    loader = MigrationLoader(apps_of(client.connection_name), MigrationRecorder(client))
    loader.load_disk()
    known = {key.name for key in loader.disk_migrations}
    # Not the recorder's own query: it takes a failed query for an empty result.
    _, exists = await client.execute_query(_HAS_RECORD[dialect()])
    _, rows = await client.execute_query(_APPLIED) if exists else (0, [])
    applied = {row["name"] for row in rows}
    return _State(sorted(known - applied), sorted(applied - known))


def _require_known(state: _State) -> None:
    if state.unknown:
        raise Misconfigured(
            f"The database was migrated by a newer Tessera ({state.unknown[-1]})."
            " Serve it with that version."
        )


async def _require_encoding() -> None:
    """Raises `Misconfigured` unless PostgreSQL stores UTF-8: texts may hold any character."""
    if dialect() != "postgres":
        return
    _, rows = await connection().execute_query("SELECT current_setting('server_encoding') AS name")
    if rows[0]["name"] != "UTF8":
        raise Misconfigured(
            f"The database is encoded in {rows[0]['name']}. Create it with ENCODING 'UTF8'."
        )


def _lacks_privilege(error: BaseException) -> bool:
    """Whether Tortoise's error wraps PostgreSQL's "insufficient privilege"."""
    return isinstance(error.__cause__, InsufficientPrivilegeError)

"""Finds the unapplied migrations of the database and applies them."""

import re
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module  # exempt names_made_at_run_time: only for migrations
from pkgutil import iter_modules  # exempt names_made_at_run_time: only for migrations
from typing import TypeVar

from asyncpg import DeadlockDetectedError, LockNotAvailableError
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor, SqliteSchemaEditor

from server.database.connections import (
    apps_of,
    connected,
    connection,
    dialect,
    transaction,
)
from server.database.migration_plan import MigrationPlan, plan_of
from server.database.policies import cover_new_tables
from server.database.postgres.naming import naming
from server.database.reach import EVERY_TENANT
from server.database.rights import require_rights, require_schema
from server.database.unavailability import is_unavailable, sentence_of
from server.database.writable import ping, require_writable
from server.errors import Misconfigured
from server.settings import Settings

_SCHEMA_EDITORS = {"postgres": AsyncpgSchemaEditor, "sqlite": SqliteSchemaEditor}
_MIGRATION_LOCK = 0x7E55E7A
# Requests wait behind a statement that waits for a table: a part of their own two seconds only.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '500ms'"
_MAX_LOCK_TRIES = 60
_PAUSE_SECONDS = 1.0
# `0031_contract_0028_…` removes parts that only versions without the migration 0028 use.
_CONTRACT = re.compile(r"[0-9]{4}_contract_([0-9]{4})_")
_T = TypeVar("_T")
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
    Safe while instances serve: where a table is in use for longer, it is tried again.
    Raises `Misconfigured` for an unusable database.
    """
    plans: dict[tuple[str, ...], MigrationPlan] = {}
    return await when_unlocked(settings, partial(migrate_connected, plans))


async def when_unlocked(settings: Settings, change: Callable[[], Awaitable[_T]]) -> _T:
    """The result of `change`, which changes tables in a transaction with `LOCK_TIMEOUT`.

    Where a table is in use for longer, it is tried again. Raises `Misconfigured` in the end.
    """
    async with connected(settings, patient=True, shared=False) as connections:
        for _ in range(_MAX_LOCK_TRIES):
            try:
                with connections:
                    return await change()
            except (LockNotAvailableError, DeadlockDetectedError):
                await sleep(_PAUSE_SECONDS)
        raise Misconfigured(
            "The tables are in use, such as by a backup. Run the command again afterwards."
        )


async def migrate_connected(
    plans: MutableMapping[tuple[str, ...], MigrationPlan] | None = None,
) -> list[str]:
    """As `migrate`, on the connected database, within its time-outs.

    plans: those of earlier tries, by the migrations that lacked; this one adds its own.
    """
    async with told_to_the_operator(), transaction() as client:
        await require_writable()
        if client.capabilities.dialect == "postgres":
            # A lock of the transaction, not the session: behind a pooler the session is given to
            # another client afterwards.
            await client.execute_query(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        await _require_encoding()
        await require_schema()
        state = await _state()
        _require_known(state)
        if not state.missing:
            return []
        await require_schema(to_create=True)
        if client.capabilities.dialect == "postgres":
            # A migration may read and write the rows of all tenants.
            await client.execute_query(naming(EVERY_TENANT))
        executor = MigrationExecutor(client, apps_of(client.connection_name))
        # Before anything asks for the applied ones: in PostgreSQL that would fail, and end the
        # transaction.
        await executor.recorder.ensure_schema(_SCHEMA_EDITORS[dialect()](client))
        if client.capabilities.dialect == "postgres":
            plan = (plans or {}).get(tuple(state.missing))
            if plan is None:
                plan = await plan_of(executor, "models", state.missing)
            if plans is not None:
                plans[tuple(state.missing)] = plan
            await client.execute_query(LOCK_TIMEOUT)
            await plan.run(client)
        else:
            await executor.migrate()
        await cover_new_tables()
        return state.missing


async def require_usable() -> None:
    """Raises `Misconfigured`, with a sentence for the operator, unless this code can serve from the
    connected database. It must be reachable, writable and in UTF-8, have this code's schema, and
    grant the rights on its tables.
    """
    async with told_to_the_operator():
        await ping()
        await _require_encoding()
        await require_schema()
        await require_migrated()
        await require_rights()


async def require_migrated() -> None:
    """Raises `Misconfigured` if the schema is older than this code, or lacks tables or columns that
    it uses.
    """
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
        if is_unavailable(error):
            raise Misconfigured(sentence_of(error)) from error
        raise


async def unapplied_migrations() -> list[str]:
    """The migrations that the connected database lacks, in order."""
    return (await _state()).missing


@dataclass(frozen=True, slots=True)
class _State:
    """missing: migrations of this code that were not applied; unknown: applied ones it lacks;
    newest: the number of this code's last migration."""

    missing: list[str]
    unknown: list[str]
    newest: str


async def _state() -> _State:
    client = connection()
    known = _names(apps_of(client.connection_name)["models"]["migrations"])
    # Not the query of Tortoise's recorder: it takes a failed query for an empty result.
    _, exists = await client.execute_query(_HAS_RECORD[dialect()])
    _, rows = await client.execute_query(_APPLIED) if exists else (0, [])
    applied = {row["name"] for row in rows}
    return _State(sorted(known - applied), sorted(applied - known), max(known)[:4])


def _names(package: str) -> set[str]:
    """The migrations in a package, by Tortoise's rule. Its loader would run each file, and its
    recorder read the source of a model: too much for each probe of `/readyz`."""
    # exempt names_made_at_run_time: the name is that of Tortoise's configuration
    found = iter_modules(import_module(package).__path__)
    return {module.name for module in found if not module.ispkg and module.name[0] not in "_~"}


def _require_known(state: _State) -> None:
    """Raises `Misconfigured` where a newer version has removed parts that this one uses.

    Its other migrations only add: instances of both versions serve side by side.
    """
    for name in state.unknown:
        contract = _CONTRACT.match(name)
        if contract is not None and contract[1] > state.newest:
            raise Misconfigured(
                f"The database was migrated by a newer Tessera ({name}), which removed what this"
                " version uses. Serve it with a newer version."
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

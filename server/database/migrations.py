"""Migrations of the database: which it lacks, and how they are applied."""

from tortoise.migrations.executor import MigrationExecutor

from server.database.connections import apps_of, connected, connection, transaction
from server.settings import Settings

_MIGRATION_LOCK = 0x7E55E7A

# What `make migration` hands to Tortoise's own command.
MIGRATIONS_CONFIG = {"connections": {"sqlite": "sqlite://:memory:"}, "apps": apps_of("sqlite")}


async def migrate(settings: Settings) -> list[str]:
    """Apply what is missing of the migrations, all or nothing, and name it.

    Safe when several instances start together: the first holds a lock that the others wait for.
    """
    async with connected(settings, patient=True), transaction() as client:
        if client.capabilities.dialect == "postgres":
            await client.execute_query(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        executor = MigrationExecutor(client, apps_of(client.connection_name))
        await executor.recorder.ensure_schema(executor._schema_editor())
        missing = [step.migration.name for step in await executor.plan()]
        await executor.migrate()
        return missing


async def unapplied_migrations() -> list[str]:
    """The migrations that the connected database lacks, in order."""
    client = connection()
    executor = MigrationExecutor(client, apps_of(client.connection_name))
    return [step.migration.name for step in await executor.plan()]

"""The parts of `models` that migrations name, as they were when those migrations were written.

Never change this file: a migration must do the same on every database, also after `models` has
changed. A new migration imports from here, or holds its own copy; it imports nothing from
`models` or `server`. The underscore keeps Tortoise from taking the file for a migration.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from uuid import UUID, uuid4

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.indexes import Index

_KEY_BY_TENANT = """
DO $$
DECLARE redundant text;
BEGIN
    SELECT c.conname INTO STRICT redundant FROM pg_constraint c
    WHERE c.conrelid = '"{table}"'::regclass AND c.contype = 'u'
      AND pg_get_constraintdef(c.oid) = 'UNIQUE (tenant_id, id)';
    EXECUTE format('ALTER TABLE "{table}" DROP CONSTRAINT %I', redundant);
    ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey";
    ALTER TABLE "{table}" ADD PRIMARY KEY (tenant_id, id);
END $$;
"""


def new_id() -> UUID:
    """A column's default. Tortoise repeats defaults in migrations and writes none to the schema.

    Migrations copy ids in SQL, so that no id comes from here.
    """
    return uuid4()


def now() -> datetime:
    """A column's default, as `new_id`."""
    return datetime.now(UTC)


async def key_by_tenant(client: BaseDBAsyncClient, tables: Iterable[str]) -> None:
    """Make `(tenant_id, id)` the primary key of these tables, in PostgreSQL.

    SQLite cannot alter a primary key; there the unique constraint on the same columns serves.
    """
    if client.capabilities.dialect == "postgres":
        for table in tables:
            await client.execute_script(_KEY_BY_TENANT.format(table=table))


class LiveIndex(Index):
    """An index of the rows that are not revoked."""

    def __init__(self, *, fields: list[str], name: str) -> None:
        super().__init__(fields=fields, name=name)
        self.extra = " WHERE revoked_at IS NULL"


class ActivityKind(Enum):
    CREATED = "CREATED"
    NAME_CHANGED = "NAME_CHANGED"
    DESCRIPTION_CHANGED = "DESCRIPTION_CHANGED"
    PERMISSIONS_EDITED = "PERMISSIONS_EDITED"
    REVOKED = "REVOKED"


class Role(Enum):
    OWNER = "OWNER"
    ADMIN = "ADMIN"
    AUDITOR = "AUDITOR"


class RefusalReason(Enum):
    REVOKED = "REVOKED"
    NOT_GRANTED = "NOT_GRANTED"
    NO_SUCH_OPERATION = "NO_SUCH_OPERATION"
    TARGET_NOT_CANONICAL = "TARGET_NOT_CANONICAL"
    HEADER_NOT_CANONICAL = "HEADER_NOT_CANONICAL"
    RATE_LIMITED = "RATE_LIMITED"

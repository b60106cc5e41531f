"""Everything that a check reads of a secret moves into one narrow row a secret."""
# ruff: noqa: S608 - the statements are made of constants

from enum import Enum

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import LiveIndex, key_by_tenant, new_id, now

_FIND_BY_DIGEST = {
    "postgres": (
        """
        DO $$
        DECLARE redundant text;
        BEGIN
            SELECT c.conname INTO STRICT redundant FROM pg_constraint c
            WHERE c.conrelid = 'token_secret'::regclass AND c.contype = 'u';
            EXECUTE format('ALTER TABLE token_secret DROP CONSTRAINT %I', redundant);
            ALTER TABLE token_secret DROP CONSTRAINT token_secret_pkey;
            ALTER TABLE token_secret ADD PRIMARY KEY (tenant_id, token_id, generation);
        END $$;
        """,
        "CREATE INDEX idx_token_secret_digest ON token_secret USING hash (digest)",
    ),
    "sqlite": (
        "DROP TABLE token_secret",
        'CREATE TABLE token_secret ("digest" BLOB NOT NULL, "tenant_id" CHAR(36) NOT NULL,'
        ' "token_id" CHAR(36) NOT NULL, "generation" SMALLINT NOT NULL DEFAULT 1,'
        ' "closed_by" VARCHAR(16), "grants" BLOB, "closes_at" TIMESTAMP, "block" VARCHAR(16),'
        ' "trial" BLOB, "networks" TEXT, "requests_per_hour" INT,'
        ' PRIMARY KEY ("digest", "tenant_id"),'
        " CONSTRAINT uid_token_secret_generation UNIQUE (tenant_id, token_id, generation)"
        ") WITHOUT ROWID",
    ),
}
_FILL = """
INSERT INTO token_secret (digest, tenant_id, token_id, generation, closed_by, grants)
SELECT digest, tenant_id, id, 1, CASE WHEN revoked_at IS NOT NULL THEN 'REVOKED' END, grants
FROM token ORDER BY digest, tenant_id
"""
# SQLite cannot drop a column that a constraint names: the table is made anew on both databases.
_COLUMNS = (
    "id, created_at, tenant_id, name, description, hint, revision, created_by_id,"
    " idempotency_key, revoked_at"
)
_SET_ASIDE = f"CREATE TABLE token_before AS SELECT {_COLUMNS} FROM token"
_COPY_BACK = f"INSERT INTO token ({_COLUMNS}) SELECT {_COLUMNS} FROM token_before ORDER BY id"


class _ClosedBy(Enum):
    REVOKED = "REVOKED"


async def _fill(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    for statement in (*_FIND_BY_DIGEST[client.capabilities.dialect], _FILL, _SET_ASIDE):
        await client.execute_script(statement)


async def _copy_back(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    await key_by_tenant(client, ("token",))
    await client.execute_script(_COPY_BACK)
    await client.execute_script("DROP TABLE token_before")


class Migration(migrations.Migration):
    dependencies = [("models", "0010_permission_fingerprint")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenSecret",
            fields=[
                ("digest", fields.BinaryField(primary_key=True)),
                ("tenant_id", fields.UUIDField()),
                ("token_id", fields.UUIDField()),
                ("generation", fields.SmallIntField(default=1)),
                (
                    "closed_by",
                    fields.CharEnumField(
                        null=True, description="Why", enum_type=_ClosedBy, max_length=16
                    ),
                ),
                ("grants", fields.BinaryField(null=True)),
                ("closes_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("block", fields.CharField(null=True, max_length=16)),
                ("trial", fields.BinaryField(null=True)),
                ("networks", fields.TextField(null=True, unique=False)),
                ("requests_per_hour", fields.IntField(null=True)),
            ],
            options={
                "table": "token_secret",
                "app": "models",
                "unique_together": (("tenant_id", "token_id", "generation"),),
                "pk_attr": "digest",
                "table_description": "What a decision reads of the secrets of tokens",
            },
            bases=["Model"],
        ),
        ops.RunPython(_fill),
        ops.DeleteModel(name="Token"),
        ops.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("tenant_id", fields.UUIDField()),
                ("name", fields.CharField(max_length=100)),
                ("description", fields.CharField(max_length=1000)),
                ("hint", fields.CharField(max_length=32)),
                ("revision", fields.IntField(default=1)),
                ("created_by_id", fields.UUIDField()),
                ("idempotency_key", fields.CharField(null=True, max_length=255)),
                (
                    "revoked_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "token",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "created_by_id", "idempotency_key"),
                ),
                "indexes": [LiveIndex(fields=["tenant_id", "id"], name="idx_token_live")],
                "pk_attr": "id",
                "table_description": "API tokens",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_copy_back),
    ]

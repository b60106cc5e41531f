"""The first schema."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import ActivityKind, LiveIndex, Role, key_by_tenant, new_id, now

_TABLES = (
    "activity",
    "admin",
    "invitation",
    "session",
    "sign_in_attempt",
    "token",
    "token_permission",
)


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Activity",
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
                ("token_id", fields.UUIDField()),
                ("actor_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="What happened", enum_type=ActivityKind, max_length=32
                    ),
                ),
                ("details", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "activity",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [Index(fields=["tenant_id", "token_id", "id"])],
                "pk_attr": "id",
                "table_description": "The audit trail of tokens",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="Admin",
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
                ("email", fields.CharField(max_length=254)),
                ("name", fields.CharField(max_length=100)),
                ("role", fields.CharEnumField(description="Role", enum_type=Role, max_length=16)),
                ("password_hash", fields.CharField(null=True, max_length=255)),
            ],
            options={
                "table": "admin",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "email")),
                "pk_attr": "id",
                "table_description": "People who manage a tenant",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="Installation",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16),
                ),
                ("digest_key", fields.BinaryField(null=True)),
                ("digest_key_check", fields.BinaryField()),
            ],
            options={
                "table": "installation",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What all instances on this database share",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Invitation",
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
                ("admin_id", fields.UUIDField()),
                ("digest", fields.BinaryField()),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "invitation",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "digest"),
                    ("tenant_id", "admin_id"),
                ),
                "pk_attr": "id",
                "table_description": "One-time secrets with which an admin sets a password",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="Session",
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
                ("admin_id", fields.UUIDField()),
                ("digest", fields.BinaryField()),
                ("last_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "session",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "digest")),
                "indexes": [
                    Index(fields=["tenant_id", "admin_id"]),
                    Index(fields=["tenant_id", "expires_at"]),
                ],
                "pk_attr": "id",
                "table_description": "Signed-in admins",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="SignInAttempt",
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
                ("subject", fields.BinaryField()),
                ("failures", fields.IntField(default=0)),
                (
                    "blocked_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sign_in_attempt",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "subject")),
                "indexes": [Index(fields=["tenant_id", "updated_at"])],
                "pk_attr": "id",
                "table_description": "Recent failures to sign in, by account and address",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="Tenant",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("slug", fields.CharField(unique=True, max_length=63)),
                ("name", fields.CharField(max_length=100)),
                ("region", fields.CharField(max_length=63)),
                (
                    "first_token_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "tenant",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Customer organisations",
            },
            bases=["Row"],
        ),
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
                ("search_text", fields.TextField(unique=False)),
                ("digest", fields.BinaryField()),
                ("hint", fields.CharField(max_length=32)),
                ("revision", fields.IntField(default=1)),
                ("created_by_id", fields.UUIDField()),
                ("idempotency_key", fields.CharField(null=True, max_length=255)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "token",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "digest"),
                    ("tenant_id", "created_by_id", "idempotency_key"),
                ),
                "indexes": [LiveIndex(fields=["tenant_id", "id"], name="idx_token_live")],
                "pk_attr": "id",
                "table_description": "API tokens, their secrets kept as keyed digests",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="TokenPermission",
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
                ("token_id", fields.UUIDField()),
                ("key", fields.CharField(max_length=512)),
            ],
            options={
                "table": "token_permission",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "token_id", "key")),
                "pk_attr": "id",
                "table_description": "Which token holds which permission",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

"""Rotations of tokens' secrets, and the uses of old secrets meanwhile."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("secret_use", "token_rotation")


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0013_life_of_a_token")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SecretUse",
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
                ("address", fields.CharField(max_length=64)),
                ("user_agent", fields.CharField(max_length=255)),
                ("requests", fields.BigIntField()),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "secret_use",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "token_id", "address", "user_agent"),
                ),
                "pk_attr": "id",
                "table_description": "Which clients still use old secrets during rotations",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="TokenRotation",
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
                ("started_by_id", fields.UUIDField(null=True)),
                ("idempotency_key", fields.CharField(null=True, max_length=255)),
                ("is_compromised", fields.BooleanField(default=False)),
                ("old_generation", fields.SmallIntField()),
                ("new_generation", fields.SmallIntField()),
                ("old_hint", fields.CharField(max_length=32)),
                ("new_hint", fields.CharField(max_length=32)),
                ("drain_seconds", fields.IntField()),
                ("latest_by", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "picked_up_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("picked_up_from", fields.CharField(null=True, max_length=64)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "token_rotation",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "pk_attr": "id",
                "table_description": "The latest rotations of tokens",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

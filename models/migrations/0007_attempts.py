"""Failed attempts are counted anew; the addresses that people have signed in from, apart."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("attempt_counter", "known_address")


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0006_token_brand")]

    initial = False

    operations = [
        ops.DeleteModel(name="SignInAttempt"),
        ops.CreateModel(
            name="AttemptCounter",
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
                ("failed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("under_way", fields.IntField(default=0)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "attempt_counter",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "subject")),
                "indexes": [Index(fields=["tenant_id", "started_at"])],
                "pk_attr": "id",
                "table_description": "Recent failures to prove who one is, by account and address",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="KnownAddress",
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
                ("signed_in_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "known_address",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "admin_id", "digest")),
                "indexes": [Index(fields=["tenant_id", "signed_in_at"])],
                "pk_attr": "id",
                "table_description": "Addresses from which admins have signed in",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

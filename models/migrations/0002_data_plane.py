"""What the data plane needs: gateways, limits, and the record of decisions."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import RefusalReason, key_by_tenant, new_id, now

_TABLES = ("token_refusal", "token_use")


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="IntrospectionCredential",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("name", fields.CharField(unique=True, max_length=63)),
                ("digest", fields.BinaryField()),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "gateway",
                "app": "models",
                "unique_together": (("digest",),),
                "pk_attr": "id",
                "table_description": "Who may introspect tokens",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="TokenRefusal",
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
                ("method", fields.CharField(max_length=16)),
                ("path", fields.CharField(max_length=512)),
                (
                    "reason",
                    fields.CharEnumField(description="Why", enum_type=RefusalReason, max_length=32),
                ),
                ("address", fields.CharField(max_length=64)),
                ("user_agent", fields.CharField(max_length=255)),
                ("request_id", fields.CharField(max_length=64)),
            ],
            options={
                "table": "token_refusal",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [Index(fields=["tenant_id", "token_id", "id"])],
                "pk_attr": "id",
                "table_description": "The latest refusals of tokens",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="TokenUse",
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
                ("day", fields.DateField()),
                ("allowed", fields.BigIntField()),
                ("denied", fields.BigIntField()),
                ("first_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "token_use",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "token_id", "key", "day")),
                "indexes": [Index(fields=["tenant_id", "day"])],
                "pk_attr": "id",
                "table_description": "How often tokens asked for operations, by day",
            },
            bases=["TenantRow"],
        ),
        ops.AddField(
            model_name="Tenant",
            name="requests_per_hour",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Token",
            name="last_used_from",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Token",
            name="last_used_user_agent",
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddIndex(
            model_name="Token",
            index=Index(fields=["digest"]),
        ),
        ops.RunPython(_key_by_tenant),
    ]

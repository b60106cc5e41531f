"""Trials of tokens, and the requests that they would have denied."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("token_trial", "trial_denial")


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0021_session_origin")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenTrial",
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
                ("until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("started_by_id", fields.UUIDField()),
            ],
            options={
                "table": "token_trial",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [Index(fields=["tenant_id", "until", "id"])],
                "pk_attr": "id",
                "table_description": "The trials of tokens",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="TrialDenial",
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
                ("address", fields.CharField(max_length=64)),
                ("user_agent", fields.CharField(max_length=255)),
                ("requests", fields.BigIntField()),
                ("last_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "trial_denial",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "token_id", "key", "address", "user_agent"),
                ),
                "pk_attr": "id",
                "table_description": "Which requests the trials of tokens would have denied",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
        ops.AddField(
            model_name="TokenPermission",
            name="is_withheld",
            field=fields.BooleanField(null=True),
        ),
        ops.AddField(
            model_name="TokenSecret",
            name="trial_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]

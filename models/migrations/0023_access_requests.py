"""Requests of holders for permissions that their tokens lack."""

from enum import Enum

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now


class _AccessRequestState(Enum):
    OPEN = "OPEN"
    GRANTED = "GRANTED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, ("access_request",))


class Migration(migrations.Migration):
    dependencies = [("models", "0022_token_trial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AccessRequest",
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
                ("fingerprint", fields.BinaryField()),
                ("reason", fields.CharField(max_length=500)),
                ("address", fields.CharField(max_length=64)),
                (
                    "state",
                    fields.CharEnumField(
                        default=_AccessRequestState.OPEN,
                        description="Its state",
                        enum_type=_AccessRequestState,
                        max_length=32,
                    ),
                ),
                (
                    "decided_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("decided_by_id", fields.UUIDField(null=True)),
                ("decline_reason", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "access_request",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [
                    Index(fields=["tenant_id", "state", "id"]),
                    Index(fields=["tenant_id", "token_id", "id"]),
                    Index(fields=["tenant_id", "decided_at"], name="idx_access_request_decided"),
                ],
                "pk_attr": "id",
                "table_description": "Requests of holders for permissions",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

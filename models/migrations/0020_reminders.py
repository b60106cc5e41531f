"""Reminders, and the indexes by which what they are about is found."""

from enum import Enum
from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now


class _ReminderKind(Enum):
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    ROTATION_OVERDUE = "ROTATION_OVERDUE"
    RETIRED_SECRET_USED = "RETIRED_SECRET_USED"


class _ConditionalIndex(Index):
    """An index of the rows that meet a condition."""

    def __init__(self, *, fields: list[str], name: str, condition: str) -> None:
        super().__init__(fields=fields, name=name)
        self.condition = condition
        self.extra = f" WHERE {condition}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"condition": self.condition}


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, ("reminder",))


class Migration(migrations.Migration):
    dependencies = [("models", "0019_webhooks")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Reminder",
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
                (
                    "kind",
                    fields.CharEnumField(
                        description="What it is about", enum_type=_ReminderKind, max_length=32
                    ),
                ),
                ("about", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("days", fields.SmallIntField(default=0)),
            ],
            options={
                "table": "reminder",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "token_id", "kind", "about", "days"),
                ),
                "indexes": [Index(fields=["tenant_id", "about"])],
                "pk_attr": "id",
                "table_description": "Reminders that were sent",
            },
            bases=["TenantRow"],
        ),
        ops.AddIndex(
            model_name="TokenRotation",
            index=_ConditionalIndex(
                fields=["tenant_id", "created_at"],
                name="idx_rotation_pending",
                condition="picked_up_at IS NULL AND ended_at IS NULL",
            ),
        ),
        ops.AddIndex(
            model_name="TokenRefusal",
            index=_ConditionalIndex(
                fields=["tenant_id", "created_at"],
                name="idx_refusal_retired",
                condition="reason = 'SECRET_RETIRED'",
            ),
        ),
        ops.RunPython(_key_by_tenant),
    ]

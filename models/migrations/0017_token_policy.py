"""Token policies of tenants, when tokens were resumed, and an index of rotations under way."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now


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
    await key_by_tenant(schema_editor.client, ("token_policy",))


class Migration(migrations.Migration):
    dependencies = [("models", "0016_decision_batch")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenPolicy",
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
                ("default_lifetime_days", fields.IntField(null=True)),
                ("maximum_lifetime_days", fields.IntField(null=True)),
                ("pause_unused_after_days", fields.IntField(null=True)),
                ("revision", fields.IntField(default=1)),
                ("effective_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "pauses_from",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("set_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("set_by_id", fields.UUIDField()),
                (
                    "applied_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("spread_tokens", fields.IntField(default=0)),
                ("spread_bounds", fields.BinaryField(null=True)),
            ],
            options={
                "table": "token_policy",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "pk_attr": "id",
                "table_description": "How long tokens of tenants may live",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
        ops.AddField(
            model_name="Token",
            name="resumed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name="TokenRotation",
            index=_ConditionalIndex(
                fields=["tenant_id", "id"],
                name="idx_rotation_open",
                condition="ended_at IS NULL",
            ),
        ),
    ]

"""Tenants that are suspended, and those that are being deleted."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class _ConditionalIndex(Index):
    """An index of the rows that meet a condition."""

    def __init__(self, *, fields: list[str], name: str, condition: str) -> None:
        super().__init__(fields=fields, name=name)
        self.condition = condition
        self.extra = f" WHERE {condition}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"condition": self.condition}


class Migration(migrations.Migration):
    dependencies = [("models", "0026_trial_remainder")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Tenant",
            name="suspended_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Tenant",
            name="deletion_began_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name="Tenant",
            index=_ConditionalIndex(
                fields=["id"], name="idx_tenant_suspended", condition="suspended_at IS NOT NULL"
            ),
        ),
    ]

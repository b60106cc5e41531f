"""The outbox of e-mail."""

from enum import Enum
from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now


class _MailKind(Enum):
    INVITATION = "INVITATION"
    REMINDERS = "REMINDERS"


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
    await key_by_tenant(schema_editor.client, ("mail",))


class Migration(migrations.Migration):
    dependencies = [("models", "0024_catalogue_versions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Mail",
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
                (
                    "kind",
                    fields.CharEnumField(
                        description="What it is about", enum_type=_MailKind, max_length=16
                    ),
                ),
                ("invitation_id", fields.UUIDField(null=True)),
                ("secret", fields.BinaryField(null=True)),
                ("reminders", fields.TextField(null=True, unique=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("failures", fields.SmallIntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_holder", fields.UUIDField(null=True)),
                (
                    "leased_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "mail",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [
                    Index(fields=["tenant_id", "created_at"]),
                    _ConditionalIndex(
                        fields=["tenant_id", "admin_id"],
                        name="idx_mail_due",
                        condition="due_at IS NOT NULL",
                    ),
                ],
                "pk_attr": "id",
                "table_description": "E-mail to admins",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

"""Webhooks, their events and the log of their deliveries."""

from enum import Enum
from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("webhook", "webhook_delivery", "webhook_event")


class _WebhookState(Enum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class _WebhookPauseReason(Enum):
    BY_ADMIN = "BY_ADMIN"
    FAILED = "FAILED"
    GONE = "GONE"


class _DeliveryOutcome(Enum):
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    REDIRECTED = "REDIRECTED"
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    TLS_FAILED = "TLS_FAILED"
    NO_HTTP = "NO_HTTP"


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
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0018_whole_trail")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Webhook",
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
                ("url", fields.CharField(max_length=2048)),
                ("events", fields.TextField(unique=False)),
                (
                    "state",
                    fields.CharEnumField(
                        description="Whether it is sent to", enum_type=_WebhookState, max_length=16
                    ),
                ),
                (
                    "pause_reason",
                    fields.CharEnumField(
                        null=True,
                        description="Why it is paused",
                        enum_type=_WebhookPauseReason,
                        max_length=16,
                    ),
                ),
                ("paused_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_by_id", fields.UUIDField()),
                ("secret", fields.BinaryField()),
                ("last_number", fields.BigIntField(default=0)),
                ("sent_number", fields.BigIntField(default=0)),
                ("dropped", fields.BigIntField(default=0)),
                ("failures", fields.SmallIntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_holder", fields.UUIDField(null=True)),
                (
                    "leased_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "webhook",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [
                    _ConditionalIndex(
                        fields=["tenant_id", "id"],
                        name="idx_webhook_due",
                        condition="due_at IS NOT NULL",
                    )
                ],
                "pk_attr": "id",
                "table_description": "Addresses that events are sent to",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
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
                ("webhook_id", fields.UUIDField()),
                ("event_id", fields.CharField(max_length=64)),
                ("type", fields.CharField(max_length=64)),
                ("attempt", fields.SmallIntField()),
                (
                    "outcome",
                    fields.CharEnumField(
                        description="How it ended", enum_type=_DeliveryOutcome, max_length=32
                    ),
                ),
                ("status", fields.SmallIntField(null=True)),
                ("milliseconds", fields.IntField()),
            ],
            options={
                "table": "webhook_delivery",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "indexes": [
                    Index(fields=["tenant_id", "webhook_id", "id"]),
                    Index(fields=["tenant_id", "created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "Attempts to send events to webhooks",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="WebhookEvent",
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
                ("webhook_id", fields.UUIDField()),
                ("number", fields.BigIntField()),
                ("event_id", fields.CharField(max_length=64)),
                ("type", fields.CharField(max_length=64)),
                ("body", fields.TextField(unique=False)),
            ],
            options={
                "table": "webhook_event",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "webhook_id", "number"),
                ),
                "indexes": [
                    Index(fields=["tenant_id", "created_at"]),
                    Index(fields=["tenant_id", "webhook_id", "created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "Events for webhooks",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
    ]

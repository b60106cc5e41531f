"""The webhook: an address that events of a tenant are sent to."""

from enum import Enum
from typing import Any

from tortoise import fields

from models.rows import ConditionalIndex, TenantRow


class WebhookState(Enum):
    """Whether events are sent to a webhook, or wait."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class WebhookPauseReason(Enum):
    """Why a webhook is paused."""

    BY_ADMIN = "BY_ADMIN"
    FAILED = "FAILED"
    GONE = "GONE"


class Webhook(TenantRow):
    """An address of a tenant, with the types of events that are sent there, joined by commas.

    `secret` is encrypted (`server.access.sealing`). Events are numbered for each webhook.
    `last_number` is the number of the latest event, and `sent_number` that of the last one that was
    sent or dropped. The events between them wait. `due_at` is when the next attempt is due by the
    database's clock, null where nothing is to be sent. `failures` counts the failed attempts of the
    event that is next. `dropped` counts events that were not kept because too many waited.
    `lease_holder` is the instance that sends, until `leased_until`.
    """

    url = fields.CharField(max_length=2048)
    events: str = fields.TextField()
    state = fields.CharEnumField(WebhookState, description="Whether it is sent to", max_length=16)
    # None or a reason; Tortoise types it as if it were never None.
    pause_reason: Any = fields.CharEnumField(
        WebhookPauseReason, description="Why it is paused", max_length=16, null=True
    )
    paused_at = fields.DatetimeField(null=True)
    created_by_id = fields.UUIDField()
    secret = fields.BinaryField()
    last_number = fields.BigIntField(default=0)
    sent_number = fields.BigIntField(default=0)
    dropped = fields.BigIntField(default=0)
    failures = fields.SmallIntField(default=0)
    due_at = fields.DatetimeField(null=True)
    lease_holder = fields.UUIDField(null=True)
    leased_until = fields.DatetimeField(null=True)

    @property
    def waiting(self) -> int:
        """How many events wait at most: some of their numbers may have been deleted since."""
        return int(self.last_number - self.sent_number)

    class Meta:
        table = "webhook"
        table_description = "Addresses that events are sent to"
        unique_together = (("tenant_id", "id"),)
        indexes = (
            ConditionalIndex(
                fields=("tenant_id", "id"), name="idx_webhook_due", condition="due_at IS NOT NULL"
            ),
        )

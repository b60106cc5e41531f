"""The log of deliveries: each attempt to send an event to a webhook."""

from enum import Enum

from tortoise import fields

from models.rows import TenantRow


class DeliveryOutcome(Enum):
    """The outcome of an attempt to send an event."""

    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    REDIRECTED = "REDIRECTED"
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    TLS_FAILED = "TLS_FAILED"
    NO_HTTP = "NO_HTTP"


class WebhookDelivery(TenantRow):
    """An attempt to send an event, the `attempt`th of it since the last success.

    `status` is that of the answer, null where there was none. Of the answer, nothing else is kept.
    """

    webhook_id = fields.UUIDField()
    event_id = fields.CharField(max_length=64)
    type = fields.CharField(max_length=64)
    attempt = fields.SmallIntField()
    outcome = fields.CharEnumField(DeliveryOutcome, description="How it ended", max_length=32)
    status = fields.SmallIntField(null=True)
    milliseconds = fields.IntField()

    class Meta:
        table = "webhook_delivery"
        table_description = "Attempts to send events to webhooks"
        unique_together = (("tenant_id", "id"),)
        indexes = (("tenant_id", "webhook_id", "id"), ("tenant_id", "created_at"))

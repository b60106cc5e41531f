"""The outbox: events for webhooks, written in the transaction of the change that they report."""

from tortoise import fields

from models.rows import TenantRow


class WebhookEvent(TenantRow):
    """An event for one webhook, the `number`th of it. `created_at` is when it was kept.

    `event_id` is the same for each webhook that gets the event, and at each attempt. `body` is what
    is sent, byte for byte. It holds no secret.
    """

    webhook_id = fields.UUIDField()
    number = fields.BigIntField()
    event_id = fields.CharField(max_length=64)
    type = fields.CharField(max_length=64)
    body: str = fields.TextField()

    class Meta:
        table = "webhook_event"
        table_description = "Events for webhooks"
        unique_together = (("tenant_id", "id"), ("tenant_id", "webhook_id", "number"))
        indexes = (("tenant_id", "created_at"), ("tenant_id", "webhook_id", "created_at"))

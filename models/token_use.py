"""The use of a token: its requests for an operation, counted by day."""

from tortoise import fields

from models.rows import TenantRow


class TokenUse(TenantRow):
    """The number of requests of one token for one operation on one day (UTC).

    `key` is "METHOD path-template", or empty where no operation matched. Counts instead of single
    requests, so that the table grows with tokens and not with traffic.
    """

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)
    day = fields.DateField()
    allowed = fields.BigIntField()
    denied = fields.BigIntField()
    first_used_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()

    class Meta:
        table = "token_use"
        table_description = "How often tokens asked for operations, by day"
        unique_together = (("tenant_id", "id"), ("tenant_id", "token_id", "key", "day"))
        indexes = (("tenant_id", "day"),)

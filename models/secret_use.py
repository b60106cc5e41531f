"""The use of a token's old secret while a rotation is under way."""

from tortoise import fields

from models.rows import TenantRow


class SecretUse(TenantRow):
    """The requests of one client that still presents the old secret of a token.

    A client is told by its address, as the gateway reports it, and its user agent.
    """

    token_id = fields.UUIDField()
    address = fields.CharField(max_length=64)
    user_agent = fields.CharField(max_length=255)
    requests = fields.BigIntField()
    last_used_at = fields.DatetimeField()

    class Meta:
        table = "secret_use"
        table_description = "Which clients still use old secrets during rotations"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "token_id", "address", "user_agent"),
        )

"""The requests that passed, and that the trial of their token would have denied."""

from tortoise import fields

from models.rows import TenantRow


class TrialDenial(TenantRow):
    """The would-be denials of a trial: of one permission, and of one client.

    `key` is the permission's. A client is told by its address, as the gateway reports it, and its
    user agent. Both are empty in the row of the remainder: it counts the requests of clients that
    have no row, since older ones are trimmed. The rows of a permission together count all requests.
    """

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)
    address = fields.CharField(max_length=64)
    user_agent = fields.CharField(max_length=255)
    requests = fields.BigIntField()
    last_at = fields.DatetimeField()

    class Meta:
        table = "trial_denial"
        table_description = "Which requests the trials of tokens would have denied"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "token_id", "key", "address", "user_agent"),
        )

"""The last use of a token: when, from which address and by which client it last was allowed."""

from tortoise import fields

from models.rows import LiveIndex, TenantRow


class TokenLastUse(TenantRow):
    """The last request that a token was allowed. A token that was never used has no row.

    `id` is the token's. It is written a few seconds late and very often, and has its own table for
    that reason: here the rows of tokens in use share pages, while an update of the wide token rows
    would dirty one page each. `revoked_at` is the token's, so that live tokens are listed by their
    last use.
    """

    last_used_at = fields.DatetimeField()
    last_used_from = fields.CharField(max_length=64)
    last_used_user_agent = fields.CharField(max_length=255)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "token_last_use"
        table_description = "When and from where tokens were last used"
        unique_together = (("tenant_id", "id"),)
        indexes = (LiveIndex(fields=("tenant_id", "last_used_at", "id"), name="idx_last_use_live"),)

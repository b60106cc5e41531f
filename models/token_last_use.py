"""The last use of a token: when, from where and by what it was last let through."""

from tortoise import fields

from models.rows import TenantRow


class TokenLastUse(TenantRow):
    """When a token last opened an endpoint, and for whom. One that never has has no row.

    Its `id` is the token's. Written a few seconds late, and over and over: in a table of their own
    the tokens in use lie side by side, and in the token's wide row each would be a page to write.
    """

    last_used_at = fields.DatetimeField()
    last_used_from = fields.CharField(max_length=64)
    last_used_user_agent = fields.CharField(max_length=255)

    class Meta:
        table = "token_last_use"
        table_description = "When and from where tokens were last used"
        unique_together = (("tenant_id", "id"),)

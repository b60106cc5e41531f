"""The token policy of a tenant: how long its tokens may live, and when unused ones are paused."""

from tortoise import fields

from models.rows import TenantRow


class TokenPolicy(TenantRow):
    """The token policy of a tenant that has set one. `id` is the tenant's.

    Lifetimes are in days; null for none. The networks of the policy are those of the tenant's row,
    which decisions read. `revision` counts the changes. New tokens follow the policy at once,
    those that exist from `effective_from` on; unused ones are paused from `pauses_from` on.

    `applied_at` is null while dates of existing tokens are still to be written. Until then
    `spread_tokens` is how many of them had no expiry when the policy was set, and `spread_bounds`
    are the ids that divide them into parts of equal size: 16 bytes each, the last one of each part.
    """

    default_lifetime_days = fields.IntField(null=True)
    maximum_lifetime_days = fields.IntField(null=True)
    pause_unused_after_days = fields.IntField(null=True)
    revision = fields.IntField(default=1)
    effective_from = fields.DatetimeField()
    pauses_from = fields.DatetimeField(null=True)
    set_at = fields.DatetimeField()
    set_by_id = fields.UUIDField()
    applied_at = fields.DatetimeField(null=True)
    spread_tokens = fields.IntField(default=0)
    spread_bounds = fields.BinaryField(null=True)

    class Meta:
        table = "token_policy"
        table_description = "How long tokens of tenants may live"
        unique_together = (("tenant_id", "id"),)

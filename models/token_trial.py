"""The trial of a token: a narrower set of permissions that decides nothing yet."""

from datetime import datetime

from tortoise import fields

from models.rows import TenantRow


class TokenTrial(TenantRow):
    """The trial of a token. `id` is the token's, `created_at` when it started.

    `token_permission.is_withheld` marks the permissions that it leaves out. It ends at `until` at
    the latest. The row goes when the trial is enforced or dropped, or that instant is written down.
    """

    until = fields.DatetimeField()
    started_by_id = fields.UUIDField()

    def is_under_way(self, at: datetime) -> bool:
        """Whether it runs at an instant of the database's clock."""
        return at < self.until

    class Meta:
        table = "token_trial"
        table_description = "The trials of tokens"
        unique_together = (("tenant_id", "id"),)
        indexes = (("tenant_id", "until", "id"),)

"""The session: an admin who has signed in."""

from tortoise import fields

from models.rows import TenantRow


class Session(TenantRow):
    """A signed-in admin. Deleting the row ends the session.

    `digest` is the keyed digest of the session's secret. The session ends at `expires_at`, or
    earlier if `last_seen_at` is too long ago. `address` is the client's at sign-in and `user_agent`
    its user agent, in printable ASCII; null in sessions that are older than the columns.
    """

    admin_id = fields.UUIDField()
    digest = fields.BinaryField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    address = fields.CharField(max_length=64, null=True)
    user_agent = fields.CharField(max_length=255, null=True)

    class Meta:
        table = "session"
        table_description = "Signed-in admins"
        unique_together = (("tenant_id", "id"), ("tenant_id", "digest"))
        indexes = (("tenant_id", "admin_id"), ("tenant_id", "expires_at"))

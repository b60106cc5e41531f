"""The session: an admin who has signed in."""

from tortoise import fields

from models.rows import TenantRow


class Session(TenantRow):
    """A signed-in admin. Deleting the row ends the session.

    `digest` is the keyed digest of the session's secret. The session ends at `expires_at`, or
    earlier if `last_seen_at` is too long ago.
    """

    admin_id = fields.UUIDField()
    digest = fields.BinaryField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "session"
        table_description = "Signed-in admins"
        unique_together = (("tenant_id", "id"), ("tenant_id", "digest"))
        indexes = (("tenant_id", "admin_id"), ("tenant_id", "expires_at"))

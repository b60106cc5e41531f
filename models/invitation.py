"""The invitation: a one-time secret with which an admin sets a password."""

from tortoise import fields

from models.rows import TenantRow


class Invitation(TenantRow):
    """Lets one admin set a password, once, until `expires_at`. Accepting deletes the row.

    It ends with the removal of `invited_by_id`, who made or renewed it; null for the operator.
    """

    admin_id = fields.UUIDField()
    digest = fields.BinaryField()
    expires_at = fields.DatetimeField()
    invited_by_id = fields.UUIDField(null=True)

    class Meta:
        table = "invitation"
        table_description = "One-time secrets with which an admin sets a password"
        unique_together = (("tenant_id", "id"), ("tenant_id", "digest"), ("tenant_id", "admin_id"))

"""The addresses from which an admin has signed in."""

from tortoise import fields

from models.rows import TenantRow


class KnownAddress(TenantRow):
    """An address from which an admin signed in last at `signed_in_at`, as a keyed digest."""

    admin_id = fields.UUIDField()
    digest = fields.BinaryField()
    signed_in_at = fields.DatetimeField()

    class Meta:
        table = "known_address"
        table_description = "Addresses from which admins have signed in"
        unique_together = (("tenant_id", "id"), ("tenant_id", "admin_id", "digest"))
        indexes = (("tenant_id", "signed_in_at"),)

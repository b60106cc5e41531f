"""The addresses from which an admin has signed in."""

from tortoise import fields

from models.rows import TenantRow


class KnownAddress(TenantRow):
    """The keyed digest of an address from which an admin last signed in at `signed_in_at`."""

    admin_id = fields.UUIDField()
    digest = fields.BinaryField()
    signed_in_at = fields.DatetimeField()

    class Meta:
        table = "known_address"
        table_description = "Addresses from which admins have signed in"
        unique_together = (("tenant_id", "id"), ("tenant_id", "admin_id", "digest"))
        indexes = (("tenant_id", "signed_in_at"),)

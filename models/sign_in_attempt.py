"""The sign-in attempts that are counted against an account or an address."""

from tortoise import fields

from models.rows import TenantRow


class SignInAttempt(TenantRow):
    """How often one subject has failed of late, and until when it has to wait.

    `subject` is a keyed digest of an account, an address, or both. Addresses belong to no tenant:
    their rows carry the nil UUID.
    """

    subject = fields.BinaryField()
    failures = fields.IntField(default=0)
    blocked_until = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "sign_in_attempt"
        table_description = "Recent failures to sign in, by account and address"
        unique_together = (("tenant_id", "id"), ("tenant_id", "subject"))
        indexes = (("tenant_id", "updated_at"),)

"""Counts failed attempts at passwords and invitations, by a subject such as an address."""

from tortoise import fields

from models.rows import TenantRow


class AttemptCounter(TenantRow):
    """The failed attempts of one subject, and its attempts under way.

    `subject` is a keyed digest, see `server.access.attempts`. Rows of unauthenticated addresses
    belong to no tenant: they carry the nil UUID, whether the named tenant exists or not.
    """

    subject = fields.BinaryField()
    failures = fields.IntField(default=0)
    failed_at = fields.DatetimeField(null=True)
    under_way = fields.IntField(default=0)
    started_at = fields.DatetimeField()

    class Meta:
        table = "attempt_counter"
        table_description = "Recent failures to prove who one is, by account and address"
        unique_together = (("tenant_id", "id"), ("tenant_id", "subject"))
        indexes = (("tenant_id", "started_at"),)

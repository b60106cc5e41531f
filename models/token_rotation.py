"""The rotation of a token: another secret takes the place of the one in use."""

from datetime import datetime, timedelta

from tortoise import fields

from models.rows import ConditionalIndex, TenantRow


class TokenRotation(TenantRow):
    """The latest rotation of a token. `id` is the token's, `created_at` when it started.

    Two secrets live from its start until the old one ends: `drain_seconds` after the new one was
    picked up, and at `latest_by` at the latest. `ended_at` is when it ended, null until that is
    written. `is_compromised` tells one that ended the old secret at its start. `started_by_id` is
    null where the holder started it. `idempotency_key` is a keyed digest, in hexadecimal.
    """

    started_by_id = fields.UUIDField(null=True)
    idempotency_key = fields.CharField(max_length=255, null=True)
    is_compromised = fields.BooleanField(default=False)
    old_generation = fields.SmallIntField()
    new_generation = fields.SmallIntField()
    old_hint = fields.CharField(max_length=32)
    new_hint = fields.CharField(max_length=32)
    drain_seconds = fields.IntField()
    latest_by = fields.DatetimeField(null=True)
    picked_up_at = fields.DatetimeField(null=True)
    picked_up_from = fields.CharField(max_length=64, null=True)
    ended_at = fields.DatetimeField(null=True)

    @property
    def old_secret_ends_at(self) -> datetime | None:
        """The instant from which the old secret is refused; None while it is open."""
        if self.ended_at is not None:
            return self.ended_at
        if self.picked_up_at is None:
            return self.latest_by
        drained = self.picked_up_at + timedelta(seconds=self.drain_seconds)
        return drained if self.latest_by is None else min(drained, self.latest_by)

    def is_under_way(self, at: datetime) -> bool:
        """Whether both secrets live at an instant of the database's clock."""
        ends_at = self.old_secret_ends_at
        return ends_at is None or at < ends_at

    class Meta:
        table = "token_rotation"
        table_description = "The latest rotations of tokens"
        unique_together = (("tenant_id", "id"),)
        indexes = (
            ConditionalIndex(
                fields=("tenant_id", "id"),
                name="idx_rotation_open",
                condition="ended_at IS NULL",
            ),
            ConditionalIndex(
                fields=("tenant_id", "created_at"),
                name="idx_rotation_pending",
                condition="picked_up_at IS NULL AND ended_at IS NULL",
            ),
        )

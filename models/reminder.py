"""The reminders that were sent, so that each is sent once."""

from enum import Enum

from tortoise import fields

from models.rows import TenantRow


class ReminderKind(Enum):
    """The kind of a reminder."""

    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    ROTATION_OVERDUE = "ROTATION_OVERDUE"
    RETIRED_SECRET_USED = "RETIRED_SECRET_USED"


class Reminder(TenantRow):
    """A reminder about a token.

    `about` is the instant of the event: the token's expiry, the start of its rotation, or the day
    of the use. Another expiry is another reminder. `days` is how long before, 0 where that does not
    apply.
    """

    token_id = fields.UUIDField()
    kind = fields.CharEnumField(ReminderKind, description="What it is about", max_length=32)
    about = fields.DatetimeField()
    days = fields.SmallIntField(default=0)

    class Meta:
        table = "reminder"
        table_description = "Reminders that were sent"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "token_id", "kind", "about", "days"),
        )
        indexes = (("tenant_id", "about"),)

"""The outbox of e-mail. A row is written in the transaction of the change that it reports."""

from enum import Enum

from tortoise import fields

from models.rows import ConditionalIndex, TenantRow


class MailKind(Enum):
    """The subject of an e-mail."""

    INVITATION = "INVITATION"
    REMINDERS = "REMINDERS"


class Mail(TenantRow):
    """An e-mail to an admin, whose name and address are read when it is sent.

    `secret` is that of the invitation `invitation_id`, encrypted (`server.access.sealing`), or
    null. `reminders` are JSON, null in an invitation. `due_at` is when the next attempt is due, by
    the database's clock. Once the mail is sent or abandoned, `due_at`, `secret` and `reminders` are
    null. It is given up at `expires_at`. `lease_holder` is the instance that sends, until
    `leased_until`.
    """

    admin_id = fields.UUIDField()
    kind = fields.CharEnumField(MailKind, description="What it is about", max_length=16)
    invitation_id = fields.UUIDField(null=True)
    secret = fields.BinaryField(null=True)
    reminders: str | None = fields.TextField(null=True)
    expires_at = fields.DatetimeField()
    failures = fields.SmallIntField(default=0)
    due_at = fields.DatetimeField(null=True)
    lease_holder = fields.UUIDField(null=True)
    leased_until = fields.DatetimeField(null=True)

    class Meta:
        table = "mail"
        table_description = "E-mail to admins"
        unique_together = (("tenant_id", "id"),)
        indexes = (
            ("tenant_id", "created_at"),
            ConditionalIndex(
                fields=("tenant_id", "admin_id"),
                name="idx_mail_due",
                condition="due_at IS NOT NULL",
            ),
        )

"""The state of the installation: where the database is served, and whether it was restored."""

from tortoise import fields
from tortoise.models import Model


class InstallationState(Model):
    """The one row of the installation, with the id 1.

    `place` identifies the database within its server, as `server.access.restoration` reads it; null
    where it cannot be told. `restored_at` is when the database was recognised as a copy or as
    restored from one; else null. While it is set, the database is not served.
    """

    id = fields.IntField(primary_key=True, generated=False)
    place = fields.CharField(max_length=100, null=True)
    restored_at = fields.DatetimeField(null=True)

    class Meta:
        table = "installation_state"
        table_description = "Where the database is served, and whether it was restored"

"""The installation: what all instances on one database share."""

from tortoise import fields
from tortoise.models import Model


class Installation(Model):
    """One row a database, of no tenant.

    `digest_key` is the key of all digests where the settings give none; `digest_key_check` lets an
    instance with another key notice before it refuses every secret.
    """

    id = fields.CharField(max_length=16, primary_key=True)
    digest_key = fields.BinaryField(null=True)
    digest_key_check = fields.BinaryField()

    class Meta:
        table = "installation"
        table_description = "What all instances on this database share"

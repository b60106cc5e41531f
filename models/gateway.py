"""The gateway: a service that may ask what a token is worth."""

from tortoise import fields

from models.rows import Row


class Gateway(Row):
    """A credential for `/introspect`, of the installation and no tenant's.

    `digest` is the keyed digest of its secret. A revoked one keeps its row and its name.
    """

    name = fields.CharField(max_length=63, unique=True)
    digest = fields.BinaryField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "gateway"
        table_description = "Who may introspect tokens"
        unique_together = (("digest",),)

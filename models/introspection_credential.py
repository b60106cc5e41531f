"""The credential of an introspection client: a service that may call `/introspect`."""

from tortoise import fields

from models.rows import Row


class IntrospectionCredential(Row):
    """A credential for `/introspect`. It belongs to the installation, not to a tenant.

    `digest` is the keyed digest of its secret. A revoked credential keeps its row and its name
    for 400 days.
    """

    name = fields.CharField(max_length=63, unique=True)
    digest = fields.BinaryField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "gateway"
        table_description = "Who may introspect tokens"
        unique_together = (("digest",),)

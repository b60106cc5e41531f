"""The tenant: a customer organisation."""

from tortoise import fields

from models.rows import ConditionalIndex, Row


class Tenant(Row):
    """A customer organisation.

    `slug` names it at sign-in and in its API's host. `first_token_at` is set with the first token
    and never cleared: from then on the tenant's API URL is shown. `requests_per_hour` is null where
    the default limit applies. `networks`, joined by commas, bind all its tokens; null for anywhere.
    `suspended_at` is null unless the tenant is suspended. While it is, its tokens are refused, its
    admins cannot sign in, and nothing is sent. `deletion_began_at` is set on a suspended tenant
    whose rows are being deleted, which is never resumed.
    """

    slug = fields.CharField(max_length=63, unique=True)
    name = fields.CharField(max_length=100)
    region = fields.CharField(max_length=63)
    first_token_at = fields.DatetimeField(null=True)
    requests_per_hour = fields.IntField(null=True)
    networks: str | None = fields.TextField(null=True)
    suspended_at = fields.DatetimeField(null=True)
    deletion_began_at = fields.DatetimeField(null=True)

    class Meta:
        table = "tenant"
        table_description = "Customer organisations"
        indexes = (
            ConditionalIndex(
                fields=("id",),
                name="idx_tenant_suspended",
                condition="suspended_at IS NOT NULL",
            ),
        )

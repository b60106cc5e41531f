"""The permissions that tokens hold."""

from tortoise import fields

from models.rows import TenantRow


class TokenPermission(TenantRow):
    """One token holds one permission. `key` is "METHOD path-template"."""

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)

    class Meta:
        table = "token_permission"
        table_description = "Which token holds which permission"
        unique_together = (("tenant_id", "id"), ("tenant_id", "token_id", "key"))

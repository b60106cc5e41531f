"""The admin: a person who manages a tenant."""

from enum import Enum

from tortoise import fields

from models.rows import TenantRow


class Role(Enum):
    """An admin's role in their tenant. Every tenant has exactly one owner."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    AUDITOR = "AUDITOR"


class Admin(TenantRow):
    """A person who manages a tenant. Removing an admin deletes the row.

    `email` is lower-cased. `password_hash` is null until the invitation is accepted.
    """

    email = fields.CharField(max_length=254)
    name = fields.CharField(max_length=100)
    role = fields.CharEnumField(Role, description="Role", max_length=16)
    password_hash = fields.CharField(max_length=255, null=True)

    class Meta:
        table = "admin"
        table_description = "People who manage a tenant"
        unique_together = (("tenant_id", "id"), ("tenant_id", "email"))

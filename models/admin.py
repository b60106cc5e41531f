"""The admin: a person who manages a tenant."""

from enum import Enum

from tortoise import fields

from models.rows import TenantRow


class Role(Enum):
    """An admin's role in their tenant. Every tenant has exactly one owner."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    AUDITOR = "AUDITOR"


class AdminState(Enum):
    """The state of an admin: invited until they accept, active until they are removed."""

    ACTIVE = "ACTIVE"
    INVITED = "INVITED"
    REMOVED = "REMOVED"


class Admin(TenantRow):
    """A person who manages a tenant. Removing an admin keeps the row, for the activity.

    `email` is lower-cased. A removed admin's `email` is a text that cannot be an address, so that
    the admin is not found by it and another admin may use the address. `former_email` then has the
    address. `password_hash` is null until the invitation is accepted, and once removed.
    """

    email = fields.CharField(max_length=254)
    name = fields.CharField(max_length=100)
    role = fields.CharEnumField(Role, description="Role", max_length=16)
    password_hash = fields.CharField(max_length=255, null=True)
    removed_at = fields.DatetimeField(null=True)
    former_email = fields.CharField(max_length=254, null=True)

    class Meta:
        table = "admin"
        table_description = "People who manage a tenant"
        unique_together = (("tenant_id", "id"), ("tenant_id", "email"))

    @property
    def state(self) -> AdminState:
        """The state by now."""
        if self.removed_at is not None:
            return AdminState.REMOVED
        return AdminState.INVITED if self.password_hash is None else AdminState.ACTIVE

    @property
    def address(self) -> str:
        """The e-mail address, also of a removed admin."""
        return self.former_email or self.email

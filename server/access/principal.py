"""The principal of a request. Authentication lives in `server.access.sessions`."""

from dataclasses import dataclass
from uuid import UUID

from models import Role
from server.errors import Forbidden
from server.roles import RIGHTS, Right


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in admin, as of the moment of authentication."""

    tenant_id: UUID
    admin_id: UUID
    role: Role
    session_id: UUID

    def require(self, right: Right) -> None:
        """Raises `Forbidden` unless the role allows `right`."""
        if right not in RIGHTS[self.role]:
            raise Forbidden(detail=f"{self.role.value} lacks the right to {right.value}")


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator of the installation, at the command line. Owns no tenant."""

    def require(self, right: Right) -> None:
        """Raises `Forbidden` for everything but the installation's own affairs."""
        if right is not Right.MANAGE_INSTALLATION:
            raise Forbidden(detail=f"the operator lacks the right to {right.value}")

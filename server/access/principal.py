"""Principals: who asks, with their rights and their name in the activity.

An operation calls `require` first and treats all principals alike. A new kind of principal needs
one class here, and its authentication. `server.access.tenancy.change` checks it again within a
transaction. Authentication of people lives in `server.access.sessions`.
"""

from abc import ABC, abstractmethod
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from uuid import UUID

from models import ActorKind, Admin, Role, Tenant
from server.errors import Forbidden
from server.roles import (
    HOLDER_RIGHTS,
    INTROSPECTION_CLIENT_RIGHTS,
    OPERATOR_RIGHTS,
    RIGHTS,
    TENANT_OPERATOR_RIGHTS,
    Right,
)

# The ids of actors that have no row. No row has them.
OPERATOR_ID = UUID(int=1)
SYSTEM_ID = UUID(int=2)


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change, for the activity.

    id: of the admin, of the token whose holder acted, or of the machine's credential; else
        `OPERATOR_ID` or `SYSTEM_ID`.
    name: the login name of an operator; empty for those whose rows have their names.
    address: of the client, empty for none.
    """

    kind: ActorKind
    id: UUID
    name: str = ""
    address: str = ""


class Caller(ABC):
    """Anybody who asks for an operation."""

    __slots__ = ()

    @property
    @abstractmethod
    def rights(self) -> AbstractSet[Right]:
        """The rights that it has."""

    @property
    @abstractmethod
    def actor(self) -> Actor:
        """Its name in the activity."""

    def require(self, right: Right) -> None:
        """Raises `Forbidden` without `right`."""
        if right not in self.rights:
            who = self.actor.kind.value.lower()
            raise Forbidden(detail=f"the {who} lacks the right to {right.value}")


@dataclass(frozen=True, slots=True)
class Principal(Caller, ABC):
    """A caller within one tenant: it reaches the rows of this tenant and no others."""

    tenant_id: UUID


@dataclass(frozen=True, slots=True)
class SignedInAdmin(Principal):
    """An admin with a session, as of the moment of authentication.

    address: the client's, for the activity.
    admin, tenant: their rows at that moment, to be shown; None without a request.
    """

    admin_id: UUID
    role: Role
    session_id: UUID
    address: str = ""
    admin: Admin | None = field(default=None, compare=False, repr=False)
    tenant: Tenant | None = field(default=None, compare=False, repr=False)

    @property
    def rights(self) -> AbstractSet[Right]:
        return RIGHTS[self.role]

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.ADMIN, self.admin_id, address=self.address)

    def with_role(self, role: Role) -> "SignedInAdmin":
        """The same session with the role that the admin has by now."""
        return replace(self, role=role)


@dataclass(frozen=True, slots=True)
class Holder(Principal):
    """The holder of a token's secret, who proves it by sending the whole secret.

    It reaches this token and no other. `server.decisions.holders` authenticates it.

    address: the client's, for the activity.
    """

    token_id: UUID
    address: str = ""

    @property
    def rights(self) -> AbstractSet[Right]:
        return HOLDER_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.HOLDER, self.token_id, address=self.address)


@dataclass(frozen=True, slots=True)
class Operator(Caller):
    """The operator of the installation, at the command line. Belongs to no tenant.

    name: of their login at the machine, for the activity.
    """

    name: str = ""

    @property
    def rights(self) -> AbstractSet[Right]:
        return OPERATOR_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.OPERATOR, OPERATOR_ID, self.name)


@dataclass(frozen=True, slots=True)
class TenantOperator(Principal):
    """The operator of the installation, within one tenant: sees its tokens, and stops them.

    `server.operations.operators` makes it.

    name: as that of `Operator`.
    """

    name: str = ""

    @property
    def rights(self) -> AbstractSet[Right]:
        return TENANT_OPERATOR_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.OPERATOR, OPERATOR_ID, self.name)


@dataclass(frozen=True, slots=True)
class IntrospectionClient(Caller):
    """A service with a credential for `/introspect`. Belongs to no tenant."""

    credential_id: UUID

    @property
    def rights(self) -> AbstractSet[Right]:
        return INTROSPECTION_CLIENT_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.MACHINE, self.credential_id)


def itself(admin: Admin, address: str) -> Actor:
    """An admin who acts from `address` without a session: to begin one, or to accept."""
    return Actor(ActorKind.ADMIN, admin.id, address=address)


# The actor of background jobs, and of sign-ins that fail.
SYSTEM = Actor(ActorKind.SYSTEM, SYSTEM_ID)

"""Principals: who asks, with their rights and their name in the activity.

An operation calls `require` first and treats all principals alike. A new kind of principal is one
class here, and its authentication; `server.access.tenancy.change` tells how it is checked again
within a transaction. Authentication of people lives in `server.access.sessions`.
"""

from abc import ABC, abstractmethod
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum
from uuid import UUID

from models import Role
from server.errors import Forbidden
from server.roles import (
    HOLDER_RIGHTS,
    INTROSPECTION_CLIENT_RIGHTS,
    OPERATOR_RIGHTS,
    RIGHTS,
    Right,
)


class ActorKind(Enum):
    """The kind of principal that made a change."""

    ADMIN = "admin"
    OPERATOR = "operator"
    MACHINE = "machine"
    HOLDER = "holder"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change, for the activity.

    id: of the admin, or of the machine's credential; the nil UUID for the operator and for the
        holder of a token, which the activity names already.
    """

    kind: ActorKind
    id: UUID


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
            who = self.actor.kind.value
            raise Forbidden(detail=f"the {who} lacks the right to {right.value}")


@dataclass(frozen=True, slots=True)
class Principal(Caller, ABC):
    """A caller within one tenant: it reaches the rows of this tenant and no others."""

    tenant_id: UUID


@dataclass(frozen=True, slots=True)
class SignedInAdmin(Principal):
    """An admin with a session, as of the moment of authentication."""

    admin_id: UUID
    role: Role
    session_id: UUID

    @property
    def rights(self) -> AbstractSet[Right]:
        return RIGHTS[self.role]

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.ADMIN, self.admin_id)

    def with_role(self, role: Role) -> "SignedInAdmin":
        """The same session with the role that the admin has by now."""
        return replace(self, role=role)


@dataclass(frozen=True, slots=True)
class Holder(Principal):
    """The holder of a token's secret, who proves it by sending the whole secret.

    It reaches this token and no other. `server.decisions.holders` authenticates it.
    """

    token_id: UUID

    @property
    def rights(self) -> AbstractSet[Right]:
        return HOLDER_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.HOLDER, UUID(int=0))


@dataclass(frozen=True, slots=True)
class Operator(Caller):
    """The operator of the installation, at the command line. Belongs to no tenant."""

    @property
    def rights(self) -> AbstractSet[Right]:
        return OPERATOR_RIGHTS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.OPERATOR, UUID(int=0))


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

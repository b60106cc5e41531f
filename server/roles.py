"""The rights of each role, and of callers that have no role."""

from enum import Enum

from models import Role


class Right(Enum):
    """A right that an operation requires."""

    READ = "read"
    MANAGE_TOKENS = "manage tokens"
    MANAGE_ADMINS = "manage admins"
    TRANSFER_OWNERSHIP = "transfer ownership"
    MANAGE_INSTALLATION = "manage installation"
    INTROSPECT = "introspect"
    USE_OWN_TOKEN = "use own token"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AUDITOR: frozenset({Right.READ}),
    Role.ADMIN: frozenset({Right.READ, Right.MANAGE_TOKENS, Right.MANAGE_ADMINS}),
    Role.OWNER: frozenset(
        {Right.READ, Right.MANAGE_TOKENS, Right.MANAGE_ADMINS, Right.TRANSFER_OWNERSHIP}
    ),
}
OPERATOR_RIGHTS = frozenset({Right.MANAGE_INSTALLATION})
INTROSPECTION_CLIENT_RIGHTS = frozenset({Right.INTROSPECT})
HOLDER_RIGHTS = frozenset({Right.USE_OWN_TOKEN})

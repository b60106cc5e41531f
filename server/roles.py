"""The rights of each role, and of callers that have no role."""

from enum import Enum

from models import Role


class Right(Enum):
    """A right that an operation requires."""

    READ = "read"
    MANAGE_TOKENS = "manage tokens"
    STOP_TOKENS = "stop tokens"
    MANAGE_ADMINS = "manage admins"
    MANAGE_WEBHOOKS = "manage webhooks"
    TRANSFER_OWNERSHIP = "transfer ownership"
    SET_TOKEN_POLICY = "set token policy"
    MANAGE_INSTALLATION = "manage installation"
    INTROSPECT = "introspect"
    USE_OWN_TOKEN = "use own token"
    USE_OWN_SESSIONS = "use own sessions"


_OF_EVERYBODY = frozenset({Right.READ, Right.USE_OWN_SESSIONS})
_OF_ADMINS = _OF_EVERYBODY | {
    *(Right.MANAGE_TOKENS, Right.STOP_TOKENS),
    *(Right.MANAGE_ADMINS, Right.MANAGE_WEBHOOKS),
}
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AUDITOR: _OF_EVERYBODY,
    Role.ADMIN: _OF_ADMINS,
    Role.OWNER: _OF_ADMINS | {Right.TRANSFER_OWNERSHIP, Right.SET_TOKEN_POLICY},
}
OPERATOR_RIGHTS = frozenset({Right.MANAGE_INSTALLATION})
# Within one tenant: neither a token nor a secret is made, nor a permission granted, from outside.
TENANT_OPERATOR_RIGHTS = frozenset({Right.READ, Right.STOP_TOKENS})
INTROSPECTION_CLIENT_RIGHTS = frozenset({Right.INTROSPECT})
HOLDER_RIGHTS = frozenset({Right.USE_OWN_TOKEN})

"""The rights of each role. Authentication lives in `server.access`."""

from enum import Enum

from models import Role


class Right(Enum):
    """A right that a role may grant."""

    READ = "read"
    MANAGE_TOKENS = "manage tokens"
    MANAGE_ADMINS = "manage admins"
    TRANSFER_OWNERSHIP = "transfer ownership"
    MANAGE_INSTALLATION = "manage installation"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AUDITOR: frozenset({Right.READ}),
    Role.ADMIN: frozenset({Right.READ, Right.MANAGE_TOKENS, Right.MANAGE_ADMINS}),
    Role.OWNER: frozenset(
        {Right.READ, Right.MANAGE_TOKENS, Right.MANAGE_ADMINS, Right.TRANSFER_OWNERSHIP}
    ),
}

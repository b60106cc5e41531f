"""Access requests of holders, as `/token/requests` reads and shows them."""

from typing import NamedTuple

from starlette.requests import Request

import models
from server.errors import InvalidInput
from server.web.body import BadRequest
from server.web.json import read_json, rfc3339


class AccessRequestBody(NamedTuple):
    """The permission that a holder asks for, and why. Not checked yet."""

    permission: str
    reason: str


async def read_access_request(request: Request) -> AccessRequestBody:
    """Read a body: a JSON object with two texts.

    Raises `BadRequest`, or `InvalidInput` that names the member.
    """
    members = await read_json(request)
    if not isinstance(members, dict) or set(members) - set(AccessRequestBody._fields):
        raise BadRequest(
            400, "BAD_JSON", "The body must have `permission` and `reason`, and no others."
        )
    return AccessRequestBody(
        _text("permission", members.get("permission")), _text("reason", members.get("reason"))
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(name, f"`{name}` must be text.")
    return value


def shown_request(made: models.AccessRequest) -> dict[str, object]:
    """An access request as its holder reads it."""
    return {
        "permission": made.key,
        "reason": made.reason,
        "state": made.state.value,
        "requestedAt": rfc3339(made.created_at),
        "decidedAt": rfc3339(made.decided_at) if made.decided_at else None,
        "declineReason": made.decline_reason,
    }

"""Further fields of a request's log line: the ids of the caller, and the operation."""

from starlette.requests import Request
from starlette.types import Scope

_KEY = "log_fields"


def tell_in_log(request: Request, **fields: str) -> None:
    """Add fields to the request's log line. Never a secret, nor a text that a client has chosen."""
    request.scope.setdefault("state", {}).setdefault(_KEY, {}).update(fields)


def fields_for_log(scope: Scope) -> dict[str, str]:
    """The fields that were added."""
    return dict(scope.get("state", {}).get(_KEY, {}))

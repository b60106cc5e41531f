"""Errors as GraphQL answers show them: coded, without values, and masked where unexpected."""

import logging
import re
from typing import Any

from graphql import GraphQLError, print_introspection_schema

from server.database import is_unavailable
from server.errors import Refusal
from server.graphql.schema import SCHEMA, sdl
from server.monitoring.metrics import UNEXPECTED_ERRORS
from server.passwords import MIN_LENGTH

_log = logging.getLogger("tessera.graphql")
# graphql-core quotes what it was given after these. A value may be a secret: names suffice.
_QUOTED = re.compile(
    r"[,;]? [Ff]ound:? .*|, but encountered error .*|(?<!invalid)(?P<kept> value): .*| \".*",
    re.DOTALL,
)
# What a client puts where a name belongs may be any text, with quotes in it too.
_TAKEN_FOR_A_NAME = re.compile(
    r"(?<=unknown field ').*(?='(, found|\.))|(?<=Value ').*(?=' does not exist in)", re.DOTALL
)
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
# No secret is shorter. Longer names are shown only where the schema has them.
_LONG_WORD = re.compile(rf"[_0-9A-Za-z]{{{MIN_LENGTH},}}")
_KNOWN = frozenset(_LONG_WORD.findall(sdl() + print_introspection_schema(SCHEMA._schema)))


def shown_error(error: GraphQLError, code: str, request_id: str) -> dict[str, Any]:
    """One error of an answer. `code` is for errors that GraphQL itself found in the request."""
    cause = _cause(error)
    # Without a path it comes from no resolver, but from reading a value that does not fit.
    if cause is None or not error.path:
        message = without_values(error.message)
    elif isinstance(cause, Refusal):
        code, message = cause.code, cause.message
        _log.info("refused", extra={"request_id": request_id, "code": code, "detail": cause.detail})
    else:
        code, message = _masked(cause, request_id)
    shown: dict[str, Any] = {"message": message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path:
        shown["path"] = error.path
    return shown | {"extensions": {"code": code}}


def without_values(message: str) -> str:
    """A message of graphql-core without what it quotes, but for names that can be no secret."""
    named = _TAKEN_FOR_A_NAME.sub(_name_or_nothing, message)
    bare = _LONG_WORD.sub(_known_or_nothing, _QUOTED.sub(r"\g<kept>", named))
    return bare if bare.endswith((".", "?")) else f"{bare}."


def _name_or_nothing(match: re.Match[str]) -> str:
    return match[0] if _NAME.fullmatch(match[0]) else "…"


def _known_or_nothing(match: re.Match[str]) -> str:
    return match[0] if match[0] in _KNOWN else "…"


def _cause(error: GraphQLError) -> BaseException | None:
    """What a resolver raised; None where GraphQL itself refuses the request."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _masked(cause: BaseException, request_id: str) -> tuple[str, str]:
    if is_unavailable(cause):
        _log.error("database unavailable", extra={"request_id": request_id}, exc_info=cause)
        return "UNAVAILABLE", f"The database does not answer. Request {request_id}."
    UNEXPECTED_ERRORS.inc()
    _log.error("unexpected error", extra={"request_id": request_id}, exc_info=cause)
    return "INTERNAL", f"Something went wrong. Request {request_id}."

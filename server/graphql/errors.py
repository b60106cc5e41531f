"""Errors as GraphQL answers show them: coded, without values, and masked where unexpected."""

import logging
from typing import Any

from graphql import GraphQLError

from server.database import is_unavailable
from server.errors import Refusal
from server.graphql.messages import without_values
from server.monitoring.metrics import UNEXPECTED_ERRORS

_log = logging.getLogger("tessera.graphql")


class Limit(GraphQLError):
    """A limit of this server that a request exceeds; its message quotes nothing of the request."""


def shown_error(error: GraphQLError, code: str, request_id: str) -> dict[str, Any]:
    """One error of an answer. `code` is for errors that GraphQL itself found in the request."""
    cause = _cause(error)
    if isinstance(error, Limit):
        message = error.message
    # Without a path it comes from no resolver, but from reading a value that does not fit.
    elif cause is None or not error.path:
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

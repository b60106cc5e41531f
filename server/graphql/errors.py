"""Errors in GraphQL answers: each has a code, quotes no values, and is masked if unexpected."""

import logging
from typing import Any

from graphql import GraphQLError

from server.database import is_unavailable
from server.errors import Refusal
from server.graphql.messages import without_values
from server.monitoring.metrics import UNEXPECTED_ERRORS

_log = logging.getLogger("tessera.graphql")


class Limit(GraphQLError):
    """A request exceeds a limit of this server. Its message never quotes the request."""


class Rejected(Exception):
    """A document is refused; `errors` are the reasons, in the form that GraphQL reports."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


def over_limit(message: str) -> Rejected:
    """Return the refusal of a document that exceeds a limit."""
    return Rejected("GRAPHQL_VALIDATION_FAILED", [Limit(message)])


def shown_error(error: GraphQLError, code: str, request_id: str) -> dict[str, Any]:
    """Format one error. `code` applies to errors that graphql-core found in the request."""
    cause = _cause(error)
    if isinstance(error, Limit):
        message = error.message
    # An error without a path comes from coercing an unsuitable value, not from a resolver.
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
    """Return the exception a resolver raised; None if graphql-core refused the request."""
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

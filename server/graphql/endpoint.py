"""The endpoint: GraphQL over HTTP, for the sessions of people only, without batches.

Follows the GraphQL over HTTP specification (September 2025 draft) and refuses its optional parts:
batches, form bodies, subscriptions, WebSockets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from inspect import isawaitable
from typing import Any, NamedTuple

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from graphql.execution import get_variable_values
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server.access.authentication import authenticate
from server.access.principal import SignedInAdmin
from server.access.turns import TenantSlots, Turns
from server.database import reaching
from server.decisions.limits import RateLimiter
from server.errors import CrossSite, TooManyRequests, Unauthenticated
from server.graphql.context import Context
from server.graphql.cost import check_cost
from server.graphql.documents import Document, Documents
from server.graphql.errors import Limit, Rejected, shown_error
from server.graphql.executor import PlainFieldExecutor
from server.graphql.metered_fields import MeteredFields, require_within_limits
from server.graphql.metering import MAX_ANSWER_BYTES, MAX_OBJECTS, TooLargeError
from server.graphql.schema import CORE_SCHEMA, SCHEMA
from server.internals import asyncpg, graphql_core, strawberry
from server.internals.graphql_core import AwaitableOrValue
from server.loop_thread import Runner, run_here
from server.monitoring.tracing import OperationSpans
from server.service import Service
from server.web.body import MAX_SIGNED_IN_BODY_BYTES, BadRequest
from server.web.json import parse_json, read_json
from server.web.log_fields import tell_in_log
from server.web.problem import problem

_RESPONSE_TYPE = "application/graphql-response+json"
_JSON_TYPE = "application/json"
_MEMBERS = {"query", "operationName", "variables", "extensions"}
# Field errors in one answer.
_MAX_ERRORS = 20
_MAX_COERCION_ERRORS = 20
# Media ranges read from `Accept`, and the length of a header whose choice is kept.
_MAX_RANGES = 100
_MAX_KEPT_ACCEPT = 255
_UNAVAILABLE = 503
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Cookie, Authorization"}
# Fields of an operation that the log names.
_MAX_TOLD = 5


@dataclass(frozen=True, slots=True)
class _Parameters:
    query: str
    operation_name: str | None
    variables: dict[str, Any]


class _Prepared(NamedTuple):
    """An operation with its coerced variables, ready to be executed."""

    variables: dict[str, Any]
    execute: Callable[[], AwaitableOrValue[Any]]


def route(
    service: Service,
    turns: Turns,
    run: Runner = run_here,
    limiter: RateLimiter | None = None,
    middleware: Sequence[Middleware] = (),
) -> Route:
    """`/graphql`, within `middleware`. Raises `Misconfigured` where requests cannot be limited.

    limiter: counts the requests of tokens, for answers with the number that remains.
    """
    strawberry.require_schema(SCHEMA)
    strawberry.warn_of_missing()
    graphql_core.warn_of_missing()
    asyncpg.warn_of_missing()
    # An application admits every method: the endpoint answers 405 itself, in its own media type.
    endpoint = _Endpoint(service, turns, run, limiter)
    return Route("/graphql", endpoint, middleware=middleware)


class _Endpoint:
    def __init__(
        self, service: Service, turns: Turns, run: Runner, limiter: RateLimiter | None
    ) -> None:
        self._service = service
        self._limiter = limiter
        self._turns = turns
        self._slots = TenantSlots()
        self._run_aside = run
        introspection = service.settings.introspection
        self._hide_suggestions = not introspection
        self._documents = Documents(CORE_SCHEMA, introspection=introspection)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        media_type = _acceptable(request)
        if media_type is None:
            return problem(406, "NOT_ACCEPTABLE", f"Accept {_RESPONSE_TYPE} or {_JSON_TYPE}.")
        if request.method not in {"GET", "POST"}:
            response = _failed(405, "METHOD_NOT_ALLOWED", "Use GET or POST.", media_type)
            response.headers["Allow"] = "GET, POST"
            return response
        try:
            return await self._run(request, media_type)
        except Unauthenticated as refusal:
            return _failed(401, refusal.code, refusal.message, media_type)
        except CrossSite as refusal:
            return _failed(403, refusal.code, refusal.message, media_type)
        except TooManyRequests as refusal:
            response = _failed(429, refusal.code, refusal.message, media_type)
            response.headers["Retry-After"] = str(refusal.retry_after_seconds)
            return response
        except BadRequest as error:
            return _failed(error.status, error.code, error.message, media_type)
        except Rejected as rejected:
            errors = [shown_error(error, rejected.code, "") for error in rejected.errors]
            # Clients of the older media type treat any other status as a transport error.
            status = 400 if media_type == _RESPONSE_TYPE else 200
            return _response({"errors": errors}, status, media_type)

    async def _run(self, request: Request, media_type: str) -> Response:
        # Authenticate first: an unauthenticated client must learn nothing about the schema, not
        # even that its query is malformed.
        principal = await authenticate(self._service, request)
        parameters = await _parameters(request)
        run = run_here if self._is_immediate(parameters) else self._run_aside
        # Take a turn after the body has arrived, so that a slow sender does not hold one.
        async with self._turns.turn(principal), self._slots.of(principal.tenant_id):
            spans = OperationSpans.of_request(self._service.tracer, principal.tenant_id)

            async def work() -> Response:
                # Named here: the other thread runs it in a context of its own.
                with reaching(principal.tenant_id):
                    return await self._performed(request, principal, parameters, media_type, spans)

            return await run(work)

    def _is_immediate(self, parameters: _Parameters) -> bool:
        """Whether the operation is known to read no row beyond those of authentication.

        It takes less time than the way to the other thread and back.
        """
        document = self._documents.kept(parameters.query)
        if document is None or not document.immediate:
            return False
        return id(document.operation(parameters.operation_name)) in document.immediate

    async def _performed(
        self,
        request: Request,
        principal: SignedInAdmin,
        parameters: _Parameters,
        media_type: str,
        spans: OperationSpans | None,
    ) -> Response:
        document = self._documents.read(parameters.query)
        operation = document.operation(parameters.operation_name)
        if request.method == "GET" and operation.operation is not OperationType.QUERY:
            response = _failed(405, "METHOD_NOT_ALLOWED", "Mutations need POST.", media_type)
            response.headers["Allow"] = "POST"
            return response
        context = Context(self._service, principal, self._limiter, document.plans, spans)
        prepared = self._prepared(document, operation, parameters.variables, context)
        catalogue = self._service.catalogue
        estimate = check_cost(CORE_SCHEMA, catalogue, document, operation, prepared.variables)
        # Of the valid document alone: its names are those of the schema.
        tell_in_log(request, operation=_summary(operation))
        try:
            result = prepared.execute()
            if isawaitable(result):
                result = await result
            elif not estimate:
                document.immediate.add(id(operation))
            require_within_limits(result)
            return _shown(result, request.state.request_id, media_type)
        except TooLargeError:
            raise _too_large() from None

    def _prepared(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: dict[str, Any],
        context: Context,
    ) -> _Prepared:
        """Coerce the variables, once for the estimate and the execution. Raises `Rejected`."""
        name = operation.name.value if operation.name else None
        limits: dict[str, Any] = {
            "max_coercion_errors": _MAX_COERCION_ERRORS,
            "hide_suggestions": self._hide_suggestions,
        }
        if graphql_core.has_executor():
            executor = PlainFieldExecutor.build(
                CORE_SCHEMA, document.node, context, context, variables, name, **limits
            )
            if isinstance(executor, list):
                raise Rejected("BAD_USER_INPUT", executor)
            return _Prepared(executor.variable_values.coerced, executor.execute_operation)
        coerced = get_variable_values(
            CORE_SCHEMA,
            operation.variable_definitions or (),
            variables,
            max_errors=_MAX_COERCION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(coerced, list):
            raise Rejected("BAD_USER_INPUT", coerced)
        run = partial(
            execute, CORE_SCHEMA, document.node, context, context, variables, name,
            middleware=[MeteredFields()], **limits,
        )  # fmt: skip
        return _Prepared(coerced.coerced, run)


def _summary(operation: OperationDefinitionNode) -> str:
    """The kind of an operation and its first fields; never the names that the client gives them."""
    fields = [one for one in operation.selection_set.selections if isinstance(one, FieldNode)]
    names = list(dict.fromkeys(field.name.value for field in fields))
    more = ["…"] if len(names) > _MAX_TOLD else []
    return f"{operation.operation.value} {', '.join([*names[:_MAX_TOLD], *more])}".rstrip()


def _acceptable(request: Request) -> str | None:
    """Choose the media type: the newer one if the client accepts it (RFC 9110, 12.5.1)."""
    header = ",".join(request.headers.getlist("accept")) or "*/*"
    return _kept_choice(header) if len(header) <= _MAX_KEPT_ACCEPT else _choice(header)


def _choice(header: str) -> str | None:
    offered: dict[str, bool] = {}
    for part in header.lower().replace(" ", "").split(",", _MAX_RANGES)[:_MAX_RANGES]:
        name, *parameters = part.split(";")
        weights = {piece for piece in parameters if piece.startswith("q=")}
        if set(parameters) - weights <= {"charset=utf-8"}:
            offered[name] = all(weight.strip("q=0.") for weight in weights)
    if offered.get(_RESPONSE_TYPE):
        return _RESPONSE_TYPE
    ranges = (_JSON_TYPE, "application/*", "*/*")
    return _JSON_TYPE if next((offered[one] for one in ranges if one in offered), False) else None


# Clients send one of few headers.
_kept_choice = lru_cache(maxsize=256)(_choice)


async def _parameters(request: Request) -> _Parameters:
    if request.method == "GET":
        return _read_parameters(_query_members(request))
    return _read_parameters(await read_json(request, MAX_SIGNED_IN_BODY_BYTES))


def _query_members(request: Request) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in members:
            raise BadRequest(400, "BAD_PARAMETERS", "A parameter was given twice.")
        members[name] = value
    for name in ("variables", "extensions"):
        if members.get(name):
            members[name] = parse_json(members[name])
    return members


def _read_parameters(members: Any) -> _Parameters:
    """Read the parameters of a JSON object. Raises `BadRequest`, for a batch too."""
    if not isinstance(members, dict):
        raise BadRequest(400, "BAD_PARAMETERS", "The request must be one JSON object.")
    query = members.get("query")
    operation_name = members.get("operationName")
    variables = members.get("variables")
    extensions = members.get("extensions")
    if not isinstance(query, str) or not query:
        raise BadRequest(400, "BAD_PARAMETERS", "`query` must be the text of a document.")
    if not isinstance(operation_name, str | None):
        raise BadRequest(400, "BAD_PARAMETERS", "`operationName` must be text.")
    if not isinstance(variables, dict | None):
        raise BadRequest(400, "BAD_PARAMETERS", "`variables` must be an object.")
    if not isinstance(extensions, dict | None):
        raise BadRequest(400, "BAD_PARAMETERS", "`extensions` must be an object.")
    return _Parameters(query, operation_name or None, variables or {})


def _shown(result: ExecutionResult, request_id: str, media_type: str) -> Response:
    failed = (result.errors or [])[:_MAX_ERRORS]
    errors = [shown_error(error, "BAD_USER_INPUT", request_id) for error in failed]
    codes = {error["extensions"]["code"] for error in errors}
    body: dict[str, Any] = {"errors": errors} if errors else {}
    # An error without a path is a request error: the answer then has no `data` (section 7.1).
    if result.data is not None or any("path" in error for error in errors):
        body["data"] = result.data
    if result.data is None and "UNAUTHENTICATED" in codes:
        return _response(body, 401, media_type)
    if result.data is None and "UNAVAILABLE" in codes:
        return _response(body, _UNAVAILABLE, media_type)
    bad = "data" not in body and media_type == _RESPONSE_TYPE
    return _response(body, 400 if bad else 200, media_type)


def _too_large() -> Rejected:
    limits = f"{MAX_OBJECTS} objects and {MAX_ANSWER_BYTES} bytes"
    return Rejected("QUERY_TOO_COMPLEX", [Limit(f"An answer may have at most {limits}.")])


def _failed(status: int, code: str, message: str, media_type: str) -> Response:
    error = {"message": message, "extensions": {"code": code}}
    return _response({"errors": [error]}, status, media_type)


def _response(body: dict[str, Any], status: int, media_type: str) -> Response:
    content = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    if len(content) > MAX_ANSWER_BYTES:
        raise TooLargeError
    response = Response(content, status, _HEADERS, f"{media_type}; charset=utf-8")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == _UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response

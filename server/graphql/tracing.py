"""The span of each operation: a root field of the schema, from its call to its result."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema
from opentelemetry.trace import Span

from server.database import is_unavailable
from server.errors import Refusal
from server.graphql.problems import Problem
from server.monitoring.tracing import OK, OperationSpans

_Resolve = Callable[..., Any]


def trace_root_fields(schema: GraphQLSchema) -> None:
    """Wrap the resolvers of the root fields, so that a context with `spans` gets one for each."""
    for kind, of_type in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for name, field in of_type.fields.items() if of_type else ():
            if field.resolve is not None:
                field.resolve = _traced(name, kind, field.resolve)


def _traced(name: str, kind: str, resolve: _Resolve) -> _Resolve:
    def resolve_traced(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        spans = info.context.spans if info.context else None
        if spans is None:
            return resolve(source, info, **arguments)
        span = spans.begin(name, kind)
        try:
            result = resolve(source, info, **arguments)
        except Exception as error:
            spans.end(span, _code_of(error))
            raise
        if isawaitable(result):
            return _awaited(result, spans, span)
        spans.end(span, _code_in(result))
        return result

    return resolve_traced


async def _awaited(result: Awaitable[Any], spans: OperationSpans, span: Span) -> Any:
    code = "CANCELLED"
    try:
        value = await result
        code = _code_in(value)
    except Exception as error:
        code = _code_of(error)
        raise
    else:
        return value
    finally:
        spans.end(span, code)


def _code_in(value: Any) -> str:
    """The code of a problem; of any other result, that it succeeded."""
    return value.code.value if isinstance(value, Problem) else OK


def _code_of(error: Exception) -> str:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, Refusal):
        return cause.code
    if isinstance(cause, GraphQLError):
        return "BAD_USER_INPUT"
    return "UNAVAILABLE" if is_unavailable(cause) else "INTERNAL"

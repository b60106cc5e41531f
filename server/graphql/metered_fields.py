"""Counts an answer field by field, as middleware of graphql-core: slower, and documented.

Replaces `executor` where graphql-core lacks the class that the executor derives from.
"""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLResolveInfo, get_named_type, is_leaf_type

from server.graphql.metering import Meter, TooLargeError, names_size, text_size


class MeteredFields:
    """Counts the objects and texts of one answer; each field beyond the limits fails."""

    def __init__(self) -> None:
        self._meter = Meter()

    def resolve(
        self,
        resolve: Callable[..., Any],
        source: Any,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,
    ) -> Any:
        """Resolve a field by `resolve`, and count its value."""
        value = resolve(source, info, **arguments)
        if isawaitable(value):
            return self._awaited(value, info)
        return self._counted(value, info)

    async def _awaited(self, value: Awaitable[Any], info: GraphQLResolveInfo[Any]) -> Any:
        return self._counted(await value, info)

    def _counted(self, value: Any, info: GraphQLResolveInfo[Any]) -> Any:
        size = names_size([str(info.path.key)])
        if is_leaf_type(get_named_type(info.return_type)):
            self._meter.add(0, size + text_size(value))
        else:
            objects = len(value) if isinstance(value, list) else value is not None
            self._meter.add(objects, size)
        return value


def require_within_limits(result: ExecutionResult) -> None:
    """Raises `TooLargeError` if a field of the answer was beyond the limits."""
    if any(isinstance(error.original_error, TooLargeError) for error in result.errors or ()):
        raise TooLargeError

"""How a validated operation runs: graphql-core's executor, with a short way for plain fields.

Most of a page is attributes that need neither resolver nor argument, and objects of such
attributes. graphql-core builds a path and an info object for each and looks its type up anew, tens
of thousands of times a page. Here they are read straight off the objects, by a plan that is made
once for each selection. Whatever fails, waits or takes an argument takes graphql-core's way.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, cast

from graphql import GraphQLList, GraphQLObjectType, get_nullable_type, is_leaf_type
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from graphql.type import GraphQLOutputType
from strawberry import UNSET

_Step = Callable[[Any], Any]
_TYPE_NAME = "__typename"
_AS_THEY_ARE = {"Boolean", "ID", "Int", "String"}


class _NotPlainError(Exception):
    """What graphql-core has to look at: a field, or a value that a plain field has for once."""


class _Field(NamedTuple):
    """How a plain field is read off an object, and completed; without a step, it is as it is."""

    response_name: str
    get: _Step
    nullable: bool
    complete: _Step | None


class _Plan(NamedTuple):
    """A selection on one type: what is read here, and what graphql-core is left with."""

    plain: list[_Field]
    rest: GroupedFieldSet


class PlainFieldExecutor(Executor[Any]):
    """Gives what graphql-core's executor gives, sooner."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Keyed by identity; the values hold on to what the keys name, so that no id is reused.
        self._plans: dict[int, tuple[GroupedFieldSet, _Plan]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """As graphql-core's, but for the fields that need nothing of it."""
        plain, rest = self._plan(parent_type, grouped_field_set)
        try:
            results = _read(source_value, plain)
        except Exception:
            # Of whatever is wrong, graphql-core makes what the specification asks for.
            results, rest = {}, grouped_field_set
        if not rest:
            return results
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)

        def in_order(others: dict[str, Any]) -> dict[str, Any]:
            both = results | others
            return {name: both[name] for name in grouped_field_set if name in both}

        if not self.is_awaitable(others):
            return in_order(cast("dict[str, Any]", others))

        async def awaited() -> dict[str, Any]:
            return in_order(await others)

        return awaited()

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """As graphql-core's."""
        # An executor refers to itself: the page's rows would stay until the collector came.
        self._plans.clear()
        return super().build_response(data)

    def _plan(self, parent_type: GraphQLObjectType, grouped: GroupedFieldSet) -> _Plan:
        known = self._plans.get(id(grouped))
        if known is None:
            plan = _Plan([], {})
            for name, details in grouped.items():
                try:
                    plan.plain.append(self._field(parent_type, name, details))
                except _NotPlainError:
                    plan.rest[name] = details
            self._plans[id(grouped)] = known = (grouped, plan)
        return known[1]

    def _field(
        self, parent_type: GraphQLObjectType, response_name: str, details: FieldDetailsList
    ) -> _Field:
        """Raises `_NotPlainError` for a field that takes arguments or has to be resolved.

        Where a field has a resolver, what was loaded ahead is in `loaded_…`.
        """
        name = details[0].node.name.value
        if name == _TYPE_NAME:
            return _Field(response_name, lambda _: parent_type.name, False, None)
        field = parent_type.fields.get(name)
        definition = field.extensions.get("strawberry-definition") if field else None
        if field is None or field.args or definition is None:
            raise _NotPlainError
        attribute = definition.python_name
        if not definition.is_basic_field:
            attribute = f"loaded_{attribute}"
            if not hasattr(parent_type.extensions["strawberry-definition"].origin, attribute):
                raise _NotPlainError
        nullable = get_nullable_type(field.type) is field.type
        complete = self._completion(field.type, details)
        return _Field(response_name, attrgetter(attribute), nullable, complete)

    def _completion(self, of_type: GraphQLOutputType, details: FieldDetailsList) -> _Step | None:
        inner = get_nullable_type(of_type)
        if is_leaf_type(inner):
            return None if inner.name in _AS_THEY_ARE else inner.coerce_output_value
        if isinstance(inner, GraphQLList):
            complete = self._completion(inner.of_type, details)
            return complete and (lambda values: [complete(value) for value in values])
        if isinstance(inner, GraphQLObjectType):
            grouped = self.collect_subfields(inner, details).grouped_field_set
            plain, rest = self._plan(inner, grouped)
            if not rest:
                return _completed_once(plain)
        raise _NotPlainError


def _read(source: Any, fields: list[_Field]) -> dict[str, Any]:
    """Raises `_NotPlainError` for a value that is not there, or null where it must not be."""
    values = {}
    for response_name, get, nullable, complete in fields:
        value = get(source)
        if value is UNSET or (value is None and not nullable):
            raise _NotPlainError
        values[response_name] = value if value is None or complete is None else complete(value)
    return values


def _completed_once(fields: list[_Field]) -> _Step:
    """Completes an object, each once: a page shows one permission or admin many times."""
    known: dict[int, tuple[Any, dict[str, Any]]] = {}

    def complete(source: Any) -> dict[str, Any]:
        found = known.get(id(source))
        if found is None:
            found = known[id(source)] = (source, _read(source, fields))
        return found[1]

    return complete

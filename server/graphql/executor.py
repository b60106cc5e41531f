"""The executor: graphql-core's, with a fast path for plain fields.

Most of a page is attributes without resolver or argument, and objects of such attributes. For
each, graphql-core builds a path and an info object and looks up the type again, tens of thousands
of times a page. The fast path reads them directly off the objects, by a plan made once per
selection. Fields that fail, wait or take an argument go through graphql-core.

Both paths count every object and text; an answer that grows too large ends the execution.
`metered_fields` replaces this module where graphql-core lacks the class that it derives from.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, cast

from graphql import GraphQLList, GraphQLObjectType, get_nullable_type, is_leaf_type
from graphql.type import GraphQLOutputType
from strawberry import UNSET

from server.graphql.definitions import definition_of
from server.graphql.loading import loaded_getter
from server.graphql.metering import Meter, TooLargeError, names_size, text_size
from server.internals.graphql_core import (
    AwaitableOrValue,
    Executor,
    FieldDetailsList,
    GroupedFieldSet,
    Path,
)

_Step = Callable[[Any], Any]
_TYPE_NAME = "__typename"
_UNCONVERTED = {"Boolean", "ID", "Int", "String"}


class _NotPlainError(Exception):
    """A field, or one value of a plain field, has to go through graphql-core."""


class _Field(NamedTuple):
    """Reads a plain field off an object, then completes the value if there is a `complete` step."""

    response_name: str
    get: _Step
    nullable: bool
    complete: _Step | None


class _Plan(NamedTuple):
    """A selection on one type: `plain` fields are read here, graphql-core executes the `rest`."""

    plain: list[_Field]
    rest: GroupedFieldSet
    size: int


class PlainFieldExecutor(Executor[Any]):
    """Same result as graphql-core's executor, faster; raises `TooLargeError` beyond the limits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Keyed by `id()`. Each value references its key's object, so that the id cannot be reused.
        self._plans: dict[int, tuple[GroupedFieldSet, _Plan]] = {}
        self._meter = Meter()

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Read plain fields directly; leave the rest to graphql-core."""
        plain, rest, size = self._plan(parent_type, grouped_field_set)
        self._meter.add(1, size)
        try:
            results = self._read(source_value, plain)
        except TooLargeError:
            raise
        except Exception:
            # Run all fields through graphql-core: it reports errors as the specification requires.
            results, rest = {}, grouped_field_set
        if not rest:
            return results
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)

        def in_order(others: dict[str, Any]) -> dict[str, Any]:
            self._meter.add(0, sum(map(text_size, others.values())))
            both = results | others
            return {name: both[name] for name in grouped_field_set if name in both}

        if not self.is_awaitable(others):
            return in_order(cast("dict[str, Any]", others))

        async def awaited() -> dict[str, Any]:
            return in_order(await others)

        return awaited()

    def handle_field_error(self, raw_error: Exception, *args: Any) -> None:
        """Let `TooLargeError` end the execution, instead of making the field null."""
        if isinstance(raw_error, TooLargeError):
            raise raw_error
        super().handle_field_error(raw_error, *args)

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """Build the response as graphql-core does, and free the plans."""
        # An executor is in a reference cycle: without this, the page's rows stay in memory until
        # the garbage collector runs.
        self._plans.clear()
        return super().build_response(data)

    def _plan(self, parent_type: GraphQLObjectType, grouped: GroupedFieldSet) -> _Plan:
        known = self._plans.get(id(grouped))
        if known is None:
            plan = _Plan([], {}, names_size(grouped))
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
        """Raises `_NotPlainError` for a field that takes arguments or needs its resolver.

        A loaded field is plain; where its value is not loaded, reading it fails.
        """
        name = details[0].node.name.value
        if name == _TYPE_NAME:
            return _Field(response_name, lambda _: parent_type.name, False, None)
        field = parent_type.fields.get(name)
        definition = definition_of(field) if field else None
        if field is None or field.args or definition is None:
            raise _NotPlainError
        if definition.is_basic_field:
            # exempt names_made_at_run_time: the name is that of a field of the schema
            get: _Step | None = attrgetter(definition.python_name)
        else:
            get = loaded_getter(definition)
        if get is None:
            raise _NotPlainError
        nullable = get_nullable_type(field.type) is field.type
        complete = self._completion(field.type, details)
        return _Field(response_name, get, nullable, complete)

    def _completion(self, of_type: GraphQLOutputType, details: FieldDetailsList) -> _Step | None:
        inner = get_nullable_type(of_type)
        if is_leaf_type(inner):
            return None if inner.name in _UNCONVERTED else inner.coerce_output_value
        if isinstance(inner, GraphQLList):
            complete = self._completion(inner.of_type, details)
            if complete is None:
                return self._completed_texts
            return lambda values: [complete(value) for value in values]
        if isinstance(inner, GraphQLObjectType):
            grouped = self.collect_subfields(inner, details).grouped_field_set
            plain, rest, size = self._plan(inner, grouped)
            if not rest:
                return self._completed_once(plain, size)
        raise _NotPlainError

    def _read(self, source: Any, fields: list[_Field]) -> dict[str, Any]:
        """Raises `_NotPlainError` for a value that is unset, or null in a non-null field."""
        values, size = {}, 0
        for response_name, get, nullable, complete in fields:
            value = get(source)
            if value is UNSET or (value is None and not nullable):
                raise _NotPlainError
            if complete is not None and value is not None:
                value = complete(value)
            values[response_name] = value
            if type(value) is str:
                size += len(value)
        self._meter.add(0, size)
        return values

    def _completed_once(self, fields: list[_Field], size: int) -> _Step:
        """Complete each object once: a page repeats the same permission or admin many times.

        Its size is counted at every occurrence, because the answer repeats it.
        """
        known: dict[int, tuple[Any, dict[str, Any], int, int]] = {}
        meter = self._meter

        def complete(source: Any) -> dict[str, Any]:
            found = known.get(id(source))
            if found is not None:
                meter.add(found[2], found[3])
                return found[1]
            objects, bytes_before = meter.objects, meter.size
            meter.add(1, size)
            values = self._read(source, fields)
            taken = (meter.objects - objects, meter.size - bytes_before)
            known[id(source)] = (source, values, *taken)
            return values

        return complete

    def _completed_texts(self, values: Any) -> Any:
        self._meter.add(0, text_size(values))
        return values

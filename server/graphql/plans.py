"""Plans: how the plain fields of a selection are read off objects, compiled once for a document.

A field is plain if it is an attribute without resolver and argument, or was loaded, and all that is
selected below it is plain. `executor` leaves the other fields to graphql-core.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple, cast

import orjson
from graphql import (
    GraphQLAbstractType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
)
from graphql.type import GraphQLOutputType

from server.graphql.definitions import class_of_type, definition_of, type_of_class
from server.graphql.fields import Field, Fields, NotPlainError, Step, instant
from server.graphql.loading import Way, is_loaded, way_to
from server.graphql.metering import Meter, names_size, text_size
from server.internals.graphql_core import FieldDetailsList, GroupedFieldSet

_TYPE_NAME = "__typename"
_DATE_TIME = "DateTime"
_UNCONVERTED = {"Boolean", "ID", "Int", "String"}
# Objects of the catalogue that a selection keeps as JSON, 200 bytes or so each, and lists of them.
_MAX_LASTING = 1_000
_Collect = Callable[[GraphQLObjectType, FieldDetailsList], GroupedFieldSet]
# A completed object, the objects and the size that it counts, and the object itself. There is one
# for each object of an answer: to make a named tuple takes ten times as long.
_Completed = tuple[Any, int, int, Any]


class Run(Meter):
    """One execution: its counts, and the objects that it has completed.

    collect: the fields that are selected of an object type.
    """

    __slots__ = ("collect", "known")

    def __init__(self, collect: _Collect) -> None:
        super().__init__()
        self.collect = collect
        # By the number of an `_Object`, then by `id()`. Each value references its object, so that
        # the id cannot be reused.
        self.known: defaultdict[int, dict[int, _Completed]] = defaultdict(dict)


class Plan(NamedTuple):
    """A selection on one type: `plain` fields are read here, graphql-core executes the `rest`."""

    plain: Fields
    rest: list[str]
    size: int


class Plans:
    """The plans of a document, which must outlive them: they tell its fields apart by `id()`."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: dict[Any, Plan] = {}
        self._completions: dict[Any, Step | None] = {}
        # Fields with values of types that have fields which are not plain.
        self._mixed: set[int] = set()
        self._numbers = count()
        # The names that are selected at a path below fields, by the `id()`s of these.
        self.names: dict[Any, frozenset[str]] = {}

    def of(self, parent_type: GraphQLObjectType, grouped: GroupedFieldSet, run: Run) -> Plan:
        """The plan of a selection on an object type."""
        nodes = [(name, *(id(one.node) for one in many)) for name, many in grouped.items()]
        key = (parent_type.name, *nodes)
        plan = self._kept.get(key)
        if plan is None:
            plan = self._kept[key] = self._made(parent_type, grouped, run)
        return plan

    def completion(
        self, of_type: GraphQLOutputType, details: FieldDetailsList, run: Run
    ) -> Step | None:
        """The step that completes a resolver's objects; None if not all below is plain."""
        key = (of_type, *(id(one.node) for one in details))
        if key not in self._completions:
            step = None
            if is_composite_type(get_named_type(of_type)):
                with suppress(NotPlainError):
                    step = self._completion(of_type, details, run)
            self._completions[key] = step
        return self._completions.get(key)

    def _made(self, parent_type: GraphQLObjectType, grouped: GroupedFieldSet, run: Run) -> Plan:
        plain, rest = [], []
        for name, details in grouped.items():
            try:
                plain.append(self._field(parent_type, name, details, run))
            except NotPlainError:
                rest.append(name)
        return Plan(Fields(plain), rest, names_size(grouped))

    def _field(
        self,
        parent_type: GraphQLObjectType,
        response_name: str,
        details: FieldDetailsList,
        run: Run,
    ) -> Field:
        """Raises `NotPlainError` for a field that takes arguments or needs its resolver.

        A loaded field is plain; where its value is not loaded, reading it fails.
        """
        name = details[0].node.name.value
        if name == _TYPE_NAME:
            way = Way(lambda _: parent_type.name, repr(parent_type.name))
            return Field(response_name, way, False, None)
        field = parent_type.fields.get(name)
        definition = definition_of(field) if field else None
        if field is None or field.args or definition is None:
            raise NotPlainError
        found = way_to(definition)
        if found is None:
            raise NotPlainError
        nullable = get_nullable_type(field.type) is field.type
        complete = self._completion(field.type, details, run, repeats=is_loaded(definition))
        return Field(response_name, found, nullable, complete)

    def _completion(
        self,
        of_type: GraphQLOutputType,
        details: FieldDetailsList,
        run: Run,
        *,
        repeats: bool = False,
    ) -> Step | None:
        """repeats: whether many objects may have the same one as their value of the field."""
        inner = get_nullable_type(of_type)
        if is_leaf_type(inner):
            return _leaf(inner)
        if isinstance(inner, GraphQLList):
            item = get_nullable_type(inner.of_type)
            if isinstance(item, GraphQLObjectType):
                return self._object(item, details, run, repeats=repeats).all_of
            complete = self._completion(item, details, run, repeats=repeats)
            return _texts if complete is None else _each(complete)
        if isinstance(inner, GraphQLObjectType):
            return self._object(inner, details, run, repeats=repeats).one
        if is_abstract_type(inner) and id(details[0].node) not in self._mixed:
            return self._by_class(inner, details, repeats=repeats)
        raise NotPlainError

    def _object(
        self,
        of_type: GraphQLObjectType,
        details: FieldDetailsList,
        run: Run,
        *,
        repeats: bool,
    ) -> "_Object":
        plan = self._made(of_type, run.collect(of_type, details), run)
        if plan.rest:
            raise NotPlainError
        if repeats or hasattr(class_of_type(of_type), "lasts"):
            return _Repeated(next(self._numbers), plan)
        return _Object(plan)

    def _by_class(
        self, abstract: GraphQLAbstractType, details: FieldDetailsList, *, repeats: bool
    ) -> Step:
        """Complete objects of any type, each by the plan of its own, made for the first one."""
        steps: dict[type, Step] = {}

        def complete(source: Any, run: Run) -> Any:
            of_class = type(source)
            step = steps.get(of_class)
            if step is None:
                of_type = type_of_class(self._schema, of_class)
                if of_type is None or not self._schema.is_sub_type(abstract, of_type):
                    raise NotPlainError
                try:
                    made = self._object(of_type, details, run, repeats=repeats)
                    step = steps[of_class] = made.one
                except NotPlainError:
                    self._mixed.add(id(details[0].node))
                    self._kept.clear()
                    self._completions.clear()
                    raise
            return step(source, run)

        return complete


class _Object:
    """Completes objects of one type, of which each is the value of one field."""

    def __init__(self, plan: Plan) -> None:
        self._fields, self._size = plan.plain, plan.size

    def one(self, source: Any, run: Run) -> Any:
        """The value of one object."""
        run.add(1, self._size)
        return self._fields.read(source, run)

    def all_of(self, sources: Collection[Any], run: Run) -> list[Any]:
        """The values of many objects."""
        run.add(len(sources), self._size * len(sources))
        read = self._fields.read
        return [read(source, run) for source in sources]


class _Repeated(_Object):
    """Completes objects of one type, each once: a page repeats the same permission many times.

    An object counts at every occurrence, because the answer repeats it. An object that
    `lasts` as long as the catalogue is kept as JSON, for the document's other requests too. A list
    that `lasts` is kept as the list of its values.
    """

    def __init__(self, number: int, plan: Plan) -> None:
        super().__init__(plan)
        self._number = number
        self._lasting: dict[int, _Completed] = {}
        self._lists: dict[int, _Completed] = {}

    def one(self, source: Any, run: Run) -> Any:
        """The value of one object."""
        place = id(source)
        found = self._lasting.get(place) or run.known[self._number].get(place)
        if found is None:
            return self._first(source, run)
        value, objects, size, _ = found
        run.add(objects, size)
        return value

    def all_of(self, sources: Collection[Any], run: Run) -> list[Any]:
        """The values of many objects."""
        kept = self._lists.get(id(sources))
        if kept is not None:
            value, objects, size, _ = kept
            run.add(objects, size)
            return cast("list[Any]", value)
        before = run.objects, run.size
        completed = self._each(sources, run)
        if getattr(sources, "lasts", False):
            if len(self._lists) >= _MAX_LASTING:
                self._lists = {}
            objects, size = run.objects - before[0], run.size - before[1]
            self._lists[id(sources)] = (completed, objects, size, sources)
        return completed

    def _each(self, sources: Collection[Any], run: Run) -> list[Any]:
        completed, objects, size = [], 0, 0
        lasting, known = self._lasting, run.known[self._number]
        for source in sources:
            place = id(source)
            found = lasting.get(place) or known.get(place)
            if found is None:
                completed.append(self._first(source, run))
            else:
                value, its_objects, its_size, _ = found
                completed.append(value)
                objects += its_objects
                size += its_size
        run.add(objects, size)
        return completed

    def _first(self, source: Any, run: Run) -> Any:
        objects, size = run.objects, run.size
        run.add(1, self._size)
        value: Any = self._fields.read(source, run)
        objects, size = run.objects - objects, run.size - size
        lasts: bool = getattr(source, "lasts", False)
        if lasts and len(self._lasting) < _MAX_LASTING:
            value = orjson.Fragment(orjson.dumps(value, option=orjson.OPT_UTC_Z))
            self._lasting[id(source)] = (value, objects, size, source)
        else:
            run.known[self._number][id(source)] = (value, objects, size, source)
        return value


def _leaf(of_type: Any) -> Step | None:
    if of_type.name in _UNCONVERTED:
        return None
    if of_type.name == _DATE_TIME:
        return instant
    convert = of_type.coerce_output_value
    return lambda value, _: convert(value)


def _each(complete: Step) -> Step:
    return lambda values, run: [complete(value, run) for value in values]


def _texts(values: Any, run: Run) -> Any:
    run.add(0, text_size(values))
    return values

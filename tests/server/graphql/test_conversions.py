"""Input objects and enums are converted as Strawberry converts them by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    get_nullable_type,
    is_non_null_type,
)
from strawberry.types.arguments import convert_argument

from server.graphql.schema import CORE_SCHEMA, SCHEMA
from server.internals.strawberry import DEFINITION

_INPUTS = [one for one in CORE_SCHEMA.type_map.values() if isinstance(one, GraphQLInputObjectType)]
_LEAVES = {"DateTime": datetime(2026, 1, 2, tzinfo=UTC), "Int": 7, "Boolean": True}


def _value(of_type: Any) -> Any:
    of_type = get_nullable_type(of_type)
    if isinstance(of_type, GraphQLList):
        return [_value(of_type.of_type), _value(of_type.of_type)]
    if isinstance(of_type, GraphQLInputObjectType):
        return {name: _value(field.type) for name, field in of_type.fields.items()}
    if isinstance(of_type, GraphQLEnumType):
        return next(iter(of_type.values.values())).value
    return _LEAVES.get(of_type.name, "text")


def _values(of_type: GraphQLInputObjectType) -> Iterator[dict[str, Any]]:
    """The coerced values of an input: whole, without a field that may be absent, and with nulls."""
    whole = _value(of_type)
    yield whole
    optional = [name for name, field in of_type.fields.items() if not is_non_null_type(field.type)]
    for name in optional:
        yield {other: value for other, value in whole.items() if other != name}
        yield whole | {name: None}
    yield {name: value for name, value in whole.items() if name not in optional}


@pytest.mark.parametrize("of_type", _INPUTS, ids=lambda one: one.name)
def test_an_input_is_built_as_strawberry_builds_it(
    of_type: GraphQLInputObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = of_type.extensions[DEFINITION]
    assert definition.from_input is not None

    def built(value: dict[str, Any]) -> Any:
        return convert_argument(
            value, definition.origin, SCHEMA.schema_converter.scalar_registry, SCHEMA.config
        )

    values = list(_values(of_type))
    quick = [built(value) for value in values]
    for one in _INPUTS:
        monkeypatch.setattr(one.extensions[DEFINITION], "from_input", None)
    assert quick == [built(value) for value in values]


_ENUMS = [
    one
    for one in CORE_SCHEMA.type_map.values()
    if isinstance(one, GraphQLEnumType) and DEFINITION in one.extensions
]


@pytest.mark.parametrize("of_type", _ENUMS, ids=lambda one: one.name)
def test_an_enum_is_converted_as_strawberry_converts_it(of_type: GraphQLEnumType) -> None:
    own = type(of_type)
    for name in of_type.values:
        value = of_type.coerce_input_value(name)
        assert value is own.coerce_input_value(of_type, name)
        assert of_type.coerce_output_value(value) == own.coerce_output_value(of_type, value) == name


@pytest.mark.parametrize("value", ["NONE", "created", "", 7, None, ["CREATED"], {}])
def test_what_is_no_value_of_an_enum_is_refused(value: Any) -> None:
    of_type = CORE_SCHEMA.type_map["ActivityKind"]
    assert isinstance(of_type, GraphQLEnumType)
    for convert in (of_type.coerce_input_value, of_type.coerce_output_value):
        with pytest.raises(GraphQLError, match="ActivityKind"):
            convert(value)


def test_a_list_is_a_copy() -> None:
    """A default is one list for all requests."""
    definition = CORE_SCHEMA.type_map["ActivityFilter"].extensions[DEFINITION]
    kinds = ["CREATED"]
    given: Any = convert_argument({"kinds": kinds}, definition.origin, {}, SCHEMA.config)
    assert given.kinds == kinds
    assert given.kinds is not kinds

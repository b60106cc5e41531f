"""Converts values of enums and input objects by tables that are made of the schema once.

Strawberry works out the types of all fields of an input object for each request, and looks for the
name of an enum's value among all of its values.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from enum import Enum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
)
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from server.internals.strawberry import DEFINITION

_Convert = Callable[[Any, InputContext], Any]


def convert_directly(schema: GraphQLSchema) -> None:
    """Have the enums and the input objects of the schema converted here."""
    for of_type in schema.type_map.values():
        definition = of_type.extensions.get(DEFINITION)
        if isinstance(of_type, GraphQLInputObjectType) and isinstance(
            definition, StrawberryObjectDefinition
        ):
            definition.from_input = _builder(of_type, definition)
        elif isinstance(of_type, GraphQLEnumType) and isinstance(
            definition, StrawberryEnumDefinition
        ):
            _convert_by_name(of_type)


def _convert_by_name(of_type: GraphQLEnumType) -> None:
    """Have the values of an enum looked up; others are left to the type, which refuses them."""
    coerce_input, coerce_output = of_type.coerce_input_value, of_type.coerce_output_value
    values = {name: coerce_input(name) for name in of_type.values}
    names: dict[Any, str] = {value: name for name, value in values.items()}

    def from_input(input_value: str, hide_suggestions: bool = False) -> Any:
        if type(input_value) is str and input_value in values:
            return values[input_value]
        return coerce_input(input_value, hide_suggestions)

    def to_output(output_value: Any) -> str:
        if isinstance(output_value, Enum) and output_value in names:
            return names[output_value]
        return str(coerce_output(output_value))

    of_type.coerce_input_value = from_input  # type: ignore[method-assign]  # this object's alone
    of_type.coerce_output_value = to_output  # type: ignore[method-assign]  # this object's alone


def _builder(
    of_type: GraphQLInputObjectType, definition: StrawberryObjectDefinition
) -> Callable[[type, Mapping[str, Any], InputContext], Any]:
    fields: dict[str, tuple[str, _Convert | None]] = {}
    absent: dict[str, None] = {}
    for name, field in of_type.fields.items():
        found = field.extensions[DEFINITION]
        fields[name] = found.python_name, _converter(name, field, found, definition)
        if found.default is MISSING and found.default_factory is MISSING:
            absent[found.python_name] = None

    def build(of_class: type, value: Mapping[str, Any], context: InputContext) -> Any:
        given: dict[str, Any] = dict(absent)
        for name, one in value.items():
            python_name, convert = fields[name]
            given[python_name] = one if convert is None else convert(one, context)
        return of_class(**given)

    return build


def _converter(
    name: str,
    field: GraphQLInputField,
    found: StrawberryField,
    definition: StrawberryObjectDefinition,
) -> _Convert | None:
    """The function that converts a value as Strawberry does; None where nothing is converted."""
    of_type = get_nullable_type(field.type)
    if is_leaf_type(of_type):
        return None
    if isinstance(of_type, GraphQLList) and is_leaf_type(get_nullable_type(of_type.of_type)):
        # A default is the same list for all requests.
        return lambda value, _: None if value is None else list(value)
    declared = found.resolve_type(type_definition=definition)
    return lambda value, context: context.convert(value, declared, name)

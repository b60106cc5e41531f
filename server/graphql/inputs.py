"""Input objects, built of coerced values by what the schema says of their fields.

Strawberry works out the types of all fields of an input object for each request. Here, that is done
once.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
)
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from server.internals.strawberry import DEFINITION

_Convert = Callable[[Any, InputContext], Any]


def build_directly(schema: GraphQLSchema) -> None:
    """Have the input objects of the schema built by what is worked out here."""
    for of_type in schema.type_map.values():
        definition = of_type.extensions.get(DEFINITION)
        if isinstance(of_type, GraphQLInputObjectType) and isinstance(
            definition, StrawberryObjectDefinition
        ):
            definition.from_input = _builder(of_type, definition)


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
    """What converts a value of a field as Strawberry does; None where nothing is converted."""
    of_type = get_nullable_type(field.type)
    if is_leaf_type(of_type):
        return None
    if isinstance(of_type, GraphQLList) and is_leaf_type(get_nullable_type(of_type.of_type)):
        # A default is the same list for all requests.
        return lambda value, _: None if value is None else list(value)
    declared = found.resolve_type(type_definition=definition)
    return lambda value, context: context.convert(value, declared, name)

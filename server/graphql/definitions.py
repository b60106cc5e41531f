"""The strawberry definitions behind fields and types of the core schema."""

from functools import cache

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from server.internals.strawberry import DEFINITION


def definition_of(field: GraphQLField) -> StrawberryField | None:
    """Return the definition with the field's Python name and metadata; None for graphql-core's own.

    Strawberry keeps it under this undocumented key, and the schema has no other way back.
    """
    definition = field.extensions.get(DEFINITION)
    return definition if isinstance(definition, StrawberryField) else None


def class_of_type(of_type: GraphQLObjectType) -> type | None:
    """Return the class of the objects of a type; None for graphql-core's own."""
    definition = of_type.extensions.get(DEFINITION)
    return definition.origin if isinstance(definition, StrawberryObjectDefinition) else None


def type_of_class(schema: GraphQLSchema, of_class: type) -> GraphQLObjectType | None:
    """Return the object type of the objects of a class; None for a class of several or none."""
    return _types(schema).get(of_class)


@cache
def _types(schema: GraphQLSchema) -> dict[type, GraphQLObjectType | None]:
    found: dict[type, GraphQLObjectType | None] = {}
    for of_type in schema.type_map.values():
        if isinstance(of_type, GraphQLObjectType) and (of_class := class_of_type(of_type)):
            found[of_class] = None if of_class in found else of_type
    return found

"""The strawberry definition behind a field of the core schema."""

from graphql import GraphQLField
from strawberry.types.field import StrawberryField

from server.internals.strawberry import DEFINITION


def definition_of(field: GraphQLField) -> StrawberryField | None:
    """Return the definition with the field's Python name and metadata; None for graphql-core's own.

    Strawberry keeps it under this undocumented key, and the schema has no other way back.
    """
    definition = field.extensions.get(DEFINITION)
    return definition if isinstance(definition, StrawberryField) else None

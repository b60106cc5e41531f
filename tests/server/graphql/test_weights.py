"""Each list of the schema has a weight: otherwise one request could multiply it at no cost."""

from collections.abc import Iterator

import strawberry
from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from server.graphql.connection import Connection
from server.graphql.cost import _INTROSPECTION
from server.graphql.schema import CORE_SCHEMA
from server.graphql.weights import PAGED, counts_as, weight_of


def _without_weight(schema: GraphQLSchema) -> Iterator[str]:
    """The fields that return a list of objects or a connection, and have no weight."""
    for name, of_type in schema.type_map.items():
        if not isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for field_name, field in of_type.fields.items():
            inner = get_named_type(field.type)
            is_many = isinstance(get_nullable_type(field.type), GraphQLList)
            is_many |= inner.name.endswith("Connection")
            # The field that returns a connection counts the connection's edges.
            is_edges = name.endswith("Connection") and field_name == "edges"
            if is_edges or is_leaf_type(inner) or not is_many:
                continue
            place = f"{name}.{field_name}"
            if weight_of(field) is None and place not in _INTROSPECTION:
                yield place


def test_every_list_of_the_schema_has_a_weight() -> None:
    assert list(_without_weight(CORE_SCHEMA)) == []


@strawberry.type
class _Item:
    name: str = ""
    items: list["_Item"] = strawberry.field(default_factory=list)
    weighed: list["_Item"] = strawberry.field(default_factory=list, metadata=counts_as(3))


@strawberry.type
class _Query:
    item: _Item | None = None
    page: Connection[_Item] | None = None
    weighed_page: Connection[_Item] | None = strawberry.field(default=None, metadata=PAGED)


def test_a_list_or_connection_without_a_weight_is_found() -> None:
    schema = strawberry.Schema(_Query)._schema
    assert sorted(_without_weight(schema)) == ["Item.items", "Query.page"]


def test_introspection_has_weights_for_its_own_lists_only() -> None:
    for place in _INTROSPECTION:
        type_name, _, field_name = place.partition(".")
        of_type = CORE_SCHEMA.type_map[type_name]
        assert isinstance(of_type, GraphQLObjectType)
        assert field_name in of_type.fields

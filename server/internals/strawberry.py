"""Strawberry's schema, fields and info, as far as they are not documented."""

from typing import Any

import strawberry
from graphql import GraphQLResolveInfo, GraphQLSchema

from server.internals.parts import lacks, require, warn

# Under this key of a core field's extensions, Strawberry keeps its own definition.
DEFINITION = "strawberry-definition"


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """The schema as graphql-core executes it; an empty one where Strawberry hides it."""
    return schema._schema if hasattr(schema, "_schema") else GraphQLSchema()


def require_schema(schema: strawberry.Schema) -> None:
    """Raises `Misconfigured` where the schema cannot be executed within the limits.

    There is no fallback: Strawberry's own `execute` parses and validates each document anew,
    without the limits of documents, costs and answers. The definitions hold the costs of fields.
    """
    missing = lacks(schema, "_schema")
    query = core_schema(schema).query_type
    fields = query.fields.values() if query else ()
    if not missing and not all(DEFINITION in field.extensions for field in fields):
        missing = [f"{DEFINITION!r} among a field's extensions"]
    require("strawberry-graphql", missing, "GraphQL requests cannot be limited")


def raw_info(info: Any) -> GraphQLResolveInfo[Any] | None:
    """graphql-core's info of a resolver; None where Strawberry hides it."""
    return getattr(info, "_raw_info", None)


def warn_of_missing() -> None:
    """Log where the fields of lists are loaded one by one."""
    named = getattr(strawberry.Info, "__annotations__", {})
    missing = [] if "_raw_info" in named else ["Info._raw_info"]
    warn("strawberry-graphql", missing, "the fields of lists are loaded one by one")

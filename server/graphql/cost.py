"""The cost limit: estimates the number of objects an operation can request, before it runs.

`server.graphql.metering` counts the actual objects while it runs.
"""

from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)

from server.catalogue import Catalogue
from server.graphql.documents import Document
from server.graphql.errors import Limit, Rejected
from server.graphql.weights import weight_of

MAX_NODES = 10_000
# Estimates that are kept with a document: pages of other sizes, and lists of other lengths.
_MAX_KEPT = 64
# Lists of graphql-core's own types, which have no metadata.
_INTROSPECTION = {
    "__Schema.types": 60,
    "__Schema.directives": 5,
    "__Type.fields": 8,
    "__Type.interfaces": 2,
    "__Type.possibleTypes": 5,
    "__Type.enumValues": 6,
    "__Type.inputFields": 3,
    "__Field.args": 2,
    "__Directive.args": 2,
}


def check_cost(
    schema: GraphQLSchema,
    catalogue: Catalogue,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> int:
    """Raises `Rejected` if the operation can request more than `MAX_NODES` objects.

    Gives the estimate of their number.

    Multiplies list sizes along their nesting, and adds 1 for each alias, because an alias repeats
    a field that the schema has once.
    variables: coerced as for the execution, so that both read the same page size: 100.0 is 100.
    """
    estimate = _estimated(schema, catalogue, document, operation, variables)
    if estimate > MAX_NODES:
        message = f"One request may ask for at most {MAX_NODES} objects of lists."
        raise Rejected("QUERY_TOO_COMPLEX", [Limit(message)])
    return estimate


def _estimated(
    schema: GraphQLSchema,
    catalogue: Catalogue,
    document: Document,
    operation: OperationDefinitionNode,
    values: dict[str, Any],
) -> int:
    """The number of objects; kept with the document, for values that give the same one."""
    known = document.estimates
    key = (id(operation), _size_of(values))
    if (found := known.get(key)) is not None:
        return found
    root = schema.get_root_type(operation.operation)
    estimate = _Estimate(schema, document, values, catalogue)
    found = estimate.all_of(operation.selection_set, root) if root else 0
    if len(known) >= _MAX_KEPT:
        known.clear()
    known[key] = found
    return found


def _size_of(value: Any) -> Any:
    """All that a size can follow from: numbers and the lengths of lists, also within objects."""
    if isinstance(value, dict):
        return tuple((name, _size_of(one)) for name, one in value.items())
    if isinstance(value, list):
        return (len(value), *(_size_of(one) for one in value if isinstance(one, dict | list)))
    return value if isinstance(value, int) else None


class _Estimate:
    """Adds up a selection set. Visits each fragment once, however often it is spread."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: Document,
        values: dict[str, Any],
        catalogue: Catalogue,
    ) -> None:
        self._schema = schema
        self._fragments = document.fragments
        self._values = values
        self._catalogue = catalogue
        self._known: dict[str, int] = {}

    def all_of(self, chosen: SelectionSetNode | None, parent: GraphQLNamedType) -> int:
        if chosen is None or not is_composite_type(parent):
            return 0
        return sum(self._one(selection, parent) for selection in chosen.selections)

    def _one(self, selection: SelectionNode, parent: GraphQLCompositeType) -> int:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        if isinstance(selection, InlineFragmentNode):
            return self.all_of(selection.selection_set, self._on(selection.type_condition, parent))
        return self._field(selection, parent) if isinstance(selection, FieldNode) else 0

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            fragment = self._fragments[name]
            on = self._schema.type_map[fragment.type_condition.name.value]
            self._known[name] = self.all_of(fragment.selection_set, on)
        return self._known[name]

    def _on(
        self, condition: NamedTypeNode | None, parent: GraphQLCompositeType
    ) -> GraphQLNamedType:
        return self._schema.type_map[condition.name.value] if condition else parent

    def _field(self, field: FieldNode, parent: GraphQLCompositeType) -> int:
        definition = self._schema.get_field(parent, field.name.value)
        if definition is None:
            return 0
        inside = self.all_of(field.selection_set, get_named_type(definition.type))
        weight = weight_of(definition)
        if weight:
            size = weight.size(self._arguments(field), self._catalogue)
            return weight.query + size * (1 + inside)
        listed = _INTROSPECTION.get(f"{parent.name}.{field.name.value}")
        if listed:
            return listed * (1 + inside)
        return inside + (field.alias is not None)

    def _arguments(self, field: FieldNode) -> dict[str, Any]:
        return {
            argument.name.value: value_from_ast_untyped(argument.value, self._values)
            for argument in field.arguments or ()
        }

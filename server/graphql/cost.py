"""The cost limit: estimates the number of objects an operation can request, before it runs.

`server.graphql.metering` counts the actual objects while it runs.
"""

from collections.abc import Mapping
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
from graphql.execution import get_variable_values

from server.catalogue import Catalogue
from server.graphql.documents import Document, Rejected
from server.graphql.errors import Limit
from server.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

MAX_NODES = 10_000
MAX_COERCION_ERRORS = 20
_CONNECTIONS = {"tokens", "activity", "tokenActivity", "admins"}
# In objects. Each connection runs a database query, wherever it is nested.
_QUERY_COST = 20
# Lists without pages, and the number of objects each counts as: the usual size, not the maximum.
_LISTS = {
    "nodes": MAX_PAGE_SIZE,
    "permissionCategories": 20,
    "permissions": 20,
    "granted": 20,
    "withdrawn": 20,
    "usage": 40,
    "recentRefusals": 20,
    # Introspection.
    "types": 60,
    "fields": 8,
    "args": 2,
    "enumValues": 6,
    "inputFields": 3,
    "possibleTypes": 5,
    "interfaces": 2,
    "directives": 5,
}


def check_cost(
    schema: GraphQLSchema,
    catalogue: Catalogue,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
    *,
    hide_suggestions: bool,
) -> None:
    """Raises `Rejected` if the operation can request more than `MAX_NODES` objects.

    Multiplies list sizes along their nesting, and adds 1 for each alias, because an alias repeats
    a field that the schema has once. Coerces variables as execution does, so that both read the
    same page size: 100.0 is 100.
    """
    values = get_variable_values(
        schema,
        operation.variable_definitions or (),
        variables,
        max_errors=MAX_COERCION_ERRORS,
        hide_suggestions=hide_suggestions,
    )
    if isinstance(values, list):
        raise Rejected("BAD_USER_INPUT", values)
    root = schema.get_root_type(operation.operation)
    estimate = _Estimate(schema, document, values.coerced, _catalogue_sizes(catalogue))
    if root and estimate.all_of(operation.selection_set, root) > MAX_NODES:
        message = f"One request may ask for at most {MAX_NODES} objects of lists."
        raise Rejected("QUERY_TOO_COMPLEX", [Limit(message)])


def _catalogue_sizes(catalogue: Catalogue) -> dict[str, int]:
    """Sizes of the lists that all tenants share; for a category, the average."""
    categories = max(1, len(catalogue.categories))
    permissions = sum(len(category.permissions) for category in catalogue.categories)
    return {
        "Query.permissionCategories": categories,
        "PermissionCategory.permissions": -(-permissions // categories),
    }


class _Estimate:
    """Adds up a selection set. Visits each fragment once, however often it is spread."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: Document,
        values: dict[str, Any],
        sizes: Mapping[str, int],
    ) -> None:
        self._schema = schema
        self._fragments = document.fragments
        self._values = values
        self._sizes = sizes
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
        name = field.name.value
        definition = self._schema.get_field(parent, name)
        inside = 0
        if definition:
            inside = self.all_of(field.selection_set, get_named_type(definition.type))
        if name in _CONNECTIONS:
            return _QUERY_COST + self._page_size(field) * (1 + inside)
        if name in _LISTS:
            return self._list_size(field, f"{parent.name}.{name}") * (1 + inside)
        return inside + (field.alias is not None)

    def _page_size(self, field: FieldNode) -> int:
        """Take the larger of `first` and `last`; execution refuses a request for both."""
        given = [self._argument(field, name) for name in ("first", "last")]
        size = max((one for one in given if isinstance(one, int)), default=DEFAULT_PAGE_SIZE)
        return size if 1 <= size <= MAX_PAGE_SIZE else DEFAULT_PAGE_SIZE

    def _list_size(self, field: FieldNode, place: str) -> int:
        if field.name.value == "nodes":
            ids = self._argument(field, "ids")
            return min(len(ids), MAX_PAGE_SIZE) if isinstance(ids, list) else 1
        return self._sizes.get(place, _LISTS[field.name.value])

    def _argument(self, field: FieldNode, name: str) -> Any:
        for argument in field.arguments or ():
            if argument.name.value == name:
                return value_from_ast_untyped(argument.value, self._values)
        return None

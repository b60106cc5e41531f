"""The limits of a document: its size, aliases, depth and root fields.

`cost` limits the objects of a request, `metering` those of an answer.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

from server.graphql.errors import over_limit

MAX_DOCUMENT_LENGTH = 64 * 1024
# Each error locates itself by counting lines from the beginning of the document.
MAX_LINES = 5_000
MAX_LEXICAL_TOKENS = 1_000
MAX_DEPTH = 8
MAX_ALIASES = 15
MAX_COMMENTS = 1_000
MAX_VALIDATION_ERRORS = 20
# In units of graphql-core: two for each pair of fields compared. A large document of a program
# takes a few hundred, the introspection query of tools less than 2,000.
MAX_COMPARING = 20_000
Below = Callable[[SelectionSetNode | None], int]


def check_length(text: str) -> None:
    """Raises `Rejected` for a document that is too long."""
    if len(text) > MAX_DOCUMENT_LENGTH:
        raise over_limit(f"A document may have at most {MAX_DOCUMENT_LENGTH} characters.")


def check_lines(text: str) -> None:
    """Raises `Rejected` for a document of too many lines."""
    if text.count("\n") + text.count("\r") >= MAX_LINES:
        raise over_limit(f"A document may have at most {MAX_LINES} lines.")


def check_aliases(node: DocumentNode) -> None:
    """Raises `Rejected` for a document with too many aliases."""
    if _count_aliases(node) > MAX_ALIASES:
        raise over_limit(f"A document may have at most {MAX_ALIASES} aliases.")


def check_shape(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> None:
    """Raises `Rejected` for an operation that is too deep, or a mutation of several fields."""
    if _depth(operation.selection_set, fragments) > MAX_DEPTH:
        raise over_limit(f"A query may be at most {MAX_DEPTH} fields deep.")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise over_limit("There are no subscriptions.")
    if operation.operation is OperationType.MUTATION and _root_fields(operation, fragments) != 1:
        raise over_limit("A mutation has one field: each change is a request of its own.")


def _depth(selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Depth of the deepest field. Skips introspection, which graphql-core limits itself."""

    def depth(selection: SelectionNode, below: Below) -> int:
        if isinstance(selection, FieldNode):
            hidden = selection.name.value.startswith("__")
            return 0 if hidden else 1 + below(selection.selection_set)
        return below(getattr(selection, "selection_set", None))

    return _measure(selected, fragments, depth, lambda depths: max(depths, default=0))


def _root_fields(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> int:
    """Count the root fields of an operation, once per spread."""

    def count(selection: SelectionNode, below: Below) -> int:
        if isinstance(selection, FieldNode):
            return 1
        return below(getattr(selection, "selection_set", None))

    return _measure(operation.selection_set, fragments, count, sum)


def _measure(
    selected: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    of_one: Callable[[SelectionNode, Below], int],
    combine: Callable[[list[int]], int],
) -> int:
    """Measure a selection set. Visits each fragment once, however often it is spread."""
    known: dict[str, int] = {}

    def one(selection: SelectionNode) -> int:
        if not isinstance(selection, FragmentSpreadNode):
            return of_one(selection, all_of)
        name = selection.name.value
        if name not in known:
            known[name] = all_of(fragments[name].selection_set)
        return known[name]

    def all_of(chosen: SelectionSetNode | None) -> int:
        return combine([one(selection) for selection in chosen.selections]) if chosen else 0

    return all_of(selected)


def _count_aliases(node: DocumentNode) -> int:
    count = 0

    class Counter(Visitor):
        def enter_field(self, field: FieldNode, *_: Any) -> None:
            nonlocal count
            count += field.alias is not None

    visit(node, Counter())
    return count

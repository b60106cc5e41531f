"""The fields that a query selects below the field being resolved."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)

from server.graphql.context import Info
from server.internals.strawberry import raw_info


def selected_names(info: Info, *path: str) -> frozenset[str]:
    """Return the names of the fields selected at `path` below the current field, on any type.

    Ignores `@skip` and `@include`: a superfluous name only costs a query. Names nothing where
    Strawberry hides the selection: each field then loads its own value.
    """
    # Strawberry's public `info.selected_fields` expands a fragment wherever it is spread: a
    # document of 60 fragments that each spread the next twice would take 2**60 steps.
    raw = raw_info(info)
    if raw is None:
        return frozenset()
    plans = info.context.plans
    if plans is None:
        return _names_at(raw, path)
    # Documents keep their nodes as long as their plans.
    key = (*map(id, raw.field_nodes), *path)
    names = plans.names.get(key)
    if names is None:
        names = plans.names[key] = _names_at(raw, path)
    return names


def _names_at(raw: GraphQLResolveInfo[Any], path: tuple[str, ...]) -> frozenset[str]:
    fragments = raw.fragments
    found = [node.selection_set for node in raw.field_nodes]
    for step in path:
        found = [
            field.selection_set for field in _fields(found, fragments) if field.name.value == step
        ]
    return frozenset(field.name.value for field in _fields(found, fragments))


def _fields(
    selection_sets: list[SelectionSetNode | None],
    fragments: dict[str, FragmentDefinitionNode],
) -> Iterator[FieldNode]:
    """Yield the fields of these selection sets. Visits each fragment once."""
    waiting = [chosen for chosen in selection_sets if chosen]
    seen: set[str] = set()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                waiting.append(fragments[selection.name.value].selection_set)

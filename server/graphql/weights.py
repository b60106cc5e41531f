"""Weights: the number of objects that a list counts as, in the estimate of `cost`.

A weight is in the metadata of the field that returns the list or connection.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import GraphQLField

from server.catalogue import Catalogue
from server.graphql.definitions import definition_of
from server.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

_KEY = "weight"
Size = Callable[[Mapping[str, Any], Catalogue], int]


class Weight(NamedTuple):
    """size: the objects of the list, by the field's arguments. query: the cost of reading it."""

    size: Size
    query: int = 0


def counts_as(size: int | Size) -> dict[str, Any]:
    """Return the metadata of a list without pages.

    size: the usual number of its objects, not the maximum, or a function that returns it.
    """
    return {_KEY: Weight(size if callable(size) else lambda _arguments, _catalogue: size)}


def costs(objects: int) -> dict[str, Any]:
    """Return the metadata of a single object that is as dear to make as so many of a list."""
    return {_KEY: Weight(lambda _arguments, _catalogue: 1, query=objects)}


def _page_size(arguments: Mapping[str, Any], _catalogue: Catalogue) -> int:
    """Take the larger of `first` and `last`; execution refuses a request for both."""
    given = [arguments.get(name) for name in ("first", "last")]
    size = max((one for one in given if isinstance(one, int)), default=DEFAULT_PAGE_SIZE)
    return size if 1 <= size <= MAX_PAGE_SIZE else DEFAULT_PAGE_SIZE


# The metadata of a connection. It runs a database query of about the cost of 20 objects, wherever
# it is nested.
PAGED: dict[str, Any] = {_KEY: Weight(_page_size, query=20)}


def weight_of(field: GraphQLField) -> Weight | None:
    """Return the weight of a field; None for one that counts as no more than its subfields."""
    definition = definition_of(field)
    return definition.metadata.get(_KEY) if definition else None

"""Nodes: objects with a global id (Relay Object Identification), and how each type is found."""

from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from server.catalogue import Catalogue
from server.errors import QueryTooComplex
from server.global_ids import decode_id
from server.graphql.context import Info, Load

MAX_IDS = 100
NodeId = Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token's global id.")]
NodeIds = Annotated[
    list[strawberry.ID], strawberry.argument(description="Their global ids, at most 100.")
]


NODE_ID = "A global id. It is opaque and grants no access."


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description=NODE_ID)


# `Any` stands for a type with an id, or None.
Find = Load[UUID, Any]
_Find = TypeVar("_Find", bound=Find)
_FINDERS: dict[str, Find] = {}
_SHOWN: dict[str, Callable[[Any], Any]] = {}


def finds(*types: type, shown: Callable[[Any], Any] | None = None) -> Callable[[_Find], _Find]:
    """Register a function as the way to find objects of `types` by their ids in the tenant.

    It returns None for an unknown id. shown: maps a row to its object.
    """

    def register(find: _Find) -> _Find:
        _FINDERS.update({of_type.__name__: find for of_type in types})
        if shown is not None:
            _SHOWN.update({of_type.__name__: shown for of_type in types})
        return find

    return register


def finder(type_name: str) -> Find:
    """Return the function that finds objects of a type.

    For types that refer to each other: the file of one of them cannot import the other.
    """
    return _FINDERS[type_name]


def shown_as(type_name: str) -> Callable[[Any], Any]:
    """Return the function that maps a row to its object, as `finder` does for finding it."""
    return _SHOWN[type_name]


async def node(info: Info, id: NodeId) -> Node | None:
    """Return one object of the tenant, or null."""
    return (await _nodes(info, [id]))[0]


def ids_count(arguments: Mapping[str, Any], _catalogue: Catalogue) -> int:
    """Return the number of objects that `nodes` is asked for."""
    ids = arguments.get("ids")
    return min(len(ids), MAX_IDS) if isinstance(ids, list) else 1


async def nodes(info: Info, ids: NodeIds) -> list[Node | None]:
    """Return objects of the tenant in the order of `ids`, null for an unknown id."""
    if len(ids) > MAX_IDS:
        raise QueryTooComplex(f"Ask for at most {MAX_IDS} nodes at once.")
    return await _nodes(info, ids)


async def _nodes(info: Info, ids: Sequence[strawberry.ID]) -> list[Node | None]:
    return list(await gather(*(_node(info, text) for text in ids)))


async def _node(info: Info, text: str) -> Node | None:
    type_name, row_id = decode_id(text) or ("", UUID(int=0))
    find = _FINDERS.get(type_name)
    found = await info.context.loader(find).load(row_id) if find else None
    # An activity's id also states its kind.
    return found if isinstance(found, Node) and type(found).__name__ == type_name else None

"""Connections: pages of a list and their arguments (Relay Cursor Connections)."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from server.paging import Page, encode_cursor

_Node = TypeVar("_Node")
First = Annotated[
    int | None, strawberry.argument(description="How many to return: 1 to 100, 50 by default.")
]
After = Annotated[str | None, strawberry.argument(description="Return those after this cursor.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many to return from the end: 1 to 100.")
]
Before = Annotated[str | None, strawberry.argument(description="Return those before this cursor.")]


@strawberry.type(description="A page's position in its connection (Relay Cursor Connections).")
class PageInfo:
    has_previous_page: bool = strawberry.field(description="Whether an earlier page exists.")
    has_next_page: bool = strawberry.field(description="Whether a later page exists.")
    start_cursor: str | None = strawberry.field(
        description="The first edge's cursor; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor; null on an empty page."
    )


@strawberry.type(description="An object in a list, with a cursor.")
class Edge(Generic[_Node]):
    node: _Node = strawberry.field(description="The object.")
    cursor: str = strawberry.field(description="The cursor of this place in the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[_Node]):
    edges: list[Edge[_Node]] = strawberry.field(description="The objects of this page.")
    page_info: PageInfo = strawberry.field(description="The page's position in the list.")


def connection(
    name: str,
    page: Page[Any],
    shown: Sequence[_Node],
    types: tuple[type[Any], type[Any]] = (Connection, Edge),
) -> Connection[_Node]:
    """Map a page to its GraphQL type.

    name: the list's, which its cursors carry. shown: the GraphQL objects of the page's rows.
    types: of the page and of its edges, for those that are not named after their nodes.
    """
    keys = [None] * len(page.rows) if page.keys is None else page.keys
    cursors = [encode_cursor(name, row.id, key) for row, key in zip(page.rows, keys, strict=True)]
    of_page, edge = types
    made: Connection[_Node] = of_page(
        edges=[edge(node=node, cursor=cursor) for node, cursor in zip(shown, cursors, strict=True)],
        page_info=PageInfo(
            has_previous_page=page.has_previous,
            has_next_page=page.has_next,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )
    return made

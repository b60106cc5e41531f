"""A statement that only reads, as the engines take it."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Read(NamedTuple):
    """A statement that only reads, and its values.

    may_sort: for PostgreSQL's planner; see `connections.fetch`.
    seconds: the time that a long statement is given; None for a short statement.
    """

    sql: str
    values: Sequence[Any]
    may_sort: bool = False
    seconds: float | None = None

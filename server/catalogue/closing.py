"""Collects, while a document is read, its closed paths and the places that its paths take.

A place is a base path followed by a path. A closed path takes part in matching and opens at
most its own permissions.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from server.catalogue.matching import Closed, Closures
from server.catalogue.paths import (
    closest_segments,
    possible_spannings,
    shape_of,
    spanning_fault,
)
from server.catalogue.permissions import CatalogueError, Permission
from server.catalogue.templates import Segment, narrowed

# Each server adds a place for every path under it: the product needs a limit of its own.
_MAX_PLACES = 100_000
NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bases:
    """The base paths of servers. `all_known`: every server could be read."""

    paths: tuple[str, ...]
    all_known: bool = True


UNKNOWN_BASES = Bases((), all_known=False)


class Closing:
    """Collects the closed paths, and with `add_bases` and `take` the usable bases and places."""

    def __init__(self) -> None:
        self._places = 0
        # Every base that a server names, in the order of the document.
        self._all_bases: dict[str, None] = {}
        self._shapes: dict[tuple[str, str], str] = {}
        self._closed: dict[Closed, None] = {}
        self._unplaced: dict[tuple[str, Closed], None] = {}
        self._unreadable: list[tuple[str, frozenset[str]]] = []
        # The paths closed at each place: for one method, or (None) for all methods without a
        # permission of that path.
        self._claims: dict[str, list[tuple[str, str | None]]] = defaultdict(list)

    def add_bases(self, bases: Sequence[str]) -> None:
        """Add base paths of servers."""
        self._all_bases.update(dict.fromkeys(bases))

    def take(self, key: str, method: str, places: Sequence[str]) -> str | None:
        """Take places for an operation.

        Returns the key of an earlier operation at one of the places, or with the same shape of key;
        None if there is none.
        """
        self._count(len(places))
        shapes = [(method, shape_of(narrowed(place))) for place in places] + [("", shape_of(key))]
        taken = next((self._shapes[shape] for shape in shapes if shape in self._shapes), None)
        for shape in shapes:
            self._shapes.setdefault(shape, taken or key)
        return taken

    def close(
        self,
        path: str,
        bases: Bases,
        spanning: frozenset[str] = NO_NAMES,
        method: str | None = None,
    ) -> None:
        """Close a path for one method, or for all methods that have no permission in it."""
        if spanning_fault(path, spanning):
            self.close_unreadable(path, spanning)
        else:
            self._add(Closed(path, bases.paths, spanning, closes_head=method in {None, "HEAD"}))
        self.close_where_unknown(path, bases, spanning)
        for possible in {spanning, *possible_spannings(path)}:
            for base in bases.paths:
                self._claims[shape_of(base + path, possible)].append((path, method))
        # A part that could not be read may mark its parameters as spanning slashes.
        self.close_spanning(path, bases)

    def close_neighbours(self, path: str, bases: Bases, spanning: frozenset[str]) -> None:
        """Add a path that opens nothing, so that no less concrete path matches its requests."""
        self._add(Closed(path, bases.paths, spanning))

    def close_where_unknown(self, path: str, bases: Bases, spanning: frozenset[str]) -> None:
        """If a server could not be read, close a path at every place, except to its operations."""
        if not bases.all_known:
            self._unplaced[path, Closed(path, (), spanning)] = None

    def close_spanning(self, path: str, bases: Bases) -> None:
        """Close all requests that a path would match if any of its parameters spanned slashes."""
        for spanning in possible_spannings(path):
            self._add(Closed(path, bases.paths, spanning))
            self.close_where_unknown(path, bases, spanning)

    def close_unreadable(self, path: str, spanning: frozenset[str] = NO_NAMES) -> None:
        """Close all requests that an unreadable path may mean."""
        self._unreadable.append((path, spanning))

    def claim(self, permission: Permission, base: str) -> str | None:
        """The closed path that takes the same place as the permission at `base`, or None."""
        place = base + permission.path
        for shape in (shape_of(place, permission.spanning), shape_of(narrowed(place))):
            for path, method in self._claims.get(shape, ()):
                if method == permission.method or (method is None and path != permission.path):
                    return path
        return None

    def closures(self) -> Closures:
        """The closed paths collected so far."""
        return Closures(tuple(self._closed), self._unreadable_places(), tuple(self._unplaced))

    def _unreadable_places(self) -> tuple[tuple[Segment, ...], ...]:
        bases = self._all_bases or {"": None}
        self._count(len(self._unreadable) * len(bases))
        return tuple(
            closest_segments(f"{base}/{path}", spanning)
            for path, spanning in self._unreadable
            for base in bases
        )

    def _add(self, closed: Closed) -> None:
        if closed not in self._closed:
            self._count(len(closed.bases))
            self._closed[closed] = None

    def _count(self, places: int) -> None:
        self._places += places
        if self._places > _MAX_PLACES:
            raise CatalogueError(
                f"The document has more than {_MAX_PLACES:,} operations, each counted once for"
                " each base path."
            )

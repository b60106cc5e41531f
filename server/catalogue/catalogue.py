"""The catalogue: finds permissions by category, by key, and by request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import models
from server.catalogue.matching import NOTHING_CLOSED, Closures, Matcher
from server.catalogue.permissions import Category, DocumentFault, Permission

_RETIRED = "Retired"
# Used if the document has a tag of that name.
_RETIRED_BESIDE = "Retired: left the API"


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The permissions of one document, and its document faults.

    `notes` are remarks on parts that are used, or that are legal and closed.
    """

    title: str
    categories: tuple[Category, ...]
    faults: tuple[DocumentFault, ...]
    notes: tuple[DocumentFault, ...]
    _by_key: dict[str, Permission] = field(repr=False)
    _by_shape: dict[str, Permission] = field(repr=False)
    _matcher: Matcher = field(repr=False)

    @classmethod
    def of(
        cls,
        title: str,
        categories: tuple[Category, ...],
        faults: tuple[DocumentFault, ...],
        closures: Closures = NOTHING_CLOSED,
        notes: tuple[DocumentFault, ...] = (),
    ) -> Self:
        """Make a catalogue of these categories, with `closures` closed."""
        by_key = {
            permission.key: permission
            for category in categories
            for permission in category.permissions
        }
        matcher = Matcher.of(tuple(by_key.values()), closures)
        by_shape = {models.shape_of(key): permission for key, permission in by_key.items()}
        return cls(title, categories, faults, notes, by_key, by_shape, matcher)

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """Every permission, category by category."""
        return tuple(self._by_key.values())

    def find(self, key: str) -> Permission | None:
        """The permission of `key`, or None if the document has none.

        Method and shape identify a permission: parameters may have other names in `key`.
        """
        return self._by_key.get(key) or self._by_shape.get(models.shape_of(key))

    def permission(self, key: str) -> Permission:
        """The permission of `key`; a retired one if the document has none."""
        found = self.find(key)
        if found is not None:
            return found
        method, _, path = key.partition(" ")
        names = {category.name for category in self.categories}
        category = _RETIRED_BESIDE if _RETIRED in names else _RETIRED
        return Permission(key, key, method, path, category, retired=True)

    def match(self, method: str, path: str) -> Permission | None:
        """The operation of a request; `path` is the result of `canonical_path`."""
        return self._matcher.match(method, path)

    def alike(self, method: str, path: str) -> Permission | None:
        """The operation of a backend that ignores the spelling of literals; or None."""
        return self._matcher.alike(method, path)

    def closed(self, method: str, path: str) -> Permission | None:
        """The operation that matches but stays closed, for an unreadable path; or None."""
        return self._matcher.closed(method, path)

    def unknown(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Those of `keys` that the document lacks, in their order and without repeats."""
        return tuple(dict.fromkeys(key for key in keys if self.find(key) is None))

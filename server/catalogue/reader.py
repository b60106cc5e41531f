"""Reads an OpenAPI document: one permission per operation, or else a document fault.

Parts with a fault are closed: they take part in matching, so that no other operation matches their
requests. Not here: JSON and YAML (`server.catalogue.loading`).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from server.catalogue import formats
from server.catalogue.catalogue import Catalogue
from server.catalogue.closing import Bases
from server.catalogue.loading import DEFAULT_DOCUMENT, load, names_twice
from server.catalogue.names import Untagged, clean
from server.catalogue.operations import permissions_of
from server.catalogue.paths import path_fault
from server.catalogue.permissions import CatalogueError, Category, Permission
from server.catalogue.reading import PathItem, Reading
from server.catalogue.references import ELSEWHERE
from server.catalogue.spanning import marked_names, parts_with_parameters, spans_of

_VERSION = re.compile(r"3\.[012](\..*)?")


def read_catalogue(path: Path | None) -> Catalogue:
    """The catalogue of an OpenAPI 3.0, 3.1 or 3.2 document in JSON or YAML.

    path: None is the shipped document. Raises `CatalogueError` if it is no such document; faults
    in parts of it become the catalogue's `faults`.
    """
    return catalogue_of(load(path)) if path else _shipped()


@cache
def _shipped() -> Catalogue:
    """Read once: it is part of the package, and a catalogue never changes."""
    return catalogue_of(load(DEFAULT_DOCUMENT))


def catalogue_of(document: Any) -> Catalogue:
    """The catalogue of a parsed document. Raises `CatalogueError`."""
    if not isinstance(document, dict):
        raise CatalogueError("The document is not an object: it is not OpenAPI 3.0, 3.1 or 3.2.")
    if not _VERSION.fullmatch(str(document.get("openapi"))):
        raise CatalogueError(formats.by_members(document))
    if "paths" in names_twice(document):
        raise CatalogueError("The document has `paths` twice.")
    return _read(Reading(document))


def _read(reading: Reading) -> Catalogue:
    document = reading.document
    info = document.get("info")
    title = clean(info.get("title") if isinstance(info, dict) else None) or "API"
    reading.faults.add_names_twice(document, [])
    is_twice = "servers" in names_twice(document)
    bases = reading.bases(document, [], Bases(("",)), is_twice=is_twice)
    reading.closing.add_bases(bases.paths)
    permissions = list(_unclaimed(reading, list(_permissions(reading, bases))))
    categories = _by_category(permissions, _tags(document))
    closures = reading.closing.closures()
    return Catalogue.of(title, categories, reading.faults.found(), closures, reading.faults.notes())


def _tags(document: dict[str, Any]) -> Iterator[str]:
    tags = document.get("tags")
    for tag in tags if isinstance(tags, list) else []:
        if name := clean(tag.get("name") if isinstance(tag, dict) else None):
            yield name


def _by_category(permissions: list[Permission], tags: Iterator[str]) -> tuple[Category, ...]:
    """The categories in the order of the document's tags, then of their first operations."""
    found: dict[str, list[Permission]] = {name: [] for name in tags}
    untagged = Untagged({one.path for one in permissions if not one.category})
    for permission in permissions:
        category = permission.category or untagged.category(permission.path)
        found.setdefault(category, []).append(replace(permission, category=category))
    return tuple(Category(name, tuple(held)) for name, held in found.items() if held)


def _permissions(reading: Reading, bases: Bases) -> Iterator[Permission]:
    paths = reading.document.get("paths", {})
    if not isinstance(paths, dict):
        reading.faults.add(["paths"], "`paths` must be an object.")
        return
    if "$ref" in paths:
        raise CatalogueError(f"The `paths` are a reference. {ELSEWHERE}")
    reading.faults.add_names_twice(paths, ["paths"])
    # The unreadable item may name servers of its own: it is closed at every place.
    unknown = replace(bases, all_known=False)
    for path, member in paths.items():
        if str(path).startswith("x-"):
            continue
        if reason := path_fault(path):
            reading.faults.add(["paths", str(path)], reason)
            _close_unreadable(reading, str(path), member, bases)
        elif path in names_twice(paths) or not (item := _item(reading, path, member, bases)):
            reading.closing.close(path, unknown)
        else:
            yield from permissions_of(reading, item)


def _close_unreadable(reading: Reading, path: str, member: Any, bases: Bases) -> None:
    reading.closing.close_unreadable(path, marked_names(reading, path, member))
    for part in parts_with_parameters(member):
        reading.bases(part, ["paths", path], bases)


def _item(reading: Reading, path: str, member: Any, inherited: Bases) -> PathItem | None:
    """The path item of `member`; None if it is unusable."""
    pointer = ["paths", path]
    followed = reading.references.resolve(member, pointer, "A path item must be an object.")
    if followed is None:
        return None
    members, twice = followed
    bases = reading.bases(members, pointer, inherited, is_twice="servers" in twice)
    item = PathItem(path, pointer, members, twice, bases)
    item.spans = spans_of(reading, item, members, pointer, is_twice="parameters" in twice)
    reading.closing.close_where_unknown(path, bases, item.spanning)
    # The path stays at the item's servers, even if each operation has servers of its own.
    if any(isinstance(one, dict) and "servers" in one for one in members.values()):
        reading.closing.close_neighbours(path, bases, item.spanning)
    return item


def _unclaimed(reading: Reading, permissions: list[Permission]) -> Iterator[Permission]:
    """The permissions, without the places that a closed path takes too."""
    for permission in permissions:
        claims = {base: reading.closing.claim(permission, base) for base in permission.bases}
        claimed = next(filter(None, claims.values()), None)
        if claimed is None:
            yield permission
            continue
        pointer = ["paths", permission.path, permission.method.lower()]
        reading.faults.add(pointer, f"It cannot be distinguished from {claimed}, which is closed.")
        left = tuple(base for base, claim in claims.items() if claim is None)
        if left:
            yield replace(permission, bases=left)

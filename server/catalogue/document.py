"""Reads an OpenAPI document: one permission per operation, or else a document fault.

Parts with a fault are closed: they take part in matching, so that no other operation matches their
requests.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from server.catalogue import formats
from server.catalogue.catalogue import Catalogue
from server.catalogue.closing import UNKNOWN_BASES, Bases, Closing
from server.catalogue.loading import load, names_twice
from server.catalogue.names import Untagged, clean
from server.catalogue.paths import base_fault, path_fault, spanning_fault
from server.catalogue.permissions import CatalogueError, Category, Permission, Refusal
from server.catalogue.servers import base_of
from server.catalogue.templates import names_in

DEFAULT_DOCUMENT = Path(__file__).parent / "iru_endpoint.json"
_MAX_REFUSALS = 10_000
_MAX_KEY = 512
_MAX_REFERENCES = 100
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace", "query")
_MEMBERS = {"summary", "description", "servers", "parameters", "additionalOperations"}
_VERSION = re.compile(r"3\.[012](\..*)?")
_SPANS = "x-multi-segment"
_TWICE = "It stands here twice, so that it is closed. Keep one."
_ELSEWHERE = (
    "It refers to another document. Bundle all into one file first, for example with"
    " `redocly bundle`."
)
_NOWHERE = "The reference leads nowhere in this document."


def read_catalogue(path: Path | None) -> Catalogue:
    """The catalogue of an OpenAPI 3.0, 3.1 or 3.2 document in JSON or YAML.

    path: None is the shipped document. Raises `CatalogueError` if it is no such document; faults
    in parts of it become the catalogue's `refusals`.
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
    return _Reader(document).read()


@dataclass(slots=True)
class _Item:
    """A path item with its references resolved, and the defaults of its operations."""

    path: str
    pointer: list[str]
    members: dict[str, Any]
    twice: set[Any]
    bases: Bases
    # Whether a parameter of its path spans slashes, by the parameter's name.
    spans: dict[str, bool] = field(default_factory=dict)

    @property
    def spanning(self) -> frozenset[str]:
        """The parameters that span slashes unless an operation overrides it."""
        return _spanning(self.spans)


class _Reader:
    """Reads one document; collects its faults and closed paths."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._refusals: dict[Refusal, None] = {}
        self._notes: dict[Refusal, None] = {}
        self._closing = Closing()
        self._document_bases = Bases(("",))

    def read(self) -> Catalogue:
        info = self._document.get("info")
        title = clean(info.get("title") if isinstance(info, dict) else None) or "API"
        self._refuse_twice(self._document, [])
        self._document_bases = self._bases(self._document, [], Bases(("",)))
        if "servers" in names_twice(self._document):
            self._document_bases = UNKNOWN_BASES
        self._closing.add_bases(self._document_bases.paths)
        found: dict[str, list[Permission]] = {name: [] for name in self._tags()}
        permissions = list(self._unclaimed(list(self._permissions())))
        untagged = Untagged({one.path for one in permissions if not one.category})
        for permission in permissions:
            category = permission.category or untagged.category(permission.path)
            found.setdefault(category, []).append(replace(permission, category=category))
        categories = tuple(Category(name, tuple(held)) for name, held in found.items() if held)
        closures, notes = self._closing.closures(), tuple(self._notes)
        return Catalogue.of(title, categories, tuple(self._refusals), closures, notes)

    def _tags(self) -> Iterator[str]:
        tags = self._document.get("tags")
        for tag in tags if isinstance(tags, list) else []:
            if name := clean(tag.get("name") if isinstance(tag, dict) else None):
                yield name

    def _permissions(self) -> Iterator[Permission]:
        paths = self._document.get("paths", {})
        if not isinstance(paths, dict):
            self._refuse(["paths"], "`paths` must be an object.")
            return
        if "$ref" in paths:
            raise CatalogueError(f"The `paths` are a reference. {_ELSEWHERE}")
        self._refuse_twice(paths, ["paths"])
        for path, item in paths.items():
            if str(path).startswith("x-"):
                continue
            reason = path_fault(path)
            if reason:
                self._refuse(["paths", str(path)], reason)
                self._closing.close_unreadable(str(path), self._marked(str(path), item))
                for part in self._parts_with_parameters(item):
                    self._bases(part, ["paths", str(path)], self._document_bases)
            elif path in names_twice(paths):
                self._closing.close(path, replace(self._document_bases, all_known=False))
            else:
                yield from self._of_path(path, item)

    def _of_path(self, path: str, member: Any) -> Iterator[Permission]:
        item = self._item(path, member)
        if item is None:
            # The unreadable item may name servers of its own: close it at every place.
            self._closing.close(path, replace(self._document_bases, all_known=False))
            return
        refused = len(self._refusals)
        for name, operation in item.members.items():
            pointer = [*item.pointer, str(name)]
            if name in _METHODS:
                yield from self._of_method(item, name, operation, pointer)
            elif str(name).lower() in _METHODS:
                self._refuse(pointer, "The names of methods are in lower case.")
                self._closing.close(path, item.bases, item.spanning, str(name).upper())
            elif name not in _MEMBERS and not str(name).startswith("x-"):
                self._refuse(pointer, "OpenAPI knows no such member of a path item.")
                self._closing.close(path, replace(item.bases, all_known=False), item.spanning)
        self._refuse_additional(item)
        if not any(name in _METHODS for name in item.members):
            self._closing.close(path, item.bases, item.spanning)
            if len(self._refusals) == refused:
                self._note(item.pointer, "It has no operation, so that the path is closed.")

    def _item(self, path: str, member: Any) -> _Item | None:
        """The path item of `member`; None if it is unusable."""
        pointer = ["paths", path]
        followed = self._resolve(member, pointer, "A path item must be an object.")
        if followed is None:
            return None
        members, twice = followed
        bases = self._bases(members, pointer, self._document_bases)
        if "servers" in twice:
            bases = UNKNOWN_BASES
        item = _Item(path, pointer, members, twice, bases)
        item.spans = self._spans(item, members, pointer, "parameters" in twice)
        self._closing.close_where_unknown(path, bases, item.spanning)
        # The path stays at the item's servers, even if each operation has servers of its own.
        if any(isinstance(one, dict) and "servers" in one for one in members.values()):
            self._closing.close_neighbours(path, bases, item.spanning)
        return item

    def _refuse_additional(self, item: _Item) -> None:
        pointer = [*item.pointer, "additionalOperations"]
        extra = item.members.get("additionalOperations") or {}
        if not isinstance(extra, dict):
            self._refuse(pointer, "`additionalOperations` must be an object.")
            self._closing.close(item.path, item.bases, item.spanning)
            return
        for method, operation in extra.items():
            reason = "Only the methods of HTTP that OpenAPI names can be granted."
            self._refuse([*pointer, str(method)], reason)
            part = operation if isinstance(operation, dict) else {"servers": ""}
            bases = self._bases(part, [*pointer, str(method)], item.bases)
            self._closing.close(item.path, bases, item.spanning, str(method).upper())

    def _resolve(
        self, part: Any, pointer: list[str], fault: str
    ) -> tuple[dict[str, Any], set[Any]] | None:
        """An object with its local references resolved; members beside a reference override it.

        Also the names that come twice in it or in an object on the way. None if it cannot be
        resolved: this adds a fault, `fault` if a part is no object.
        """
        merged: dict[str, Any] = {}
        twice: set[Any] = set()
        at = pointer
        for _ in range(_MAX_REFERENCES):
            if not isinstance(part, dict):
                self._refuse(pointer, fault)
                return None
            self._refuse_twice(part, at)
            twice.update(names_twice(part))
            merged = part | merged
            reference = merged.pop("$ref", None)
            if reference is None:
                return merged, twice
            at = _places(reference)
            part = self._part(at)
            if part is None or "$ref" in twice:
                reason = _NOWHERE if at else _ELSEWHERE
                self._refuse([*pointer, "$ref"], reason)
                return None
        self._refuse([*pointer, "$ref"], "The references go round in a circle.")
        return None

    def _part(self, places: list[str]) -> Any:
        """The part of the document at this path of names, or None."""
        part: Any = self._document if places else None
        for depth, name in enumerate(places):
            if isinstance(part, list) and name.isascii() and name.isdigit():
                part = part[int(name)] if len(name) < 9 and int(name) < len(part) else None
                continue
            if not isinstance(part, dict) or name not in part:
                return None
            if name in names_twice(part):
                self._refuse(places[: depth + 1], _TWICE)
                return None
            part = part[name]
        return part

    def _of_method(
        self, item: _Item, method: str, member: Any, pointer: list[str]
    ) -> Iterator[Permission]:
        found = None
        if method not in item.twice:
            found = self._permission(item, method, member, pointer)
        if found is None:
            self._closing.close(item.path, item.bases, item.spanning, method.upper())
            if not isinstance(member, dict) or "$ref" in member or method in item.twice:
                unknown = replace(item.bases, all_known=False)
                self._closing.close(item.path, unknown, item.spanning, method.upper())
        elif found.bases:
            yield found

    def _permission(
        self, item: _Item, method: str, member: Any, pointer: list[str]
    ) -> Permission | None:
        """The permission of an operation, without bases if no place is left; None if faulty."""
        followed = self._resolve(member, pointer, "An operation must be an object.")
        key = f"{method.upper()} {item.path}"
        if followed is None:
            return None
        if len(key) > _MAX_KEY:
            self._refuse(pointer, f"Method and path have more than {_MAX_KEY} characters.")
            return None
        operation, twice = followed
        spans = self._spans(item, operation, pointer, "parameters" in twice)
        spanning = _spanning(spans)
        bases = self._bases(operation, pointer, item.bases)
        if "servers" in twice:
            bases = UNKNOWN_BASES
        self._closing.close_where_unknown(item.path, bases, spanning)
        if reason := spanning_fault(item.path, spanning):
            self._refuse(pointer, reason)
            return None
        if taken := self._closing.take(key, method, [base + item.path for base in bases.paths]):
            self._refuse(pointer, f"It cannot be told from {taken}.")
            self._closing.close_neighbours(item.path, bases, spanning)
            bases = Bases(())
        name = clean(operation.get("summary")) or clean(operation.get("operationId")) or key
        return Permission(
            key,
            name,
            method.upper(),
            item.path,
            _first_tag(operation),
            bases=bases.paths,
            spanning=spanning,
            deprecated=operation.get("deprecated") is True,
        )

    def _bases(self, part: dict[str, Any], pointer: list[str], inherited: Bases) -> Bases:
        """The base paths of the servers in a part of the document, or the inherited ones."""
        servers = part.get("servers")
        if servers is None or servers == []:
            return inherited
        if not isinstance(servers, list):
            self._refuse([*pointer, "servers"], "`servers` must be a list.")
            return UNKNOWN_BASES
        bases: dict[str, None] = {}
        all_known = True
        for place, server in enumerate(servers):
            base, fault = base_of(server)
            fault = fault or base_fault(base)
            if fault:
                self._refuse([*pointer, "servers", str(place)], fault)
                all_known = False
            else:
                bases[base] = None
        self._closing.add_bases(tuple(bases))
        return Bases(tuple(bases), all_known)

    def _spans(
        self, item: _Item, part: dict[str, Any], pointer: list[str], is_twice: bool
    ) -> dict[str, bool]:
        """Whether parameters of the path span slashes, by the item's and the part's parameters.

        If a parameter cannot be read, closes the path as if each of its parameters did.
        """
        spans = dict(item.spans)
        listed = part.get("parameters")
        known = (listed is None or isinstance(listed, list)) and not is_twice
        for place, parameter in enumerate(listed if isinstance(listed, list) else ()):
            at = [*pointer, "parameters", str(place)]
            parameter = self._parameter(parameter)
            if parameter is None:
                known = False
            elif parameter.get("in") == "path":
                name, mark = str(parameter.get("name")), parameter.get(_SPANS)
                if mark is not None and name not in names_in(item.path):
                    self._note(at, f"`{name}` is no parameter of {item.path}.")
                elif mark is None:
                    spans.pop(name, None)
                elif isinstance(mark, bool):
                    spans[name] = mark
                else:
                    self._refuse([*at, _SPANS], f"`{_SPANS}` is either true or false.")
                    known = False
                if spans.get(name):
                    self._note(at, f"`{name}` spans slashes in {item.path}.")
        if not known:
            self._closing.close_spanning(item.path, item.bases)
        return spans

    def _marked(self, path: str, item: Any) -> frozenset[str]:
        """The names of parameters that may span slashes in an unreadable path."""
        parts = self._parts_with_parameters(item)
        marked: set[str] = set()
        for part in parts:
            listed = part.get("parameters", [])
            for parameter in listed if isinstance(listed, list) else [None]:
                read = self._parameter(parameter)
                if read is None:
                    return frozenset(names_in(path))
                if read.get(_SPANS, False):
                    marked.add(str(read.get("name")))
        return frozenset(marked if len(parts) > 1 else names_in(path))

    def _parts_with_parameters(self, item: Any) -> list[dict[str, Any]]:
        """A path item and its operations; empty if one of them cannot be read."""
        if not isinstance(item, dict) or "$ref" in item:
            return []
        operations = [operation for name, operation in item.items() if name in _METHODS]
        if any(not isinstance(one, dict) or "$ref" in one for one in operations):
            return []
        return [item, *operations]

    def _parameter(self, parameter: Any) -> dict[str, Any] | None:
        for _ in range(_MAX_REFERENCES):
            if not isinstance(parameter, dict) or _SPANS in names_twice(parameter):
                return None
            if "$ref" not in parameter:
                return parameter
            parameter = self._part(_places(parameter["$ref"]))
        return None

    def _unclaimed(self, permissions: list[Permission]) -> Iterator[Permission]:
        """The permissions, without the places that a closed path takes too."""
        for permission in permissions:
            claims = {base: self._closing.claim(permission, base) for base in permission.bases}
            claimed = next(filter(None, claims.values()), None)
            if claimed is None:
                yield permission
                continue
            pointer = ["paths", permission.path, permission.method.lower()]
            self._refuse(pointer, f"It cannot be told from {claimed}, which is closed.")
            left = tuple(base for base, claim in claims.items() if claim is None)
            if left:
                yield replace(permission, bases=left)

    def _refuse_twice(self, part: Any, pointer: list[str]) -> None:
        for name in names_twice(part):
            self._refuse([*pointer, str(name)], _TWICE)

    def _refuse(self, pointer: list[str], reason: str) -> None:
        self._refusals[Refusal(_pointer(pointer), reason)] = None
        if len(self._refusals) > _MAX_REFUSALS:
            raise CatalogueError(
                f"More than {_MAX_REFUSALS:,} parts of the document cannot be used."
            )

    def _note(self, pointer: list[str], text: str) -> None:
        if len(self._notes) < _MAX_REFUSALS:
            self._notes[Refusal(_pointer(pointer), text)] = None


def _spanning(spans: dict[str, bool]) -> frozenset[str]:
    return frozenset(name for name, does in spans.items() if does)


def _places(reference: Any) -> list[str]:
    """The names in a local reference (RFC 6901, section 6); empty for other references."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return []
    names = unquote(reference[2:]).split("/")
    return [name.replace("~1", "/").replace("~0", "~") for name in names]


def _pointer(names: list[str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "/" + "/".join(_shown(name).replace("~", "~0").replace("/", "~1") for name in names)


def _shown(text: str) -> str:
    """The text on one line, with unprintable characters as JSON escapes."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _first_tag(operation: dict[str, Any]) -> str:
    tags = operation.get("tags")
    return clean(tags[0]) if isinstance(tags, list) and tags else ""

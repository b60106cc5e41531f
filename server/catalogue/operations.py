"""Reads the operations of one path item: a permission each, or else a fault and a closed path."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from server.catalogue.closing import Bases
from server.catalogue.names import clean
from server.catalogue.paths import spanning_fault
from server.catalogue.permissions import Permission
from server.catalogue.reading import METHODS, PathItem, Reading, spanning_of
from server.catalogue.spanning import spans_of

_MAX_KEY = 512
_SENSITIVE = "x-tessera-sensitive"
_MEMBERS = {"summary", "description", "servers", "parameters", "additionalOperations"}


def permissions_of(reading: Reading, item: PathItem) -> Iterator[Permission]:
    """The permissions of a path item. Its other members become faults or notes."""
    faults, closing = reading.faults, reading.closing
    before = len(faults)
    for name, operation in item.members.items():
        pointer = [*item.pointer, str(name)]
        if name in METHODS:
            yield from _of_method(reading, item, name, operation, pointer)
        elif str(name).lower() in METHODS:
            faults.add(pointer, "The names of methods are in lower case.")
            closing.close(item.path, item.bases, item.spanning, str(name).upper())
        elif name not in _MEMBERS and not str(name).startswith("x-"):
            faults.add(pointer, "OpenAPI knows no such member of a path item.")
            closing.close(item.path, replace(item.bases, all_known=False), item.spanning)
    _close_additional(reading, item)
    if not any(name in METHODS for name in item.members):
        closing.close(item.path, item.bases, item.spanning)
        if len(faults) == before:
            faults.note(item.pointer, "It has no operation, so that the path is closed.")


def _close_additional(reading: Reading, item: PathItem) -> None:
    pointer = [*item.pointer, "additionalOperations"]
    extra = item.members.get("additionalOperations") or {}
    if not isinstance(extra, dict):
        reading.faults.add(pointer, "`additionalOperations` must be an object.")
        reading.closing.close(item.path, item.bases, item.spanning)
        return
    for method, operation in extra.items():
        reason = "Only the methods of HTTP that OpenAPI names can be granted."
        reading.faults.add([*pointer, str(method)], reason)
        part = operation if isinstance(operation, dict) else {"servers": ""}
        bases = reading.bases(part, [*pointer, str(method)], item.bases)
        reading.closing.close(item.path, bases, item.spanning, str(method).upper())


def _of_method(
    reading: Reading, item: PathItem, method: str, member: Any, pointer: list[str]
) -> Iterator[Permission]:
    is_twice = method in item.twice
    found = None if is_twice else _permission(reading, item, method, member, pointer)
    if found is None:
        reading.closing.close(item.path, item.bases, item.spanning, method.upper())
        if not isinstance(member, dict) or "$ref" in member or is_twice:
            unknown = replace(item.bases, all_known=False)
            reading.closing.close(item.path, unknown, item.spanning, method.upper())
    elif found.bases:
        yield found


def _permission(
    reading: Reading, item: PathItem, method: str, member: Any, pointer: list[str]
) -> Permission | None:
    """The permission of an operation, without bases if no place is left; None if faulty."""
    followed = reading.references.resolve(member, pointer, "An operation must be an object.")
    if followed is None:
        return None
    key = f"{method.upper()} {item.path}"
    if len(key) > _MAX_KEY:
        reading.faults.add(pointer, f"Method and path have more than {_MAX_KEY} characters.")
        return None
    operation, twice = followed
    spans = spans_of(reading, item, operation, pointer, is_twice="parameters" in twice)
    spanning = spanning_of(spans)
    bases = reading.bases(operation, pointer, item.bases, is_twice="servers" in twice)
    reading.closing.close_where_unknown(item.path, bases, spanning)
    if reason := spanning_fault(item.path, spanning):
        reading.faults.add(pointer, reason)
        return None
    places = [base + item.path for base in bases.paths]
    if taken := reading.closing.take(key, method, places):
        reading.faults.add(pointer, f"It cannot be distinguished from {taken}.")
        reading.closing.close_neighbours(item.path, bases, spanning)
        bases = Bases(())
    return _shown(operation, key, bases, spanning)


def _shown(
    operation: dict[str, Any], key: str, bases: Bases, spanning: frozenset[str]
) -> Permission:
    method, _, path = key.partition(" ")
    return Permission(
        key,
        clean(operation.get("summary")) or clean(operation.get("operationId")) or key,
        method,
        path,
        _first_tag(operation),
        bases=bases.paths,
        spanning=spanning,
        deprecated=operation.get("deprecated") is True,
        # A mark that is no boolean was meant to mark, too.
        sensitive=operation.get(_SENSITIVE, False) is not False,
        operation_id=clean(operation.get("operationId")),
    )


def _first_tag(operation: dict[str, Any]) -> str:
    tags = operation.get("tags")
    return clean(tags[0]) if isinstance(tags, list) and tags else ""

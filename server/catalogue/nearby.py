"""Finds the operations near a request that matches none, for the person who made it.

Nothing here opens anything: `matching` alone decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from server.catalogue.catalogue import Catalogue
from server.catalogue.matching import Matcher
from server.catalogue.permissions import DocumentFault, Permission

MAX_NEAR = 10
_MAX_BASES = 20
# Each is put into a tree of paths under every base, for one request.
_MAX_TRIED = 200
_METHODS = {"get", "head", "post", "put", "patch", "delete", "options", "trace", "query"}


class Difference(Enum):
    """How an operation differs from the request."""

    METHOD = "METHOD"
    TRAILING_SLASH = "TRAILING_SLASH"
    BASE_PATH = "BASE_PATH"
    SPELLING = "SPELLING"
    RETIRED = "RETIRED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Near:
    """An operation near a request.

    permission: None for one that the document closes and that is therefore no permission.
    reason: why it is closed; empty for others.
    """

    difference: Difference
    method: str
    path: str
    permission: Permission | None = None
    reason: str = ""


def near(
    catalogue: Catalogue, method: str, path: str, held: Iterable[str] = ()
) -> tuple[Near, ...]:
    """The operations near a request that matches none: 10 at most, each once.

    path: the result of `canonical_path`. held: the keys of the token's permissions, among which
    the retired ones are looked for.
    """
    found: dict[tuple[str, str], Near] = {}
    for one in _all(catalogue, method, path, held):
        found.setdefault((one.method, one.path), one)
        if len(found) >= MAX_NEAR:
            break
    return tuple(found.values())


def _all(catalogue: Catalogue, method: str, path: str, held: Iterable[str]) -> Iterator[Near]:
    yield from _closed(catalogue, method, path)
    for other in _trailing_slash(path):
        yield from _if_found(Difference.TRAILING_SLASH, catalogue.match(method, other))
    yield from _if_found(Difference.SPELLING, catalogue.alike(method, path))
    yield from _retired(catalogue, method, path, held)
    for other in dict.fromkeys(one.method for one in catalogue.permissions):
        yield from _if_found(Difference.METHOD, catalogue.match(other, path))
    for other in _at_other_bases(catalogue, path):
        yield from _if_found(Difference.BASE_PATH, catalogue.match(method, other))


def _if_found(difference: Difference, permission: Permission | None) -> Iterator[Near]:
    if permission is not None:
        yield Near(difference, permission.method, permission.path, permission)


def _trailing_slash(path: str) -> tuple[str, ...]:
    if path == "/":
        return ()
    return (path[:-1] if path.endswith("/") else f"{path}/",)


def _bases(catalogue: Catalogue) -> list[str]:
    """The base paths of the document, and each with the literal segments that all paths share."""
    permissions = catalogue.permissions
    bases = dict.fromkeys(base for one in permissions for base in one.bases)
    shared = _shared(one.path for one in permissions)
    return list(dict.fromkeys(base + more for base in bases for more in ("", shared)))[:_MAX_BASES]


def _shared(paths: Iterable[str]) -> str:
    """The segments without parameters that all paths begin with."""
    shared: list[str] | None = None
    for path in paths:
        segments = path[1:].split("/")[:-1]
        same = segments if shared is None else shared
        length = 0
        for one, other in zip(segments, same, strict=False):
            if one != other or "{" in one:
                break
            length += 1
        shared = segments[:length]
    return "".join(f"/{segment}" for segment in shared or ())


def _at_other_bases(catalogue: Catalogue, path: str) -> Iterator[str]:
    """The path behind each base, also without its own base or its first one or two segments."""
    bases = _bases(catalogue)
    rests = {path: None}
    rests |= {path[len(base) :]: None for base in bases if base and path.startswith(f"{base}/")}
    segments = path[1:].split("/")
    rests |= {"/" + "/".join(segments[gone:]): None for gone in (1, 2) if gone < len(segments)}
    yield from (base + rest for rest in rests for base in bases if base + rest != path)


def _retired(catalogue: Catalogue, method: str, path: str, held: Iterable[str]) -> Iterator[Near]:
    retired = (key.partition(" ") for key in held if catalogue.find(key) is None)
    found = _match(catalogue, method, path, ((one, template) for one, _, template in retired))
    if found is not None:
        yield Near(Difference.RETIRED, found.method, found.path, catalogue.permission(found.key))


def _closed(catalogue: Catalogue, method: str, path: str) -> Iterator[Near]:
    """The operation that the document has here, and that is closed for a fault."""
    if permission := catalogue.closed(method, path):
        reason = "A part of the document that cannot be read may mean this request too."
        yield Near(Difference.CLOSED, permission.method, permission.path, permission, reason)
    reasons: dict[tuple[str, str], str] = {}
    for fault in (*catalogue.faults, *catalogue.notes):
        if operation := _operation_of(fault, method):
            reasons.setdefault(operation, fault.reason)
    found = _match(catalogue, method, path, reasons)
    if found is not None:
        reason = reasons[found.method, found.path]
        yield Near(Difference.CLOSED, found.method, found.path, reason=reason)


def _operation_of(fault: DocumentFault, method: str) -> tuple[str, str] | None:
    """Method and path of the operation that a fault closes; None for no operation.

    A fault of a whole path closes each method.
    """
    names = [name.replace("~1", "/").replace("~0", "~") for name in fault.pointer.split("/")[1:]]
    if len(names) < 2 or names[0] != "paths" or not names[1].startswith("/"):
        return None
    of_one = len(names) > 2 and names[2] in _METHODS
    return names[2].upper() if of_one else method, names[1]


def _match(
    catalogue: Catalogue, method: str, path: str, operations: Iterable[tuple[str, str]]
) -> Permission | None:
    """The operation of these, which are in no catalogue, that the request would match; or None."""
    bases = tuple(_bases(catalogue)) or ("",)
    tried = [
        Permission(f"{of_method} {template}", "", of_method, template, "", bases=bases)
        for of_method, template in islice(operations, _MAX_TRIED)
    ]
    return Matcher.of(tried).match(method, path)

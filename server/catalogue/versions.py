"""Versions of the API's document: the operations that are kept, and the differences of two
versions.

A permission is known by its method and the shape of its path: another path is another permission.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

import models
from server.catalogue.catalogue import Catalogue

# Of each kind of difference. All are counted.
MAX_KEPT = 1_000


class Operation(NamedTuple):
    """The kept values of an operation. since: the number of the version that brought it."""

    key: str
    name: str
    category: str
    operation_id: str
    bases: tuple[str, ...]
    since: int


# By the shapes of their keys.
Operations = Mapping[str, Operation]


class Pair(NamedTuple):
    """The same operation in two versions."""

    before: Operation
    after: Operation

    @property
    def is_same_permission(self) -> bool:
        """Whether tokens keep it: only parameters of its path have other names."""
        return models.shape_of(self.before.key) == models.shape_of(self.after.key)


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences of a version to the one before.

    renamed: other names of path parameters, and other paths with the same `operationId`.
    moved: operations that are gone from a base path.
    """

    added: tuple[Operation, ...]
    removed: tuple[Operation, ...]
    renamed: tuple[Pair, ...]
    moved: tuple[Pair, ...]

    @property
    def taken(self) -> tuple[Operation, ...]:
        """The former operations whose requests are no longer allowed, or not all of them."""
        renamed = [pair.before for pair in self.renamed if not pair.is_same_permission]
        return (*self.removed, *renamed, *(pair.before for pair in self.moved))

    @property
    def affected(self) -> bytes:
        """The fingerprints of the permissions of `taken`, one after the other."""
        keys = dict.fromkeys(models.permission_fingerprint(one.key) for one in self.taken)
        return b"".join(keys)

    def kept(self) -> str:
        """The kept differences of a version, as JSON."""
        lists: dict[str, list[Any]] = {
            "added": [_shown(one) for one in self.added[:MAX_KEPT]],
            "removed": [_shown(one) for one in self.removed[:MAX_KEPT]],
            "renamed": [
                [one.before.key, *_shown(one.after), one.is_same_permission]
                for one in self.renamed[:MAX_KEPT]
            ],
            "moved": [
                [*_shown(one.after), one.before.bases, one.after.bases]
                for one in self.moved[:MAX_KEPT]
            ],
        }
        return orjson.dumps(lists | {"counts": self.counts()}).decode()

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "renamed": len(self.renamed),
            "moved": len(self.moved),
        }


NO_CHANGES = Changes((), (), (), ())


def _shown(operation: Operation) -> list[str]:
    return [operation.key, operation.name, operation.category]


def fingerprints_in(affected: bytes) -> list[bytes]:
    """The fingerprints in `Changes.affected`."""
    size = models.token_permission.FINGERPRINT_BYTES
    return [affected[start : start + size] for start in range(0, len(affected), size)]


def operations_of(catalogue: Catalogue, number: int, before: Operations) -> Operations:
    """The operations that version `number` keeps. `before` are those of the last version."""
    found: dict[str, Operation] = {}
    for one in catalogue.permissions:
        shape = models.shape_of(one.key)
        since = before[shape].since if shape in before else number
        found[shape] = Operation(
            one.key, one.name, one.category, one.operation_id, tuple(sorted(one.bases)), since
        )
    return found


@lru_cache(maxsize=4)
def fingerprint_of(catalogue: Catalogue) -> bytes:
    """Identifies a document by its operations: 32 bytes, the same in each order, for all names."""
    told = sorted(
        (one.key, one.category, one.operation_id, sorted(one.bases))
        for one in catalogue.permissions
    )
    return blake2b(orjson.dumps(told), digest_size=32).digest()


def compare(before: Operations, after: Operations) -> Changes:
    """The differences of `after` to `before`."""
    removed = {shape: one for shape, one in before.items() if shape not in after}
    added = {shape: one for shape, one in after.items() if shape not in before}
    stayed = [Pair(before[shape], one) for shape, one in after.items() if shape in before]
    new_paths = list(_by_operation_id(removed.values(), added.values()))
    gone = {pair.before.key for pair in new_paths}
    found = {pair.after.key for pair in new_paths}
    return Changes(
        tuple(one for one in added.values() if one.key not in found),
        tuple(one for one in removed.values() if one.key not in gone),
        (*new_paths, *(pair for pair in stayed if pair.before.key != pair.after.key)),
        tuple(pair for pair in stayed if not set(pair.before.bases) <= set(pair.after.bases)),
    )


def _by_operation_id(removed: Iterable[Operation], added: Iterable[Operation]) -> Iterable[Pair]:
    """Pairs of operations with the same `operationId`, where each version has it once."""
    new = _unique(added)
    for name, one in _unique(removed).items():
        if name in new:
            yield Pair(one, new[name])


def _unique(operations: Iterable[Operation]) -> dict[str, Operation]:
    listed = [one for one in operations if one.operation_id]
    times = Counter(one.operation_id for one in listed)
    return {one.operation_id: one for one in listed if times[one.operation_id] == 1}


def packed(operations: Operations) -> bytes:
    """The kept operations of a version, compressed."""
    return zlib.compress(orjson.dumps([tuple(one) for one in operations.values()]))


def unpacked(kept: bytes | None) -> Operations:
    """The operations of `packed`; none for None."""
    rows = orjson.loads(zlib.decompress(kept)) if kept else []
    listed = [Operation._make(row)._replace(bases=tuple(row[4])) for row in rows]
    return {models.shape_of(one.key): one for one in listed}

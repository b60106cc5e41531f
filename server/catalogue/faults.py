"""Collects the document faults and the notes of one document, by JSON pointer."""

import json
from typing import Any

from server.catalogue.loading import names_twice
from server.catalogue.permissions import CatalogueError, DocumentFault

_MAX_FAULTS = 10_000
TWICE = "It occurs twice here and is closed. Keep one."


class Faults:
    """The faults and notes found so far, in their order and without repeats."""

    def __init__(self) -> None:
        self._faults: dict[DocumentFault, None] = {}
        self._notes: dict[DocumentFault, None] = {}

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, pointer: list[str], reason: str) -> None:
        """Add a fault. Raises `CatalogueError` where there are too many."""
        self._faults[DocumentFault(_pointer(pointer), reason)] = None
        if len(self._faults) > _MAX_FAULTS:
            raise CatalogueError(f"More than {_MAX_FAULTS:,} parts of the document cannot be used.")

    def add_names_twice(self, part: Any, pointer: list[str]) -> None:
        """Add a fault for each name that occurs twice in an object."""
        for name in names_twice(part):
            self.add([*pointer, str(name)], TWICE)

    def note(self, pointer: list[str], text: str) -> None:
        """Add a note, unless there are too many."""
        if len(self._notes) < _MAX_FAULTS:
            self._notes[DocumentFault(_pointer(pointer), text)] = None

    def found(self) -> tuple[DocumentFault, ...]:
        """The faults."""
        return tuple(self._faults)

    def notes(self) -> tuple[DocumentFault, ...]:
        """The notes."""
        return tuple(self._notes)


def _pointer(names: list[str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "/" + "/".join(_shown(name).replace("~", "~0").replace("/", "~1") for name in names)


def _shown(text: str) -> str:
    """The text on one line, with unprintable characters as JSON escapes."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)

"""Follows the references within one document."""

from typing import Any
from urllib.parse import unquote

from server.catalogue.faults import TWICE, Faults
from server.catalogue.loading import names_twice

_MAX_REFERENCES = 100
ELSEWHERE = (
    "It refers to another document. Bundle all into one file first, for example with"
    " `redocly bundle`."
)
_NOWHERE = "The reference has no target in this document."


class References:
    """The references of one document."""

    def __init__(self, document: dict[str, Any], faults: Faults) -> None:
        self._document = document
        self._faults = faults

    def resolve(
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
                self._faults.add(pointer, fault)
                return None
            self._faults.add_names_twice(part, at)
            twice.update(names_twice(part))
            merged = part | merged
            reference = merged.pop("$ref", None)
            if reference is None:
                return merged, twice
            at = _places(reference)
            part = self._part(at)
            if part is None or "$ref" in twice:
                self._faults.add([*pointer, "$ref"], _NOWHERE if at else ELSEWHERE)
                return None
        self._faults.add([*pointer, "$ref"], "The references are circular.")
        return None

    def resolve_parameter(self, parameter: Any, unrepeated: str) -> dict[str, Any] | None:
        """A parameter object; None if it cannot be resolved or has the name `unrepeated` twice."""
        for _ in range(_MAX_REFERENCES):
            if not isinstance(parameter, dict) or unrepeated in names_twice(parameter):
                return None
            if "$ref" not in parameter:
                return parameter
            parameter = self._part(_places(parameter["$ref"]))
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
                self._faults.add(places[: depth + 1], TWICE)
                return None
            part = part[name]
        return part


def _places(reference: Any) -> list[str]:
    """The names in a local reference (RFC 6901, section 6); empty for other references."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return []
    names = unquote(reference[2:]).split("/")
    return [name.replace("~1", "/").replace("~0", "~") for name in names]

"""Which parameters of a path span slashes, by the mark `x-multi-segment` of the document."""

from typing import Any

from server.catalogue.reading import METHODS, PathItem, Reading
from server.catalogue.templates import names_in

_MARK = "x-multi-segment"


def spans_of(
    reading: Reading, item: PathItem, part: dict[str, Any], pointer: list[str], *, is_twice: bool
) -> dict[str, bool]:
    """Whether parameters of the path span slashes, by the item's and the part's parameters.

    is_twice: whether the part has `parameters` twice. If a parameter cannot be read, closes the
    path as if each of its parameters did.
    """
    spans = dict(item.spans)
    listed = part.get("parameters")
    known = (listed is None or isinstance(listed, list)) and not is_twice
    for place, parameter in enumerate(listed if isinstance(listed, list) else ()):
        at = [*pointer, "parameters", str(place)]
        read = reading.references.resolve_parameter(parameter, _MARK)
        if read is None:
            known = False
        elif read.get("in") == "path":
            known &= _mark(reading, item, spans, read, at)
    if not known:
        reading.closing.close_spanning(item.path, item.bases)
    return spans


def _mark(
    reading: Reading,
    item: PathItem,
    spans: dict[str, bool],
    parameter: dict[str, Any],
    at: list[str],
) -> bool:
    """Put a parameter's mark into `spans`. False if the mark cannot be read."""
    name, mark = str(parameter.get("name")), parameter.get(_MARK)
    readable = mark is None or isinstance(mark, bool) or name not in names_in(item.path)
    if mark is not None and name not in names_in(item.path):
        reading.faults.note(at, f"`{name}` is no parameter of {item.path}.")
    elif mark is None:
        spans.pop(name, None)
    elif isinstance(mark, bool):
        spans[name] = mark
    else:
        reading.faults.add([*at, _MARK], f"`{_MARK}` is either true or false.")
    if spans.get(name):
        reading.faults.note(at, f"`{name}` spans slashes in {item.path}.")
    return readable


def marked_names(reading: Reading, path: str, item: Any) -> frozenset[str]:
    """The names of parameters that may span slashes in an unreadable path."""
    parts = parts_with_parameters(item)
    marked: set[str] = set()
    for part in parts:
        listed = part.get("parameters", [])
        for parameter in listed if isinstance(listed, list) else [None]:
            read = reading.references.resolve_parameter(parameter, _MARK)
            if read is None:
                return frozenset(names_in(path))
            if read.get(_MARK, False):
                marked.add(str(read.get("name")))
    return frozenset(marked if len(parts) > 1 else names_in(path))


def parts_with_parameters(item: Any) -> list[dict[str, Any]]:
    """A path item and its operations; empty if one of them cannot be read."""
    if not isinstance(item, dict) or "$ref" in item:
        return []
    operations = [operation for name, operation in item.items() if name in METHODS]
    if any(not isinstance(one, dict) or "$ref" in one for one in operations):
        return []
    return [item, *operations]

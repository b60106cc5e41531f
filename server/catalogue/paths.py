"""Checks the path templates of a document, and words the faults of unmatchable ones."""

import re
from collections.abc import Collection
from itertools import combinations

import models
from server.catalogue.matching import canonical_path
from server.catalogue.templates import PARAMETER, Segment, names_in, segments_of

_SEGMENT = re.compile(r"([A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-F]{2}|\{[^{}/?#\x22\\]+\})*")
# Text that is not allowed in a path as it is, but has only one reading.
_LITERAL = re.compile(r"[^{}%;\\\x00-\x1f\x7f]*")
_ENDS = re.compile(r"[?#]")
_ANYTHING = Segment(("", ""), (False,))
_ANYTHING_SPANNING = Segment(("", ""), (True,))
MAX_BASE = 256
_MAX_COMBINED = 4


def path_fault(path: object) -> str | None:
    """Why a path template cannot be matched safely; None if it can."""
    if not isinstance(path, str) or not path.startswith("/"):
        return "A path must start with a slash."
    segments = path[1:].split("/")
    if any(not segment for segment in segments[:-1]):
        return "A path must not have empty segments."
    if any(segment in {".", ".."} for segment in segments):
        return "A path must not have dot segments."
    # A parameter may have any name, but the key with it is sent in a header.
    if not path.isprintable() or not all(map(_is_readable, segments)):
        return "A path must be made of plain characters and {parameters}."
    if "}{" in path:
        return "Two parameters of a segment need text between them."
    if canonical_path(PARAMETER.sub("x", path)) is None:
        return "A path must be in canonical form."
    names = [name.removesuffix("+") for name in PARAMETER.findall(path)]
    if len(names) != len(set(names)):
        return "A path must not name a parameter twice."
    return None


def base_fault(base: str) -> str | None:
    """Why the path of a server cannot be matched safely; None if it can, or if it is empty."""
    if len(base) > MAX_BASE:
        return f"The path of a server's URL has at most {MAX_BASE} characters."
    return path_fault(base) if base else None


def spanning_fault(path: str, spanning: Collection[str]) -> str | None:
    """Why the parameters of a path that span slashes cannot be matched; None if they can."""
    segments = [one for one in segments_of(path, spanning) if one.is_spanning]
    if len(segments) > 1 and any(one.texts != ("", "") for one in segments):
        return (
            "A parameter that spans slashes has text or others beside it in its segment only where"
            " no other segment of the path has one."
        )
    return None


def possible_spannings(path: str) -> list[frozenset[str]]:
    """The sets of parameters of a path that could be marked as spanning slashes.

    For more than four parameters only sets of one, two and all: the number of sets is exponential.
    """
    names = names_in(path)
    sizes = range(1, len(names) + 1) if len(names) <= _MAX_COMBINED else (1, 2, len(names))
    found = (frozenset(some) for size in sizes for some in combinations(names, size))
    return [spanning for spanning in found if not spanning_fault(path, spanning)]


def shape_of(path: str, spanning: Collection[str] = ()) -> str:
    """The shape of a template: independent of its parameters' names and of escapes."""
    if not spanning:
        return models.shape_of(path)
    marked = PARAMETER.sub(lambda found: "{x+}" if found[1] in spanning else found[0], path)
    return models.shape_of(marked)


def closest_segments(path: str, spanning: Collection[str] = ()) -> tuple[Segment, ...]:
    """The widest reading of an unmatchable path: its unreadable segments become parameters.

    An unpaired brace may belong to a parameter that contains a slash.
    """
    kept: list[str] = []
    for segment in _ENDS.split(path, maxsplit=1)[0].split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return tuple(_closest(segment, spanning) for segment in kept) or (Segment(("",)),)


def _closest(text: str, spanning: Collection[str]) -> Segment:
    if _is_readable(text):
        (segment,) = segments_of(f"/{text}", spanning)
        if segment.is_spanning:
            return _ANYTHING_SPANNING
        return _ANYTHING if "}{" in text else segment
    if _LITERAL.fullmatch(text):
        return Segment((text,))
    return _ANYTHING_SPANNING if "{" in text or "}" in text else _ANYTHING


def _is_readable(segment: str) -> bool:
    return _SEGMENT.fullmatch(segment) is not None

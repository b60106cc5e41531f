"""From a request's method and target to the one operation that it asks for.

What counts is what a backend would serve that decodes and normalises the target, so segments are
compared decoded, and a target that such a backend could read in another way has no path at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote_to_bytes

from server.catalogue.permissions import Permission

_MOST_LENGTH = 8192
# RFC 3986's pchar without `;`, which some servers cut a segment at.
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]++|%[0-9A-Fa-f]{2})*+")
# Printable, and without `#`.
_QUERY = re.compile(r"[!\"$-~]*")
# Dots, slashes of both kinds, semicolons and controls.
_DISGUISED = re.compile(r"%(2[eEfF]|5[cC]|3[bB]|[01].|7[fF])")
# What a server that decodes twice would read differently; some know `%u002e` too.
_STILL_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2}|[uU])")
_DOTS = re.compile(r"/\.{1,2}(/|$)")


def canonical_path(target: str) -> str | None:
    """The decoded path of a request target, or None unless it can be read in one way only.

    target: in origin form (RFC 9112, section 3.2.1), as it was on the wire. None is given for dot
    segments, empty segments, `\\`, `;`, controls, escapes of any of these or of escapes, bytes that
    are no UTF-8, another form, and more than 8,192 characters.
    """
    if len(target) > _MOST_LENGTH:
        return None
    path, _, query = target.partition("?")
    if not _PATH.fullmatch(path) or (query and not _QUERY.fullmatch(query)):
        return None
    if "//" in path or ("/." in path and _DOTS.search(path)):
        return None
    if "%" not in path:
        return path
    if _DISGUISED.search(path):
        return None
    return _decoded(path)


def _decoded(path: str) -> str | None:
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return None
    return None if _STILL_ESCAPED.search(decoded) else decoded


@dataclass(slots=True)
class _Node:
    """What may follow one beginning of a path, segment by segment."""

    literals: dict[str, "_Node"] = field(default_factory=dict)
    # Parameters with text around them, such as `{name}.json`: the longest text is tried first.
    framed: list[tuple[str, str, "_Node"]] = field(default_factory=list)
    parameter: "_Node | None" = None
    methods: dict[str, Permission] | None = None

    def child(self, segment: str) -> "_Node":
        """The node for a segment of a template, made if need be."""
        if "{" not in segment:
            return self.literals.setdefault(_literal(segment), _Node())
        before, after = _literal(segment.split("{")[0]), _literal(segment.split("}")[1])
        if not before and not after:
            self.parameter = self.parameter or _Node()
            return self.parameter
        for known_before, known_after, node in self.framed:
            if (known_before, known_after) == (before, after):
                return node
        node = _Node()
        self.framed.append((before, after, node))
        self.framed.sort(key=lambda framed: -len(framed[0] + framed[1]))
        return node

    def find(self, segments: list[str], place: int) -> dict[str, Permission] | None:
        """The operations of the most concrete path that `segments` fit, from `place` on."""
        if place == len(segments):
            return self.methods
        segment = segments[place]
        literal = self.literals.get(segment)
        found = literal.find(segments, place + 1) if literal else None
        if found is not None or not segment:
            return found
        for before, after, node in self.framed:
            fits = len(segment) > len(before) + len(after)
            if fits and segment.startswith(before) and segment.endswith(after):
                found = node.find(segments, place + 1)
                if found is not None:
                    return found
        return self.parameter.find(segments, place + 1) if self.parameter else None


class Matcher:
    """All operations of a catalogue by their paths. Looking one up costs as much among any number.

    Of several templates that fit, the one counts whose segments are concrete further to the left;
    a path without parameters comes before all of them, as OpenAPI asks. Methods are looked up on
    that path alone: whatever a less concrete one could do with the method stays closed.
    """

    def __init__(self) -> None:
        self._concrete: dict[str, dict[str, Permission]] = {}
        self._root = _Node()

    @classmethod
    def of(cls, permissions: Iterable[Permission]) -> Self:
        """The matcher of these permissions, each under the base paths that it is served at."""
        matcher = cls()
        for permission in permissions:
            for base in permission.bases:
                matcher._add(base + permission.path, permission)
        return matcher

    def match(self, method: str, path: str) -> Permission | None:
        """The operation of `method` on a path that `canonical_path` gave; None if there is none.

        HEAD is GET where the path has no HEAD of its own (RFC 9110, section 9.3.2).
        """
        methods = self._concrete.get(path)
        if methods is None:
            methods = self._root.find(path[1:].split("/"), 0)
        if methods is None:
            return None
        found = methods.get(method)
        return methods.get("GET") if found is None and method == "HEAD" else found

    def _add(self, path: str, permission: Permission) -> None:
        if "{" not in path:
            self._concrete.setdefault(_literal(path), {})[permission.method] = permission
            return
        node = self._root
        for segment in path[1:].split("/"):
            node = node.child(segment)
        if node.methods is None:
            node.methods = {}
        node.methods[permission.method] = permission


def _literal(text: str) -> str:
    """Text of a template as `canonical_path` gives it; the reader refuses what is no UTF-8."""
    return unquote_to_bytes(text).decode(errors="replace") if "%" in text else text

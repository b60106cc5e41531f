"""From a request's method and target to the one operation that it asks for.

What counts is what a backend would serve that decodes and normalises the target, so segments are
compared decoded, and a target that such a backend could read in another way has no path at all.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote_to_bytes

from server.catalogue.permissions import Permission

_MOST_LENGTH = 8192
# What most targets are: no query, nothing encoded, no segment that is empty or begins with a dot.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,=:@][A-Za-z0-9\-._~!$&'()*+,=:@]*+)++")
# RFC 3986's pchar without `;`, which some servers cut a segment at.
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]++|%[0-9A-Fa-f]{2})*+")
# Printable, and without `#`.
_QUERY = re.compile(r"[!\"$-~]*")
# Dots, slashes of both kinds, semicolons and controls.
_DISGUISED = re.compile(r"%(2[eEfF]|5[cC]|3[bB]|[01].|7[fF])")
# What a server that decodes twice would read differently; some know `%u002e` too.
_STILL_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2}|[uU])")
_DOTS = re.compile(r"/\.{1,2}(/|$)")
_ENDS = re.compile(r"[?#]")
# Unicode's stream-safe text (UAX #15, section 13). Normalising takes time in the square of a run.
_MAX_MARKS_IN_A_ROW = 30
# They are no combining marks themselves, but begin with one once they are decomposed.
_HIDDEN_MARKS = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")


def canonical_path(target: str) -> str | None:
    """The decoded path of a request target, or None unless it can be read in one way only.

    target: in origin form (RFC 9112, section 3.2.1), as it was on the wire. None is given for dot
    segments, empty segments, `\\`, `;`, controls, escapes of any of these or of escapes, bytes that
    are no UTF-8, more than 30 combining marks in a row, another form, and over 8,192 characters.
    """
    if len(target) > _MOST_LENGTH:
        return None
    if _PLAIN.fullmatch(target):
        return target
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
    return decoded if _is_stream_safe(decoded) and not _STILL_ESCAPED.search(decoded) else None


def _is_stream_safe(text: str) -> bool:
    marks = 0
    for character in () if text.isascii() else text:
        is_mark = unicodedata.combining(character) or character in _HIDDEN_MARKS
        marks = marks + 1 if is_mark else 0
        if marks > _MAX_MARKS_IN_A_ROW:
            return False
    return True


@dataclass(slots=True)
class _Node:
    """What may follow one beginning of a path, segment by segment."""

    literals: dict[str, "_Node"] = field(default_factory=dict)
    # Parameters with text around them, such as `{name}.json`, by the text before and after: grouped
    # by the lengths of these, so that no segment is compared with each. The most text goes first.
    framed: dict[tuple[int, int], dict[tuple[str, str], "_Node"]] = field(default_factory=dict)
    parameter: "_Node | None" = None
    methods: dict[str, Permission] | None = None
    # The same place among all paths as a backend reads them that ignores spelling.
    alike: "_Node | None" = None

    def find(self, segments: list[str], place: int) -> dict[str, Permission] | None:
        """The operations of the most concrete path that `segments` fit, from `place` on."""
        if place == len(segments):
            return self.methods
        segment = segments[place]
        literal = self.literals.get(segment)
        found = literal.find(segments, place + 1) if literal else None
        if found is not None or not segment:
            return found
        for (before, after), nodes in self.framed.items():
            if len(segment) > before + after:
                node = nodes.get((segment[:before], segment[len(segment) - after :]))
                found = node.find(segments, place + 1) if node else None
                if found is not None:
                    return found
        return self.parameter.find(segments, place + 1) if self.parameter else None

    def child(self, segment: str, read: Callable[[str], str]) -> "_Node":
        """What follows by a segment of a template, whose text `read` gives; made if need be."""
        if "{" not in segment:
            return self.literals.setdefault(read(segment), _Node())
        before, after = read(segment.partition("{")[0]), read(segment.partition("}")[2])
        if not before and not after:
            self.parameter = self.parameter or _Node()
            return self.parameter
        lengths = (len(before), len(after))
        if lengths not in self.framed:
            self.framed[lengths] = {}
            most_first = sorted(self.framed.items(), key=lambda one: (-sum(one[0]), -one[0][0]))
            self.framed = dict(most_first)
        return self.framed[lengths].setdefault((before, after), _Node())


class Matcher:
    """All operations of a catalogue by their paths. Looking one up costs as much among any number.

    Of several templates that fit, the one counts whose segments are concrete further to the left;
    a path without parameters comes before all of them, as OpenAPI asks. Methods are looked up on
    that path alone: whatever a less concrete one could do with the method stays closed.

    A parameter does not take another spelling of what is concrete in its place, in other cases or
    forms of Unicode's: backends that make no difference there would serve the concrete one. Nor
    does it take a `?` or `#` at which a backend that decodes early would end another path.
    """

    def __init__(self) -> None:
        self._concrete: dict[str, dict[str, Permission]] = {}
        self._root = _Node()
        # As such a backend reads them: the permissions at each path, by their keys.
        self._alike = _Node()

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
        if methods is not None:
            return _of(method, methods)
        return self._straight(method, path) or self._search(method, path)

    def _straight(self, method: str, path: str) -> Permission | None:
        """What `_search` finds, if no segment leaves a choice, in a quarter of its time; or None.

        Where each parameter takes a segment that is no spelling of anything concrete in its place,
        both readings of `_search` go the same way.
        """
        if not path.isascii() or "?" in path or "#" in path:
            return None
        node = self._root
        for segment in path[1:].split("/"):
            following = node.literals.get(segment)
            if following is None:
                alike, following = node.alike, node.parameter
                if following is None or alike is None or alike.framed:
                    return None
                if not segment or segment.lower() in alike.literals:
                    return None
            node = following
        return node.methods.get(method) if node.methods else None

    def _search(self, method: str, path: str) -> Permission | None:
        methods = self._root.find(path[1:].split("/"), 0)
        found = _of(method, methods) if methods is not None else None
        return found if found is not None and self._is_alike(found, path) else None

    def _is_alike(self, found: Permission, path: str) -> bool:
        """Whether backends that make no difference of spelling serve the same template."""
        alike = _folded(path)
        if _DOTS.search(alike):
            return False
        for reading in {alike, _ENDS.split(alike, maxsplit=1)[0]}:
            permissions = self._alike.find(reading[1:].split("/"), 0)
            if permissions is None or found.key not in permissions:
                return False
        return True

    def _add(self, path: str, permission: Permission) -> None:
        node, alike = self._root, self._alike
        node.alike = alike
        is_template = "{" in path
        for segment in path[1:].split("/"):
            alike = alike.child(segment, _folded_literal)
            if is_template:
                node = node.child(segment, _literal)
                node.alike = alike
        alike.methods = {**(alike.methods or {}), permission.key: permission}
        if is_template:
            node.methods = {**(node.methods or {}), permission.method: permission}
        else:
            self._concrete.setdefault(_literal(path), {})[permission.method] = permission


def _of(method: str, methods: dict[str, Permission]) -> Permission | None:
    found = methods.get(method)
    return methods.get("GET") if found is None and method == "HEAD" else found


def _literal(text: str) -> str:
    """Text of a template as `canonical_path` gives it; the reader refuses what is no UTF-8."""
    return unquote_to_bytes(text).decode(errors="replace") if "%" in text else text


def _folded_literal(text: str) -> str:
    return _folded(_literal(text))


def _folded(text: str) -> str:
    """The same for all spellings that only case, or Unicode's compatible forms, tell apart."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()

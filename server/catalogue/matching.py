"""Finds the one operation of a request from its method and target.

The result must be the operation that the backend serves, and backends decode and normalise targets.
So segments are compared decoded, and a target that a backend could read in another way matches no
operation.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

from server.catalogue.permissions import Permission
from server.catalogue.templates import Segment, folded, literal, segments_of
from server.catalogue.tree import MAX_SPANNED_SEGMENTS, Node, Operations

_MAX_LENGTH = 8192
# The form of most targets: no query, no escapes, no segment that is empty or begins with a dot.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,=:@][A-Za-z0-9\-._~!$&'()*+,=:@]*+)++")
# RFC 3986's pchar without `;`, at which some servers cut a segment.
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]++|%[0-9A-Fa-f]{2})*+")
# Printable, and without `#`.
_QUERY = re.compile(r"[!\"$-~]*")
# Dots, slashes of both kinds, semicolons and controls.
_DISGUISED = re.compile(r"%(2[eEfF]|5[cC]|3[bB]|[01].|7[fF])")
# Escapes left after decoding: a server that decodes twice reads them; some also read `%u002e`.
_STILL_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2}|[uU])")
_DOTS = re.compile(r"/\.{1,2}(/|$)")
_ENDS = re.compile(r"[?#]")
# Unicode's limit for stream-safe text (UAX #15, section 13): normalising takes quadratic time in
# the length of a run of combining marks.
_MAX_MARKS_IN_A_ROW = 30
# These are no combining marks, but their decompositions begin with one.
_HIDDEN_MARKS = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")


def canonical_path(target: str) -> str | None:
    r"""The decoded path of a request target, or None if backends could read it in several ways.

    target: in origin form (RFC 9112, section 3.2.1), as received.

    Returns None for dot segments, empty segments, `\`, `;`, control characters, and escapes of
    any of these or of escapes. Returns None too for bytes that are not UTF-8, for more than 30
    combining marks in a row, for another form, and for over 8,192 characters.
    """
    if len(target) > _MAX_LENGTH:
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


@dataclass(frozen=True, slots=True)
class Closed:
    """A path of the document that opens nothing, or no more than its permissions.

    It takes part in matching, so that no less concrete path matches its requests.
    closes_head: the path's own HEAD is faulty, so that GET must not replace it.
    """

    path: str
    bases: tuple[str, ...]
    spanning: frozenset[str] = frozenset()
    closes_head: bool = False


@dataclass(frozen=True, slots=True)
class Closures:
    """The closed paths of a document.

    unreadable: paths with an unreadable segment, which is a parameter here.
    unplaced: paths with an unreadable server, which may therefore be at any place; each with the
    closed path.
    """

    paths: tuple[Closed, ...] = ()
    unreadable: tuple[tuple[Segment, ...], ...] = ()
    unplaced: tuple[tuple[str, Closed], ...] = ()


NOTHING_CLOSED = Closures()


class Matcher:
    """All operations of a catalogue by their paths. A lookup costs the same among any number.

    If several templates match, the one whose segments are concrete further to the left wins. A path
    without parameters takes precedence over all templates, as OpenAPI requires. A segment with text
    comes before a lone parameter, and that before one that spans slashes. If several parameters in
    a segment, or spanning ones, leave two templates equal, neither matches. The method is looked up
    on the winning path only: the same method of a less concrete path stays closed.

    A parameter does not match another spelling, in case or Unicode form, of a literal in its place,
    because backends that ignore spelling would serve the literal path. Nor does it match a `?` or
    `#` at which a backend that decodes early would end another path.
    """

    def __init__(self) -> None:
        self._concrete: dict[str, Operations] = {}
        self._root = Node()
        # The tree of folded paths, as a backend reads them that ignores spelling: by key.
        self._alike = Node()
        self._unreadable = Node()
        # The unplaced paths, without bases: they may be behind any base.
        self._unplaced = Node()
        self._has_unplaced = False
        self._is_certain = True

    @classmethod
    def of(cls, permissions: Collection[Permission], closures: Closures = NOTHING_CLOSED) -> Self:
        """Make the matcher of these permissions, each under all its base paths."""
        matcher = cls()
        spannings: dict[str, set[frozenset[str]]] = defaultdict(set)
        for permission in permissions:
            spannings[permission.path].add(permission.spanning)
        for closed in closures.paths:
            spannings[closed.path].add(closed.spanning)
        for permission in permissions:
            # If one operation of a path spans slashes and another does not, the spanning one is
            # also at the place of the other.
            for spanning in spannings[permission.path]:
                if spanning <= permission.spanning:
                    matcher._add_permission(permission, spanning)
        for closed in closures.paths:
            matcher._close(closed)
        for segments in closures.unreadable:
            _node(matcher._unreadable, _folded(segments)).operations = {}
        for owner, closed in closures.unplaced:
            segments = segments_of(closed.path, closed.spanning)
            node = _node(matcher._unplaced, _folded(segments))
            node.operations = {**(node.operations or {}), owner: None}
        matcher._has_unplaced = bool(closures.unplaced)
        matcher._is_certain = not closures.unreadable and not closures.unplaced
        return matcher

    def match(self, method: str, path: str) -> Permission | None:
        """The operation of `method` on a path from `canonical_path`, or None.

        HEAD is GET where the path has no HEAD of its own (RFC 9110, section 9.3.2).
        """
        operations = self._concrete.get(path)
        if operations is not None:
            found = _of(method, operations)
        else:
            found = self._straight(method, path) or self._search(method, path)
        if self._is_certain or found is None:
            return found
        return None if self._may_be_closed(found, path) else found

    def alike(self, method: str, path: str) -> Permission | None:
        """The operation of a backend that ignores the spelling of literals; or None."""
        found = self._alike.find(folded(path)[1:].split("/"), 0, {}) or {}
        fitting = {one.method: one for one in found.values() if one is not None}
        return _of(method, dict(fitting))

    def closed(self, method: str, path: str) -> Permission | None:
        """The operation that matches but stays closed, for an unreadable path; or None."""
        operations = self._concrete.get(path)
        found = _of(method, operations) if operations else self._search(method, path)
        is_closed = found is not None and not self._is_certain and self._may_be_closed(found, path)
        return found if is_closed else None

    def _straight(self, method: str, path: str) -> Permission | None:
        """The result of `_search` in a quarter of its time, if no segment leaves a choice; or None.

        If no parameter takes a spelling of a literal in its place, the exact and the folded search
        of `_search` reach the same template.
        """
        if not path.isascii() or "?" in path or "#" in path:
            return None
        node = self._root
        for segment in path[1:].split("/"):
            following = node.literals.get(segment)
            if following is None:
                alike, following = node.alike, node.parameter
                if following is None or alike is None or alike.leaves_a_choice:
                    return None
                if not segment or segment.lower() in alike.literals:
                    return None
            node = following
        return node.operations.get(method) if node.operations else None

    def _search(self, method: str, path: str) -> Permission | None:
        operations = self._root.find(path[1:].split("/"), 0, {})
        found = _of(method, operations) if operations is not None else None
        return found if found is not None and self._is_alike(found, path) else None

    def _is_alike(self, found: Permission, path: str) -> bool:
        """Whether backends that ignore spelling serve the same template."""
        alike = folded(path)
        if _DOTS.search(alike):
            return False
        for reading in {alike, _ENDS.split(alike, maxsplit=1)[0]}:
            permissions = self._alike.find(reading[1:].split("/"), 0, {})
            if permissions is None or found.key not in permissions:
                return False
        return True

    def _may_be_closed(self, found: Permission, path: str) -> bool:
        """Whether the request may belong to an unreadable path, or to one at an unknown place.

        A request on a path without parameters belongs to no template.
        """
        segments = folded(path)[1:].split("/")
        if len(segments) > MAX_SPANNED_SEGMENTS:
            return True
        is_concrete = path in self._concrete
        for place in range(len(segments)) if self._has_unplaced else (0,):
            if not is_concrete and self._unreadable.find(segments, place, {}) is not None:
                return True
            owners = self._unplaced.find(segments, place, {})
            if owners is None or owners.keys() == {found.path}:
                continue
            if not is_concrete or any("{" not in owner for owner in owners):
                return True
        return False

    def _add_permission(self, permission: Permission, spanning: Collection[str]) -> None:
        for operations, alike in self._places(permission.path, permission.bases, spanning):
            operations[permission.method] = alike[permission.key] = permission

    def _close(self, closed: Closed) -> None:
        for operations, _ in self._places(closed.path, closed.bases, closed.spanning):
            if closed.closes_head:
                operations.setdefault("HEAD", None)

    def _places(
        self, path: str, bases: Iterable[str], spanning: Collection[str]
    ) -> Iterator[tuple[Operations, Operations]]:
        """The operations at each place of a path: by method, and by key in the folded tree."""
        for base in bases:
            segments = segments_of(base + path, spanning)
            yield self._place(base + path, segments)
            narrowed = tuple(segment.narrowed() for segment in segments)
            if narrowed != segments:
                yield self._place(base + path, narrowed)

    def _place(self, path: str, segments: Iterable[Segment]) -> tuple[Operations, Operations]:
        node, alike = self._root, self._alike
        node.alike = alike
        is_template = "{" in path
        for segment in segments:
            alike = alike.child(segment.folded())
            if is_template:
                node = node.child(segment)
                node.alike = alike
        if alike.operations is None:
            alike.operations = {}
        if not is_template:
            return self._concrete.setdefault(literal(path), {}), alike.operations
        if node.operations is None:
            node.operations = {}
        return node.operations, alike.operations


def _folded(segments: Iterable[Segment]) -> list[Segment]:
    return [segment.folded() for segment in segments]


def _node(node: Node, segments: Iterable[Segment]) -> Node:
    for segment in segments:
        node = node.child(segment)
    return node


def _of(method: str, operations: Operations) -> Permission | None:
    if method == "HEAD" and method not in operations:
        return operations.get("GET")
    return operations.get(method)

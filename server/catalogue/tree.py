"""A tree of path templates, by segment, which finds the most concrete match of a path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from server.catalogue.permissions import Permission
from server.catalogue.templates import Segment

# By method (or by key in the tree of folded paths); None means closed.
Operations = dict[str, Permission | None]
# The result for a path that matches several templates, none of which is the most concrete.
AMBIGUOUS: Operations = {}
# Nested spanning parameters take quadratic time in it.
MAX_SPANNED_SEGMENTS = 64

_T = TypeVar("_T")
# Memo of results behind spanning parameters, by node and place, so that each is searched once.
_Searched = dict[tuple[int, int], Operations | None]


@dataclass(slots=True)
class Node:
    """The continuations of one prefix of a path."""

    literals: dict[str, "Node"] = field(default_factory=dict)
    # Parameters with text around them, such as `{name}.json`, by the text before and after. Grouped
    # by the lengths of these, so that matching needs one lookup per group. Most text first.
    framed: dict[tuple[int, int], dict[tuple[str, str], "Node"]] = field(default_factory=dict)
    # Several parameters in a segment, by the text before the first and after the last.
    several: dict[tuple[int, int], dict[tuple[str, str], list[tuple[Segment, "Node"]]]] = field(
        default_factory=dict
    )
    parameter: "Node | None" = None
    # Most text first.
    spanning: list[tuple[Segment, "Node"]] = field(default_factory=list)
    operations: Operations | None = None
    # The same place in the tree of folded paths (`Matcher._alike`).
    alike: "Node | None" = None

    @property
    def leaves_a_choice(self) -> bool:
        """Whether a segment without a literal match may match more than a lone parameter."""
        return bool(self.framed or self.several or self.spanning)

    def find(self, segments: Sequence[str], place: int, searched: _Searched) -> Operations | None:
        """The operations of the most concrete path that matches `segments` from `place` on."""
        if place == len(segments):
            return self.operations
        segment = segments[place]
        node = self.literals.get(segment)
        found = node.find(segments, place + 1, searched) if node else None
        if found is not None or not segment:
            return found
        if self.several:
            found = self._of_parts(segments, place, searched)
        elif self.framed:
            found = self._of_framed(segments, place, searched)
        if found is None and self.parameter:
            found = self.parameter.find(segments, place + 1, searched)
        if found is None and self.spanning:
            found = self._of_spanning(segments, place, searched)
        return found

    def _of_framed(
        self, segments: Sequence[str], place: int, searched: _Searched
    ) -> Operations | None:
        segment = segments[place]
        for (before, after), nodes in self.framed.items():
            if len(segment) > before + after:
                node = nodes.get((segment[:before], segment[len(segment) - after :]))
                found = node.find(segments, place + 1, searched) if node else None
                if found is not None:
                    return found
        return None

    def _of_parts(
        self, segments: Sequence[str], place: int, searched: _Searched
    ) -> Operations | None:
        """The most concrete match among segments with text around or between parameters."""
        text = segments[place]
        fitting = [
            (Segment(around, (False,)), node)
            for around, node in _around(self.framed, text)
            if len(text) > len("".join(around))
        ]
        fitting += [
            (segment, node)
            for _, listed in _around(self.several, text)
            for segment, node in listed
            if segment.fits(text)
        ]
        fitting.sort(key=lambda one: _most_text_first(one[0]))
        reached = [
            (segment, found)
            for segment, node in fitting
            if (found := node.find(segments, place + 1, searched)) is not None
        ]
        return _most_concrete(reached)

    def _of_spanning(
        self, segments: Sequence[str], place: int, searched: _Searched
    ) -> Operations | None:
        if len(segments) > MAX_SPANNED_SEGMENTS:
            return AMBIGUOUS
        key = (id(self), place)
        if key not in searched:
            reached = [
                (segment, found)
                for segment, node in self.spanning
                if (found := node._behind(segment, segments, place, searched)) is not None
            ]
            searched[key] = _most_concrete(reached)
        return searched[key]

    def _behind(
        self, segment: Segment, segments: Sequence[str], place: int, searched: _Searched
    ) -> Operations | None:
        """The operations behind a spanning segment, over all its possible ends.

        If several ends lead to different paths, only the end that takes all the rest is certainly
        less concrete; several others are ambiguous.
        """
        rest: Operations | None = None
        found: list[Operations] = []
        for end in segment.ends(segments, place):
            if end == len(segments):
                rest = self.operations
                continue
            one = self.find(segments, end, searched)
            if one is not None and not any(one is other for other in found):
                found.append(one)
        if len(found) > 1:
            return AMBIGUOUS
        return found[0] if found else rest

    def child(self, segment: Segment) -> "Node":
        """The child node of a template's segment; made if missing."""
        if not segment.spans:
            return self.literals.setdefault(segment.texts[0], Node())
        before, after = segment.texts[0], segment.texts[-1]
        if segment.is_spanning:
            return _listed(self.spanning, segment)
        if len(segment.spans) > 1:
            around = self.several.setdefault((len(before), len(after)), {})
            return _listed(around.setdefault((before, after), []), segment)
        if not before and not after:
            self.parameter = self.parameter or Node()
            return self.parameter
        lengths = (len(before), len(after))
        if lengths not in self.framed:
            self.framed[lengths] = {}
            most_first = sorted(self.framed.items(), key=lambda one: (-sum(one[0]), -one[0][0]))
            self.framed = dict(most_first)
        return self.framed[lengths].setdefault((before, after), Node())


def _around(
    by_lengths: dict[tuple[int, int], dict[tuple[str, str], _T]], text: str
) -> Iterator[tuple[tuple[str, str], _T]]:
    """The entries whose texts before and after `text` begins and ends with."""
    for (before, after), by_text in by_lengths.items():
        around = (text[:before], text[max(len(text) - after, 0) :])
        if around in by_text:
            yield around, by_text[around]


def _listed(listed: list[tuple[Segment, Node]], segment: Segment) -> Node:
    for other, node in listed:
        if other == segment:
            return node
    node = Node()
    listed.append((segment, node))
    listed.sort(key=lambda one: _most_text_first(one[0]))
    return node


def _most_text_first(segment: Segment) -> tuple[int, int]:
    return -segment.text_length, -len(segment.texts[0])


def _most_concrete(reached: Sequence[tuple[Segment, Operations]]) -> Operations | None:
    """The first result, in order of literal text, if it is a special case of every other.

    Between segments of one parameter that spans no slash, the most text decides.
    """
    if not reached:
        return None
    first, found = reached[0]
    for other, _ in reached[1:]:
        are_plain = first.spans == other.spans == (False,)
        if not are_plain and not other.includes(first):
            return AMBIGUOUS
    return found

"""Path templates as a tree, segment by segment, and the most concrete one that a path fits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from server.catalogue.permissions import Permission
from server.catalogue.templates import Segment

# By method (or, in the tree of folded paths, by key); None is for what is closed.
Operations = dict[str, Permission | None]
# What a path finds that several templates fit of which none is the more concrete.
AMBIGUOUS: Operations = {}
# Nested spanning parameters take time in the square of it.
MAX_SPANNED_SEGMENTS = 64

_T = TypeVar("_T")
# What was found behind spanning parameters, by node and place: each is searched once.
_Searched = dict[tuple[int, int], Operations | None]


@dataclass(slots=True)
class Node:
    """What may follow one beginning of a path."""

    literals: dict[str, "Node"] = field(default_factory=dict)
    # Parameters with text around them, such as `{name}.json`, by the text before and after: grouped
    # by the lengths of these, so that no segment is compared with each. The most text goes first.
    framed: dict[tuple[int, int], dict[tuple[str, str], "Node"]] = field(default_factory=dict)
    # Several parameters in a segment, by the text before the first and after the last.
    several: dict[tuple[int, int], dict[tuple[str, str], list[tuple[Segment, "Node"]]]] = field(
        default_factory=dict
    )
    parameter: "Node | None" = None
    # The most text goes first.
    spanning: list[tuple[Segment, "Node"]] = field(default_factory=list)
    operations: Operations | None = None
    # The same place among all paths as a backend reads them that ignores spelling.
    alike: "Node | None" = None

    @property
    def leaves_a_choice(self) -> bool:
        """Whether a segment that is no literal may be read in more ways than as a parameter."""
        return bool(self.framed or self.several or self.spanning)

    def find(self, segments: Sequence[str], place: int, searched: _Searched) -> Operations | None:
        """The operations of the most concrete path that `segments` fit, from `place` on."""
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
        """Of all segments with text around or between parameters, the most concrete."""
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
        """The operations that follow a spanning segment, which ends where they begin.

        Where several ends lead to different paths, only its taking all the rest is the less
        concrete one for certain: of the others none is chosen.
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
        """What follows by a segment of a template; made if need be."""
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
    """What stands under the texts that `text` begins and ends with."""
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
    """Of these, in order of their text, the first, if it is a special case of each other one.

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

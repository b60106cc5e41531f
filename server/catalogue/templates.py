"""Path templates: segments of literal text and parameters, and the texts that match them."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Self
from urllib.parse import unquote_to_bytes

PARAMETER = re.compile(r"\{([^{}]*)\}")
_SPANNING_SUFFIX = "+"
# Stands for any value of a parameter when two templates are compared: no literal contains it.
_ANY_VALUE = "\0"


class Segment(NamedTuple):
    """Alternating literal texts and parameters; the first and last text may be empty.

    `texts` are decoded. `spans` says for each parameter whether it spans slashes.
    """

    texts: tuple[str, ...]
    spans: tuple[bool, ...] = ()

    @property
    def is_spanning(self) -> bool:
        """Whether a parameter spans slashes, so that this matches several segments of a path."""
        return True in self.spans

    @property
    def text_length(self) -> int:
        """The number of literal characters: of two matching templates, more is more concrete."""
        return sum(map(len, self.texts))

    def narrowed(self) -> Self:
        """The segment as one that spans no slash, if it has text: its place among such segments."""
        return self if self.texts == ("", "") else self._replace(spans=(False,) * len(self.spans))

    def folded(self) -> Self:
        """The segment in the reading of a backend that ignores spelling."""
        return self._replace(texts=tuple(map(folded, self.texts)))

    def fits(self, text: str) -> bool:
        """Whether one segment of a path matches, in time linear in the text's length.

        Greedy: the earliest place of each literal leaves the most text to the following ones.
        """
        first, *inner, last = self.texts
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for literal in inner:
            found = text.find(literal, at + 1, end)
            if found < 0:
                return False
            at = found + len(literal)
        return at < end

    def ends(self, segments: Sequence[str], place: int) -> Iterator[int]:
        """The places after a spanning segment that begins at `place`, one for each possible end."""
        if self.texts == ("", ""):
            for end in range(place, len(segments)):
                if not segments[end]:
                    return
                yield end + 1
            return
        text = "/".join(segments[place:])
        for end in self._ends_in(text):
            yield place + text.count("/", 0, end) + 1

    def includes(self, other: "Segment") -> bool:
        """Whether this segment matches every text that `other` matches."""
        sample = other.texts[0]
        for text, spans in zip(other.texts[1:], other.spans, strict=True):
            sample += (f"{_ANY_VALUE}/{_ANY_VALUE}" if spans else _ANY_VALUE) + text
        if self.is_spanning:
            return len(sample) in self._ends_in(sample)
        return "/" not in sample and self.fits(sample)

    def _ends_in(self, text: str) -> list[int]:
        """The indices at which this segment may end in the rest of a path: slashes, or its end."""
        first, *inner, last = self.texts
        starts = [len(first)] if text.startswith(first) else []
        for literal, spans in zip(inner, self.spans, strict=False):
            cuts = _occurrences(text, literal)
            starts = [cut + len(literal) for cut in _reached(text, starts, cuts, spans)]
        ends = [*_occurrences(text, "/"), len(text)]
        last_cuts = [end - len(last) for end in ends if text.endswith(last, 0, end)]
        return [cut + len(last) for cut in _reached(text, starts, last_cuts, self.spans[-1])]


def _occurrences(text: str, literal: str) -> Iterator[int]:
    at = text.find(literal)
    while at >= 0:
        yield at
        at = text.find(literal, at + 1)


def _reached(text: str, starts: Sequence[int], cuts: Iterable[int], spans: bool) -> Iterator[int]:
    """Those of `cuts` at which a parameter's value from one of `starts` can end.

    Both ascend, and each is visited once. A value is not empty, and neither begins nor ends with a
    slash. The text is of a canonical path: it has no empty segment inside.
    """
    allowed = [at for at in starts if text[at : at + 1] not in {"", "/"}]
    passed, latest = 0, -1
    for cut in cuts:
        while passed < len(allowed) and allowed[passed] < cut:
            latest = allowed[passed]
            passed += 1
        if latest < 0 or text[cut - 1] == "/":
            continue
        if spans or text.rfind("/", latest, cut) < 0:
            yield cut


def segments_of(path: str, spanning: Collection[str] = ()) -> tuple[Segment, ...]:
    """The segments of a template; `spanning` names spanning parameters in addition to `{x+}`."""
    return tuple(_segment(segment, spanning) for segment in path[1:].split("/"))


def _segment(text: str, spanning: Collection[str]) -> Segment:
    if "{" not in text:
        return Segment((literal(text),))
    parts = PARAMETER.split(text)
    spans = tuple(name.endswith(_SPANNING_SUFFIX) or name in spanning for name in parts[1::2])
    return Segment(tuple(map(literal, parts[::2])), spans)


def narrowed(path: str) -> str:
    """The template without the `+` marks in segments that also contain text."""
    segments = path.split("/")
    return "/".join(
        segment if PARAMETER.fullmatch(segment) else segment.replace("+}", "}")
        for segment in segments
    )


def names_in(path: str) -> tuple[str, ...]:
    """The names of a template's parameters, in order, without their `+` marks."""
    return tuple(name.removesuffix(_SPANNING_SUFFIX) for name in PARAMETER.findall(path))


def literal(text: str) -> str:
    """Decode text of a template like `canonical_path`; the reader refuses text that is no UTF-8."""
    return unquote_to_bytes(text).decode(errors="replace") if "%" in text else text


def folded(text: str) -> str:
    """Fold case and Unicode's compatible forms: equal for spellings that differ in these only."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()

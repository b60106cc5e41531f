"""Cleans a document's names for display, and finds categories for operations without a tag."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import takewhile
from urllib.parse import unquote

_MAX_NAME = 200
_MAX_READ = 4 * _MAX_NAME
_UNTAGGED = "Other"
# Joiners shape letters (Persian, Sinhala, Hindi) and emoji; they are kept only between these.
_JOINERS = "\u200c\u200d"
_PARAMETER = re.compile(r"\{[^{}]*\}")
# Segments that tell how an API is served and give no category, such as `api` or `v1`.
_SAYS_NOTHING = re.compile(r"(?i)|api|rest|v\d+([._-]\w+)*|\d{4}-\d{2}-\d{2}|.*\{.*")


def clean(text: object) -> str:
    """A text of a document on one line, in NFC, without invisible characters.

    A text that is too long is cut and ends in "…".
    """
    if not isinstance(text, str):
        return ""
    # Cut first: normalising takes quadratic time in the length.
    read = " ".join(text[:_MAX_READ].split())
    visible = "".join(c for place, c in enumerate(read) if _is_shown(read, place))
    name = " ".join(unicodedata.normalize("NFC", visible).split())
    if len(name) <= _MAX_NAME and len(text) <= _MAX_READ:
        return name
    return name[: _MAX_NAME - 1].rstrip() + "…"


def _is_shown(text: str, place: int) -> bool:
    character = text[place]
    if character in _JOINERS:
        around = (text[place - 1] if place else " ", text[place + 1 : place + 2] or " ")
        return all(_is_joined(one) for one in around)
    return not unicodedata.category(character).startswith("C")


def _is_joined(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "LMS"


class Untagged:
    """Categories of operations without a tag, by the first segment in which their paths differ."""

    def __init__(self, paths: Iterable[str]) -> None:
        split = [_PARAMETER.sub("{}", path).split("/") for path in paths]
        # The common prefix of all paths is that of the least and the greatest.
        ends = (min(split), max(split)) if split else ([], [])
        pairs = zip(*ends, strict=False)
        self._common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def category(self, path: str) -> str:
        """The category of an operation at `path`."""
        segments = path.split("/")[self._common :]
        named = (one for one in segments if not _SAYS_NOTHING.fullmatch(one))
        return clean(unquote(next(named, ""))) or _UNTAGGED

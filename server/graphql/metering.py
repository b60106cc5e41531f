"""What an answer has grown to while it is being made, and where it is stopped."""

from typing import Any

MAX_OBJECTS = 25_000
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Quotation marks, a colon and a comma around a name and its value, and a short value.
_AROUND = 8


class TooLargeError(Exception):
    """The answer has more objects or bytes than one may have. Ends the whole execution."""


class Meter:
    """Counts the objects of an answer, and its bytes as far as the names and texts tell.

    An object that stands in several places is counted in each: it is written in each.
    """

    __slots__ = ("objects", "size")

    def __init__(self) -> None:
        self.objects = 0
        self.size = 0

    def add(self, objects: int, size: int) -> None:
        """Raises `TooLargeError` beyond the limits, and from then on each time."""
        self.objects += objects
        self.size += size
        if self.objects > MAX_OBJECTS or self.size > MAX_ANSWER_BYTES:
            raise TooLargeError


def names_size(names: "list[str] | dict[str, Any]") -> int:
    """What an object of these names takes without its texts."""
    return sum(map(len, names)) + _AROUND * len(names)


def text_size(value: Any) -> int:
    """What a completed leaf, or a list of them, takes beyond what `names_size` has counted."""
    if type(value) is str:
        return len(value)
    if type(value) is list:
        return sum(len(one) + _AROUND for one in value if type(one) is str)
    return 0

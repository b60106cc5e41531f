"""The size of an answer, counted during execution, and its limits."""

from typing import Any

MAX_OBJECTS = 25_000
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# In bytes: quotation marks, colon and comma around a name and its value, and a short value.
_MEMBER_OVERHEAD = 8


class TooLargeError(Exception):
    """The answer exceeds the limit of objects or bytes. Ends the whole execution."""


class Meter:
    """Counts the objects of an answer, and estimates its bytes from names and texts.

    An object that appears in several places counts in each, because the answer repeats it.
    """

    __slots__ = ("objects", "size")

    def __init__(self) -> None:
        self.objects = 0
        self.size = 0

    def add(self, objects: int, size: int) -> None:
        """Raises `TooLargeError` beyond the limits, then again on every later call."""
        self.objects += objects
        self.size += size
        if self.objects > MAX_OBJECTS or self.size > MAX_ANSWER_BYTES:
            raise TooLargeError


def names_size(names: "list[str] | dict[str, Any]") -> int:
    """Estimate the bytes of an object with these names, without its texts."""
    return sum(map(len, names)) + _MEMBER_OVERHEAD * len(names)


def text_size(value: Any) -> int:
    """Bytes of a completed leaf, or a list of leaves, in addition to `names_size`."""
    if type(value) is str:
        return len(value)
    if type(value) is list:
        return sum(len(one) + _MEMBER_OVERHEAD for one in value if type(one) is str)
    return 0

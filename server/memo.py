"""Results of pure functions, kept for many different arguments."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Memo(dict[tuple[Any, ...], Value], Generic[Value]):
    """The results of a pure function by its arguments, at most `size`: `memo[first, second]`.

    `functools.lru_cache` also keeps its entries in a linked list. With thousands of entries, each
    use reads their neighbours from memory outside the processor's caches. This one forgets all of
    its results once it is full.
    """

    __slots__ = ("_function", "_size")

    def __init__(self, function: Callable[..., Value], size: int) -> None:
        self._function, self._size = function, size

    def __missing__(self, arguments: tuple[Any, ...]) -> Value:
        value = self._function(*arguments)
        if len(self) >= self._size:
            self.clear()
        self[arguments] = value
        return value

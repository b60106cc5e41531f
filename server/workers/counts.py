"""Counts by subject and window of time, in memory that processes share.

A table of a fixed size, made before the processes that use it. A subject has its place in one
bucket of the table. The place is free once its window has passed. If a bucket is full, the subject
with the smallest count loses its place, and its count begins again.
"""

import mmap
import sys
from collections.abc import Sequence
from zlib import crc32

from server.workers.locks import SharedLock, nameless_file

_KEY_SIZE = 36
# A key, the number of its window, and its count.
_PLACE_SIZE = _KEY_SIZE + 4 + 4
_PLACES = 16
_BUCKET_SIZE = _PLACES * _PLACE_SIZE
# A million subjects. Memory that was never written takes no room.
_BUCKETS = 65_536
_WAIT_SECONDS = 0.05

# The subjects that one request counts for, each with its limit.
Wanted = Sequence[tuple[str, int]]


class SharedCounts:
    """Counts of subjects: texts of at most 36 bytes, such as ids. Limits are below 2**32.

    One thread of each process may count, any thread may read.
    """

    def __init__(self, buckets: int = _BUCKETS) -> None:
        self._size = buckets * _BUCKET_SIZE
        self._lock = SharedLock()
        self._memory = mmap.mmap(nameless_file(self._size), self._size)
        # Numbers are read and written as a whole, also if the process is killed meanwhile.
        self._numbers = memoryview(self._memory).cast("I")

    def add(self, window: int, requests: Sequence[Wanted]) -> list[tuple[bool, list[int]]]:
        """Count each request for all of its subjects, or for none if one has reached its limit.

        Gives for each whether it counted, and the counts before. Many requests share one lock,
        because locking takes longer than counting. Raises `TimeoutError` if another process stopped
        while it held the lock.
        """
        keys = [[_key(window, subject) for subject, _ in wanted] for wanted in requests]
        with self._lock.held(_WAIT_SECONDS):
            return [
                self._count(window, wanted, own) for wanted, own in zip(requests, keys, strict=True)
            ]

    def read(self, window: int, subjects: Sequence[str]) -> list[int]:
        """The counts of the subjects. Waits for nothing."""
        places = [self._find(_key(window, subject)) for subject in subjects]
        return [0 if place is None else self._numbers[place] for place in places]

    def _count(self, window: int, wanted: Wanted, keys: list[bytes]) -> tuple[bool, list[int]]:
        numbers = self._numbers
        places = [self._place(window, key) for key in keys]
        before = [numbers[place] for place in places]
        for count, (_, limit) in zip(before, wanted, strict=True):
            if count >= limit:
                return False, before
        for place, count in zip(places, before, strict=True):
            numbers[place] = count + 1
        return True, before

    def _bucket_of(self, key: bytes) -> int:
        """Where the bucket of a key begins."""
        return crc32(key) * _BUCKET_SIZE % self._size

    def _find(self, key: bytes) -> int | None:
        """Where the count of a key is, as an index of `_numbers`."""
        start = self._bucket_of(key)
        # A copy of the bucket is searched ten times as fast as the memory itself.
        offset = self._memory[start : start + _BUCKET_SIZE].find(key)
        return None if offset < 0 else (start + offset + _PLACE_SIZE - 4) // 4

    def _place(self, window: int, key: bytes) -> int:
        """Where the count of a key is, from now on: that of a passed window, or the smallest."""
        place = self._find(key)
        if place is not None:
            return place
        numbers, start, size = self._numbers, self._bucket_of(key) // 4, _PLACE_SIZE // 4
        # The numbers before the counts are their windows.
        counts = range(start + size - 1, start + _PLACES * size, size)
        place = min(counts, key=lambda at: numbers[at] + 1 if numbers[at - 1] == window else 0)
        numbers[place - 1] = numbers[place] = 0
        end = (place - 1) * 4
        self._memory[end - _KEY_SIZE : end] = key[:_KEY_SIZE]
        # Last: a process that is killed before has left a place of a passed window.
        numbers[place - 1] = window
        return place


def _key(window: int, subject: str) -> bytes:
    """The mark of a subject's place in a window."""
    return b"%-36b%b" % (subject.encode(), window.to_bytes(4, sys.byteorder))

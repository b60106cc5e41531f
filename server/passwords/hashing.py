"""Hashing and verifying passwords: argon2id with OWASP's parameters, in queues of their own.

A hash takes some 20 ms of a core. Sign-ins of strangers, sign-ins of known people, and new
passwords have a queue and a thread each, so that none of the three delays another. Strangers can
occupy an instance with one hash at a time, and no more. The threads have a lower priority than the
event loop's, where checks are answered.
"""

from asyncio import get_running_loop
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from passlib.hash import argon2

from server.fair_queue import FairQueue
from server.passwords.policy import MAX_LENGTH, normal
from server.threads import give_way

_T = TypeVar("_T")
_argon2id = argon2.using(type="ID", memory_cost=19 * 1024, rounds=2, parallelism=1)
# One is hashed while another one's rows are written.
_PLACES = 2
# Of 20 ms each: three seconds at the latest.
_MAX_WAITING = 128
_MAX_OF_ONE = 32


class Hashing:
    """One queue for passwords to hash, and the thread that hashes them."""

    def __init__(self, name: str) -> None:
        self._queue = FairQueue(places=_PLACES, max_waiting=_MAX_WAITING, max_of_one=_MAX_OF_ONE)
        self._thread = ThreadPoolExecutor(1, f"argon2-{name}", initializer=give_way)

    @asynccontextmanager
    async def turn(self, caller: Hashable) -> AsyncIterator["Turn"]:
        """The caller's turn to hash and verify. Raises `Busy` where too many wait already."""
        async with self._queue.turn(caller):
            yield Turn(self._thread)


class Turn:
    """The right to hash and verify passwords, until the turn is over."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread

    async def hash(self, password: str) -> str:
        """The argon2id hash of `password`, in PHC format."""
        return await self._run(lambda: str(_argon2id.hash(normal(password))))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether `password` is the one that was hashed.

        Pass None for a person who does not exist or has no password: it takes as long, and returns
        False.
        """
        if password_hash is None:
            await self._run(lambda: _verify(password, _dummy_hash()))
            return False
        return await self._run(lambda: _verify(password, password_hash))

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await get_running_loop().run_in_executor(self._thread, work)


STRANGERS = Hashing("strangers")
KNOWN = Hashing("known")
_NEW_PASSWORDS = Hashing("new")


async def hash_password(password: str, caller: Hashable) -> str:
    """The hash of a new password, when it is the caller's turn. Raises `Busy`."""
    async with _NEW_PASSWORDS.turn(caller) as turn:
        return await turn.hash(password)


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return bool(_argon2id.needs_update(password_hash))


def _verify(password: str, password_hash: str) -> bool:
    # Of one that is too long no hash was made; it takes as long to say so.
    password = password if len(password) <= MAX_LENGTH else ""
    try:
        return bool(_argon2id.verify(normal(password), password_hash))
    except (ValueError, TypeError):  # a malformed hash, or a password that no hash can hold
        return False


_dummy: list[str] = []


def _dummy_hash() -> str:
    if not _dummy:
        _dummy.append(str(_argon2id.hash("nobody has this password")))
    return _dummy[0]

"""Passwords: their policy, hashing and verifying. Who may set one lives in `server.access`.

Follows NIST SP 800-63B-4: at least 15 characters, no rules of composition, nothing that is easily
guessed. Hashing is argon2id with OWASP's parameters, in threads of its own.
"""

import unicodedata
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from passlib.hash import argon2
from zxcvbn import zxcvbn

from server.errors import InvalidInput

LEAST_LENGTH = 15
MOST_LENGTH = 256
# "Safely unguessable" in zxcvbn's words. Of 15 characters, what gets less is on a list, or nearly.
_LEAST_SCORE = 3
# zxcvbn looks at no more, and its time grows with the square of it.
_SCORED_LENGTH = 72
_T = TypeVar("_T")

_argon2id = argon2.using(type="ID", memory_cost=19 * 1024, rounds=2, parallelism=1)
# Argon2 lets go of the interpreter's lock; two at once leave a core for everything else.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(password: str) -> str:
    """The argon2id hash of `password`, in PHC format."""
    return await _in_thread(lambda: str(_argon2id.hash(_normal(password))))


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether `password` is the one that was hashed.

    None stands for somebody who does not exist or has no password: it takes as long, and is False.
    """
    if password_hash is None:
        await _in_thread(lambda: _verify(password, _dummy_hash()))
        return False
    return await _in_thread(lambda: _verify(password, password_hash))


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return bool(_argon2id.needs_update(password_hash))


async def check_new_password(password: str, field: str, about: Sequence[str]) -> None:
    """Refuse a password that is too short, too long or easily guessed.

    about: what everybody knows of its owner (name, e-mail, tenant). Raises `InvalidInput`, which
    names `field`.
    """
    if len(_normal(password)) < LEAST_LENGTH:
        raise InvalidInput(field, f"A password has at least {LEAST_LENGTH} characters.")
    if len(password) > MOST_LENGTH:
        raise InvalidInput(field, f"A password has at most {MOST_LENGTH} characters.")
    if await _in_thread(lambda: _score(password, about)) < _LEAST_SCORE:
        raise InvalidInput(
            field,
            "This password is too easily guessed: it is, or is made of, common words, names or"
            " patterns.",
        )


def _normal(password: str) -> str:
    """One form for one text, whatever keyboard wrote it (SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _score(password: str, about: Sequence[str]) -> int:
    words = [part for text in about for part in (text, *text.replace("@", " ").split())]
    result = zxcvbn(_normal(password)[:_SCORED_LENGTH], user_inputs=["tessera", *words])
    return int(result["score"])


def _verify(password: str, password_hash: str) -> bool:
    try:
        return bool(_argon2id.verify(_normal(password), password_hash))
    except (ValueError, TypeError):  # a malformed hash, or a password that no hash can hold
        return False


_dummy: list[str] = []


def _dummy_hash() -> str:
    if not _dummy:
        _dummy.append(str(_argon2id.hash("nobody has this password")))
    return _dummy[0]


async def _in_thread(work: Callable[[], _T]) -> _T:
    return await get_running_loop().run_in_executor(_threads, work)

"""Passwords of tests are hashed with little memory: 20 ms of CPU less each.

As with the real parameters, hashes of other parameters, such as those of `factories`, are made anew
at a sign-in. Tests of hashing, and races that depend on its length, take the fixture `real_hashes`.
Processes of `TESSERA` (see `process`) hash as ever.
"""

from passlib.hash import argon2

from server.passwords import hashing

REAL = hashing._argon2id
_quick = argon2.using(type="ID", memory_cost=128, rounds=1, parallelism=1)


def install() -> None:
    """From now on, hash with little memory."""
    hashing._argon2id = _quick

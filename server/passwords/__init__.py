"""Passwords: policy, hashing and verifying. The right to set one lives in `server.access`."""

from server.passwords.hashing import KNOWN, STRANGERS, Hashing, hash_password, needs_rehash
from server.passwords.policy import MAX_LENGTH, MIN_LENGTH, check_new_password

__all__ = [
    "KNOWN",
    "MAX_LENGTH",
    "MIN_LENGTH",
    "STRANGERS",
    "Hashing",
    "check_new_password",
    "hash_password",
    "needs_rehash",
]

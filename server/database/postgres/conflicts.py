"""Conflicts between transactions that are solved by trying again."""

import random

from asyncpg.exceptions import DeadlockDetectedError, SerializationError

MAX_TRIES = 4
RETRYABLE = (SerializationError, DeadlockDetectedError)


def pause_seconds() -> float:
    """A random pause before a retry, so that conflicting transactions do not meet again."""
    return random.uniform(0.005, 0.05)  # noqa: S311 - spreads load, protects nothing

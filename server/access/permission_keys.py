"""Permission keys as callers give them: their shapes, and how a message names some of them."""

import re
from collections.abc import Sequence

import models
from server.access.token_filter import MAX_KEY_LENGTH

_KEY = re.compile(r"[A-Z]{3,7} /[!-~]{0,500}")


def shape_of_key(key: str) -> str:
    """The shape of a key; a text that is longer than any key is not taken apart."""
    return models.shape_of(key) if len(key) <= MAX_KEY_LENGTH else key


def named_keys(some: Sequence[str], keys: Sequence[str]) -> str:
    """Names `some` of `keys` for a message.

    A text that is not formed like a key is named by its place: it may hold a secret.
    """
    places = {key: place for place, key in reversed([*enumerate(keys, start=1)])}
    return "; ".join(
        key if _KEY.fullmatch(key) else f"entry {places[key]}, which is no key" for key in some
    )

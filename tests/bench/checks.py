"""The rows and the requests of the benchmark of checks.

The rows are written straight into a migrated database; nothing here is timed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from models import grants_of, new_id, now, permission_fingerprint
from server.token_format import DigestKey, new_token_secret, token_hint
from tests.bench.dataset import Table, insert_rows
from tests.support.wire import check

# One device each, so that no target repeats.
KEY, TARGET = "GET /api/v1/devices/{device_id}", "/api/v1/devices/"
_OTHERS = ("GET /api/v1/blueprints", "GET /api/v1/tags", "GET /api/v1/users")
_SEED = 21
# A limit that no tenant reaches.
_REQUESTS_PER_HOUR = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The number of tokens, of tenants, and of tokens that are checked."""

    tenants: int
    each: int
    asked: int


async def load_checks(url: str, tokens: Tokens, key: DigestKey) -> list[bytes]:
    """Fill the migrated database at `url`; returns requests that pass, of many tokens in turn."""
    tenants = [(new_id(), f"tenant-{number}") for number in range(tokens.tenants)]
    total = tokens.tenants * tokens.each
    random = Random(_SEED)
    asked = {place: new_token_secret("tsr") for place in random.sample(range(total), tokens.asked)}
    requests = [
        check(
            f"{tenants[place // tokens.each][1]}.api.us.example.com", secret, f"{TARGET}{new_id()}"
        )
        for place, secret in asked.items()
    ]
    token_ids = [new_id() for _ in range(total)]
    await insert_rows(url, _tables(tenants, tokens, token_ids, asked, key))
    return requests


def _tables(
    tenants: Sequence[tuple[Any, str]],
    tokens: Tokens,
    token_ids: Sequence[Any],
    asked: dict[int, str],
    key: DigestKey,
) -> list[Table]:
    at = now()
    return [
        Table(
            "tenant",
            ("id", "created_at", "slug", "name", "region", "first_token_at", "requests_per_hour"),
            ((one, at, slug, slug, "us", at, _REQUESTS_PER_HOUR) for one, slug in tenants),
        ),
        Table(
            "token",
            (
                *("tenant_id", "id", "created_at", "name", "description"),
                *("hint", "revision", "created_by_id"),
            ),
            _tokens(tenants, tokens, token_ids),
        ),
        Table(
            "token_secret",
            ("tenant_id", "digest", "token_id", "generation", "grants"),
            _secrets(tenants, tokens, token_ids, asked, key),
        ),
        Table(
            "token_permission",
            ("tenant_id", "token_id", "key", "fingerprint", "id", "created_at"),
            (
                (
                    *(tenants[place // tokens.each][0], token_id, held),
                    *(permission_fingerprint(held), new_id(), at),
                )
                for place, token_id in enumerate(token_ids)
                for held in _held(place)
            ),
        ),
    ]


def _held(place: int) -> tuple[str, str]:
    return KEY, _OTHERS[place % 3]


def _tokens(
    tenants: Sequence[tuple[Any, str]], tokens: Tokens, token_ids: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    at, hint = now(), token_hint(new_token_secret("tsr"))
    for place, token_id in enumerate(token_ids):
        tenant_id = tenants[place // tokens.each][0]
        yield tenant_id, token_id, at, f"token {place}", "", hint, 1, tenant_id


def _secrets(
    tenants: Sequence[tuple[Any, str]],
    tokens: Tokens,
    token_ids: Sequence[Any],
    asked: dict[int, str],
    key: DigestKey,
) -> Iterator[tuple[Any, ...]]:
    """In the order in which they were made, which is none of the table's key."""
    random = Random(_SEED)
    for place, token_id in enumerate(token_ids):
        secret = asked.get(place)
        digest = key.digest("token", secret) if secret else random.randbytes(32)
        tenant_id = tenants[place // tokens.each][0]
        yield tenant_id, digest, token_id, 1, grants_of(_held(place))

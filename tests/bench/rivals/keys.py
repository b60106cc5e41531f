"""The rows and requests of those rivals of `/authorize` that have tables of their own.

They have as many keys as Tessera has tokens, each with two permissions, and as many are asked
about.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512
from random import Random
from string import ascii_letters

import orjson

from models import now
from server.conditions import MAX_REQUESTS_PER_HOUR
from tests.bench.checks import KEY, OTHER_KEYS, TARGET, Tokens
from tests.bench.page import BETTER_AUTH, DRF
from tests.bench.rivals.set_up import migration
from tests.bench.rows import Table, insert_rows
from tests.support.process import tessera_environment
from tests.support.wire import check

_SEED = 22
_HOUR_MILLISECONDS = 3_600_000
_BEARER = b"Authorization: Bearer "


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one rival keeps keys.

    tables: of its keys, created at an instant. field: the start of the header with the key.
    """

    new_key: Callable[[Random], str]
    tables: Callable[[Sequence[str], datetime], list[Table]]
    field: bytes


async def load_keys(name: str, url: str, tokens: Tokens, digest_key: str) -> list[bytes]:
    """Fill the empty database at `url`; gives requests that pass. Raises `CalledProcessError`."""
    migration(name).run(tessera_environment(url, {"TESSERA_DIGEST_KEY": digest_key}))
    kind, random = _KINDS[name], Random(_SEED)
    keys = [kind.new_key(random) for _ in range(tokens.tenants * tokens.each)]
    await insert_rows(url, kind.tables(keys, now()))
    return [
        check("bench.test", key, f"{TARGET}{number}").replace(_BEARER, kind.field)
        for number, key in enumerate(random.sample(keys, tokens.asked))
    ]


def _letters(random: Random, length: int) -> str:
    return "".join(random.choices(ascii_letters, k=length))


def _permissions(number: int) -> tuple[str, str]:
    return KEY, OTHER_KEYS[number % len(OTHER_KEYS)]


def _better_auth_tables(keys: Sequence[str], at: datetime) -> list[Table]:
    """As `createApiKey` writes them, with a rate limit that no key reaches."""
    columns = (
        *("id", "configId", "start", "referenceId", "key", "enabled", "rateLimitEnabled"),
        *("rateLimitTimeWindow", "rateLimitMax", "requestCount"),
        *("createdAt", "updatedAt", "permissions"),
    )
    rows = (
        (
            *(f"{number:032}", "default", key[:6], f"user-{number}", _sha256(key), True, True),
            *(_HOUR_MILLISECONDS, MAX_REQUESTS_PER_HOUR, 0, at, at),
            orjson.dumps(_by_path(_permissions(number))).decode(),
        )
        for number, key in enumerate(keys)
    )
    return [Table("apikey", columns, rows)]


def _sha256(key: str) -> str:
    return base64.urlsafe_b64encode(sha256(key.encode()).digest()).decode().rstrip("=")


def _by_path(permissions: Sequence[str]) -> dict[str, list[str]]:
    return {path: [method] for method, path in (one.split(" ") for one in permissions)}


def _drf_tables(keys: Sequence[str], at: datetime) -> list[Table]:
    """As `APIKey.objects.create_key` writes them."""
    columns = ("id", "prefix", "hashed_key", "created", "name", "revoked")

    def rows() -> Iterator[tuple[object, ...]]:
        for key in keys:
            prefix, hashed = key[:8], f"sha512$${sha512(key.encode()).hexdigest()}"
            yield f"{prefix}.{hashed}", prefix, hashed, at, f"key {prefix}", False

    ids = (row[0] for row in rows())
    held = (
        (api_key_id, permission)
        for number, api_key_id in enumerate(ids)
        for permission in _permissions(number)
    )
    return [
        Table("rest_framework_api_key_apikey", columns, rows()),
        Table("drf_keypermission", ("api_key_id", "key"), held),
    ]


_KINDS = {
    BETTER_AUTH: _Kind(lambda random: _letters(random, 64), _better_auth_tables, b"X-Api-Key: "),
    DRF: _Kind(
        lambda random: f"{_letters(random, 8)}.{_letters(random, 32)}",
        _drf_tables,
        b"Authorization: Api-Key ",
    ),
}

"""The rows and the requests of the benchmark of checks.

The rows are written straight into a migrated database; nothing here is timed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from random import Random
from uuid import UUID

from models import new_id, now
from server.conditions import MAX_REQUESTS_PER_HOUR, to_milliseconds
from server.token_format import DigestKey, new_token_secret, token_hint
from tests.bench.rows import Table, insert_rows
from tests.bench.token_rows import NewToken, token_tables
from tests.support.wire import check

# One device each, so that no target repeats.
KEY, TARGET = "GET /api/v1/devices/{device_id}", "/api/v1/devices/"
OTHER_KEYS = ("GET /api/v1/blueprints", "GET /api/v1/tags", "GET /api/v1/users")
_SEED = 21
_LIFETIME, _TRIED_FOR = timedelta(days=365), timedelta(days=90)
# As many as a person would write down; the last one is the caller's.
_NETWORKS = 10
_OWN_NETWORK = "127.0.0.0/8"
_PRIVATE = int(IPv4Address("10.0.0.0"))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The number of tokens, of tenants, and of tokens that are checked.

    under_terms: as many more are checked that have every term set. They are in every second tenant,
    which has networks too; the plain tokens that are checked are in the others.
    tried: as many more of the plain ones are checked while a trial withholds what they ask for.
    """

    tenants: int
    each: int
    asked: int
    under_terms: int = 0
    tried: int = 0


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests that pass, of many tokens in turn.

    Of plain tokens, under every term, and of tokens whose trial would deny them.
    """

    plain: list[bytes]
    under_terms: list[bytes]
    tried: list[bytes]


@dataclass(frozen=True, slots=True)
class _Database:
    """The tenants, and the secrets of the tokens that are checked, by their places.

    hint: of every secret.
    """

    tokens: Tokens
    tenant_ids: list[UUID]
    token_ids: list[UUID]
    plain: dict[int, str]
    under_terms: dict[int, str]
    tried: dict[int, str]
    hint: str

    def requests(self, secrets: dict[int, str]) -> list[bytes]:
        each = self.tokens.each
        return [
            check(f"{_slug(place // each)}.api.us.example.com", secret, f"{TARGET}{new_id()}")
            for place, secret in secrets.items()
        ]

    def networks_of(self, tenant: int) -> str | None:
        return networks_around(tenant) if self.under_terms and tenant % 2 else None


async def load_checks(url: str, tokens: Tokens, key: DigestKey) -> Requests:
    """Fill the migrated database at `url`."""
    random, total = Random(_SEED), tokens.tenants * tokens.each
    plain: Sequence[int] = range(total)
    bound: Sequence[int] = ()
    if tokens.under_terms:
        plain = [place for place in range(total) if place // tokens.each % 2 == 0]
        bound = [place for place in range(total) if place // tokens.each % 2 == 1]
    chosen = random.sample(plain, tokens.asked + tokens.tried)
    database = _Database(
        tokens,
        [new_id() for _ in range(tokens.tenants)],
        [new_id() for _ in range(total)],
        {place: new_token_secret("tsr") for place in chosen[: tokens.asked]},
        {place: new_token_secret("tsr") for place in random.sample(bound, tokens.under_terms)},
        {place: new_token_secret("tsr") for place in chosen[tokens.asked :]},
        token_hint(new_token_secret("tsr")),
    )
    at = to_milliseconds(now())
    made = token_tables(lambda: _tokens(database, key, at), at)
    await insert_rows(url, [_tenants(database, at), *made])
    asked = (database.plain, database.under_terms, database.tried)
    return Requests(*map(database.requests, asked))


def _tenants(database: _Database, at: datetime) -> Table:
    return Table(
        "tenant",
        (
            *("id", "created_at", "slug", "name", "region", "first_token_at"),
            *("requests_per_hour", "networks"),
        ),
        (
            (
                *(tenant_id, at, _slug(number), _slug(number), "us", at),
                # A limit that no tenant reaches.
                *(MAX_REQUESTS_PER_HOUR, database.networks_of(number)),
            )
            for number, tenant_id in enumerate(database.tenant_ids)
        ),
    )


def _tokens(database: _Database, key: DigestKey, at: datetime) -> Iterator[NewToken]:
    """The same tokens in the same order each time."""
    random = Random(_SEED)
    for place, token_id in enumerate(database.token_ids):
        tenant_id = database.tenant_ids[place // database.tokens.each]
        kinds = (database.plain, database.under_terms, database.tried)
        secret = next((kind[place] for kind in kinds if place in kind), None)
        digest = random.randbytes(32)
        made = NewToken(
            tenant_id=tenant_id,
            id=token_id,
            name=f"token {place}",
            description="",
            hint=database.hint,
            # Of an admin who was removed.
            created_by_id=tenant_id,
            owner_id=None,
            keys=(KEY, OTHER_KEYS[place % len(OTHER_KEYS)]),
            digest=key.digest("token", secret) if secret else digest,
        )
        if place in database.under_terms:
            made = _under_terms(made, place, digest, at)
        elif place in database.tried:
            made = made._replace(trial_until=at + _TRIED_FOR, withheld=(KEY,))
        yield made


def _under_terms(made: NewToken, place: int, new_digest: bytes, at: datetime) -> NewToken:
    """The token with every term set, asked with the old secret of a rotation under way."""
    return made._replace(
        expires_at=at + _LIFETIME,
        networks=networks_around(place),
        requests_per_hour=MAX_REQUESTS_PER_HOUR,
        used_at=at,
        new_digest=new_digest,
    )


def networks_around(number: int) -> str:
    """Networks as they are kept, others for each number; the last one has the requests."""
    first = number * (_NETWORKS - 1)
    others = (IPv4Address(_PRIVATE + first + n) for n in range(_NETWORKS - 1))
    return ",".join([*(f"{address}/32" for address in others), _OWN_NETWORK])


def _slug(number: int) -> str:
    return f"tenant-{number}"

"""The rows of the benchmark: written straight into a migrated database, in the order of its
indexes, by COPY or in one transaction. Nothing here is timed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from models import Role, new_id, now, permission_fingerprint
from server.access.sessions import ABSOLUTE
from server.catalogue import read_catalogue
from server.graphql.token_list import TOKENS
from server.paging import encode_cursor
from server.token_format import DigestKey, new_tenant_secret, new_token_secret, token_hint
from tests.bench.page import PAGE_SIZE, Ask

_SEED = 20
_ADMINS = (
    ("Ada Lovelace", "ada", Role.OWNER),
    ("Grace Hopper", "grace", Role.ADMIN),
    ("Barbara Liskov", "barbara", Role.ADMIN),
)
_PURPOSES = ("Nightly inventory", "Compliance report", "Onboarding", "Ticket sync", "Backup check")
_MIN_PERMISSIONS, _MAX_PERMISSIONS = 5, 15
_SETS_OF_PERMISSIONS = 997
# Not a hash of any password; the benchmark signs nobody in.
_NO_PASSWORD = "!"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The number of rows: `tenants` of `tokens` each, and two more tenants to compare by size."""

    tenants: int
    tokens: int
    small: int
    large: int
    deep_page: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pages to request: the first of many tenants, and pages of a small and a large one."""

    typical: list[Ask]
    small: Ask
    large: Ask
    large_deep: Ask


@dataclass(frozen=True, slots=True)
class _Tenant:
    slug: str
    id: UUID
    admin_ids: list[UUID]
    token_ids: list[UUID]
    session: str

    def page(self, number: int) -> Ask:
        """The page of that number, counted from 1, newest first as in the connection."""
        if number == 1:
            return Ask(self.session)
        last_before = self.token_ids[-PAGE_SIZE * (number - 1)]
        return Ask(self.session, encode_cursor(TOKENS, last_before))


async def load(url: str, sizes: Sizes, key: DigestKey, *, asked: int) -> Dataset:
    """Fill the migrated database at `url`; `asked` of its tenants get requests."""
    typical = [_tenant(f"tenant-{number}", sizes.tokens) for number in range(sizes.tenants)]
    small, large = _tenant("small", sizes.small), _tenant("large", sizes.large)
    tables = _tables([*typical, small, large], key)
    await insert_rows(url, tables)
    step = max(1, len(typical) // asked)
    return Dataset(
        typical=[tenant.page(1) for tenant in typical[::step]],
        small=small.page(1),
        large=large.page(1),
        large_deep=large.page(sizes.deep_page),
    )


def _tenant(slug: str, tokens: int) -> _Tenant:
    tenant_id = new_id()
    admin_ids = [new_id() for _ in _ADMINS]
    token_ids = [new_id() for _ in range(tokens)]
    return _Tenant(slug, tenant_id, admin_ids, token_ids, new_tenant_secret(tenant_id))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table, and their columns."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def _tables(tenants: Sequence[_Tenant], key: DigestKey) -> list[Table]:
    at = now()
    return [*_people(tenants, key, at), *_tables_of_tokens(tenants, at)]


def _people(tenants: Sequence[_Tenant], key: DigestKey, at: datetime) -> Iterator[Table]:
    """The tenants, their admins, and a session of the first admin of each."""
    yield Table(
        "tenant",
        ("id", "created_at", "slug", "name", "region", "first_token_at"),
        ((t.id, at, t.slug, t.slug.title(), "us", at) for t in tenants),
    )
    yield Table(
        "admin",
        ("tenant_id", "id", "created_at", "name", "email", "role", "password_hash"),
        (
            (t.id, admin_id, at, name, f"{mailbox}@{t.slug}.example", role.value, _NO_PASSWORD)
            for t in tenants
            for admin_id, (name, mailbox, role) in zip(t.admin_ids, _ADMINS, strict=True)
        ),
    )
    yield Table(
        "session",
        ("tenant_id", "id", "created_at", "admin_id", "digest", "last_seen_at", "expires_at"),
        (
            (t.id, new_id(), at, t.admin_ids[0], digest, at, at + ABSOLUTE)
            for t in tenants
            for digest in [key.digest("session", t.session)]
        ),
    )


def _tables_of_tokens(tenants: Sequence[_Tenant], at: datetime) -> Iterator[Table]:
    """The tokens, the last use of every second one, and their permissions."""
    yield Table(
        "token",
        (
            *("tenant_id", "id", "created_at", "name", "description"),
            *("hint", "revision", "created_by_id"),
        ),
        _tokens(tenants, at),
    )
    yield Table(
        "token_last_use",
        (
            *("tenant_id", "id", "created_at", "last_used_at"),
            *("last_used_from", "last_used_user_agent"),
        ),
        (
            (t.id, token_id, at, at, "192.0.2.1", "curl/8.5.0")
            for t in tenants
            for token_id in t.token_ids[1::2]
        ),
    )
    yield Table(
        "token_permission",
        ("tenant_id", "token_id", "key", "fingerprint", "id", "created_at"),
        _permissions(tenants, at),
    )


def _tokens(tenants: Sequence[_Tenant], at: datetime) -> Iterator[tuple[Any, ...]]:
    random = Random(_SEED)
    for tenant in tenants:
        for number, token_id in enumerate(tenant.token_ids):
            name = f"{random.choice(_PURPOSES)} {number}"
            description = f"Made for {name.lower()}; ask the platform team before it is revoked."
            yield (
                *(tenant.id, token_id, at, name, description),
                *(token_hint(new_token_secret("tsr")), 1, random.choice(tenant.admin_ids)),
            )


def _permissions(tenants: Sequence[_Tenant], at: datetime) -> Iterator[tuple[Any, ...]]:
    random = Random(_SEED)
    keys = [p.key for category in read_catalogue(None).categories for p in category.permissions]
    sets = cycle(
        sorted(random.sample(keys, random.randint(_MIN_PERMISSIONS, _MAX_PERMISSIONS)))
        for _ in range(_SETS_OF_PERMISSIONS)
    )
    for tenant in tenants:
        for token_id, chosen in zip(tenant.token_ids, sets, strict=False):
            for key in chosen:
                yield tenant.id, token_id, key, permission_fingerprint(key), new_id(), at


async def insert_rows(url: str, tables: Sequence[Table]) -> None:
    """Write the rows of each table in turn."""
    if url.startswith("sqlite:"):
        _insert(url, tables)
    else:
        await _copy(url, tables)


async def _copy(url: str, tables: Sequence[Table]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table in tables:
            await connection.copy_records_to_table(
                table.name, records=table.rows, columns=table.columns
            )
        # Otherwise autovacuum could start during the measurement.
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _insert(url: str, tables: Sequence[Table]) -> None:
    # As Tortoise writes them.
    sqlite3.register_adapter(UUID, str)
    sqlite3.register_adapter(datetime, lambda value: value.isoformat(" "))
    with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        for table in tables:
            places = ", ".join("?" * len(table.columns))
            connection.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})",
                table.rows,
            )
        connection.execute("COMMIT")
        connection.execute("ANALYZE")

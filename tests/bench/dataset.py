"""The rows of the benchmark: written straight into a migrated database, in the order of its
indexes, by COPY or in one transaction. Nothing here is timed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import cycle
from random import Random
from uuid import UUID

from models import Role, new_id, now
from server.access.sessions import ABSOLUTE
from server.catalogue import read_catalogue
from server.conditions import to_milliseconds
from server.global_ids import encode_id
from server.graphql.token_list import TOKENS
from server.paging import encode_cursor
from server.token_format import DigestKey, new_tenant_secret, new_token_secret, token_hint
from tests.bench.page import PAGE_SIZE, RENAME, Ask
from tests.bench.rows import Table, insert_rows
from tests.bench.token_rows import NewToken, token_tables

_SEED = 20
_ADMINS = (
    ("Ada Lovelace", "ada", Role.OWNER),
    ("Grace Hopper", "grace", Role.ADMIN),
    ("Barbara Liskov", "barbara", Role.ADMIN),
)
_PURPOSES = ("Nightly inventory", "Compliance report", "Onboarding", "Ticket sync", "Backup check")
# A token has another name each time that it is renamed.
_NAMES = ("Renamed once", "Renamed twice")
_MIN_PERMISSIONS, _MAX_PERMISSIONS = 5, 15
_SETS_OF_PERMISSIONS = 997
_MAX_HOURS = 365 * 24
_EXPIRES_WITHIN = timedelta(days=90)
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
    """The pages to request: the first of many tenants, and pages of a small and a large one.

    lists: filtered and sorted first pages of the large one, by their descriptions.
    renamings: of a token of each typical tenant, to one name and then to another.
    """

    typical: list[Ask]
    small: Ask
    large: Ask
    large_deep: Ask
    lists: Mapping[str, Ask]
    renamings: list[Ask]


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

    def renaming(self, name: str) -> Ask:
        """Give the first token another name."""
        wanted = {"tokenId": encode_id("Token", self.token_ids[0]), "name": name}
        return Ask(self.session, arguments={"input": wanted}, operation=RENAME)

    def lists(self, at: datetime) -> dict[str, Ask]:
        """Filtered and sorted first pages, by their descriptions."""
        owner = encode_id("Admin", self.admin_ids[1])
        expiry = (at + _EXPIRES_WITHIN).isoformat().replace("+00:00", "Z")
        asked = {
            "active ones, by last use": ({"states": ["ACTIVE"]}, "LAST_USED"),
            "of one owner, by name": ({"ownerId": owner}, "NAME"),
            "that expire within 90 days, by expiry": (
                {"expiresBefore": expiry},
                "EXPIRES_SOONEST",
            ),
            "with a permission, newest first": ({"permission": _permission_keys()[0]}, "NEWEST"),
        }
        return {
            name: Ask(self.session, arguments={"filter": wanted, "orderBy": order})
            for name, (wanted, order) in asked.items()
        }


async def load(url: str, sizes: Sizes, key: DigestKey, *, asked: int) -> Dataset:
    """Fill the migrated database at `url`; `asked` of its tenants get requests."""
    typical = [_tenant(f"tenant-{number}", sizes.tokens) for number in range(sizes.tenants)]
    small, large = _tenant("small", sizes.small), _tenant("large", sizes.large)
    at = to_milliseconds(now())
    await insert_rows(url, _tables([*typical, small, large], key, at))
    step = max(1, len(typical) // asked)
    return Dataset(
        typical=[tenant.page(1) for tenant in typical[::step]],
        small=small.page(1),
        large=large.page(1),
        large_deep=large.page(sizes.deep_page),
        lists=large.lists(at),
        renamings=[tenant.renaming(name) for name in _NAMES for tenant in typical[::step]],
    )


def _tenant(slug: str, tokens: int) -> _Tenant:
    tenant_id = new_id()
    admin_ids = [new_id() for _ in _ADMINS]
    token_ids = [new_id() for _ in range(tokens)]
    return _Tenant(slug, tenant_id, admin_ids, token_ids, new_tenant_secret(tenant_id))


def _tables(tenants: Sequence[_Tenant], key: DigestKey, at: datetime) -> list[Table]:
    made = list(_tokens(tenants, at))
    return [*_people(tenants, key, at), *token_tables(lambda: made, at)]


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


def _tokens(tenants: Sequence[_Tenant], at: datetime) -> Iterator[NewToken]:
    """Live tokens: a fifth of the organisation, two thirds with an expiry, a tenth paused, half
    used, in no order of their ids.
    """
    random, sets = Random(_SEED), _sets_of_permissions()
    for tenant in tenants:
        for number, (token_id, keys) in enumerate(zip(tenant.token_ids, sets, strict=False)):
            name = f"{random.choice(_PURPOSES)} {number}"
            creator_id = random.choice(tenant.admin_ids)
            ends_after = timedelta(hours=random.randint(1, _MAX_HOURS))
            used_after = timedelta(seconds=random.random())
            yield NewToken(
                tenant_id=tenant.id,
                id=token_id,
                name=name,
                description=f"Made for {name.lower()}; ask the platform team before it is revoked.",
                hint=token_hint(new_token_secret("tsr")),
                created_by_id=creator_id,
                owner_id=None if number % 5 == 0 else creator_id,
                keys=keys,
                digest=random.randbytes(32),
                expires_at=at + ends_after if number % 3 else None,
                is_paused=number % 10 == 3,
                used_at=at + used_after if number % 2 else None,
            )


def _sets_of_permissions() -> Iterator[list[str]]:
    """The sets in turn, again and again."""
    random, keys = Random(_SEED), _permission_keys()
    return cycle(
        [
            sorted(random.sample(keys, random.randint(_MIN_PERMISSIONS, _MAX_PERMISSIONS)))
            for _ in range(_SETS_OF_PERMISSIONS)
        ]
    )


@cache
def _permission_keys() -> list[str]:
    return [p.key for category in read_catalogue(None).categories for p in category.permissions]

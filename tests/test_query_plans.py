"""Query plans: every statement reads ranges of indexes that start with the tenant.

The statements are captured from real requests. The tables have enough rows that a full scan would
cost more. `tests.models.test_distribution` checks the schema itself.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

import models
from models import ActivityKind, RefusalReason, Role
from models.distribution import TABLES
from server import database
from server.access import token_lists
from server.access.principal import Holder
from server.access.sessions import ABSOLUTE
from server.access.token_lists import TokenOrder
from server.app import create_app, running_service
from server.decisions import log_rows, lookup_postgres, lookup_sqlite, pick_ups
from server.decisions.log_rows import Denial
from server.global_ids import encode_id, row_id
from server.operations import holder
from server.paging import encode_cursor
from server.service import Service
from tests.architecture.statements import tables_without_tenant
from tests.conftest import settings_for
from tests.support.factories import PASSWORD, Client, Person, World, complete, digest_of, token_id
from tests.support.postgres import PostgresServer

TOKENS, ADMINS = 3000, 500
BYSTANDERS, THEIR_TOKENS, THEIR_ADMINS = 20, 350, 200
SEARCH_INDEX = "idx_token_search_words"
Statement = tuple[str, list[Any]]


@dataclass(frozen=True)
class LargeTenant:
    """A database with one large tenant among small ones, and an admin of the large one."""

    url: str
    person: Person
    slug: str
    # In the middle of all rows.
    token: UUID
    activity: UUID
    admin: UUID


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def large_tenant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LargeTenant]:
    if request.param == "sqlite":
        yield asyncio.run(fill(f"sqlite://{tmp_path_factory.mktemp('large_tenant')}/tessera.db"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database_now("large_tenant")
    yield asyncio.run(fill(url))
    server.drop_database_now(url)


async def fill(url: str) -> LargeTenant:
    await database.migrate(settings_for(url))
    async with running_service(settings_for(url)) as service:
        world = World(service)
        tenants = [await world.tenant() for _ in range(1 + BYSTANDERS)]
        person = await world.person(tenants[0], email="owner@example.com")
        for tenant in tenants[1:]:
            await fill_tenant(tenant, tokens=THEIR_TOKENS, admins=THEIR_ADMINS)
        made, events, admins = await fill_tenant(tenants[0], tokens=TOKENS, admins=ADMINS)
        if not url.startswith("sqlite"):
            # Autovacuum would do the first; the second suits solid-state disks.
            await database.connection().execute_script("ANALYZE")
            await database.connection().execute_script(
                "ALTER DATABASE large_tenant SET random_page_cost = 1.1"
            )
        half = TOKENS // 2 + 1
        middle = (made[half].id, events[half].id, admins[ADMINS // 2].id)
        return LargeTenant(url, person, tenants[0].slug, *middle)


async def fill_tenant(
    tenant: models.Tenant, *, tokens: int, admins: int
) -> tuple[list[models.Token], list[models.Activity], list[models.Admin]]:
    people = [
        models.Admin(tenant_id=tenant.id, email=f"a{n}@example.com", name="A", role=Role.ADMIN)
        for n in range(admins)
    ]
    made = tokens_of(people, tokens)
    await fill_admins(people)
    await models.Token.bulk_create(made)
    await complete(made)
    await models.TokenPermission.bulk_create(
        [
            models.TokenPermission(tenant_id=tenant.id, token_id=token.id, key="GET /api")
            for token in made
        ]
    )
    events = [
        models.Activity(
            tenant_id=tenant.id,
            token_id=token.id,
            actor_id=token.created_by_id,
            kind=ActivityKind.CREATED,
        )
        for token in made
    ]
    await models.Activity.bulk_create(events)
    await fill_decision_log(made)
    return made, events, people


def tokens_of(people: list[models.Admin], tokens: int) -> list[models.Token]:
    """Tokens of these admins in turn; every fourth one is revoked."""
    at = models.now()
    return [
        models.Token(
            tenant_id=people[0].tenant_id,
            name=f"token {n}",
            description="",
            hint="tsr_…",
            created_by_id=people[n % len(people)].id,
            owner_id=people[n % len(people)].id if n % 5 else None,
            revoked_at=at if n % 4 == 0 else None,
            paused_at=at if n % 6 == 1 else None,
            expires_at=at + timedelta(hours=n - tokens // 2) if n % 3 else None,
            first_used_at=at if n % 7 else None,
        )
        for n in range(tokens)
    ]


async def fill_admins(people: list[models.Admin]) -> None:
    """The admins, and the rows of signing in of each."""
    at = models.now()
    keyed = [{"tenant_id": a.tenant_id, "admin_id": a.id, "digest": a.id.bytes} for a in people]
    await models.Admin.bulk_create(people)
    await models.Session.bulk_create(
        [models.Session(**keys, last_seen_at=at, expires_at=at + ABSOLUTE) for keys in keyed]
    )
    await models.Invitation.bulk_create(
        [models.Invitation(**keys, expires_at=at) for keys in keyed]
    )
    await models.KnownAddress.bulk_create(
        [models.KnownAddress(**keys, signed_in_at=at) for keys in keyed]
    )
    await models.AttemptCounter.bulk_create(
        [
            models.AttemptCounter(tenant_id=a.tenant_id, subject=a.id.bytes, started_at=at)
            for a in people
        ]
    )


async def fill_decision_log(made: list[models.Token]) -> None:
    """Three days of uses, three denials, the last use and an ended rotation of each token."""
    days = [models.now() - timedelta(days=n) for n in range(3)]
    await models.TokenUse.bulk_create([use_of(token, day) for token in made for day in days])
    await models.TokenRefusal.bulk_create([refusal_of(token) for token in made for _ in days])
    await models.TokenLastUse.bulk_create(
        [last_use_of(token, days[0]) for token in made if token.first_used_at]
    )
    await models.TokenRotation.bulk_create([rotation_of(token, days[0]) for token in made])
    await models.SecretUse.bulk_create(
        [secret_use_of(token, f"x {n}", at) for token in made for n, at in enumerate(days)]
    )


def use_of(token: models.Token, day: datetime) -> models.TokenUse:
    return models.TokenUse(
        tenant_id=token.tenant_id,
        token_id=token.id,
        key="GET /api",
        day=day.date(),
        allowed=1,
        denied=0,
        first_used_at=day,
        last_used_at=day,
    )


def refusal_of(token: models.Token) -> models.TokenRefusal:
    return models.TokenRefusal(
        tenant_id=token.tenant_id,
        token_id=token.id,
        method="GET",
        path="/api",
        reason=RefusalReason.NOT_GRANTED,
        address="192.0.2.1",
        user_agent="x",
        request_id="x",
    )


def rotation_of(token: models.Token, at: datetime) -> models.TokenRotation:
    """One that has ended."""
    return models.TokenRotation(
        tenant_id=token.tenant_id,
        id=token.id,
        old_generation=1,
        new_generation=1,
        old_hint="tsr_…",
        new_hint="tsr_…",
        drain_seconds=600,
        ended_at=at,
    )


def secret_use_of(token: models.Token, user_agent: str, at: datetime) -> models.SecretUse:
    return models.SecretUse(
        tenant_id=token.tenant_id,
        token_id=token.id,
        address="192.0.2.1",
        user_agent=user_agent,
        requests=1,
        last_used_at=at,
    )


def last_use_of(token: models.Token, at: datetime) -> models.TokenLastUse:
    return models.TokenLastUse(
        tenant_id=token.tenant_id,
        id=token.id,
        last_used_at=at,
        last_used_from="192.0.2.1",
        last_used_user_agent="x",
        revoked_at=token.revoked_at,
    )


@pytest.fixture
async def service(large_tenant: LargeTenant) -> AsyncIterator[Service]:
    async with running_service(settings_for(large_tenant.url)) as running:
        yield running


@pytest.fixture
async def client(service: Service, large_tenant: LargeTenant) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Client(http).of(large_tenant.person)


class _Catcher(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.statements: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) == 2:
            values: Any
            sql, values = record.args
            many = isinstance(values, list) and values and isinstance(values[0], list)
            self.statements.append((str(sql), list((values[0] if many else values) or [])))


@contextmanager
def caught() -> Iterator[list[Statement]]:
    """Every statement that Tortoise sends within the block."""
    log, catcher = logging.getLogger("tortoise.db_client"), _Catcher()
    level, propagates = log.level, log.propagate
    log.addHandler(catcher)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield catcher.statements
    finally:
        log.removeHandler(catcher)
        log.setLevel(level)
        log.propagate = propagates


@dataclass(frozen=True)
class Read:
    """One read of a table in a plan: its index, if any, and the columns used of it."""

    table: str
    index: str | None
    condition: str


@dataclass(frozen=True)
class Plan:
    reads: list[Read]
    sorts: bool


async def plan_of(statement: Statement) -> Plan:
    sql, values = statement
    client: Any = database.connection()
    if client.capabilities.dialect == "postgres":
        _, rows = await client.execute_query(f"EXPLAIN (FORMAT JSON) {sql}", values)
        plan: list[dict[str, Any]] = json.loads(rows[0]["QUERY PLAN"])
        nodes = list(_nodes(plan[0]["Plan"]))
        return Plan(
            [read for node in nodes for read in _postgres_reads(node)],
            any("Sort" in node["Node Type"] for node in nodes),
        )
    _, rows = await client.execute_query(f"EXPLAIN QUERY PLAN {sql}", values)
    details = [row["detail"] for row in rows]
    return Plan(
        [_sqlite_read(detail) for detail in details if detail.startswith(("SEARCH", "SCAN"))],
        any("TEMP B-TREE" in detail for detail in details),
    )


def _nodes(node: dict[str, Any], table: str = "") -> Iterator[dict[str, Any]]:
    # The index node of a bitmap scan does not name its table; its parent does.
    node = {"Relation Name": table} | node
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child, node["Relation Name"])


def _postgres_reads(node: dict[str, Any]) -> Iterator[Read]:
    if node["Node Type"] == "Seq Scan":
        yield Read(node["Relation Name"], None, node.get("Filter", ""))
    elif "Index Name" in node:
        yield Read(node["Relation Name"], node["Index Name"], node.get("Index Cond", ""))


def _sqlite_read(detail: str) -> Read:
    """From a line such as `SEARCH token USING INDEX idx_token_live (tenant_id=? AND id<?)`."""
    words = detail.split()
    _, _, condition = detail.partition("(")
    # A SCAN reads a whole table or a whole index.
    # A table WITHOUT ROWID is the index of its primary key.
    found = words[0] == "SEARCH" and re.search(r"(?:INDEX|PRIMARY) (\w+) ", detail)
    return Read(words[1], found[1] if found else None, condition)


async def leading_columns() -> dict[str, str]:
    """The first column of every index; on PostgreSQL only."""
    _, rows = await database.connection().execute_query(
        "SELECT indexrelid::regclass::text AS index, pg_get_indexdef(indexrelid, 1, true) AS first"
        " FROM pg_index"
    )
    return {row["index"]: row["first"] for row in rows}


async def violations(statements: list[Statement], *, may_sort: bool = False) -> list[str]:
    """All violations in the plans of these statements."""
    postgres = database.connection().capabilities.dialect == "postgres"
    first_of = await leading_columns() if postgres else {}
    found = []
    for sql, values in statements:
        found += [f"names no tenant of {table}: {sql}" for table in tables_without_tenant(sql)]
        if sql.startswith("INSERT"):
            continue
        plan = await plan_of((sql, values))
        for read in plan.reads:
            if read.table not in TABLES:
                continue
            if read.index is None:
                found.append(f"reads the whole table: {sql}: {read}")
            elif postgres and read.index == SEARCH_INDEX:
                # Its entries are hashes of tenant and text.
                if "@>" not in read.condition:
                    found.append(f"reads all of the search index: {sql}: {read}")
            elif postgres and (
                first_of[read.index] != "tenant_id" or "tenant_id = " not in read.condition
            ):
                found.append(f"reads more than its tenant's: {sql}: {read}")
        if "ORDER BY" in sql and "FOR UPDATE" not in sql:
            if plan.sorts and not may_sort:
                found.append(f"sorts: {sql}: {plan}")
            within = re.search(r"\bid ?[<>]", plan.reads[0].condition)
            if re.search(r'"id"[<>]', sql) and not within:
                found.append(f"reads from the beginning: {sql}: {plan}")
    return found


PAGE = (
    "edges { cursor node { id name lastUsedAt permissionCount permissions { key }"
    " createdBy { name } } }"
)
EVENTS = "edges { node { id actor { name } token { name } } }"

# A request, and the table of its page.
PAGES = {
    "tokens": ("tokens(first: 50)", PAGE, "token"),
    "tokens after": ('tokens(first: 50, after: "{tokens}")', PAGE, "token"),
    "tokens last": ("tokens(last: 50)", PAGE, "token"),
    "tokens before": ('tokens(last: 50, before: "{tokens}")', PAGE, "token"),
    "tokens with activity": (
        "tokens(first: 5)",
        f"edges {{ node {{ activity(first: 5) {{ {EVENTS} }} }} }}",
        "activity",
    ),
    "activity of a token": ('tokenActivity(tokenId: "{token_id}", first: 50)', EVENTS, "activity"),
    "activity of a token after": (
        'tokenActivity(tokenId: "{token_id}", first: 50, after: "{activity}")',
        EVENTS,
        "activity",
    ),
    "activity": ("activity(first: 50)", EVENTS, "activity"),
    "activity after": ('activity(first: 50, after: "{activity}")', EVENTS, "activity"),
    "activity of a kind": ("activity(first: 50, kind: CREATED)", EVENTS, "activity"),
    "activity of a kind after": (
        'activity(first: 50, after: "{activity}", kind: CREATED)',
        EVENTS,
        "activity",
    ),
    "admins": ("admins(first: 50)", "edges { node { name liveTokenCount } }", "admin"),
    "admins after": ('admins(first: 50, after: "{admins}")', "edges { node { name } }", "admin"),
}


@pytest.mark.parametrize("name", PAGES)
async def test_page_is_a_range_of_an_index(
    name: str, large_tenant: LargeTenant, client: Client
) -> None:
    field, selection, table = PAGES[name]
    places = {
        "tokens": encode_cursor("tokens", large_tenant.token),
        "activity": encode_cursor("activity", large_tenant.activity),
        "admins": encode_cursor("admins", large_tenant.admin),
        "token_id": token_id(large_tenant.token),
    }
    for place, value in places.items():
        field = field.replace(f"{{{place}}}", value)
    with caught() as statements:
        data = await client.data(f"{{ page: {field} {{ {selection} }} }}")
    assert data["page"]["edges"] or "token after" in name
    # The request's own page, and its session.
    assert any(f'FROM "{table}"' in sql and "ORDER BY" in sql for sql, _ in statements)
    assert any('FROM "session"' in sql for sql, _ in statements)
    assert await violations(statements) == []


@pytest.mark.parametrize(
    "arguments", ["first: 50", 'first: 50, after: "{}"', 'last: 5, before: "{}"']
)
@pytest.mark.parametrize("term", ["7", "token 29", "token 1501", "no such text"])
async def test_search_reads_indexes_of_its_tenant(
    term: str, arguments: str, large_tenant: LargeTenant, client: Client
) -> None:
    arguments = arguments.replace("{}", encode_cursor("tokens", large_tenant.token))
    with caught() as statements:
        field = f'tokens({arguments}, search: "{term}") {{ {PAGE} }}'
        data = await client.data(f"{{ page: {field} }}")
    assert all(term in edge["node"]["name"] for edge in data["page"]["edges"])
    searches = [(sql, values) for sql, values in statements if "token_search" in sql]
    # The unordered matches of the index are few enough to sort.
    assert await violations(statements, may_sort=True) == []
    plans = str([await plan_of(search) for search in searches])
    assert "token_search" in plans
    if term == "no such text" and not large_tenant.url.startswith("sqlite"):
        assert SEARCH_INDEX in plans


async def test_all_other_requests_read_indexes_of_their_tenant(
    large_tenant: LargeTenant, client: Client, service: Service
) -> None:
    """Signing in and out, invitations, mutations, single rows, reports and a holder's own token."""
    token, admin = token_id(large_tenant.token), encode_id("Admin", large_tenant.admin)
    with caught() as statements:
        await sign_in_and_out(large_tenant.slug, client)
        await client.data(f'{{ viewer {{ id }} token(id: "{token}") {{ name }} }}')
        await client.data(f'{{ nodes(ids: ["{token}", "{admin}"]) {{ id }} }}')
        report = await client.http.post("/revoke", json={"credentials": ["x"]})
        assert report.status_code == 202
        await holder.describe(
            Holder(large_tenant.person.admin.tenant_id, large_tenant.token), service
        )
        results = await every_mutation(client, token, admin)
        accept = {"invitation": results[-1]["invitation"], "password": PASSWORD}
        assert (await client.http.post("/invitation", json=accept)).status_code == 204
    assert [r for r in results if not r["__typename"].endswith("Payload")] == []
    assert len({sql for sql, _ in statements}) > 25
    assert await violations(statements) == []


async def sign_in_and_out(slug: str, client: Client) -> None:
    """Also with an unknown address, and with a wrong password at its change."""
    person = {"tenant": slug, "email": "owner@example.com", "password": PASSWORD}
    signed_in = await client.http.post("/session", json={**person, "transport": "bearer"})
    assert signed_in.status_code == 201
    session = {"Authorization": f"Bearer {signed_in.json()['session']}"}
    assert (await client.http.get("/session", headers=session)).status_code == 200
    assert (await client.http.delete("/session", headers=session)).status_code == 204
    wrong = await client.http.post("/session", json={**person, "email": "no@example.com"})
    assert wrong.status_code == 401
    change = {"currentPassword": "wrong", "newPassword": PASSWORD}
    wrong = await client.http.put("/password", json=change, headers=client.headers)
    assert wrong.status_code == 401


async def every_mutation(client: Client, token: str, admin: str) -> list[dict[str, Any]]:
    """The result of each mutation; the last one invites an admin."""
    return [
        await client.mutate("createToken", name="n", idempotencyKey=str(models.new_id())),
        await client.mutate("renameToken", tokenId=token, name="another"),
        await client.mutate("describeToken", tokenId=token, description="another"),
        await client.mutate("setPermissions", tokenId=token, permissions=[]),
        await client.mutate("editPermissions", tokenId=token, grant=["GET /api/v1/tags"]),
        await client.mutate("editPermissions", tokenId=token, withdraw=["GET /api/v1/tags"]),
        await client.mutate("setTokenExpiry", tokenId=token, expiresAt="2031-01-01T00:00:00Z"),
        await client.mutate("pauseToken", tokenId=token),
        await client.mutate("resumeToken", tokenId=token),
        await client.mutate("setTokenNetworks", tokenId=token, networks=["192.0.2.0/24"]),
        await client.mutate("setTokenRateLimit", tokenId=token, requestsPerHour=7),
        await client.mutate("transferToken", tokenId=token, toAdminId=admin),
        await client.mutate("rotateToken", tokenId=token, idempotencyKey="k"),
        await client.mutate("rotateToken", tokenId=token, idempotencyKey="k"),
        await client.mutate("rotateToken", tokenId=token, replace=True),
        await client.mutate("endRotation", tokenId=token, keep="OLD"),
        await client.mutate("rotateToken", tokenId=token, drainSeconds=0),
        await client.mutate("endRotation", tokenId=token, keep="NEW"),
        await client.mutate("revokeTokens", filter={"search": "token 1499"}, expectedCount=1),
        await client.mutate("revokeToken", tokenId=token),
        await client.mutate("renewInvitation", adminId=admin),
        await client.mutate("setAdminRole", adminId=admin, role="AUDITOR"),
        await client.mutate("removeAdmin", adminId=admin),
        await client.mutate(
            "addAdmin",
            "... on AddAdminPayload { invitation }",
            email="x@example.com",
            name="X",
            role="ADMIN",
        ),
    ]


async def test_checks_and_the_decision_log_use_indexes_of_their_tenant(
    large_tenant: LargeTenant, client: Client
) -> None:
    tenant_id, at = large_tenant.person.admin.tenant_id, models.now().timestamp()
    token = (str(tenant_id), str(large_tenant.token))
    refused = Denial(at, "GET", "/x", RefusalReason.NOT_GRANTED, "192.0.2.1", "x", "x")
    batch = log_rows.Unwritten(
        {(*token, "GET /api", log_rows.day_of(at)): log_rows.Use(1, 1, at, at)},
        {token: (at, "192.0.2.1", "x")},
        {token: [refused]},
        {(*token, "192.0.2.1", "x"): log_rows.OldUse(1, at)},
    )
    digest = await digest_of(await models.Token.get(tenant_id=tenant_id, id=large_tenant.token))
    question = (large_tenant.slug, "us", digest, models.permission_fingerprint("GET /api"))
    with caught() as statements:
        await log_rows.write(batch)
        await log_rows.delete_old_uses([tenant_id], 100, log_rows.day_of(at))
        used = "lastUsedAt usage { allowed } recentRefusals { reason }"
        found = await client.data(f'{{ token(id: "{token_id(large_tenant.token)}") {{ {used} }} }}')
    if large_tenant.url.startswith("sqlite"):
        statements.append((lookup_sqlite._FOUND, list(question)))
    else:
        statements.append((lookup_postgres._FOUND, list(lookup_postgres._columns([question]))))
    assert found["token"]["recentRefusals"]
    assert found["token"]["lastUsedAt"]
    for table in ("token_use", "token_last_use", "token_refusal", "token_permission", "secret_use"):
        assert any(table in sql for sql, _ in statements), table
    assert await violations(statements, may_sort=True) == []
    if large_tenant.url.startswith("sqlite"):
        # By their aliases.
        reads = [read for one in statements for read in (await plan_of(one)).reads]
        assert [r for r in reads if r.index is None and r.table not in {"json_each", "u"}] == []


async def test_pick_up_and_rotation_are_read_by_indexes_of_their_tenant(
    large_tenant: LargeTenant, client: Client
) -> None:
    made = await client.mutate(
        "createToken", "... on CreateTokenPayload { token { id } }", name="rotated"
    )
    given = made["token"]["id"]
    await client.mutate("rotateToken", tokenId=given)
    tenant_id, found = large_tenant.person.admin.tenant_id, row_id("Token", given)
    digests = (await digest_of(await models.Token.get(tenant_id=tenant_id, id=found)),)
    rotation = "rotation { state startedBy { name } oldSecretUses { count } }"
    with caught() as statements:
        await pick_ups._record(pick_ups._PickUp(str(tenant_id), str(found), digests, "192.0.2.1"))
        shown = await client.data(f'{{ token(id: "{given}") {{ {rotation} }} }}')
    assert shown["token"]["rotation"]["state"] == "DRAINING"
    for table in ("token_rotation", "secret_use", "token_secret"):
        assert any(table in sql for sql, _ in statements), table
    assert await violations(statements) == []


LISTS = {
    "none": "",
    "states": "filter: {states: [PAUSED]}",
    "active": "filter: {states: [ACTIVE]}",
    "expired": "filter: {states: [EXPIRED]}",
    "revoked": "filter: {states: [REVOKED]}",
    "owner": 'filter: {ownerId: "{admin}"}',
    "organisation": "filter: {isOwnedByOrganisation: true}",
    "creator": 'filter: {createdById: "{admin}"}',
    "unused": 'filter: {unusedSince: "2027-01-01T00:00:00Z"}',
    "created": 'filter: {createdBefore: "2027-01-01T00:00:00Z"}',
    "expiry": 'filter: {expiresBefore: "2027-01-01T00:00:00Z"}',
    "permission": 'filter: {permission: "GET /api"}',
    "search": 'filter: {search: "token 15"}',
    "several": 'filter: {search: "15", ownerId: "{admin}", permission: "GET /api"}',
}
# Filters and orders by one index: a page of them reads the rows that it shows, and one more.
EXACT = {
    *(("none", order) for order in ("NAME", "EXPIRES_SOONEST")),
    *((name, end) for name in ("revoked", "owner", "organisation") for end in ("NEWEST", "OLDEST")),
    *((name, "EXPIRES_SOONEST") for name in ("expired", "expiry")),
}


@pytest.mark.parametrize("order", TokenOrder)
@pytest.mark.parametrize("name", LISTS)
async def test_list_of_tokens_reads_ranges_of_indexes(
    name: str, order: TokenOrder, large_tenant: LargeTenant, client: Client
) -> None:
    conditions = LISTS[name].replace("{admin}", encode_id("Admin", large_tenant.admin))
    sorted_by = f"{conditions} orderBy: {order.value}"
    statements: list[Statement] = []
    for end in ("first", "last"):
        with caught() as some:
            field = f"tokens({end}: 20, {sorted_by}) {{ edges {{ cursor }} }}"
            edges = (await client.data(f"{{ page: {field} }}"))["page"]["edges"]
            if edges:
                cursor = edges[-1 if end == "first" else 0]["cursor"]
                argument = "after" if end == "first" else "before"
                field = field.replace("20,", f'20, {argument}: "{cursor}",')
                await client.data(f"{{ page: {field} }}")
        statements += some
    with caught() as counting:
        await client.data(f"{{ tokenCount({conditions}) }}" if conditions else "{ tokenCount }")
    lists = [one for one in [*statements, *counting] if re.search(r"\) [ex]\b", one[0])]
    assert lists or (name, order.value) in {("none", "NEWEST"), ("none", "OLDEST")}
    assert await broad_reads(lists) == []
    if (name, order.value) in EXACT:
        assert {int(n) for sql, _ in statements for n in re.findall(r"LIMIT (\d+)", sql)} <= {
            *(1, 2, 21, 50),
        }


async def broad_reads(statements: list[Statement]) -> list[str]:
    """The statements of lists that read more than ranges of indexes, or sort more than a few."""
    found = []
    async with database.transaction() as connected:
        postgres = connected.capabilities.dialect == "postgres"
        if postgres:
            await connected.execute_query(token_lists._PLANNING)
        first_of = await leading_columns() if postgres else {}
        for sql, values in statements:
            found += [f"names no tenant of {table}: {sql}" for table in tables_without_tenant(sql)]
            plan = await plan_of((sql, values))
            for read in plan.reads:
                if postgres and read.index == SEARCH_INDEX:
                    continue
                if postgres and (
                    read.index is None
                    or first_of[read.index] != "tenant_id"
                    or "tenant_id = " not in read.condition
                ):
                    found.append(f"reads more than its tenant's: {sql}: {read}")
                if not postgres and read.index is None and read.table not in _DERIVED:
                    found.append(f"reads the whole table: {sql}: {read}")
            # Chosen among the tokens of one condition.
            if plan.sorts and "ORDER BY e." not in sql:
                found.append(f"sorts: {sql}: {plan}")
    return found


# Aliases of statements within a statement, and the full-text index.
_DERIVED = {"e", "x", "r", "token_search_index", "CONSTANT"}


async def test_violating_plans_are_found(large_tenant: LargeTenant, client: Client) -> None:
    tenant_id = large_tenant.person.admin.tenant_id
    with caught() as whole_table:
        await models.Token.filter(name="token 7")
    with caught() as sorted_afterwards:
        await models.Token.filter(tenant_id=tenant_id).order_by("name").limit(50)
    with caught() as of_any_tenant:
        await models.Token.filter(id=large_tenant.token).exists()
    assert "sorts" in str(await broad_reads(sorted_afterwards))
    assert "reads" in str(await broad_reads(whole_table))
    assert "reads the whole table" in str(await violations(whole_table))
    assert "sorts" in str(await violations(sorted_afterwards))
    assert "names no tenant of token" in str(await violations(of_any_tenant))
    if not large_tenant.url.startswith("sqlite"):
        assert "reads more than" in str(await violations(of_any_tenant))

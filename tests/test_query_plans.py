"""Query plans: every statement reads ranges of indexes that start with the tenant.

The statements are captured from real requests. The tables have enough rows that a full scan would
cost more. `tests.models.test_distribution` checks the schema itself.
"""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest

import models
from models import RefusalReason, Role
from models.distribution import TABLES
from server import database
from server.access import mails
from server.access.principal import Holder
from server.access.sessions import ABSOLUTE
from server.access.token_lists import TokenOrder
from server.app import create_app
from server.catalogue.versions import NO_CHANGES
from server.database.postgres.dialler import PLAN_LISTS_LOCALLY
from server.decisions import growth, log_rows, lookup_postgres, lookup_sqlite, pick_ups
from server.decisions.log_rows import Denial
from server.decisions.old_use_rows import OldUse
from server.decisions.withheld_rows import WithheldUse
from server.global_ids import encode_id, row_id
from server.jobs import catalogue_changes, mail_queue, reminders, retention, token_life
from server.jobs.kept import KINDS
from server.operations import holder, policies
from server.operations.policies import PolicyValues
from server.paging import encode_cursor
from server.service import Service
from server.starting import running_service
from tests.architecture.statements import tables_without_tenant
from tests.conftest import TEMPLATE, settings_for
from tests.support.factories import PASSWORD, Client, Person, World, complete, digest_of, token_id
from tests.support.postgres import PostgresServer
from tests.support.statements import Statement, caught

TOKENS, ADMINS = 3000, 500
_TRIED = ["GET /api/v1/tags", "GET /api/v1/users"]
BYSTANDERS, THEIR_TOKENS, THEIR_ADMINS = 20, 350, 200
SEARCH_INDEX = "idx_token_search_words"
# The rows that follow each token; those with a number or a day, three times.
FOLLOWING = (
    "token_permission (id, created_at, tenant_id, token_id, key, fingerprint)"
    " SELECT {id}, created_at, tenant_id, id, 'GET /api', {fingerprint} FROM token",
    "activity (id, created_at, tenant_id, subject_id, actor_id, kind, details)"
    " SELECT {id}, created_at, tenant_id, id, created_by_id, 'CREATED', '{{}}' FROM token",
    "token_use (id, created_at, tenant_id, token_id, key, day, allowed, denied, first_used_at,"
    " last_used_at) SELECT {id}, created_at, tenant_id, id, 'GET /api', {day}, 1, 0,"
    " created_at, created_at FROM token",
    "token_refusal (id, created_at, tenant_id, token_id, method, path, reason, address,"
    " user_agent, request_id) SELECT {id}, created_at, tenant_id, id, 'GET', '/api',"
    " 'NOT_GRANTED', '192.0.2.1', 'x', 'x {n}' FROM token",
    "token_last_use (id, created_at, tenant_id, last_used_at, last_used_from,"
    " last_used_user_agent, revoked_at) SELECT id, created_at, tenant_id, created_at,"
    " '192.0.2.1', 'x', revoked_at FROM token WHERE first_used_at IS NOT NULL",
    "token_rotation (id, created_at, tenant_id, is_compromised, old_generation, new_generation,"
    " old_hint, new_hint, drain_seconds, ended_at) SELECT id, created_at, tenant_id, false, 1, 1,"
    " 'tsr_…', 'tsr_…', 600, created_at FROM token",
    "access_request (id, created_at, tenant_id, token_id, key, fingerprint, reason, address, state,"
    " decided_at) SELECT {id}, created_at, tenant_id, id, 'GET /api/{n}', {fingerprint}, 'x',"
    " '192.0.2.1', 'GRANTED', created_at FROM token",
    "followed_category (id, created_at, tenant_id, token_id, category, through)"
    " SELECT {id}, created_at, tenant_id, id, 'Tags', 1 FROM token",
    "secret_use (id, created_at, tenant_id, token_id, address, user_agent, requests, last_used_at)"
    " SELECT {id}, created_at, tenant_id, id, '192.0.2.1', 'x {n}', 1, created_at FROM token",
    "token_trial (id, created_at, tenant_id, until, started_by_id) SELECT id, created_at,"
    " tenant_id, '2040-01-01 00:00:00+00:00', created_by_id FROM token",
    "trial_denial (id, created_at, tenant_id, token_id, key, address, user_agent, requests,"
    " last_at) SELECT {id}, created_at, tenant_id, id, 'GET /api', '192.0.2.{n}', 'x', 1,"
    " created_at FROM token",
)


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
        file = tmp_path_factory.mktemp("large_tenant") / "tessera.db"
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        yield asyncio.run(fill(f"sqlite://{file}"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database_now("large_tenant", TEMPLATE)
    yield asyncio.run(fill(url))
    server.drop_database_now(url)


async def fill(url: str) -> LargeTenant:
    async with running_service(settings_for(url)) as service:
        world = World(service)
        tenants = [await world.tenant() for _ in range(1 + BYSTANDERS)]
        person = await world.person(tenants[0], email="owner@example.com")
        for tenant in tenants[1:]:
            await fill_tenant(tenant, tokens=THEIR_TOKENS, admins=THEIR_ADMINS)
        await fill_policies()
        made = await fill_tenant(tenants[0], tokens=TOKENS, admins=ADMINS)
        await follow_tokens()
        if not url.startswith("sqlite"):
            # Autovacuum would do the first; the second suits solid-state disks.
            owner = await asyncpg.connect(url)
            await owner.execute("ANALYZE")
            await owner.execute("ALTER DATABASE large_tenant SET random_page_cost = 1.1")
            await owner.close()
        middle = made[TOKENS // 2 + 1].id
        admin = made[ADMINS // 2].created_by_id
        return LargeTenant(url, person, tenants[0].slug, middle, id_beside(middle), admin)


async def fill_policies() -> None:
    """Policies and notices of tenants that have nothing else."""
    at = models.now()
    ids = [models.new_id() for _ in range(TOKENS)]
    await models.TokenPolicy.bulk_create(
        [
            models.TokenPolicy(
                id=one, tenant_id=one, effective_from=at, set_at=at, set_by_id=one, applied_at=at
            )
            for one in ids
        ]
    )
    await models.CatalogueNotice.bulk_create(
        [models.CatalogueNotice(tenant_id=one, version_id=one, affected_tokens=0) for one in ids]
    )


async def fill_tenant(tenant: models.Tenant, *, tokens: int, admins: int) -> list[models.Token]:
    people = [
        models.Admin(tenant_id=tenant.id, email=f"a{n}@example.com", name="A", role=Role.ADMIN)
        for n in range(admins)
    ]
    made = tokens_of(people, tokens)
    await fill_admins(people)
    await models.Token.bulk_create(made)
    await complete(made)
    await fill_webhooks(tenant, made[-40:])
    await fill_mails(people)
    return made


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


async def follow_tokens() -> None:
    """Three days of uses, three denials, the last use and an ended rotation of each token.

    In SQL: as rows of models they would take most of the time of these tests.
    """
    connected = database.connection()
    is_postgres = connected.capabilities.dialect == "postgres"
    fingerprint = models.permission_fingerprint("GET /api").hex()
    bytes_of_it = rf"'\x{fingerprint}'" if is_postgres else f"x'{fingerprint}'"
    for statement in FOLLOWING:
        for n in range(3 if re.search("{(n|day)}", statement) else 1):
            beside = f"(left(id::text, 34) || '0{n}')::uuid"
            day = f"created_at::date - {n}"
            if not is_postgres:
                beside, day = f"substr(id, 1, 34) || '0{n}'", f"date(created_at, '-{n} day')"
            parts = {"id": beside, "day": day, "fingerprint": bytes_of_it, "n": n}
            await connected.execute_script(f"INSERT INTO {statement.format(**parts)}")


async def fill_webhooks(tenant: models.Tenant, made: list[models.Token]) -> None:
    """Webhooks, each with an event and a delivery of each of these tokens."""
    hooks = [
        models.Webhook(
            tenant_id=tenant.id,
            url="https://example.com",
            events="token.leaked",
            state=models.WebhookState.ACTIVE,
            created_by_id=made[0].created_by_id,
            secret=b"",
        )
        for _ in range(15)
    ]
    await models.Webhook.bulk_create(hooks)
    await models.WebhookEvent.bulk_create(
        [
            models.WebhookEvent(
                tenant_id=tenant.id,
                webhook_id=hook.id,
                number=number,
                event_id=f"evt_{number}",
                type="token.created",
                body="{}",
            )
            for hook in hooks
            for number, _ in enumerate(made)
        ]
    )
    await models.WebhookDelivery.bulk_create(
        [
            models.WebhookDelivery(
                tenant_id=tenant.id,
                webhook_id=hook.id,
                event_id="evt_1",
                type="token.created",
                attempt=1,
                outcome=models.DeliveryOutcome.DELIVERED,
                milliseconds=1,
            )
            for hook in hooks
            for _ in made
        ]
    )


async def fill_mails(people: list[models.Admin]) -> None:
    """An e-mail to each of these admins; every fourth one waits."""
    at = models.now()
    await models.Mail.bulk_create(
        [
            models.Mail(
                tenant_id=one.tenant_id,
                admin_id=one.id,
                kind=models.MailKind.REMINDERS,
                expires_at=at + timedelta(days=3),
                due_at=None if n % 4 else at,
            )
            for n, one in enumerate(people)
        ]
    )


def id_beside(token: UUID) -> UUID:
    """The id of a token's activity, and of the first of its other rows."""
    return UUID(f"{str(token)[:34]}00")


@pytest.fixture
async def service(large_tenant: LargeTenant) -> AsyncIterator[Service]:
    async with running_service(settings_for(large_tenant.url)) as running:
        yield running


@pytest.fixture
async def client(service: Service, large_tenant: LargeTenant) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Client(http).of(large_tenant.person)


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
    """The plan; on PostgreSQL for these values, and that of any values, which lists keep."""
    sql, values = statement
    client: Any = database.connection()
    if client.capabilities.dialect == "postgres":
        _, rows = await client.execute_query(f"EXPLAIN (FORMAT JSON) {sql}", values)
        plans = [rows[0]["QUERY PLAN"]]
        if sql.startswith(("SELECT", "WITH")) and "FOR UPDATE" not in sql:
            plans.append(await _kept_plan(sql, len(values)))
        nodes = [node for plan in plans for node in _nodes(json.loads(plan)[0]["Plan"])]
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


async def _kept_plan(sql: str, values: int) -> str:
    async with database.transaction() as client:
        await client.execute_script(PLAN_LISTS_LOCALLY)
        await client.execute_script(f"PREPARE kept AS {sql}")
        given = f"({', '.join(['NULL'] * values)})" if values else ""
        _, rows = await client.execute_query(f"EXPLAIN (FORMAT JSON) EXECUTE kept{given}")
        await client.execute_script("DEALLOCATE kept")
    plan: str = rows[0]["QUERY PLAN"]
    return plan


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
    assert any(re.search(rf'FROM "?{table}\b', sql) and "ORDER BY" in sql for sql, _ in statements)
    assert any('FROM "session"' in sql for sql, _ in statements)
    # A page of kinds is merged from their ranges: the rows of the page are sorted, and no others.
    assert await violations(statements, may_sort="of a kind" in name) == []


# A filter of activity, and the columns by which each range of its page is read.
_SINCE = 'since: "2020-01-01T00:00:00Z"'
_KINDS_BUT_ONE = [kind.value for kind in models.ActivityKind if kind.value != "PAUSED"]
ACTIVITY_FILTERS = {
    "kinds": ("kinds: [CREATED, REVOKED]", {"kind"}),
    "actor": ('actorId: "{admin}"', {"actor_id", "id"}),
    "subject": ('subjectId: "{token}"', {"subject_id"}),
    "instants": (f'{_SINCE}, until: "2090-01-01T00:00:00Z"', {"id"}),
    "kind and instant": (f"kinds: [CREATED], {_SINCE}", {"kind", "id"}),
    "most kinds": (f"kinds: [{', '.join(_KINDS_BUT_ONE)}]", {"id"}),
    "most kinds and actor": (
        f'kinds: [{", ".join(_KINDS_BUT_ONE)}], actorId: "{{admin}}"',
        {"actor_id", "id"},
    ),
    "kinds and actor": ('kinds: [CREATED, REVOKED], actorId: "{admin}"', {"kind", "actor_id"}),
    "kinds and subject": (
        'kinds: [CREATED, REVOKED], subjectId: "{token}"',
        {"kind", "subject_id"},
    ),
    "actor and subject": ('actorId: "{admin}", subjectId: "{token}"', {"actor_id", "subject_id"}),
    "everything": (
        f'kinds: [CREATED, REVOKED], actorId: "{{admin}}", subjectId: "{{token}}", {_SINCE}',
        {"kind", "actor_id", "subject_id", "id"},
    ),
}


@pytest.mark.parametrize("arguments", ["first: 50", 'first: 50, after: "{}"', "last: 5"])
@pytest.mark.parametrize("name", ACTIVITY_FILTERS)
async def test_filtered_activity_is_ranges_of_one_index(
    name: str, arguments: str, large_tenant: LargeTenant, client: Client
) -> None:
    conditions, columns = ACTIVITY_FILTERS[name]
    conditions = conditions.replace("{admin}", encode_id("Admin", large_tenant.admin))
    conditions = conditions.replace("{token}", token_id(large_tenant.token))
    arguments = arguments.replace("{}", encode_cursor("activity", large_tenant.activity))
    with caught() as statements:
        await client.data(
            f"{{ activity({arguments}, filter: {{{conditions}}}) {{ edges {{ cursor }} }} }}"
        )
    assert await violations(statements, may_sort=True) == []
    pages = [one for one in statements if "activity" in one[0] and "ORDER BY" in one[0]]
    for statement in pages:
        for part in statement[0].split("SELECT"):
            # Of two lower or two upper bounds of a range, SQLite uses one.
            assert len(re.findall(r"\bid\"? ?>", part)) <= 1, statement
            assert len(re.findall(r"\bid\"? ?<(?!>)", part)) <= 1, statement
        for read in (await plan_of(statement)).reads:
            # The rows of the page are read by their ids.
            if read.table in {"activity", "a"} and not re.search(
                r"\b(row)?id ?= ?", read.condition
            ):
                assert read.index, statement
                assert columns <= set(
                    re.findall(r"\b(?!id\b)\w+_id\b|\bkind\b|\bid\b", read.condition)
                ), (read, statement)
    assert pages


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
        deliveries = "deliveries(first: 5) { edges { node { outcome } } }"
        await client.data(f"{{ webhooks {{ createdBy {{ name }} {deliveries} }} }}")
        await client.data("{ sessions { signedInAt } }")
        await client.data("mutation { endOtherSessions(input: {}) { __typename } }")
        report = await client.http.post("/revoke", json={"credentials": ["x"]})
        assert report.status_code == 202
        await holder.describe(
            Holder(large_tenant.person.admin.tenant_id, large_tenant.token), service
        )
        results = await decide_requests(client, service, large_tenant)
        results += await every_mutation(client, token, admin)
        accept = {"invitation": results[-1]["invitation"], "password": PASSWORD}
        assert (await client.http.post("/invitation", json=accept)).status_code == 204
    assert [r for r in results if not r["__typename"].endswith("Payload")] == []
    assert len({sql for sql, _ in statements}) > 25
    assert await violations(statements) == []


async def test_reminders_and_mails_are_found_by_ranges_of_indexes(
    large_tenant: LargeTenant, client: Client
) -> None:
    """Those of the console, the job that sends them, and the queue of e-mail."""
    own = {"tenant_id": large_tenant.person.admin.tenant_id}
    with caught() as statements:
        told = "{ tokenReminders { overdueRotations { id } retiredSecretsUsed { id } } }"
        await client.data(told)
        async for _ in reminders.remind_all(by_mail=True):
            pass
        waiting = await models.Mail.filter(**own, due_at__isnull=False).order_by("id").limit(1)
        key = own["tenant_id"], waiting[0].admin_id, models.MailKind.REMINDERS
        taken = await mail_queue.take(key, models.new_id(), timedelta(minutes=1))
        await mail_queue.put_off(taken)
        await mail_queue.end(taken)
        await mail_queue.find_open_invitation(taken[0])
        await mail_queue.find_tokens(own["tenant_id"], [large_tenant.token])
        await mail_queue.find_unused_rotations(own["tenant_id"], [large_tenant.token])
        await mails.end_invitations(own["tenant_id"], [large_tenant.admin])
    assert await models.Mail.filter(**own, reminders__isnull=False).exists()
    distinct = list({sql: (sql, values) for sql, values in statements}.values())
    for table in ("mail", "token_refusal", "token_rotation", "reminder"):
        assert any(table in sql for sql, _ in distinct), table
    found = await violations(distinct, may_sort=True)
    # A range of an index may begin at the value that sorts it, before the id.
    assert [one for one in found if not ("from the beginning" in one and ">=" in one)] == []


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


async def decide_requests(
    client: Client, service: Service, large_tenant: LargeTenant
) -> list[dict[str, Any]]:
    """Two requests of a holder, listed, and decided in either way."""
    who = Holder(large_tenant.person.admin.tenant_id, large_tenant.token)
    for key in ("GET /api/v1/users", "GET /api/v1/devices"):
        await holder.request_access(who, service, key, "Why")
    await holder.own_requests(who)
    asked = "edges { node { id recentRefusalCount decidedBy { name } token { name } } }"
    told = await client.data(
        f"{{ openAccessRequestCount accessRequests(state: OPEN) {{ {asked} }}"
        f' token(id: "{token_id(large_tenant.token)}")'
        f" {{ accessRequests(first: 5) {{ edges {{ node {{ id }} }} }} }} }}"
    )
    declined, granted = (edge["node"]["id"] for edge in told["accessRequests"]["edges"])
    plan = "tokens(first: 5) { edges { node { callers { address } stops { allowed } } } }"
    admin = encode_id("Admin", large_tenant.admin)
    await client.data(f'{{ removalPlan(adminId: "{admin}") {{ usedTokenCount {plan} }} }}')
    return [
        await client.mutate("declineAccessRequest", requestId=declined, reason="No"),
        await client.mutate("grantAccessRequest", requestId=granted),
    ]


async def every_mutation(client: Client, token: str, admin: str) -> list[dict[str, Any]]:
    """The result of each mutation; the last one invites an admin."""
    hook = await client.mutate(
        "createWebhook",
        "... on CreateWebhookPayload { webhook { id } }",
        url="https://example.com",
        events=["*"],
    )
    webhook = hook["webhook"]["id"]
    return [
        hook,
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
        await client.mutate("setHolderMayRotate", tokenId=token, holderMayRotate=True),
        await client.mutate("transferToken", tokenId=token, toAdminId=admin),
        await client.mutate("rotateToken", tokenId=token, idempotencyKey="k"),
        await client.mutate("rotateToken", tokenId=token, idempotencyKey="k"),
        await client.mutate("rotateToken", tokenId=token, replace=True),
        await client.mutate("endRotation", tokenId=token, keep="OLD"),
        await client.mutate("rotateToken", tokenId=token, drainSeconds=0),
        await client.mutate("endRotation", tokenId=token, keep="NEW"),
        await client.mutate("dropTrial", tokenId=token),
        await client.mutate("editPermissions", tokenId=token, grant=_TRIED),
        await client.mutate("startTrial", tokenId=token, permissions=[]),
        await client.mutate("editPermissions", tokenId=token, withdraw=_TRIED[:1]),
        await client.mutate("dropTrial", tokenId=token),
        await client.mutate("startTrial", tokenId=token, permissions=[]),
        await client.mutate("enforceTrial", tokenId=token),
        await client.mutate("revokeTokens", filter={"search": "token 1499"}, expectedCount=1),
        await client.mutate("revokeToken", tokenId=token),
        await client.mutate("setWebhook", webhookId=webhook, events=["token.*"]),
        await client.mutate("testWebhook", webhookId=webhook),
        await client.mutate("replayWebhook", webhookId=webhook, since="2026-01-01T00:00:00Z"),
        await client.mutate("removeWebhook", webhookId=webhook),
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
        {
            (*token, "GET /api", log_rows.day_of(at)): log_rows.Use(
                1, 1, at, at, at, "192.0.2.1", "x"
            )
        },
        {token: [refused]},
        {(*token, "192.0.2.1", "x"): OldUse("192.0.2.1", "x", 1, at)},
        {(*token, "GET /api", "192.0.2.9", "x"): WithheldUse(1, at)},
    )
    digest = await digest_of(await models.Token.get(tenant_id=tenant_id, id=large_tenant.token))
    question = (large_tenant.slug, "us", digest, models.permission_fingerprint("GET /api"))
    with caught() as statements:
        await log_rows.write(batch)
        used = "lastUsedAt usage { allowed } usageByDay { allowed } recentRefusals { reason }"
        trial = "startedBy { name } withheld { key } wouldHaveDenied"
        found = await client.data(
            f'{{ token(id: "{token_id(large_tenant.token)}") {{ {used} }}'
            f" tokens(first: 2) {{ edges {{ node {{ trial {{ {trial} }} }} }} }} }}"
        )
    if large_tenant.url.startswith("sqlite"):
        statements.append((lookup_sqlite._FOUND, list(question)))
    else:
        asked = (*question[:2], (digest,), question[3])
        statements.append((lookup_postgres._FOUND, list(lookup_postgres.columns([asked]))))
    assert found["token"]["recentRefusals"]
    assert found["token"]["lastUsedAt"]
    assert found["tokens"]["edges"][1]["node"]["trial"]
    for table in (
        *("token_use", "token_last_use", "token_refusal", "token_permission", "secret_use"),
        *("token_trial", "trial_denial"),
    ):
        assert any(table in sql for sql, _ in statements), table
    assert await violations(statements, may_sort=True) == []
    if large_tenant.url.startswith("sqlite"):
        # By their aliases.
        reads = [read for one in statements for read in (await plan_of(one)).reads]
        assert [r for r in reads if r.index is None and r.table not in {"json_each", "u"}] == []


async def test_old_rows_are_found_by_ranges_of_indexes(
    large_tenant: LargeTenant, service: Service
) -> None:
    settings = replace(service.settings, keep_activity_days=100, keep_use_days=10_000)
    with caught() as statements:
        async for _ in retention.delete_old(KINDS, settings):
            pass
    found = {sql: values for sql, values in statements if "RETURNING" in sql}
    assert len(found) == len(KINDS)
    async with database.transaction() as connected:
        if connected.capabilities.dialect == "postgres":
            # Most of these tables are empty: of others, indexes are read anyway.
            await connected.execute_script("SET LOCAL enable_seqscan = off")
        for kind in KINDS:
            [one] = [one for one in found.items() if f"DELETE FROM {kind.table} AS d" in one[0]]
            if kind.is_of_tenants:
                assert await violations([one], may_sort=True) == [], kind
            reads = (await plan_of(one)).reads
            [old] = [read for read in reads if re.search(rf"\b{kind.index}\b.*<", read.condition)]
            assert old.index, kind
            assert kind.is_of_tenants == ("tenant_id" in old.condition), kind


async def test_evidence_is_read_by_indexes_of_its_tenant(
    large_tenant: LargeTenant, client: Client
) -> None:
    given = token_id(large_tenant.token)
    sizes = "suggested { key } wouldDeny { of }"
    path, address = "/nowhere", "192.0.2.1"
    with caught() as statements:
        found = await client.data(f"""{{
            token(id: "{given}") {{ rightSize {{ {sizes} }} }}
            previewPermissions(tokenId: "{given}", permissions: []) {{ {sizes} }}
            explain(tokenId: "{given}", method: "GET", url: "{path}", address: "{address}") {{
                code steps {{ near {{ path }} }}
            }}
        }}""")
    assert found["token"]["rightSize"] is not None
    assert found["previewPermissions"] is not None
    assert found["explain"]["steps"]
    for table in ("token_use", "token_secret", "token_permission"):
        assert any(table in sql for sql, _ in statements), table
    assert await violations(statements, may_sort=True) == []


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
    "ids": 'filter: {ids: ["{token}", "{admin}"]}',
    "ids of any state": 'filter: {ids: ["{token}"], states: [ACTIVE, REVOKED]}',
    "never used": "filter: {neverUsed: true}",
    "used": "filter: {neverUsed: false}",
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
    conditions = conditions.replace("{token}", token_id(large_tenant.token))
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
    lists = [one for one in [*statements, *counting] if re.search(r"\) (e|x|token)\b", one[0])]
    assert lists or (name, order.value) in {("none", "NEWEST"), ("none", "OLDEST")}
    assert await broad_reads(lists) == []
    if name.startswith("ids"):
        reads = [read for one in counting for read in (await plan_of(one)).reads]
        assert any(re.search(r"\bid ?= ?(ANY|\?)", read.condition) for read in reads)
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
            await connected.execute_script(PLAN_LISTS_LOCALLY)
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


# Aliases of statements within a statement, the full-text index, and the ids of a filter.
_DERIVED = {"e", "x", "r", "token_search_index", "json_each", "CONSTANT"}


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


async def test_versions_are_told_and_followed_by_ranges_of_indexes(
    large_tenant: LargeTenant, client: Client
) -> None:
    await models.CatalogueVersion.create(
        number=2,
        fingerprint=bytes(32),
        changes=NO_CHANGES.kept(),
        affected=models.permission_fingerprint("GET /api"),
    )
    tenant_id = large_tenant.person.admin.tenant_id
    newest = growth.Newest(2, {})
    with caught() as statements:
        await anext(catalogue_changes.announce())
        told = await client.data(
            "{ catalogueNotices { id tokensAffected affectedTokens { name } }"
            " catalogueVersions { edges { node { isDismissed } } }"
            " tokens(first: 50) { edges { node { followedCategories recipe { slug } } } } }"
        )
        [notice] = told["catalogueNotices"]
        await client.mutate("dismissCatalogueNotice", versionId=notice["id"])
        assert await growth.tenants_behind([tenant_id], 2) == [tenant_id]
        await anext(growth.grow_portions(tenant_id, newest))
    assert notice["tokensAffected"] > 1_000
    assert len(notice["affectedTokens"]) == 100
    for table in ("catalogue_notice", "followed_category", "token_permission"):
        assert any(table in sql for sql, _ in statements), table
    assert await violations(statements, may_sort=True) == []


async def test_policy_is_previewed_and_carried_out_by_ranges_of_indexes(
    large_tenant: LargeTenant, client: Client
) -> None:
    """The last test of the file: it changes most tokens of the large tenant."""
    principal = large_tenant.person.principal
    begins = models.now() + timedelta(hours=1)
    with caught() as asked:
        await preview_pages(client, begins)
        values = PolicyValues(maximum_lifetime_days=20, pause_unused_after_days=1)
        await policies.set_policy(principal, values, begins)
    await let_time_pass(principal.tenant_id)
    with caught() as done:
        for job in token_life.JOBS:
            async for _ in job.portions():
                pass
    policy = await models.TokenPolicy.get(tenant_id=principal.tenant_id)
    assert policy.applied_at is not None
    statements = list({sql: (sql, values) for sql, values in [*asked, *done]}.values())
    for table in (
        *("token_policy", "token_last_use", "token_rotation", "token_secret"),
        *("token_trial", "trial_denial"),
    ):
        assert any(f'"{table}"' in sql for sql, _ in statements), table
    lists = [one for one in statements if re.search(r"\) (e|x|token)\b", one[0])]
    assert await broad_reads(lists) == []
    others = [one for one in statements if one not in lists]
    found = await violations(others, may_sort=True)
    # A range of an index may begin at the value that sorts it, before the id.
    assert [one for one in found if not ("from the beginning" in one and ">=" in one)] == []


async def preview_pages(client: Client, begins: datetime) -> None:
    """Three pages: from the beginning, further tokens without expiry, and further ones with."""
    query = """query ($begins: DateTime!, $after: String) { tokenPolicyPreview(
        policy: {maximumLifetimeDays: 20, pauseUnusedAfterDays: 1}, effectiveFrom: $begins
    ) { ... on TokenPolicyPreview { pausedTokenCount tokens(first: 100, after: $after) {
        edges { cursor node { newExpiresAt token { expiresAt } } } } } } }"""
    after, endings = None, set()
    for _ in range(30):
        told = await client.data(query, begins=begins.isoformat(), after=after)
        edges = told["tokenPolicyPreview"]["tokens"]["edges"]
        endings |= {edge["node"]["token"]["expiresAt"] is None for edge in edges}
        if not edges or endings == {True, False}:
            break
        after = edges[-1]["cursor"]
    assert endings == {True, False}
    told = await client.data(query, begins=begins.isoformat(), after=edges[-1]["cursor"])
    assert told["tokenPolicyPreview"]["tokens"]["edges"]


async def let_time_pass(tenant_id: UUID) -> None:
    """Pausing has begun, the tokens are old, and some rotations and trials are over."""
    at = models.now() - timedelta(days=9)
    await models.TokenPolicy.filter(tenant_id=tenant_id).update(pauses_from=at)
    await models.Token.filter(tenant_id=tenant_id).update(created_at=at)
    await models.TokenLastUse.filter(tenant_id=tenant_id).update(last_used_at=at)
    some = await models.TokenRotation.filter(tenant_id=tenant_id).order_by("id").limit(60)
    over = models.TokenRotation.filter(tenant_id=tenant_id, id__in=[one.id for one in some])
    await over.update(ended_at=None, latest_by=at)
    tried = models.TokenTrial.filter(tenant_id=tenant_id, id__in=[one.id for one in some])
    await tried.update(until=at)

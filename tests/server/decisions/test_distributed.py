"""The ways on a distributed database, where each statement is about one tenant.

Here on one server, told that its tables are distributed. `make citus` runs them on a real Citus.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import models
from models import RefusalReason
from server.access.principal import Operator
from server.database import connection, is_distributed, transaction
from server.database.connections import note_distributed
from server.decisions import log_rows
from server.decisions.log import DecisionLog
from server.decisions.lookup import Lookup, lookup_in
from server.decisions.lookup_distributed import DistributedLookup
from server.decisions.lookup_postgres import PostgresLookup
from server.decisions.question import Question
from server.operations import tenants, tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support import tenant_statements
from tests.support.factories import Person, World
from tests.support.lookups import find
from tests.support.process import ROOT
from tests.support.tenant_statements import without_tenant

KEY = "GET /api/v1/devices"
FINGERPRINT = models.permission_fingerprint(KEY)
# As the error of a node that cannot be reached.
_NODE_DOWN = """
CREATE FUNCTION node_down() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'connection failed' USING ERRCODE = '08006'; END $$;
CREATE TRIGGER node_down BEFORE INSERT ON token_use
FOR EACH ROW WHEN (NEW.tenant_id = '{}') EXECUTE FUNCTION node_down();
"""


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(settings_for(postgres_url)) as running:
        note_distributed()
        yield running


@pytest.fixture
async def lookup(service: Service) -> AsyncIterator[Lookup]:
    made = lookup_in(service.settings)
    assert isinstance(made, DistributedLookup)
    yield made
    made.close()


async def slug_of(person: Person) -> str:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    return str(tenant.slug)


def question(service: Service, slug: str, secret: str, region: str | None = "us") -> Question:
    return slug, region, service.digest_key.digests("token", secret), FINGERPRINT


async def test_lookups_in_many_tenants_each_get_their_own_answer(
    service: Service, world: World, lookup: Lookup
) -> None:
    people = [await world.person() for _ in range(4)]
    slugs = [await slug_of(person) for person in people]
    made = [await world.token(one, "t", [KEY] if n % 2 else []) for n, one in enumerate(people)]
    asked = [question(service, slugs[n % 4], made[n % 4].secret) for n in range(200)]
    # Another tenant's secret, another region, and a tenant that is not there.
    asked[10] = question(service, slugs[0], made[1].secret)
    asked[20] = question(service, slugs[0], made[0].secret, "eu")
    asked[30] = question(service, "nobody", made[0].secret)
    asked[40] = question(service, slugs[0], made[0].secret, None)
    async with asyncio.timeout(30):
        found = await asyncio.gather(*(find(lookup, one) for one in asked))
    for n, terms in enumerate(found):
        if n in {10, 20, 30}:
            assert terms is None
        else:
            assert terms is not None
            assert terms.token_id == str(made[n % 4].token.id)
            assert terms.tenant_id == str(people[n % 4].admin.tenant_id)
            assert terms.holds is bool(n % 2)


async def test_lookup_sees_each_acknowledged_change(
    service: Service, world: World, lookup: Lookup
) -> None:
    person, operator = await world.person(), Operator("op")
    slug = await slug_of(person)
    made = await world.token(person, "t", [KEY])
    asked = question(service, slug, made.secret)
    states = []
    for change in (
        None,
        tenants.suspend(operator, slug),
        tenants.resume(operator, slug),
        tokens.revoke(person.principal, made.token.id),
    ):
        if change is not None:
            await change
        terms = await find(lookup, asked)
        assert terms is not None
        states.append(terms.state)
    assert states == [None, "SUSPENDED", None, "REVOKED"]


async def test_tenant_with_the_slug_of_a_deleted_one_is_found(
    service: Service, world: World, lookup: Lookup
) -> None:
    """The id that was kept for the slug is another tenant's by now."""
    person = await world.person()
    slug = await slug_of(person)
    old = question(service, slug, (await world.token(person, "t", [KEY])).secret)
    assert await find(lookup, old) is not None
    await models.Tenant.filter(slug=slug).delete()
    assert await find(lookup, old) is None
    other = await world.person(await world.tenant(slug))
    made = await world.token(other, "t", [KEY])
    terms = await find(lookup, question(service, slug, made.secret))
    assert terms is not None
    assert terms.tenant_id == str(other.admin.tenant_id)
    assert await find(lookup, old) is None


async def test_way_is_chosen_by_the_database(postgres_url: str) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        assert not is_distributed()
        lookup = lookup_in(service.settings)
        assert type(lookup) is PostgresLookup
        lookup.close()
        note_distributed()
        async with transaction():
            assert is_distributed()


def decide(record: DecisionLog, token: models.Token, reason: RefusalReason | None = None) -> None:
    ids = str(token.tenant_id), str(token.id)
    record.note(*ids, "GET", KEY, reason, "192.0.2.1", "probe", "r", time.time())


async def allowed(tenant_id: UUID) -> int:
    return sum(row.allowed for row in await models.TokenUse.filter(tenant_id=tenant_id))


async def test_decisions_of_a_tenant_whose_node_is_down_hold_up_no_others(
    service: Service, world: World, postgres_url: str
) -> None:
    people = [await world.person() for _ in range(3)]
    made = [(await world.token(person, "t", [KEY])).token for person in people]
    down = made[0].tenant_id
    record, direct = DecisionLog(), await asyncpg.connect(postgres_url)
    try:
        await direct.execute(_NODE_DOWN.format(down))
        for number in (1, 2, 3):
            for token in made:
                decide(record, token)
                decide(record, token, RefusalReason.NOT_GRANTED)
            await record.close()
            assert [await allowed(one.tenant_id) for one in made] == [0, number, number]
        assert record.waits_since() is not None
        await direct.execute("DROP TRIGGER node_down ON token_use")
        # The first of them as it was tried before, then those that were added since.
        await record.close()
        await record.close()
    finally:
        await direct.close()
    assert [await allowed(one.tenant_id) for one in made] == [3, 3, 3]
    refused = [await models.TokenRefusal.filter(tenant_id=one.tenant_id).count() for one in made]
    assert refused == [3, 3, 3]
    assert record.waits_since() is None


async def test_batch_is_counted_once_when_it_is_written_again(world: World) -> None:
    made = [(await world.token(await world.person(), "t", [KEY])).token for _ in range(2)]
    record = DecisionLog()
    for token in made:
        decide(record, token)
    batch = record._unwritten
    await log_rows.write(batch)
    await log_rows.write(batch)
    record._unwritten = record._new_batch()
    await record.close()
    assert [await allowed(one.tenant_id) for one in made] == [1, 1]


async def test_activities_of_concurrent_changes_are_numbered_without_gaps(world: World) -> None:
    person = await world.person()
    await asyncio.gather(*(world.token(person, f"t{n}", [KEY]) for n in range(12)))
    rows = await models.Activity.filter(tenant_id=person.admin.tenant_id).order_by("sequence")
    assert [row.sequence for row in rows] == [*range(1, len(rows) + 1)]
    assert len(rows) >= 12
    assert [row.id for row in rows] == sorted(row.id for row in rows)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM token WHERE digest = $1",
        'SELECT "id" FROM "token" WHERE "id"=$1',
        "SELECT k.id FROM token k JOIN admin a ON a.tenant_id = k.tenant_id WHERE k.tenant_id = $1",
        "SELECT EXISTS (SELECT 1 FROM admin a WHERE a.tenant_id = s.tenant_id) FROM session s"
        " WHERE s.tenant_id = $1",
        "DELETE FROM token WHERE tenant_id = $1 AND id IN (SELECT token_id FROM token_permission)",
        "UPDATE token SET name = $1 WHERE id = $2",
        "INSERT INTO token (id, name) VALUES ($1, $2)",
    ],
)
def test_statement_that_names_no_tenant_by_value_is_found(statement: str) -> None:
    assert list(without_tenant(statement))


@pytest.mark.usefixtures("service")
async def test_planted_statement_of_the_product_is_noted() -> None:
    """Statements of code under `server/` are noted; those of a test are not."""
    planted = "SELECT id FROM token WHERE name = 'planted'"
    code = compile(f"async def send(c):\n    return await c.execute_query({planted!r})\n",
                   f"{ROOT}/server/access/planted.py", "exec")  # fmt: skip
    scope: dict[str, Any] = {}
    exec(code, scope)
    tenant_statements.unchecked()
    await connection().execute_query(planted.replace("planted", "own"))
    await scope["send"](connection())
    assert tenant_statements.unchecked() == [planted]

"""The product on a real Citus: its tables, a token's life, and a node that is down.

`make citus URL=…` runs these; no other command collects them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

import models
from server.database import distribute, is_distributed
from server.decisions.lookup import lookup_in
from server.decisions.lookup_distributed import DistributedLookup
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.process import ServerProcess, free_port
from tests.support.waiting import until
from tests.support.wire import Wire, check

KEY = "GET /api/v1/devices"
# Which node has the rows of a tenant.
_NODE_OF = """
SELECT n.nodeid, n.nodeport FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
WHERE p.shardid = get_shard_id_for_distribution_column('token', $1::uuid)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND backend_type = 'client backend' AND application_name NOT LIKE 'citus%'
"""
_MOVE = "UPDATE pg_dist_node SET nodeport = $1 WHERE nodeid = $2"


async def test_all_tables_are_distributed_once(postgres_url: str) -> None:
    assert await distribute(settings_for(postgres_url)) == []
    async with running_service(settings_for(postgres_url)) as service:
        assert is_distributed()
        lookup = lookup_in(service.settings)
        assert isinstance(lookup, DistributedLookup)
        lookup.close()


async def test_table_that_is_not_distributed_yet_is_refused_and_then_distributed(
    postgres_url: str,
) -> None:
    """As one that a later migration has added."""
    direct = await asyncpg.connect(postgres_url)
    try:
        await direct.execute("SELECT undistribute_table('webhook_delivery')")
        with pytest.raises(Exception, match="The table webhook_delivery is not distributed"):
            async with running_service(settings_for(postgres_url)):
                pass
        said = await distribute(settings_for(postgres_url))
        assert said == ["Distributed webhook_delivery by its tenant."]
    finally:
        await direct.close()
    async with running_service(settings_for(postgres_url)):
        assert is_distributed()


async def until_recorded(tenant_id: Any, allowed: int) -> None:
    async def are_recorded() -> bool:
        rows = await models.TokenUse.filter(tenant_id=tenant_id)
        return bool(sum(row.allowed for row in rows) >= allowed)

    await until(are_recorded, 60)


async def until_allowed(wire: Wire, request: bytes) -> None:
    async def is_allowed() -> bool:
        return await wire.ask(request) == 200

    await until(is_allowed, 60)


async def test_life_of_a_token(postgres_url: str, tmp_path: Path) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        person = await World(service).person()
        slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
        host = f"{slug}.api.us.example.com"
        with ServerProcess(tmp_path, database_url=postgres_url) as server:
            async with (
                httpx2.AsyncClient(base_url=server.url, timeout=30) as http,
                Wire(server.port) as wire,
            ):
                admin = Client(http).of(person)
                fields = "... on CreateTokenPayload { secret token { id } }"
                made = await admin.mutate("createToken", fields, name="t", permissions=[KEY])
                request, token = check(host, made["secret"]), made["token"]["id"]
                assert await wire.ask(request) == 200
                await admin.mutate("pauseToken", tokenId=token)
                assert await wire.ask(request) == 401
                await admin.mutate("resumeToken", tokenId=token)
                assert await wire.ask(request) == 200
                listed = await admin.data("{ tokens { edges { node { name } } } tokenCount }")
                assert listed["tokenCount"] == 1
                await admin.mutate("revokeToken", tokenId=token)
                assert await wire.ask(request) == 401
                await until_recorded(person.admin.tenant_id, 2)


@asynccontextmanager
async def unreachable(direct: Any, node: Any) -> AsyncIterator[None]:
    """The node is at an address where nothing listens."""
    await direct.execute(_MOVE, free_port(), node["nodeid"])
    try:
        yield
    finally:
        await direct.execute(_MOVE, node["nodeport"], node["nodeid"])


async def on_two_nodes(world: World, direct: Any) -> tuple[tuple[Person, Any], tuple[Person, Any]]:
    """Two people whose tenants are on two nodes, each with the node."""
    found: dict[int, tuple[Person, Any]] = {}
    for _ in range(40):
        person = await world.person()
        node = await direct.fetchrow(_NODE_OF, person.admin.tenant_id)
        found.setdefault(node["nodeid"], (person, node))
        if len(found) == 2:
            first, second = found.values()
            return first, second
    raise AssertionError("all tenants are on one node: Citus needs two nodes for rows")


async def test_node_that_is_down_stops_its_own_tenants_alone(
    postgres_url: str, tmp_path: Path
) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        world, direct = World(service), await asyncpg.connect(postgres_url)
        (down, node), (up, _) = await on_two_nodes(world, direct)
        requests = []
        for person in (down, up):
            slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
            made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
            requests.append(check(f"{slug}.api.us.example.com", made.secret))
        with ServerProcess(tmp_path, database_url=postgres_url) as server:
            async with (
                httpx2.AsyncClient(base_url=server.url, timeout=30) as http,
                Wire(server.port) as one,
                Wire(server.port) as other,
            ):
                assert [await one.ask(requests[0]), await other.ask(requests[1])] == [200, 200]
                async with unreachable(direct, node):
                    # New connections of the database: the old ones still reach the node.
                    await direct.execute(_END_OTHERS)
                    await until_allowed(other, requests[1])
                    for _ in range(20):
                        assert await one.ask(requests[0]) == 503
                        assert await other.ask(requests[1]) == 200
                    created = (
                        await Client(http)
                        .of(up)
                        .mutate(
                            "createToken",
                            "... on CreateTokenPayload { secret }",
                            name="second",
                            permissions=[KEY],
                        )
                    )
                    assert created["secret"]
                    failed = await Client(http).of(down).graphql("{ tokenCount }")
                    assert failed.status_code == 503
                    await until_recorded(up.admin.tenant_id, 21)
                await until_allowed(one, requests[0])
        await direct.close()

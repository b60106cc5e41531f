"""Reads by kept statements give the rows of Tortoise, and these rows change nothing."""

import re
from operator import itemgetter
from typing import Any

import pytest

import models
from models import Role
from server.access import reading
from server.access.reading import owned_rows, rows, tortoise_query
from server.access.tenancy import owned
from server.access.token_lists import TokenOrder
from server.database import transaction
from server.global_ids import encode_id
from server.operations import tokens
from server.service import Service
from tests.support.factories import Client, Person, World

_TOKEN = """id name description hint revision createdAt revokedAt expiresAt networks lastUsedAt
    lastUsedFrom permissions { key } createdBy { id name state } owner { email createdAt }
    followedCategories state trial { until } rotation { newHint startedBy { name } }"""
_QUERY = f"""query($after: String, $token: ID!, $id: ID!, $home: ID!) {{
    home: node(id: $home) {{ id }}
    viewer {{ name role }} tenant {{ slug apiUrl }} tokenCount
    tokens(first: 2, after: $after) {{ edges {{ node {{ {_TOKEN} }} cursor }}
        pageInfo {{ hasNextPage endCursor }} }}
    last: tokens(last: 2, before: $after) {{ edges {{ node {{ name }} }} }}
    byName: tokens(orderBy: NAME) {{ edges {{ node {{ {_TOKEN} }} }} }}
    found: tokens(search: "token") {{ edges {{ node {{ name createdBy {{ name }} }} }} }}
    token(id: $token) {{ {_TOKEN} accessRequests {{ edges {{ node {{ id }} }} }} }}
    activity(first: 50) {{ edges {{ node {{ id sequence occurredAt actorName actor {{ name }}
        token {{ name }} admin {{ name }} }} }} }}
    filtered: activity(filter: {{ kinds: [CREATED], actorId: $id }}) {{
        edges {{ node {{ id token {{ id }} }} }} }}
    admins {{ edges {{ node {{ name removedAt }} }} }} webhooks {{ url }}
    catalogueVersions {{ edges {{ node {{ adoptedAt }} }} }}
    accessRequests {{ edges {{ node {{ id }} }} }} }}"""
_READ = {
    *(models.Session, models.Admin, models.Tenant, models.Token, models.TokenLastUse),
    *(models.Activity, models.FollowedCategory, models.TokenRotation, models.TokenTrial),
    *(models.Webhook, models.CatalogueVersion, models.AccessRequest),
}


async def _filled(world: World) -> tuple[Person, list[models.Token]]:
    """A tenant with tokens of two admins, one of them used, one without permissions."""
    owner = await world.person()
    colleague = await world.person(
        await models.Tenant.get(id=owner.admin.tenant_id), role=Role.ADMIN
    )
    keys = [permission.key for permission in world.service.catalogue.permissions]
    made = [
        (await world.token(person, f"token {number}", keys[: number * 3])).token
        for number, person in enumerate([owner, colleague, owner, colleague, owner])
    ]
    await models.TokenLastUse.create(
        tenant_id=made[2].tenant_id,
        id=made[2].id,
        last_used_at=models.now(),
        last_used_from="192.0.2.1",
        last_used_user_agent="curl",
    )
    await tokens.rename(owner.principal, made[1].id, "renamed")
    await tokens.revoke(owner.principal, made[4].id)
    return owner, made


async def test_kept_statements_give_what_tortoise_gives(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, made = await _filled(world)
    reads: list[tuple[Any, list[Any], list[Any]]] = []
    run = reading._run

    async def recorded(shape: Any, given: list[Any]) -> list[Any]:
        asked = list(given)
        found = await run(shape, given)
        reads.append((shape, asked, found))
        return found

    monkeypatch.setattr(reading, "_run", recorded)
    home = encode_id("Tenant", owner.admin.tenant_id)
    variables = {"token": encode_id("Token", made[4].id), "id": owner.id, "home": home}
    signed_in = client.of(owner)
    first = await signed_in.data(_QUERY, **variables)
    after = first["tokens"]["edges"][0]["cursor"]
    await signed_in.data(_QUERY, **variables, after=after)
    assert {shape.row_class for shape, _, _ in reads} >= _READ
    for shape, given, found in reads:
        query, _ = tortoise_query(shape, given)
        sql = query.sql()
        table, tenant = shape.row_class.describe()["table"], re.search(r'"tenant_id"=(\$\d+)', sql)
        if tenant is not None:  # by value, so that a distributed database asks one node
            sql = re.sub(rf'(?<!\w)"?{table}"?\."?tenant_id"?', tenant[1], sql)
        assert reading._statement(shape).sql == sql
        # exempt names_made_at_run_time: the names are those of the model's columns
        read = [tuple(getattr(row, name) for name in shape.names) for row in found]
        expected = [tuple(row)[: len(shape.names)] for row in await query]
        assert sorted(read, key=repr) == sorted(expected, key=repr), sql


async def test_a_page_shows_what_single_objects_show(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page reads the same in one statement as single objects in several."""
    owner, _ = await _filled(world)
    signed_in = client.of(owner)

    async def listed(**arguments: str) -> list[dict[str, Any]]:
        given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
        page = f"tokens{f'({given})' if given else ''}"
        answer = await signed_in.data(f"{{ {page} {{ edges {{ node {{ {_TOKEN} }} }} }} }}")
        return [edge["node"] for edge in answer["tokens"]["edges"]]

    shown = await listed()
    assert [len(one["permissions"]) for one in shown] == [9, 6, 3, 0]
    single = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Token { " + _TOKEN + " } } }"
    found = await signed_in.data(single, ids=[one["id"] for one in shown])
    assert found["nodes"] == shown
    # In some orders a column of the page is the key of the order too.
    for order in TokenOrder:
        in_order = await listed(orderBy=order.value)
        assert sorted(in_order, key=itemgetter("id")) == sorted(shown, key=itemgetter("id")), order
    # Those with more permissions than a page reads at once are read by themselves.
    monkeypatch.setattr("server.graphql.tokens.MAX_KEYS", 5)
    assert await listed() == shown


async def test_rows_show_no_column_and_write_nothing(service: Service, world: World) -> None:
    owner = await world.person()
    [row] = await owned_rows(models.Admin, owner.principal, id=owner.admin.id)
    assert row.state is models.AdminState.ACTIVE
    assert row.password_hash is not None
    assert row.password_hash not in repr(row)
    assert not hasattr(row, "write")
    assert not hasattr(row, "delete")
    assert await owned_rows(models.Admin, (await world.person()).principal, id=row.id) == []


async def test_only_the_columns_that_are_named_are_read(service: Service, world: World) -> None:
    owner = await world.person()
    [row] = await rows(models.Admin, only=("id", "name"), tenant_id=owner.admin.tenant_id)
    assert (row.id, row.name) == (owner.admin.id, owner.admin.name)
    assert not hasattr(row, "password_hash")


class _UndoneError(Exception):
    """Ends a transaction."""


async def test_a_read_sees_what_its_transaction_has_written(service: Service, world: World) -> None:
    owner = await world.person()
    tenant_id, own = owner.admin.tenant_id, owned(models.Admin, owner.principal)

    async def name() -> str:
        [row] = await rows(models.Admin, tenant_id=tenant_id)
        return row.name

    async def name_within() -> None:
        async with transaction():
            await own.update(name="Another")
            assert await name() == "Another"
            raise _UndoneError

    with pytest.raises(_UndoneError):
        await name_within()
    assert await name() == owner.admin.name
    await own.update(name="Another")
    assert await name() == "Another"

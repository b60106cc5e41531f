"""The executor gives the same results as graphql-core's, including errors and order."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar

import httpx2
import orjson
import pytest
from graphql import ExecutionResult, execute, parse
from graphql.execution import Executor

import models
from models import Role
from server.app import create_app
from server.graphql import fields
from server.graphql.context import Context
from server.graphql.documents import Document, Documents
from server.graphql.executor import PlainFieldExecutor
from server.graphql.metered_fields import MeteredFields, require_within_limits
from server.graphql.metering import TooLargeError
from server.graphql.schema import CORE_SCHEMA
from server.operations import admins, tokens
from server.service import Service
from tests.support.factories import Client, Person, World

_T = TypeVar("_T")
_TOKEN = """
    fragment T on Token {
      __typename id name description hint revision createdAt lastUsedAt revokedAt
      lastUsedFrom lastUsedUserAgent
      permissions { __typename key name method path retired category { name } }
      createdBy { __typename id email name role createdAt invitationPending liveTokenCount }
    }
"""
_QUERIES = {
    "a page with everything": _TOKEN
    + """{ tokens(first: 10) { edges { cursor node { ...T } }
           pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""",
    "order and aliases": """{ tokens { edges { node {
        z: name revision a: name permissions { path key again: key } hint a: name } } } }""",
    "one object selected twice in two ways": """{ tokens { edges { node {
        permissions { key } all: permissions { name method } createdBy { name }
        by: createdBy { email } } } } }""",
    "skipped and included": """query ($no: Boolean = false) { tokens { edges { node {
        name @include(if: $no) hint @skip(if: $no)
        permissions @skip(if: $no) { key name @include(if: $no) } } } } }""",
    "activity of every kind": """{ activity { edges { node { __typename id occurredAt
        actor { name } token { name permissions { key } }
        ... on TokenNameChanged { previousName name }
        ... on TokenPermissionsEdited { granted { key category { name } } withdrawn { key } }
        ... on TokenRevoked { reason } } } } }""",
    "activity with pages of its own": """{ activity { edges { node { id
        token { name activity(first: 1) { edges { node { __typename sequence } } } }
        ... on TokenRevoked { why: reason } ... on Node { also: id } } } } }""",
    "activity by fragments": """{ activity { edges { node { ...A ...B } } } }
        fragment A on Activity { sequence actor { ...C } actorName }
        fragment B on TokenActivity { sequence token { id createdBy { ...C } } admin { ...C } }
        fragment C on Admin { name __typename }""",
    "the grid": "{ permissionCategories { name permissions { key category { name } } } }",
    "admins": "{ viewer { name role liveTokenCount } admins { edges { node { name role } } } }",
    "nulls at the root": '{ tenantApiUrl tenant { name apiUrl } token(id: "x") { name } }',
    "an error beside data": '{ tenant { name } token(id: "x") { name } nodes(ids: []) { id } }',
    "introspection beside data": """{ __typename __schema { queryType { name }
        types { name kind fields { name type { name ofType { name } } } } }
        __type(name: "Token") { name interfaces { name } } tenant { __typename name } }""",
    "an error that takes all": "{ viewer { name } tokens(first: 0) { edges { cursor } } }",
}


async def filled(world: World) -> Person:
    """A tenant with tokens, permissions, changes, and a removed admin."""
    owner = await world.person()
    leaving = await world.person(await models.Tenant.get(id=owner.admin.tenant_id), role=Role.ADMIN)
    keys = [permission.key for permission in world.service.catalogue.permissions]
    for number in range(3):
        await world.token(owner, f"token {number}", keys[number : number * 7])
    left = (await world.token(leaving, "left behind", keys[:3])).token
    await models.TokenLastUse.create(
        tenant_id=left.tenant_id,
        id=left.id,
        last_used_at=models.now(),
        last_used_from="192.0.2.1",
        last_used_user_agent="",
    )
    kept = (await world.token(owner, "kept", keys[:2])).token
    await tokens.rename(owner.principal, kept.id, "renamed")
    await tokens.describe(owner.principal, kept.id, "described")
    await tokens.set_permissions(owner.principal, world.service, kept.id, keys[1:4])
    await tokens.revoke(owner.principal, (await world.token(owner, "gone")).token.id)
    await admins.remove(owner.principal, leaving.admin.id)
    await models.TokenPermission.create(
        tenant_id=kept.tenant_id, token_id=kept.id, key="GET /no/longer/there"
    )
    return owner


async def run(
    service: Service,
    person: Person,
    query: str,
    executor: type[Executor[Any]],
    document: Document | None = None,
) -> ExecutionResult:
    plans = document.plans if document else None
    context = Context(service, person.principal, plans=plans)
    node = document.node if document else parse(query)
    result = execute(CORE_SCHEMA, node, context, context, executor_class=executor)
    return await result if isawaitable(result) else result


def text(result: ExecutionResult) -> bytes:
    """The answer as it is sent: the order of fields is part of it."""
    return orjson.dumps(result.formatted, option=orjson.OPT_UTC_Z)


async def test_both_executors_give_the_same_results(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await filled(world)
    for name, query in _QUERIES.items():
        expected = await run(service, owner, query, Executor)
        # The second time by the plans that the first has kept, and by the functions compiled then.
        for many in (fields.MANY, 1):
            monkeypatch.setattr(fields, "MANY", many)
            document = Documents(CORE_SCHEMA, introspection=True).read(query)
            for _ in range(2):
                given = await run(service, owner, query, PlainFieldExecutor, document)
                assert text(given) == text(expected), name
        assert "error" in name or not expected.errors, name


async def test_failing_field_is_reported_with_its_path(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await filled(world)
    await models.Activity.filter(tenant_id=owner.admin.tenant_id).update(subject_id=models.new_id())
    query = "{ activity(first: 2, kind: CREATED) { edges { node { token { name } } } } }"
    expected = await run(service, owner, query, Executor)
    given = await run(service, owner, query, PlainFieldExecutor)
    assert expected.errors
    assert text(given) == text(expected)


async def test_plain_fields_take_the_fast_path(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through graphql-core the answers are the same, at several times the cost."""
    through_graphql_core: list[str] = []
    original = Executor.execute_field

    def execute_field(
        self: Executor[Any], parent: Any, source: Any, details: Any, *further: Any
    ) -> Any:
        through_graphql_core.append(details[0].node.name.value)
        return original(self, parent, source, details, *further)

    monkeypatch.setattr(Executor, "execute_field", execute_field)
    owner = await filled(world)
    query = """{ tokens { edges { cursor node { name hint lastUsedAt
        permissions { key } createdBy { name liveTokenCount } } } } }"""
    await run(service, owner, query, PlainFieldExecutor)
    assert set(through_graphql_core) == {"tokens"}
    of_context = "{ viewer { name role } tenant { slug } tenantApiUrl }"
    await run(service, owner, of_context, PlainFieldExecutor)
    assert set(through_graphql_core) == {"tokens"}
    await run(service, owner, query, Executor)
    assert {"edges", "cursor", "node", "name", "key"} < set(through_graphql_core)


async def test_requests_are_executed_by_the_fast_path(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    original = PlainFieldExecutor.execute_fields

    def execute_fields(self: PlainFieldExecutor, parent: Any, *further: Any) -> Any:
        executed.append(parent.name)
        return original(self, parent, *further)

    monkeypatch.setattr(PlainFieldExecutor, "execute_fields", execute_fields)
    signed_in = client.of(await world.person())
    assert (await signed_in.data("{ tenant { name } }"))["tenant"]["name"]
    assert executed == ["Query"]


async def test_middleware_gives_the_same_results(service: Service, world: World) -> None:
    """It replaces the fast path where graphql-core lacks the classes that this derives from."""
    owner = await filled(world)
    for name, query in _QUERIES.items():
        expected = await run(service, owner, query, Executor)
        given = await _metered(service, owner, query)
        assert text(given) == text(expected), name


async def test_middleware_keeps_the_limits_of_an_answer(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await filled(world)
    query = "{ tokens(first: 3) { edges { node { name } } } }"
    require_within_limits(await _metered(service, owner, query))
    monkeypatch.setattr("server.graphql.metering.MAX_OBJECTS", 5)
    with pytest.raises(TooLargeError):
        require_within_limits(await _metered(service, owner, query))


async def _metered(service: Service, person: Person, query: str) -> ExecutionResult:
    context = Context(service, person.principal)
    result = execute(CORE_SCHEMA, parse(query), context, context, middleware=[MeteredFields()])
    return await result if isawaitable(result) else result


async def test_only_what_reads_nothing_more_stays_in_the_main_loop(
    service: Service, world: World
) -> None:
    """Operations that wait for the database, or can be large, run in the GraphQL thread."""
    aside = 0

    async def run(work: Callable[[], Awaitable[_T]], /) -> _T:
        nonlocal aside
        aside += 1
        return await work()

    owner = await filled(world)
    transport = httpx2.ASGITransport(app=create_app(service, run))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        signed_in = Client(http).of(owner)
        for query, times_aside in {
            "{ viewer { name role } tenant { slug apiUrl } }": 1,
            "{ viewer { name liveTokenCount } }": 3,
            "{ tenant { tokenPolicy { revision } } }": 3,
            "{ permissionCategories { name permissions { key } } }": 3,
            "{ tokens(first: 1) { edges { cursor } } }": 3,
            "{ tokenReminders { __typename } }": 3,
        }.items():
            before = aside
            first, second, third = [await signed_in.data(query) for _ in range(3)]
            assert first == second == third
            assert aside - before == times_aside, query
        named = "{ tenant { name } }"
        assert (await signed_in.data(named))["tenant"]["name"] != "Another"
        await models.Tenant.filter(id=owner.admin.tenant_id).update(name="Another")
        assert (await signed_in.data(named))["tenant"]["name"] == "Another"

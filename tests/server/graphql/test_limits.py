"""Limits of a request's cost: estimated beforehand, and counted while it runs."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

import models
from server.app import create_app
from server.catalogue import Catalogue, read_catalogue
from server.catalogue.reader import catalogue_of
from server.graphql import cost
from server.graphql.limits import MAX_DOCUMENT_LENGTH, MAX_LINES
from server.graphql.plans import Run
from server.operations import usage
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.statements import caught

LARGE = 4_000
GRID = "{ permissionCategories { name permissions { key name method path category { name } } } }"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A catalogue of 4,000 operations under one tag."""
    document = tmp_path_factory.mktemp("large") / "api.yaml"
    summary = "What the operation does, in the words of its document"
    paths = "".join(
        f"  /api/v1/organizations/{{org}}/resources-{n}:"
        f" {{get: {{tags: [Everything], summary: {summary} {n}}}}}\n"
        for n in range(LARGE)
    )
    document.write_text(f"openapi: 3.1.0\npaths:\n{paths}")
    return read_catalogue(document)


@pytest.fixture
async def alone(sqlite_url: str) -> AsyncIterator[Service]:
    async with running_service(settings_for(sqlite_url)) as running:
        yield running


@pytest.fixture
async def person(alone: Service) -> Person:
    return await World(alone).person()


async def ask(service: Service, person: Person, query: str, **variables: Any) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        return await Client(http).of(person).graphql(query, variables)


def code_of(response: httpx2.Response) -> str:
    assert response.status_code < 500
    body = response.json()
    return str(body["errors"][0]["extensions"]["code"]) if "errors" in body else ""


_PAGES = "activity(first: 90) { edges { node { id } } }"
# Sizes of a page of tokens as arguments, with 90 activities of each; 100 tokens are too many.
SIZES: list[tuple[str, dict[str, Any], str]] = [
    ("first: $n", {"n": 100}, "QUERY_TOO_COMPLEX"),
    ("first: $n", {"n": 100.0}, "QUERY_TOO_COMPLEX"),
    ("last: $n", {"n": 100.0}, "QUERY_TOO_COMPLEX"),
    ("last: $n, first: null", {"n": 100}, "QUERY_TOO_COMPLEX"),
    ("first: null, last: $n", {"n": 100}, "QUERY_TOO_COMPLEX"),
    ("last: 100, first: $n", {"n": None}, "QUERY_TOO_COMPLEX"),
    ("last: 100, first: $n", {}, "QUERY_TOO_COMPLEX"),
    ("first: 100, after: $n", {"n": None}, "QUERY_TOO_COMPLEX"),
    ("first: $n", {"n": 50}, ""),
    ("first: $n", {"n": 50.0}, ""),
    ("first: $n", {}, ""),
    ("first: $n", {"n": None}, ""),
    ("first: $n", {"n": 100.5}, "BAD_USER_INPUT"),
    ("first: $n", {"n": "100"}, "BAD_USER_INPUT"),
    ("first: $n", {"n": True}, "BAD_USER_INPUT"),
    ("first: $n", {"n": [100]}, "BAD_USER_INPUT"),
    ("first: $n", {"n": 10**18}, "BAD_USER_INPUT"),
    ("first: $n", {"n": 101}, "BAD_PAGE"),
    ("first: $n, last: 1", {"n": 1}, "BAD_PAGE"),
]


@pytest.mark.parametrize(("arguments", "variables", "code"), SIZES)
async def test_page_counts_by_its_requested_size(
    alone: Service, person: Person, arguments: str, variables: dict[str, Any], code: str
) -> None:
    of_type = "String" if "after: $n" in arguments else "Int"
    query = f"query ($n: {of_type}) {{ tokens({arguments}) {{ edges {{ node {{ {_PAGES} }} }} }} }}"
    assert code_of(await ask(alone, person, query, **variables)) == code


async def test_permissions_of_the_largest_catalogue_fit(
    alone: Service, person: Person, large: Catalogue
) -> None:
    response = await ask(replace(alone, catalogue=large), person, GRID)
    [category] = response.json()["data"]["permissionCategories"]
    assert len(category["permissions"]) == LARGE


async def test_categories_are_read_in_parts(alone: Service, person: Person) -> None:
    """The estimate counts as many categories as are asked for."""
    paths = {
        f"/x/{number}": {"get": {"tags": [f"Kind {number % 3}"]}} for number in range(3 * 4_000)
    }
    source = catalogue_of({"openapi": "3.1.0", "info": {"title": "T"}, "paths": paths})
    service = replace(alone, catalogue=source)

    async def ask_for(arguments: str) -> httpx2.Response:
        query = f"{{ permissionCategories({arguments}) {{ name permissions {{ key }} }} }}"
        return await ask(service, person, query)

    assert code_of(await ask_for("first: 3")) == "QUERY_TOO_COMPLEX"
    parts = [await ask_for("first: 2"), await ask_for('first: 2, after: "Kind 1"')]
    found = [one for part in parts for one in part.json()["data"]["permissionCategories"]]
    assert [one["name"] for one in found] == ["Kind 0", "Kind 1", "Kind 2"]
    assert sum(len(one["permissions"]) for one in found) == 12_000
    assert code_of(await ask_for('first: 1, after: "Kind 3"')) == "BAD_CURSOR"
    service = alone
    assert code_of(await ask_for("first: 0")) == "BAD_PAGE"


async def test_nested_permissions_are_refused_before_execution(
    alone: Service, person: Person, large: Catalogue
) -> None:
    query = "{permissionCategories{permissions{category{permissions{key}}}}}"
    response = await ask(replace(alone, catalogue=large), person, query)
    assert code_of(response) == "QUERY_TOO_COMPLEX"
    assert "data" not in response.json()


_PERMISSIONS = "permissions { key category { name } }"
TOO_LARGE = {
    "read off plain fields": f"{{ tokens(first: 20) {{ edges {{ node {{ {_PERMISSIONS} }} }} }} }}",
    "of the same objects again": "{ tokens(first: 1) { edges { node {"
    f" a: {_PERMISSIONS} b: {_PERMISSIONS} c: {_PERMISSIONS} d: {_PERMISSIONS} }} }} }} }}",
    "in a circle": "{ tokens(first: 1) { edges { node {"
    " permissions { category { permissions { key } } } } } } }",
    "by way of resolvers": f"{{ activity(first: 20) {{ edges {{ node {{ token {{ {_PERMISSIONS}"
    " permissionCount } } } } }",
    "in activity": "{ activity(first: 20) { edges { node {"
    " ... on TokenPermissionsEdited { granted { key } withdrawn { key } } } } } }",
}


@pytest.mark.parametrize("query", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_too_large_result_is_refused(
    alone: Service, person: Person, large: Catalogue, query: str
) -> None:
    """The server stops at the limit instead of reading all that was asked for."""
    service = replace(alone, catalogue=large)
    world = World(service)
    keys = [permission.key for permission in large.permissions]
    await hold_everything(world, person, keys)
    response = await ask(service, person, query)
    assert code_of(response) == "QUERY_TOO_COMPLEX"
    assert "data" not in response.json()
    assert len(response.content) < 1_000
    assert code_of(await ask(service, person, "{ viewer { id } }")) == ""


async def hold_everything(world: World, person: Person, keys: list[str]) -> None:
    """Twenty tokens whose activity grants every permission; the latest four hold them."""
    tenant_id = person.principal.tenant_id
    made = [(await world.token(person, f"t{n}")).token for n in range(20)]
    await models.TokenPermission.bulk_create(
        models.TokenPermission(tenant_id=tenant_id, token_id=token.id, key=key)
        for token in made[-4:]
        for key in keys
    )
    await models.Activity.bulk_create(
        models.Activity(
            tenant_id=tenant_id,
            subject_id=token.id,
            actor_id=person.admin.id,
            kind=models.ActivityKind.PERMISSIONS_EDITED,
            details={"granted": keys, "withdrawn": []},
        )
        for token in made
    )


async def test_result_of_too_many_bytes_is_refused(
    alone: Service, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every character of a text counts, with its JSON escapes."""
    for text in ("x" * 1_000, "\N{GRINNING FACE}" * 250, '"' * 500):
        for number in range(5):
            await World(alone).token(person, f"t{number}", description=text)
    for limit, code in ((20_000, ""), (12_000, "QUERY_TOO_COMPLEX")):
        monkeypatch.setattr("server.graphql.metering.MAX_ANSWER_BYTES", limit)
        monkeypatch.setattr("server.graphql.endpoint.MAX_ANSWER_BYTES", limit)
        query = "{ tokens { edges { node { description } } } }"
        assert code_of(await ask(alone, person, query)) == code


async def test_counted_size_matches_the_written_size(alone: Service, person: Person) -> None:
    """At least half of the answer's size, and little more than it."""
    await World(alone).token(person, "t", description="x" * 1_000)
    meters: list[Run] = []

    class Kept(Run):
        __slots__ = ()

        def __init__(self, collect: Any) -> None:
            super().__init__(collect)
            meters.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.graphql.executor.Run", Kept)
        for query in (
            GRID,
            "{ tokens { edges { cursor node { id name description createdAt revision } } } }",
            "{ activity { edges { node { __typename id actor { name } token { name } } } } }",
            "{ __schema { types { name description fields { name type { name } } } } }",
        ):
            response = await ask(alone, person, query)
            assert code_of(response) == ""
            assert meters[-1].objects == _objects(response.json()["data"])
            assert 0.5 < meters[-1].size / len(response.content) < 1.5


def _objects(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict) + sum(map(_objects, inside))


DOCUMENTS = {
    "as long as may be": ("{__typename" + " " * (MAX_DOCUMENT_LENGTH - 12) + "}", ""),
    "longer": ("{__typename" + " " * (MAX_DOCUMENT_LENGTH - 11) + "}", "GRAPHQL_VALIDATION_FAILED"),
    "as many lines as may be": ("\n" * (MAX_LINES - 1) + "{__typename}", ""),
    "more lines": ("\n" * MAX_LINES + "{__typename}", "GRAPHQL_VALIDATION_FAILED"),
    "more lines of another kind": ("\r" * MAX_LINES + "{__typename}", "GRAPHQL_VALIDATION_FAILED"),
    "60 equal fields": ("{" + "viewer{id}" * 60 + "}", ""),
    "240 equal fields": ("{" + "viewer{id}" * 240 + "}", "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize(("document", "code"), DOCUMENTS.values(), ids=DOCUMENTS)
async def test_document_is_measured_before_it_is_validated(
    alone: Service, person: Person, document: str, code: str
) -> None:
    transport = httpx2.ASGITransport(app=create_app(alone))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        client = Client(http).of(person)
        response = await client.http.post(
            "/graphql", json={"query": document}, headers=client.headers
        )
    assert code_of(response) in ({code, "BODY_TOO_LARGE"} if code else {""})


async def test_a_page_of_usage_is_one_query(world: World, client: Client) -> None:
    person = await world.person()
    at = models.now()
    made = [(await world.token(person, f"t{n}")).token for n in range(5)]
    await models.TokenUse.bulk_create(
        models.TokenUse(
            tenant_id=token.tenant_id,
            token_id=token.id,
            key=key,
            day=(at - timedelta(days=day)).date(),
            allowed=2**31,
            denied=day,
            first_used_at=at - timedelta(days=day),
            last_used_at=at - timedelta(days=day),
        )
        for token in made
        for key in ("GET /a", "GET /b")
        for day in range(3)
    )
    query = "{ tokens { edges { node { usage { allowed denied firstUsedAt } } } } }"
    with caught() as statements:
        data = await client.of(person).data(query)
    assert len([sql for sql, _ in statements if "SUM(" in sql.upper()]) == 1
    for edge in data["tokens"]["edges"]:
        for one in edge["node"]["usage"]:
            assert (one["allowed"], one["denied"]) == (2**31 - 1, 3)
            assert one["firstUsedAt"].startswith((at - timedelta(days=2)).date().isoformat())


async def test_usage_of_many_days_is_summed_in_parts_or_refused(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    at = models.now()
    made = [(await world.token(person, f"t{n}")).token for n in range(4)]
    await models.TokenUse.bulk_create(
        models.TokenUse(
            tenant_id=token.tenant_id, token_id=token.id, key="", day=at.date(),
            allowed=1, denied=0, first_used_at=at, last_used_at=at,
        )
        for token in made
    )  # fmt: skip
    query = "{ tokens { edges { node { usage { allowed } } } } }"
    monkeypatch.setattr(usage, "_DAYS_AT_ONCE", 3)
    monkeypatch.setattr(usage, "_PART", 2)
    with caught() as statements:
        data = await client.of(person).data(query)
    assert len([sql for sql, _ in statements if "SUM(" in sql.upper()]) == 2
    assert [edge["node"]["usage"] for edge in data["tokens"]["edges"]] == [[{"allowed": 1}]] * 4
    monkeypatch.setattr(usage, "_MAX_DAYS", 3)
    assert code_of(await client.of(person).graphql(query)) == "QUERY_TOO_COMPLEX"


async def test_usage_is_limited_to_few_distinct_instants(alone: Service, person: Person) -> None:
    token = (await World(alone).token(person)).token
    assert token
    for times, code in ((3, ""), (4, "QUERY_TOO_COMPLEX")):
        aliases = " ".join(
            f'a{n}: usage(since: "2026-01-0{n + 1}T00:00:00Z") {{ allowed }}' for n in range(times)
        )
        query = f"{{ tokens {{ edges {{ node {{ {aliases} }} }} }} }}"
        assert code_of(await ask(alone, person, query)) == code


async def test_refused_result_costs_at_most_ten_times_one_that_fits(
    alone: Service, person: Person, large: Catalogue
) -> None:
    service = replace(alone, catalogue=large)
    await hold_everything(World(service), person, [one.key for one in large.permissions])

    async def seconds(query: str) -> float:
        best = 60.0
        for _ in range(3):
            started = time.process_time()
            await ask(service, person, query)
            best = min(best, time.process_time() - started)
        return best

    fits = await seconds(GRID)
    assert await seconds(TOO_LARGE["in a circle"]) < 10 * fits + 0.1
    assert await seconds(TOO_LARGE["read off plain fields"]) < 10 * fits + 0.1


async def test_every_permission_of_a_large_catalogue_fits_into_a_request(
    world: World, large: Catalogue
) -> None:
    service = replace(world.service, catalogue=large)
    person = await world.person()
    keys = [permission.key for permission in large.permissions]

    async def mutate(name: str, /, **fields: Any) -> int:
        of_input = f"{name[0].upper()}{name[1:]}"
        query = f"mutation ($i: {of_input}Input!) {{ {name}(input: $i) {{"
        query += f" ... on {of_input}Payload {{ token {{ id permissionCount }} }} }} }}"
        response = await ask(service, person, query, i=fields)
        assert code_of(response) == "", response.text
        made = response.json()["data"][name]["token"]
        ids.append(made["id"])
        return int(made["permissionCount"])

    ids: list[str] = []
    assert await mutate("createToken", name="all", permissions=keys) == LARGE
    assert await mutate("setPermissions", tokenId=ids[0], permissions=[]) == 0
    assert await mutate("editPermissions", tokenId=ids[0], grant=keys) == LARGE
    assert await mutate("editPermissions", tokenId=ids[0], withdraw=keys[1:]) == 1
    assert await mutate("setPermissions", tokenId=ids[0], permissions=keys) == LARGE


def test_values_that_give_another_size_have_another_estimate() -> None:
    """The estimate is kept with the document, by all that a size can follow from."""
    values: list[dict[str, Any]] = [
        {"first": 50, "filter": {"search": "a", "ids": ["b"]}},
        {"first": 51, "filter": {"search": "a", "ids": ["b"]}},
        {"first": 50, "filter": {"search": "a", "ids": ["b", "c"]}},
        {"first": 50, "filter": {"search": "a", "ids": ["b"], "days": 7}},
        {"first": 50, "filter": {"search": "a", "ids": ["b"], "days": 8}},
        {"first": 50, "filter": {"all": [{"days": 7}]}},
        {"first": 50, "filter": {"all": [{"days": 8}]}},
        {"first": 50, "filter": None},
    ]
    assert len({cost._size_of(one) for one in values}) == len(values)
    other = {"first": 50, "filter": {"search": "z", "ids": [""]}}
    assert cost._size_of(values[0]) == cost._size_of(other)

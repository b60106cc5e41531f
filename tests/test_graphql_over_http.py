"""GraphQL over HTTP: the specification's audits, and the limits that this server adds.

Here: media types, methods, bodies, documents, the cost of requests, introspection, coded and masked
errors. Not here: the meaning of fields, authorization, and cross-site requests.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from graphql import (
    get_introspection_query,
)

import models
from models import ActivityKind, Role
from server.app import create_app, running_service
from server.logs import JsonLines
from server.service import Service
from tests.conftest import settings_for
from tests.support import node
from tests.support.command import tessera_here
from tests.support.factories import PASSWORD, Client, Person, World, complete, token_id
from tests.support.process import ServerProcess

NEWER = "application/graphql-response+json"
JSON = "application/json"
# The most expensive take half a second on a laptop; slower machines run these tests too.
CPU_SECONDS = 2.0
TYPENAME = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A real server process on SQLite with the tenant `acme`."""
    folder = tmp_path_factory.mktemp("over-http")
    url = f"sqlite://{folder / 'tessera.db'}"
    owner = ["--owner-email", "owner@acme.example", "--owner-name", "Owner"]
    made = tessera_here(
        *("tenant", "create", "acme", "--name", "Acme", *owner, "--password-stdin"),
        database_url=url,
        stdin=f"{PASSWORD}\n",
    )
    assert made.returncode == 0, made.stderr
    with ServerProcess(folder, database_url=url) as running:
        yield running


@pytest.fixture
async def alone(sqlite_url: str) -> AsyncIterator[Service]:
    """The service on SQLite alone, for requests that reach no database."""
    async with running_service(settings_for(sqlite_url)) as running:
        yield running


@pytest.fixture
async def person(alone: Service) -> Person:
    return await World(alone).person()


@pytest.fixture
async def owner(alone: Service, person: Person) -> AsyncIterator[Client]:
    """A signed-in owner."""
    async with client_of(alone) as stranger:
        yield stranger.of(person)


class client_of:  # noqa: N801  # reads as a function
    """An unauthenticated client of a service's application."""

    def __init__(self, service: Service) -> None:
        transport = httpx2.ASGITransport(app=create_app(service))
        self._http = httpx2.AsyncClient(
            transport=transport, base_url="http://tessera.test", timeout=60
        )

    async def __aenter__(self) -> Client:
        return Client(await self._http.__aenter__())

    async def __aexit__(self, *error: Any) -> None:
        await self._http.__aexit__(*error)


async def post(client: Client, content: Any, **headers: str | None) -> httpx2.Response:
    """Posts raw content as JSON unless `headers` replace the content type; None omits a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {"content-type": JSON} | client.headers | named
    request = client.http.build_request("POST", "/graphql", content=content)
    for name, value in wanted.items():
        if value is not None:
            request.headers[name] = value
    return await client.http.send(request)


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


def first_message(response: httpx2.Response) -> str:
    return str(response.json()["errors"][0]["message"])


# The specification


def test_every_audit_of_graphql_http_passes(server: ServerProcess) -> None:
    """All MUST, SHOULD and MAY audits of the working group's reference implementation."""
    session = httpx2.post(
        f"{server.url}/session",
        json={
            "tenant": "acme",
            "email": "owner@acme.example",
            "password": PASSWORD,
            "transport": "bearer",
        },
    ).json()["session"]
    done = node.run("audits.mjs", f"{server.url}/graphql", session)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert Counter(result["name"].split()[0] for result in results) == {
        "MUST": 13,
        "SHOULD": 23,
        "MAY": 25,
    }


def test_websocket_upgrade_is_refused(server: ServerProcess) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
    }
    for path in ("/graphql", "/graphiql", "/session", "/"):
        response = httpx2.get(f"{server.url}{path}", headers=upgrade)
        assert response.status_code != 101
        assert "upgrade" not in response.headers


async def test_websocket_is_closed_without_being_accepted(alone: Service) -> None:
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [],
        "subprotocols": ["graphql-transport-ws"],
    }
    await create_app(alone)(scope, receive, send)
    assert sent == ["websocket.close"]


# Media types

CONTENT_TYPES: dict[str | None, int] = {
    "application/json": 200,
    "Application/JSON": 200,
    "application/json;charset=utf-8": 200,
    "application/json; charset=UTF-8": 200,
    'application/json ; charset = "utf-8"': 200,
    None: 415,
    "": 415,
    "application/json, text/plain": 415,
    "application/json; charset=utf-16": 415,
    "application/json; charset=latin1": 415,
    "application/json; charset=utf-8; charset=utf-7": 415,
    "application/json; boundary=x": 415,
    "application/jsonp": 415,
    "application/json+x": 415,
    "xapplication/json": 415,
    "application /json": 415,
    "text/plain": 415,
    "text/plain; application/json": 415,
    "text/plain;charset=utf-8;application/json": 415,
    "text/json": 415,
    "application/x-www-form-urlencoded": 415,
    "application/x-www-form-urlencoded; application/json": 415,
    "multipart/form-data; boundary=application/json": 415,
    "application/graphql": 415,
    "application/graphql+json": 415,
    "application/graphql-response+json": 415,
    "*/*": 415,
}


@pytest.mark.parametrize(("content_type", "status"), CONTENT_TYPES.items())
async def test_only_json_in_utf8_is_read(
    owner: Client, content_type: str | None, status: int
) -> None:
    """An HTML form of another site can send similar content types."""
    response = await post(owner, json.dumps(TYPENAME).encode(), content_type=content_type)
    assert response.status_code == status
    if status == 415:
        assert codes(response) == ["UNSUPPORTED_MEDIA_TYPE"]


async def test_two_content_types_are_refused(owner: Client) -> None:
    for pair in (("application/json", "text/plain"), ("application/json", "application/json")):
        headers = [("content-type", one) for one in pair] + list(owner.headers.items())
        response = await owner.http.post("/graphql", content=b"{}", headers=headers)
        assert response.status_code == 415


async def test_compressed_bodies_are_refused_unread(owner: Client) -> None:
    for coding in ("gzip", "deflate", "br", "identity, gzip", "zstd"):
        response = await post(owner, b"\x1f\x8b", content_encoding=coding)
        assert (response.status_code, codes(response)) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


ACCEPTED: dict[str | None, str | None] = {
    None: JSON,
    "": JSON,
    "*/*": JSON,
    "application/*": JSON,
    "application/json": JSON,
    "Application/JSON": JSON,
    "application/json; charset=utf-8": JSON,
    "text/html, application/json;q=0.9, */*;q=0.8": JSON,
    "text/html,application/xhtml+xml,*/*;q=0.8": JSON,
    f"{NEWER};q=0, */*": JSON,
    NEWER: NEWER,
    f"{NEWER}; charset=utf-8": NEWER,
    f"{NEWER}, {JSON};q=0.9": NEWER,
    f"{JSON};q=0.9, {NEWER}": NEWER,
    f"{JSON};q=0, {NEWER}": NEWER,
    "text/html": None,
    "text/*": None,
    "application/xml": None,
    "application/jsonp": None,
    "application/json; charset=utf-16": None,
    "application/json;q=0": None,
    "application/json;q=0, */*": None,
    "*/*;q=0": None,
    "text/plain; application/json": None,
    ",": None,
}


@pytest.mark.parametrize(("accept", "answered"), ACCEPTED.items())
async def test_answer_has_a_media_type_that_the_client_accepts(
    owner: Client, accept: str | None, answered: str | None
) -> None:
    request = owner.http.build_request("POST", "/graphql", json=TYPENAME, headers=owner.headers)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await owner.http.send(request)
    if answered is None:
        assert response.status_code == 406
        assert response.headers["content-type"] == "application/problem+json"
    else:
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{answered}; charset=utf-8"
        assert "Accept" in response.headers["vary"]


async def test_refused_document_has_another_status_in_the_newer_media_type(owner: Client) -> None:
    for query, new_status in {"{": 400, "{ nope }": 400, "{ __typename }": 200}.items():
        old = await owner.graphql(query, None, accept=JSON)
        new = await owner.graphql(query, None, accept=NEWER)
        assert (old.status_code, new.status_code) == (200, new_status)
        assert old.json() == new.json()


async def test_answers_are_not_cached(owner: Client) -> None:
    for response in (await owner.graphql("{ __typename }"), await owner.graphql("{")):
        assert response.headers["cache-control"] == "no-store"


# Bodies


def body_of(size: int) -> bytes:
    start, end = b'{"query":"{__typename}","extensions":{"x":"', b'"}}'
    return start + b"x" * (size - len(start) - len(end)) + end


async def test_body_has_at_most_1_mib(owner: Client) -> None:
    assert (await post(owner, body_of(1_048_576))).status_code == 200
    response = await post(owner, body_of(1_048_577))
    assert (response.status_code, codes(response)) == (413, ["BODY_TOO_LARGE"])


async def test_chunked_body_has_at_most_1_mib_and_is_not_read_to_its_end(owner: Client) -> None:
    async def chunks(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    assert (await post(owner, chunks(body_of(1_048_576)))).status_code == 200
    assert (await post(owner, chunks(body_of(1_048_577)))).status_code == 413

    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100_000_000:
            read += 1000
            yield b" " * 1000

    assert (await post(owner, endless())).status_code == 413
    assert read <= 1_100_000


BAD_BODIES = {
    "nothing": b"",
    "space": b" ",
    "not JSON": b"{query: 1}",
    "cut off": b'{"query":"{__typename}"',
    "two values": b"{}{}",
    "trailing comma": b'{"query":"{__typename}",}',
    "not a number": b'{"query":"{__typename}","variables":{"a":NaN}}',
    "5,000 digits": b'{"query":"{__typename}","variables":{"a":' + b"9" * 5000 + b"}}",
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "deep and cut off": b"[" * 60_000,
    "UTF-16": json.dumps(TYPENAME).encode("utf-16"),
    "UTF-16, no mark": json.dumps(TYPENAME).encode("utf-16-le"),
    "UTF-32": json.dumps(TYPENAME).encode("utf-32"),
    "UTF-8 with a mark": json.dumps(TYPENAME).encode("utf-8-sig"),
    "Latin-1": '{"query":"{__typename}#é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"query":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"query":"\xed\xa0\x80"}',
    "lone surrogate": b'{"query":"\\ud800"}',
    "control character": b'{"query":"\x01"}',
    "null": b"null",
    "number": b"3",
    "text": b'"x"',
    "true": b"true",
    "empty list": b"[]",
    "a batch": json.dumps([TYPENAME, TYPENAME]).encode(),
    "a batch of one": json.dumps([TYPENAME]).encode(),
    "no query": b"{}",
    "empty query": b'{"query":""}',
    "query null": b'{"query":null}',
    "query list": b'{"query":["{__typename}"]}',
    "persisted": b'{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0"}}}',
    "name a number": b'{"query":"{__typename}","operationName":3}',
    "variables a list": b'{"query":"{__typename}","variables":[]}',
    "variables text": b'{"query":"{__typename}","variables":"{}"}',
    "extensions a list": b'{"query":"{__typename}","extensions":[]}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_body_that_is_not_one_json_request_is_refused(owner: Client, body: bytes) -> None:
    response = await post(owner, body)
    assert response.status_code == 400
    assert codes(response)[0] in {"BAD_JSON", "BAD_PARAMETERS"}
    assert "data" not in response.json()


# Methods


async def test_get_runs_a_query_and_no_mutation(owner: Client) -> None:
    query = {"query": "query A($b: Boolean!) { viewer @include(if: $b) { role } __typename }"}
    with_variables = query | {"variables": '{"b": true}', "operationName": "A"}
    got = await owner.http.get("/graphql", params=with_variables, headers=owner.headers)
    assert got.json() == {"data": {"viewer": {"role": "OWNER"}, "__typename": "Query"}}

    change = {"query": 'mutation { createToken(input: {name: "x"}) { __typename } }'}
    refused = await owner.http.get("/graphql", params=change, headers=owner.headers)
    assert (refused.status_code, codes(refused)) == (405, ["METHOD_NOT_ALLOWED"])
    assert refused.headers["allow"] == "POST"
    assert await models.Token.all().count() == 0


async def test_get_does_not_run_a_mutation_by_its_operation_name(owner: Client) -> None:
    both = 'query A { __typename } mutation B { createToken(input: {name: "x"}) { __typename } }'
    for name, status in {"A": 200, "B": 405}.items():
        params = {"query": both, "operationName": name}
        response = await owner.http.get("/graphql", params=params, headers=owner.headers)
        assert response.status_code == status
    assert await models.Token.all().count() == 0


async def test_other_methods_are_refused(owner: Client) -> None:
    for method in ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        response = await owner.http.request(method, "/graphql", headers=owner.headers)
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST"


BAD_QUERY_STRINGS = {
    "none": "",
    "no query": "operationName=A",
    "query twice": "query={__typename}&query={__typename}",
    "variables twice": "query={__typename}&variables={}&variables={}",
    "name twice": "query={__typename}&operationName=&operationName=",
    "anything twice": "query={__typename}&x=1&x=1",
    "variables not JSON": "query={__typename}&variables={a:1}",
    "variables a list": "query={__typename}&variables=[]",
    "variables a number": "query={__typename}&variables=3",
    "extensions not JSON": "query={__typename}&extensions=x",
}


@pytest.mark.parametrize("query_string", BAD_QUERY_STRINGS.values(), ids=BAD_QUERY_STRINGS)
async def test_ambiguous_or_broken_parameters_are_refused(owner: Client, query_string: str) -> None:
    response = await owner.http.get(f"/graphql?{query_string}", headers=owner.headers)
    assert response.status_code == 400
    assert codes(response)[0] in {"BAD_JSON", "BAD_PARAMETERS"}


async def test_the_body_of_a_get_and_the_query_string_of_a_post_are_not_read(
    owner: Client,
) -> None:
    get = await owner.http.request(
        "GET", "/graphql", content=json.dumps(TYPENAME), headers=owner.headers
    )
    posted = await owner.http.post(
        "/graphql", params={"query": "{__typename}"}, json={}, headers=owner.headers
    )
    assert (get.status_code, posted.status_code) == (400, 400)


# Documents


async def test_several_operations_need_an_operation_name(owner: Client) -> None:
    several = "query A { __typename } query B { viewer { role } }"

    async def run(query: str, name: str | None) -> httpx2.Response:
        return await post(owner, json.dumps({"query": query, "operationName": name}).encode())

    for refused in (
        await run(several, None),
        await run(several, ""),
        await run(several, "C"),
        await run("{ __typename }", "A"),
        await run("query A { __typename }", "B"),
        await run("fragment F on Query { __typename }", None),
    ):
        assert codes(refused) == ["GRAPHQL_VALIDATION_FAILED"]
        assert "data" not in refused.json()
    assert (await run(several, "B")).json() == {"data": {"viewer": {"role": "OWNER"}}}
    assert (await run("query A { __typename }", "")).status_code == 200


async def test_there_are_no_subscriptions(owner: Client) -> None:
    for query in ("subscription { a }", "subscription S { __typename }"):
        response = await owner.graphql(query)
        assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]
        assert "data" not in response.json()


DEPTHS = {
    "8": ("{activity{edges{node{token{activity{edges{node{id}}}}}}}}", True),
    "9": ("{activity{edges{node{token{activity{edges{node{token{id}}}}}}}}}", False),
    "9 over a fragment": (
        "{activity{edges{node{...F}}}} fragment F on TokenActivity"
        "{token{activity{edges{node{token{id}}}}}}",
        False,
    ),
    "9 over a fragment in a fragment": (
        "{...A} fragment A on Query{activity{edges{node{...F}}}} fragment F on TokenActivity"
        "{token{...T}} fragment T on Token{activity{edges{node{token{id}}}}}",
        False,
    ),
    "9 over inline fragments": (
        "{...{activity{edges{node{...on TokenCreated{token{activity{edges{node"
        "{...{token{id}}}}}}}}}}}}",
        False,
    ),
    "9 that would be skipped": (
        "{activity{edges{node{token{activity{edges{node{token@skip(if:true){id}}}}}}}}}",
        False,
    ),
    "9 in an operation that is not run": (
        "query A{__typename}"
        "query B{activity{edges{node{token{activity{edges{node{token{id}}}}}}}}}",
        False,
    ),
}


@pytest.mark.parametrize(("query", "accepted"), DEPTHS.values(), ids=DEPTHS)
async def test_query_is_at_most_8_fields_deep(owner: Client, query: str, accepted: bool) -> None:
    name = "A" if query.startswith("query A") else None
    body = json.dumps({"query": query, "operationName": name}).encode()
    response = await post(owner, body)
    assert ("data" in response.json()) is accepted
    if not accepted:
        assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]
        assert "deep" in first_message(response)


async def test_document_has_at_most_1000_tokens(owner: Client) -> None:
    async def run(fields: str) -> httpx2.Response:
        """15 lexical tokens with three fields, and 5 for each of the other 197 operations."""
        others = "".join(f" query Q{n}{{__typename}}" for n in range(197))
        query = f'query A{{token(id:"x"){{{fields}}}}}{others}'
        return await post(owner, json.dumps({"query": query, "operationName": "A"}).encode())

    assert (await run("id name hint")).json() == {"data": {"token": None}}
    refused = await run("id name hint revision")
    assert codes(refused) == ["GRAPHQL_PARSE_FAILED"]
    assert "1000 tokens" in first_message(refused)


ALIASES = {
    "15": ("{" + "".join(f"a{n}:__typename " for n in range(15)) + "}", True),
    "16": ("{" + "".join(f"a{n}:__typename " for n in range(16)) + "}", False),
    "16 of one name": ("{" + "a:__typename " * 16 + "}", False),
    "16 in fragments": (
        "{...F ...G}"
        + "fragment F on Query{" + "".join(f"a{n}:__typename " for n in range(8)) + "}"
        + "fragment G on Query{" + "".join(f"b{n}:__typename " for n in range(8)) + "}",
        False,
    ),
    "16 in inline fragments": (
        "{" + "".join(f"...on Query{{a{n}:__typename}}" for n in range(16)) + "}",
        False,
    ),
    "16 in an unused fragment": (
        "{__typename} fragment F on Query{"
        + "".join(f"a{n}:__typename " for n in range(16)) + "}",
        False,
    ),
    "16 that would be skipped": (
        "{" + "".join(f"a{n}:__typename@skip(if:true)" for n in range(16)) + "}",
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("query", "accepted"), ALIASES.values(), ids=ALIASES)
async def test_document_has_at_most_15_aliases(owner: Client, query: str, accepted: bool) -> None:
    response = await owner.graphql(query)
    assert ("data" in response.json()) is accepted
    if not accepted:
        assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]
        assert "aliases" in first_message(response)


MAKE = 'createToken(input: {name: "x"}) { __typename }'
MAKE_UNLESS = 'createToken(input: {name: "x"}) @skip(if: $b) { __typename }'
SEVERAL_CHANGES = {
    "two": f"mutation {{ {MAKE} a: {MAKE} }}",
    "the same twice": f"mutation {{ {MAKE} {MAKE} }}",
    "two kinds": f'mutation {{ {MAKE} revokeToken(input: {{tokenId: "x"}}) {{ __typename }} }}',
    "beside a fragment": f"mutation {{ {MAKE} ...F }} fragment F on Mutation {{ a: {MAKE} }}",
    "in one fragment": f"mutation {{ ...F }} fragment F on Mutation {{ {MAKE} a: {MAKE} }}",
    "in two fragments": "mutation { ...F ...G }"
    f" fragment F on Mutation {{ {MAKE} }} fragment G on Mutation {{ a: {MAKE} }}",
    "a fragment twice": f"mutation {{ ...F ...F }} fragment F on Mutation {{ {MAKE} }}",
    "in inline fragments": f"mutation {{ ... {{ {MAKE} }} ... on Mutation {{ a: {MAKE} }} }}",
    "one skipped": f"mutation ($b: Boolean = true) {{ {MAKE} a: {MAKE_UNLESS} }}",
    "in a fragment that is left out": "mutation ($b: Boolean = false) {"
    f" {MAKE} ...F @include(if: $b) }} fragment F on Mutation {{ a: {MAKE} }}",
    "beside its type's name": f"mutation {{ {MAKE} __typename }}",
}


@pytest.mark.parametrize("query", SEVERAL_CHANGES.values(), ids=SEVERAL_CHANGES)
async def test_mutation_has_one_field(owner: Client, query: str) -> None:
    """Each change is a request of its own, so that a limit on requests limits changes."""
    response = await owner.graphql(query)
    assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]
    assert await models.Token.all().count() == 0


async def test_mutation_fields_in_fragments_are_counted(owner: Client) -> None:
    query = f"mutation {{ ...F }} fragment F on Mutation {{ ... on Mutation {{ {MAKE} }} }}"
    assert (await owner.data(query))["createToken"]["__typename"] == "CreateTokenPayload"
    assert await models.Token.all().count() == 1


# Cost


async def test_fragment_bomb_is_refused_quickly(owner: Client) -> None:
    """24 fragments, each spread 14 times by the one before, expand to 14 to the 24th fields."""
    bomb = "{...A0}" + "".join(
        f"fragment A{n} on Query{{{f'...A{n + 1} ' * 14}}}" for n in range(24)
    )
    bomb += "fragment A24 on Query{viewer{role}}"
    started = time.process_time()
    response = await owner.graphql(bomb)
    assert time.process_time() - started < CPU_SECONDS
    assert response.json() == {"data": {"viewer": {"role": "OWNER"}}}


async def test_cyclic_fragments_are_refused(owner: Client) -> None:
    response = await owner.graphql("{...A} fragment A on Query{...B} fragment B on Query{...A}")
    assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]


PERMISSIONS = "permissions{category{permissions{name}}}"
COSTS = {
    "a page with permissions": (
        "{tokens(first:100){edges{node{permissions{key category{name}} createdBy{name}}}}}",
        True,
    ),
    "a page with activity": (
        "{tokens(first:50){edges{node{activity{edges{node{id actor{name} token{name}}}}}}}}",
        True,
    ),
    "activity with permissions": (
        "{activity(first:100){edges{node{...on TokenPermissionsEdited"
        "{granted{key} withdrawn{key}}}}}}",
        True,
    ),
    "the grid": ("{permissionCategories{name permissions{key name}}}", True),
    "introspection as tools do it": (get_introspection_query(), True),
    "pages in pages": (
        "{tokens(first:100){edges{node{activity(first:100){edges{node{id}}}}}}}",
        False,
    ),
    "over a variable": (
        "query($n:Int=100){tokens(first:$n){edges{node{activity(first:$n){edges{node{id}}}}}}}",
        False,
    ),
    "over a fragment": (
        "{tokens(first:100){edges{node{...T}}}}"
        "fragment T on Token{activity(first:100){edges{node{id}}}}",
        False,
    ),
    "of 15 aliases": (
        "{tokens(first:100){edges{node{"
        + "".join(f"a{n}:activity(first:1){{edges{{node{{id}}}}}}" for n in range(15))
        + "}}}}",
        False,
    ),
    "aliases that multiply": (
        "{tokens(first:100){...C}} fragment C on TokenConnection{a:edges{...E}b:edges{...E}"
        "c:edges{...E}d:edges{...E}} fragment E on TokenEdge{a:node{...T}b:node{...T}c:node{...T}"
        "d:node{...T}} fragment T on Token{a:permissions{key}b:permissions{key}}",
        False,
    ),
    "permissions in a circle": (
        "{permissionCategories{permissions{category{permissions{category{permissions{key}}}}}}}",
        False,
    ),
    "nodes with pages": (
        "query($ids:[ID!]!){nodes(ids:$ids){...on Token{activity(first:100){edges{node{id}}}}}}",
        False,
    ),
    "introspection many times": (
        "{__schema{types{fields{...F a:type{...T}b:type{...T}c:type{...T}}}}}"
        "fragment F on __Field{args{name}}"
        "fragment T on __Type{a:ofType{fields{name}}b:ofType{fields{name}}c:ofType{name}}",
        False,
    ),
}


@pytest.mark.parametrize(("query", "accepted"), COSTS.values(), ids=COSTS)
async def test_request_asks_for_at_most_10_000_objects(
    owner: Client, query: str, accepted: bool
) -> None:
    """Estimated before execution: the sizes of nested pages and lists multiply."""
    variables = {"ids": ["x"] * 100} if "$ids" in query else None
    response = await owner.graphql(query, variables)
    assert (codes(response) == []) is accepted
    if not accepted:
        assert codes(response) == ["QUERY_TOO_COMPLEX"]
        assert "data" not in response.json()


async def test_request_asks_for_at_most_100_nodes(owner: Client) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    most = await owner.data(query, ids=["x"] * 100)
    assert most == {"nodes": [None] * 100}
    response = await owner.graphql(query, {"ids": ["x"] * 101})
    assert codes(response) == ["QUERY_TOO_COMPLEX"]


def _aliased(field: str, times: int) -> str:
    return " ".join([field, *(f"a{n}:{field}" for n in range(times))])


# The most expensive documents within the limits that we could construct.
WORST = {
    "overlapping fields": "{" + "viewer{id}" * 240 + "}",
    "overlapping fields with arguments": "{" + 'token(id:"x"){id}' * 110 + "}",
    "overlapping fields, nested": "{" + "tokens{edges{node{createdBy{id}}}}" * 70 + "}",
    "overlapping leaves": "{viewer{" + "id name email " * 300 + "}}",
    "overlapping fragments": "{activity{edges{node{"
    + "...on TokenCreated{token{id}}...on TokenRevoked{token{id}}" * 55
    + "}}}}",
    "fragments of fragments": "{...A0}"
    + "".join(f"fragment A{n} on Query{{viewer{{id}}...A{n + 1} ...A{n + 1}}}" for n in range(60))
    + "fragment A60 on Query{viewer{id}}",
    "fragments of fragments in a list": "{tokens{edges{node{...A0}}}}"
    + "".join(f"fragment A{n} on Token{{hint ...A{n + 1} ...A{n + 1}}}" for n in range(60))
    + "fragment A60 on Token{permissions{key}}",
    "operations that share a fragment": "query A{...F}"
    + "".join(f"query Q{n}{{...F}}" for n in range(90))
    + "fragment F on Query{" + "viewer{id}" * 80 + "}",
    "directives": "{tokens(first:100){edges{node{" + "id@skip(if:false)" * 130 + "}}}}",
    "unknown directives": "{viewer" + "@a" * 480 + "{id}}",
    "unknown fields": "{" + " ".join(f"toke{n}" for n in range(990)) + "}",
    "unknown arguments": "{viewer(" + " ".join(f"a{n}:1" for n in range(320)) + "){id}}",
    "unknown input fields": "mutation{createToken(input:{"
    + " ".join(f"f{n}:1" for n in range(320))
    + "}){__typename}}",
    "long names": "{" + " ".join("tokenActivit" * 5 + str(n) for n in range(900)) + "}",
    "a long name": "{" + "t" * 60_000 + "}",
    "a long string": '{token(id:"' + "a" * 60_000 + '"){id}}',
    "a block string": '{token(id:"""' + " a\n" * 15_000 + '"""){id}}',
    "a long number": "{tokens(first:" + "9" * 60_000 + "){__typename}}",
    "comments": "#\n" * 999 + "{__typename}",
    "lines before a mistake": "\n" * 30_000 + "{",
    "deep lists": "{nodes(ids:" + "[" * 480 + "]" * 480 + "){id}}",
    "deep selections": "{" + "a{" * 480 + "a" + "}" * 481,
    "pages beside each other": "{"
    + _aliased("activity(first:100){...A}", 15)
    + "}fragment A on TokenActivityConnection{edges{cursor node{__typename id occurredAt"
    " actor{id name email} token{id name hint revision createdAt createdBy{name}}}}}",
    "pages with all permissions": "{"
    + _aliased("tokens(first:100){...C}", 3)
    + "}fragment C on TokenConnection{edges{cursor node{id name createdAt createdBy{name}"
    " permissions{key name method path retired category{name}}}}}",
    "activity of each token": "{tokens(first:97){edges{node{activity(first:50)"
    "{edges{node{id occurredAt token{name}}}}}}}}",
    "searches": "{" + _aliased('tokens(first:100 search:"e"){edges{node{id}}}', 15) + "}",
    "introspection": get_introspection_query(),
    "introspection, overlapping": "{__schema{types{fields{" + "type{name}" * 240 + "}}}}",
}  # fmt: skip


async def test_most_expensive_documents_take_bounded_time(alone: Service) -> None:
    """On the largest page: 100 tokens with every permission and with activity."""
    person = await World(alone).person()
    await fill(alone, person)
    too_dear = {}
    async with client_of(alone) as stranger:
        client = stranger.of(person)
        for name, query in WORST.items():
            started = time.process_time()
            response = await client.graphql(query)
            seconds = time.process_time() - started
            assert response.status_code == 200, name
            assert len(response.content) < 10_000_000, name
            if seconds > CPU_SECONDS:
                too_dear[name] = seconds
    assert too_dear == {}


async def fill(service: Service, person: Person) -> None:
    tenant_id = person.principal.tenant_id
    tokens = [
        models.Token(
            tenant_id=tenant_id,
            name=f"Token {n}",
            description="",
            hint="tsr_…",
            created_by_id=person.admin.id,
        )
        for n in range(100)
    ]
    keys = [permission.key for permission in service.catalogue.permissions]
    await models.Token.bulk_create(tokens)
    await complete(tokens)
    await models.TokenPermission.bulk_create(
        models.TokenPermission(tenant_id=tenant_id, token_id=token.id, key=key)
        for token in tokens
        for key in keys
    )
    await models.Activity.bulk_create(
        models.Activity(
            tenant_id=tenant_id,
            token_id=token.id,
            actor_id=person.admin.id,
            kind=ActivityKind.PERMISSIONS_EDITED,
            details={"granted": keys, "withdrawn": []},
        )
        for token in tokens
        for _ in range(25)
    )


# Introspection


async def test_schema_is_hidden_without_a_session(owner: Client, alone: Service) -> None:
    auditor = await World(alone).person(role=Role.AUDITOR)
    for client in (owner, owner.of(auditor)):
        data = await client.data(get_introspection_query())
        assert {"name": "Token"}.items() <= next(
            one for one in data["__schema"]["types"] if one["name"] == "Token"
        ).items()
    stranger = Client(owner.http)
    answers = set()
    for query in (get_introspection_query(), "{ __typename }", "{ tokns { edges } }", "{", ""):
        response = await stranger.graphql(query)
        assert (response.status_code, codes(response)) == (401, ["UNAUTHENTICATED"])
        answers.add(response.text)
    assert len(answers) == 1


async def test_introspection_and_suggestions_can_be_turned_off(
    alone: Service, person: Person
) -> None:
    settings = replace(alone.settings, introspection=False)
    async with client_of(replace(alone, settings=settings)) as stranger:
        client = stranger.of(person)
        for query in (
            get_introspection_query(),
            "{ __schema { queryType { name } } }",
            '{ __type(name: "Token") { name } }',
            'query A { __typename } query B { __type(name: "Token") { name } }',
            "{ ...F } fragment F on Query { __schema { queryType { name } } }",
        ):
            response = await client.graphql(query)
            assert set(codes(response)) == {"GRAPHQL_VALIDATION_FAILED"}
            assert "data" not in response.json()
        assert await client.data("{ __typename viewer { __typename } }")
        for query, variables in TYPING_ERRORS:
            response = await client.graphql(query, variables)
            assert codes(response)
            assert "Did you mean" not in response.text


async def test_signed_in_admin_gets_suggestions(owner: Client) -> None:
    for query, variables in TYPING_ERRORS:
        assert "Did you mean" in (await owner.graphql(query, variables)).text


_SET_ROLE = "mutation($i: SetAdminRoleInput!) { setAdminRole(input: $i) { __typename } }"
TYPING_ERRORS: list[tuple[str, dict[str, Any] | None]] = [
    ("{ tokns { __typename } }", None),
    ("{ tokens(frist: 1) { __typename } }", None),
    ("{ ... on Qery { __typename } }", None),
    ("{ activity { edges { node { previousName } } } }", None),
    ('mutation { createToken(input: {nam: "x"}) { __typename } }', None),
    ('mutation { setAdminRole(input: {adminId: "x", role: ADMN}) { __typename } }', None),
    (_SET_ROLE, {"i": {"adminId": "x", "role": "ADMN"}}),
    (_SET_ROLE, {"i": {"adminID": "x", "role": "ADMIN", "adminId": "x"}}),
]


# Errors

CODED = {
    "parse": ("{", None, "GRAPHQL_PARSE_FAILED"),
    "validation": ("{ nope }", None, "GRAPHQL_VALIDATION_FAILED"),
    "literal": ('{ tokens(first: "x") { __typename } }', None, "GRAPHQL_VALIDATION_FAILED"),
    "a number that Python will not read": (
        "{ tokens(first: " + "9" * 5000 + ") { __typename } }",
        None,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "variable": (
        "query($n: Int) { tokens(first: $n) { __typename } }",
        {"n": "x"},
        "BAD_USER_INPUT",
    ),
    "no variable": ("query($n: ID!) { token(id: $n) { id } }", None, "BAD_USER_INPUT"),
    "page": ("{ tokens(first: 0) { __typename } }", None, "BAD_PAGE"),
    "cursor": ('{ tokens(after: "x") { __typename } }', None, "BAD_CURSOR"),
}


@pytest.mark.parametrize(("query", "variables", "code"), CODED.values(), ids=CODED)
async def test_every_error_has_a_code(
    owner: Client,
    caplog: pytest.LogCaptureFixture,
    query: str,
    variables: dict[str, Any] | None,
    code: str,
) -> None:
    response = await owner.graphql(query, variables)
    assert codes(response) == [code]
    assert first_message(response).endswith((".", "?"))
    assert "unexpected error" not in caplog.text


async def test_forbidden_field_has_a_code(owner: Client, alone: Service) -> None:
    auditor = await World(alone).person(role=Role.AUDITOR)
    response = await owner.of(auditor).graphql(f"mutation {{ {MAKE} }}")
    assert codes(response) == ["FORBIDDEN"]
    assert response.json()["data"] is None


async def test_invalid_session_has_a_code_and_a_challenge(owner: Client) -> None:
    response = await Client(owner.http, session="nonsense").graphql("{ __typename }")
    assert (response.status_code, codes(response)) == (401, ["UNAUTHENTICATED"])
    assert response.headers["www-authenticate"] == "Bearer"


async def test_admin_removed_during_a_mutation_gets_the_same_challenge(
    owner: Client, alone: Service
) -> None:
    """The mutation waits for the removal and then finds no admin."""
    file = urlsplit(alone.settings.database_url).path
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM admin")
        waiting = asyncio.create_task(owner.graphql(f"mutation {{ {MAKE} }}"))
        await asyncio.sleep(0.5)
        other.execute("COMMIT")
    response = await waiting
    assert (response.status_code, codes(response)) == (401, ["UNAUTHENTICATED"])
    assert response.json()["data"] is None
    assert response.headers["www-authenticate"] == "Bearer"
    assert await models.Token.all().count() == 0


MESSAGES = {
    "{ nope }": "Cannot query field '…' on type 'Query'. Did you mean 'node' or 'nodes'?",
    "{ permissionCategories }": "Field 'permissionCategories' of type '[PermissionCategory!]!'"
    " must have a selection of subfields. Did you mean 'permissionCategories { ... }'?",
    "{ tsr_01234567890 }": "Cannot query field '…' on type 'Query'.",
    '{ tokens(first: "hunter2") { __typename } }': "Int cannot represent non-integer value.",
    'mutation { createToken(input: {name: "x", role: "hunter2"}) { __typename } }':
    "Expected value of type 'CreateTokenInput' not to include unknown field 'role'.",
}  # fmt: skip


@pytest.mark.parametrize(("query", "message"), MESSAGES.items())
async def test_messages_have_names_and_no_values(owner: Client, query: str, message: str) -> None:
    assert first_message(await owner.graphql(query)) == message


async def test_unexpected_error_is_masked_and_logged_with_the_request_id(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Provoked by rows that no operation writes: missing details, a deleted token."""
    person = await world.person()
    token = (await world.token(person)).token
    secret = "what the row holds"
    rows = {"tenant_id": token.tenant_id, "actor_id": person.admin.id}
    broken = models.Activity(
        token_id=token.id, kind=ActivityKind.REVOKED, details={"reason": secret}, **rows
    )
    orphan = models.Activity(token_id=models.new_id(), kind=ActivityKind.CREATED, **rows)
    for row, query in {
        broken: "{ activity(first: 1) { edges { node { id } } } }",
        orphan: "{ activity(first: 1) { edges { node { id token { id } } } } }",
    }.items():
        await row.save()
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            response = await client.of(person).graphql(query)
        await row.delete()
        request_id = response.headers["x-request-id"]
        assert response.status_code == 200
        assert response.json()["data"] is None
        [error] = response.json()["errors"]
        assert error["extensions"] == {"code": "INTERNAL"}
        assert error["message"] == f"Something went wrong. Request {request_id}."

        [record] = [one for one in caplog.records if one.getMessage() == "unexpected error"]
        line = json.loads(JsonLines().format(record))
        assert line["request_id"] == request_id
        assert any("server/graphql/" in place for place in line["error"])
        assert secret not in response.text + json.dumps(line)
    assert await client.of(person).data(f'{{ token(id: "{token_id(token)}") {{ id }} }}')


async def test_error_outside_of_resolvers_is_masked(
    alone: Service, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Provoked by a session whose tables were dropped."""
    await models.Session.raw("DROP TABLE session")
    async with client_of(alone) as stranger:
        response = await stranger.of(person).graphql("{ __typename }")
    problem = response.json()
    assert response.status_code == problem["status"] == 500
    assert problem["requestId"] == response.headers["x-request-id"]
    assert "session" not in response.text
    assert problem["requestId"] in {getattr(one, "request_id", None) for one in caplog.records}

"""GraphQL over HTTP: bodies, methods and query strings."""

import json
from collections.abc import AsyncIterator

import pytest

import models
from tests.support.factories import Client
from tests.support.graphql_http import TYPENAME, codes, post


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

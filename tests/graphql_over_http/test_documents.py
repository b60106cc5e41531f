"""GraphQL over HTTP: limits of a document: operations, depth, lexical tokens, aliases, changes."""

import json

import httpx2
import pytest

import models
from tests.support.factories import Client
from tests.support.graphql_http import MAKE, codes, first_message, post


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

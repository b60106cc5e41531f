"""GraphQL over HTTP: limits of cost, estimated before execution, and their CPU time."""

import time

import pytest
from graphql import (
    get_introspection_query,
)

import models
from models import ActivityKind
from server.service import Service
from tests.support.factories import Client, Person, World, complete
from tests.support.graphql_http import client_of, codes

# The most expensive take half a second on a laptop; slower machines run these tests too.
CPU_SECONDS = 2.0


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
            subject_id=token.id,
            actor_id=person.admin.id,
            kind=ActivityKind.PERMISSIONS_EDITED,
            details={"granted": keys, "withdrawn": []},
        )
        for token in tokens
        for _ in range(25)
    )

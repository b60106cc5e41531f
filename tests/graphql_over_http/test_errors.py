"""GraphQL over HTTP: introspection, suggestions, coded and masked errors."""

import asyncio
import json
import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from graphql import (
    get_introspection_query,
)

import models
from models import ActivityKind, Role
from server.logs import JsonLines
from server.service import Service
from tests.support.factories import Client, Person, World, token_id
from tests.support.graphql_http import MAKE, client_of, codes, first_message


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
    owner: Client, alone: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The mutation waits for the removal and then finds no admin."""
    file = urlsplit(alone.settings.database_url).path
    with (
        caplog.at_level(logging.DEBUG, "aiosqlite"),
        closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM admin")
        waiting = asyncio.create_task(owner.graphql(f"mutation {{ {MAKE} }}"))
        started = time.monotonic()
        while not any("BEGIN IMMEDIATE" in line for line in caplog.messages):
            assert time.monotonic() - started < 4  # after 5 s the mutation gives up
            await asyncio.sleep(0.01)
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
        subject_id=token.id, kind=ActivityKind.REVOKED, details={"reason": secret}, **rows
    )
    orphan = models.Activity(subject_id=models.new_id(), kind=ActivityKind.CREATED, **rows)
    for row, query in {
        broken: "{ activity(first: 1) { edges { node { ... on TokenRevoked { reason } } } } }",
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

"""A library that lacks a private part: the service takes the public way and says so, or refuses.

`tests.architecture.private_parts` keeps the parts in `server.internals`.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, ValidationContext

import models
from server.dataplane.authorize import Authorize
from server.errors import Misconfigured
from server.graphql.schema import SCHEMA
from server.internals import asyncpg, graphql_core, strawberry, tortoise, uvicorn
from server.service import Service
from tests.support import without
from tests.support.factories import Client, World
from tests.support.process import ServerProcess, tessera_environment
from tests.support.serving import exchange, serving

_HTTPTOOLS = "uvicorn.protocols.http.httptools_impl"
_ASYNCPG = "tortoise.backends.asyncpg.client"
_SQLITE = "tortoise.backends.sqlite.client"


@pytest.mark.parametrize(
    ("part", "says", "loss"),
    [
        (f"{_HTTPTOOLS}:RequestResponseCycle", "uvicorn 0", "no limit of header size"),
        (
            f"{_HTTPTOOLS}:HttpToolsProtocol._start_asgi_task",
            "HttpToolsProtocol._start_asgi_task",
            "no limit of header size",
        ),
        (f"{_ASYNCPG}:AsyncpgDBClient", "AsyncpgDBClient", "cannot be used safely"),
        (f"{_ASYNCPG}:TransactionWrapper", "TransactionWrapper", "cannot be used safely"),
        (
            f"{_SQLITE}:SqliteTransactionContext._trxlock",
            "SqliteTransactionContext._trxlock",
            "cannot be used safely",
        ),
    ],
)
def test_without_a_part_that_nothing_replaces_it_refuses_to_start(
    tmp_path: Path, part: str, says: str, loss: str
) -> None:
    done = subprocess.run(
        [*without.command(part), "serve", "--port", "0"],
        env=tessera_environment(f"sqlite://{tmp_path}/tessera.db"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("tessera: ")
    assert says in sentence
    assert loss in sentence
    assert "requirements.txt" in sentence


@pytest.mark.parametrize(
    ("parts", "library"),
    [
        (["uvicorn:Server.capture_signals"], "uvicorn"),
        (["strawberry", "graphql.execution:Executor"], "graphql-core"),
        (["asyncpg.pgproto.pgproto:UUID"], "asyncpg"),
    ],
)
def test_without_a_part_that_has_a_public_way_it_serves_and_says_so(
    tmp_path: Path, parts: list[str], library: str
) -> None:
    command = without.command(*parts)
    with ServerProcess(tmp_path, command=command, arguments=["--demo"]) as server:
        email, password = re.findall(r"^(?:E-mail|Password) +(\S+)", server.log(), re.MULTILINE)[:2]
        person = {"tenant": "demo", "email": email, "password": password, "transport": "bearer"}
        session = _posted(f"{server.url}/session", person)["session"]
        query = {"query": "{ viewer { email } tokens { edges { node { name } } } }"}
        answer = _posted(f"{server.url}/graphql", query, session)
        check = Request(f"{server.url}/authorize", headers={"Host": "demo.api.us.example.com"})
        with pytest.raises(HTTPError, match="400"):
            urlopen(check)
    assert answer == {"data": {"viewer": {"email": email}, "tokens": {"edges": []}}}
    (line,) = [one for one in server.log().splitlines() if "a private part of a library" in one]
    assert f"{library} " in line


def _posted(url: str, body: object, session: str = "") -> Any:
    headers = {"Content-Type": "application/json"}
    if session:
        headers["Authorization"] = f"Bearer {session}"
    with urlopen(Request(url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


async def test_no_part_is_missing_from_the_installed_versions(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    uvicorn.require_protocol()
    tortoise.require_clients()
    strawberry.require_schema(SCHEMA)
    assert graphql_core.has_executor()
    caplog.clear()
    uvicorn.warn_of_server()
    graphql_core.warn_of_missing()
    strawberry.warn_of_missing()
    asyncpg.warn_of_missing()
    assert asyncpg.QuickUUID is not UUID
    assert caplog.messages == []


def test_without_the_core_schema_graphql_is_refused() -> None:
    class Hidden:
        pass

    with pytest.raises(Misconfigured, match=r"strawberry-graphql \S+ has no Hidden\._schema"):
        strawberry.require_schema(Hidden())  # type: ignore[arg-type]


def test_without_its_budget_a_rule_keeps_the_librarys_own_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Unlimited(OverlappingFieldsCanBeMergedRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            del self.rule_context

    monkeypatch.setattr(graphql_core, "OverlappingFieldsCanBeMergedRule", Unlimited)
    graphql_core.warn_of_missing()
    (record,) = caplog.records
    assert "remaining_complexity_budget" in vars(record)["detail"]


async def test_without_the_selection_each_field_loads_its_value_and_the_answer_is_the_same(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    await world.token(person, "t", ["GET /api/v1/devices"])
    query = "{ tokens { edges { node { name permissions { key } createdBy { name } } } } }"
    expected = await client.of(person).data(query)
    monkeypatch.setattr("server.graphql.selection.raw_info", lambda _: None)
    assert await client.of(person).data(query) == expected


async def test_checks_take_the_short_cut(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through uvicorn and ASGI the answers are the same, at several times the cost."""
    through_asgi: list[str] = []
    original = Authorize.__call__

    async def called(self: Authorize, *arguments: object) -> None:
        through_asgi.append("check")
        await original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Authorize, "__call__", called)
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    check = (
        f"GET /authorize HTTP/1.1\r\nHost: {slug}.api.us.example.com\r\n"
        "X-Original-Method: GET\r\nX-Original-URI: /api/v1/devices\r\nConnection: close\r\n\r\n"
    ).encode()
    async with serving(service) as short, serving(service, past_uvicorn=False) as long:
        assert b" 401 " in await exchange(short, check, 5)
        assert through_asgi == []
        assert b" 401 " in await exchange(long, check, 5)
        assert through_asgi == ["check"]

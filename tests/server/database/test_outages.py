"""Time-outs and answers while a real PostgreSQL server hangs, is down, or cannot be used."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import httpx2
import psutil
import pytest

import models
from server import database
from server.app import create_app
from server.settings import Settings
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.command import tessera_here
from tests.support.factories import PASSWORD, Client, Person, World
from tests.support.postgres import PostgresCluster
from tests.support.process import ServerProcess, tessera
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A server of this module alone, which tests pause and stop."""
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def cluster_url(cluster: PostgresCluster) -> str:
    url = cluster.create_database_now()
    asyncio.run(database.migrate(settings_for(url)))
    return url


@pytest.fixture
def settings(cluster_url: str) -> Settings:
    return settings_for(cluster_url)


async def test_any_password_and_every_lenient_tls_mode_connect(
    cluster: PostgresCluster, cluster_url: str
) -> None:
    password = "p@ss:/?#[]% wörd"
    superuser = await cluster.connect()
    await superuser.execute(f"CREATE ROLE \"odd@user\" LOGIN PASSWORD '{password}'")
    await superuser.close()
    path = urlsplit(cluster_url).path
    url = f"postgres://odd%40user:{quote(password, safe='')}@{cluster.host}:{cluster.port}{path}"
    for options in ("", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"):
        async with database.connected(settings_for(url + options)):
            await database.ping()


def test_serve_reports_an_unusable_database_in_one_sentence(
    cluster: PostgresCluster, cluster_url: str, tmp_path: Path
) -> None:
    for url, says in (
        (cluster_url.replace(quote(cluster.password, safe=""), "wrong"), "user or the password"),
        (cluster_url.replace(str(cluster.port), "9"), "does not answer"),
        (f"{cluster_url}x", "does not exist"),
        (f"{cluster_url}?sslmode=require", "does not offer TLS"),
        (f"{cluster_url}?sslmod=require", "unknown parameter: sslmod"),
        (f"{cluster_url}?options=-cno_such=1", "no_such"),
        (f"sqlite://{tmp_path}", "folder"),
    ):
        for done in (
            tessera("serve", "--port", "0", database_url=url),
            tessera_here("migrate", database_url=url),
        ):
            assert done.returncode == 1, done
            assert done.stderr.startswith("tessera: ")
            assert says in done.stderr
            assert done.stderr.count("\n") == 1
            assert cluster.password not in done.stderr


@pytest.fixture
async def asked(settings: Settings) -> AsyncIterator[tuple[Client, Person]]:
    """The application on the module's own server, and a signed-in admin."""
    async with running_service(settings) as service:
        person = await World(service).person()
        transport = httpx2.ASGITransport(app=create_app(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
            yield Client(http).of(person), person


async def every_surface(client: Client) -> list[tuple[int, str, float]]:
    """More concurrent requests than connections: status, code and seconds of each."""

    async def timed(request: Any) -> tuple[int, str, float]:
        started = time.monotonic()
        response = await request
        taken = time.monotonic() - started
        if response.status_code == 200:
            return 200, "", taken
        assert response.status_code != 503 or response.headers["retry-after"] == "1"
        body = response.json()
        coded = body if "code" in body else body["errors"][0]["extensions"]
        return response.status_code, coded["code"], taken

    session = {"tenant": "t", "email": "a@example.com", "password": PASSWORD}
    create = 'mutation { createToken(input: {name: "n"}) { __typename } }'
    requests: list[Any] = []
    for _ in range(8):
        requests += [
            client.graphql("{ viewer { id } tokens { edges { node { name } } } }"),
            client.graphql(create),
            client.http.get("/session", headers=client.headers),
            client.http.post("/session", json=session),
            client.http.get("/readyz"),
        ]
    return await asyncio.gather(*map(timed, requests))


async def until_back(client: Client) -> None:
    started = time.monotonic()
    while {status for status, _, _ in await every_surface(client)} & {500, 503}:
        assert time.monotonic() - started < PATIENCE_SECONDS


@asynccontextmanager
async def held_up(url: str, client: Client, person: Person) -> AsyncIterator[asyncio.Task[Any]]:
    """Hold a mutation inside its transaction by locking its admin's row."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM admin WHERE id = $1 FOR UPDATE", person.admin.id)
            create = 'mutation { createToken(input: {name: "held up"}) { __typename } }'
            waiting = asyncio.create_task(client.graphql(create))
            await until_somebody_waits(connection)
            yield waiting
    finally:
        await connection.close()


async def until_somebody_waits(connection: Any) -> None:
    for _ in range(3_000):
        if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    pytest.fail("nobody waited for the lock")


async def test_every_request_is_answered_503_soon_while_the_database_hangs(
    cluster: PostgresCluster, cluster_url: str, asked: tuple[Client, Person]
) -> None:
    """Also a mutation under way, which is then rolled back."""
    client, person = asked
    assert {status for status, _, _ in await every_surface(client)} <= {200, 401, 429}
    async with held_up(cluster_url, client, person) as waiting:
        cluster.pause()
        try:
            answers = await every_surface(client)
            assert (await client.http.get("/healthz")).status_code == 200
            async with asyncio.timeout(10):
                assert (await waiting).status_code == 503
        finally:
            cluster.resume()
    assert {(status, code) for status, code, _ in answers} == {(503, "UNAVAILABLE")}
    assert max(seconds for _, _, seconds in answers) < 10
    await until_back(client)
    assert not await models.Token.filter(name="held up").exists()


async def test_every_request_is_answered_503_while_the_database_is_down_and_served_afterwards(
    cluster: PostgresCluster, asked: tuple[Client, Person]
) -> None:
    client, _ = asked
    cluster.stop("immediate")
    try:
        answers = await every_surface(client)
        assert (await client.http.get("/healthz")).status_code == 200
        told = (await client.http.get("/readyz")).json()["dependencies"]
        assert told == {"database": "unavailable", "migrations": "unknown"}
        assert "tessera_decisions_total" in (await client.http.get("/metrics")).text
    finally:
        cluster.start()
    assert {(status, code) for status, code, _ in answers} == {(503, "UNAVAILABLE")}
    assert max(seconds for _, _, seconds in answers) < 10
    await until_back(client)


async def test_worker_that_dies_while_the_database_is_down_serves_again_afterwards(
    cluster: PostgresCluster, cluster_url: str, tmp_path: Path
) -> None:
    with ServerProcess(tmp_path, database_url=cluster_url, workers=2) as server:

        async def both_run() -> bool:
            return len(psutil.Process(server.pid).children()) == 2

        async def both_serve() -> bool:
            async with httpx2.AsyncClient(base_url=server.url) as http:
                told = (await http.get("/metrics")).text
            return all(f'tessera_worker_up{{worker="{one}"}} 1.0' in told for one in (1, 2))

        async def was_tried_three_times() -> bool:
            return server.log().count("a worker died, and is started anew") >= 3

        await until(both_run)
        await until(both_serve)
        cluster.stop("immediate")
        try:
            psutil.Process(server.pid).children()[0].kill()
            await until(was_tried_three_times)
            assert "a worker cannot serve" in server.log()
            assert "does not answer" in server.log()
            async with httpx2.AsyncClient(base_url=server.url) as http:
                assert (await http.get("/readyz")).status_code == 503
        finally:
            cluster.start()
        await until(both_serve)
        assert "Traceback" not in server.log()

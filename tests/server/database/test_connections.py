"""Connections: their number, their reserve for checks, and servers that give too few."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from server import database
from server.errors import Misconfigured
from server.settings import Settings
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, World
from tests.support.postgres import PostgresServer
from tests.support.process import ServerProcess
from tests.support.surfaces import surfaces
from tests.support.waiting import until


@asynccontextmanager
async def limited(postgres: PostgresServer, url: str, limit: int) -> AsyncIterator[Settings]:
    """The database's URL for a role with a connection limit."""
    role = f"limited_{limit}_{urlsplit(url).path.strip('/')}"
    superuser = await postgres.connect()
    owner = await asyncpg.connect(url)
    try:
        await superuser.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT {limit}")
        await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        place = urlsplit(url).netloc.rpartition("@")[2]
        yield settings_for(f"postgres://{role}:x@{place}{urlsplit(url).path}")
    finally:
        await owner.execute(f"DROP OWNED BY {role}")
        await owner.close()
        await superuser.execute(f"DROP ROLE {role}")
        await superuser.close()


async def test_connection_limit_of_the_server_fails_no_request(
    postgres: PostgresServer, postgres_url: str
) -> None:
    """The open connections suffice: the instance may use 6 and gets 3."""
    async with (
        limited(postgres, postgres_url, 3) as settings,
        running_service(settings) as service,
        surfaces(service) as running,
    ):
        await running.app.open()
        for _ in range(2):
            answers = await asyncio.gather(
                *(running.viewer() for _ in range(15)),
                *(running.create() for _ in range(5)),
                *(running.check() for _ in range(40)),
            )
            assert {answer.status_code for answer in answers} == {200}


async def test_instances_share_the_connections_that_the_server_gives(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """Two instances may use 20 and get 7, which are not enough for each pool to have two."""
    query = "{ viewer { id } tokens { edges { node { name } } } }"
    async with running_service(settings_for(postgres_url)) as service:
        person = await World(service).person()
    async with limited(postgres, postgres_url, 7) as settings, AsyncExitStack() as stack:
        asked: list[Client] = []
        for _ in range(2):
            server = ServerProcess(tmp_path, database_url=settings.database_url)
            await asyncio.to_thread(stack.enter_context, server)
            http = httpx2.AsyncClient(base_url=server.url, timeout=20)
            asked.append(Client(await stack.enter_async_context(http)).of(person))

        async def are_all_served() -> bool:
            answers = await asyncio.gather(
                *(client.graphql(query) for client in asked * 4),
                *(client.http.get("/readyz") for client in asked * 12),
            )
            return {answer.status_code for answer in answers} == {200}

        # On a slow machine some wait for longer than a request may.
        await until(are_all_served)


async def test_connection_that_becomes_free_is_waited_for(
    postgres: PostgresServer, postgres_url: str
) -> None:
    """Also by an instance without any."""
    async with limited(postgres, postgres_url, 1) as settings, database.connected(settings):
        taken = await asyncpg.connect(settings.database_url)
        waiting = asyncio.create_task(database.ping())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await taken.close()
        await waiting


async def test_server_without_a_free_connection_is_reported_in_one_sentence(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with limited(postgres, postgres_url, 0) as settings, database.connected(settings):
        with pytest.raises(Misconfigured, match="no connection left"):
            async with database.told_to_the_operator():
                await database.ping()


async def test_checks_pass_while_other_requests_use_every_connection(postgres_url: str) -> None:
    settings = settings_for(postgres_url)
    async with running_service(settings) as service, surfaces(service) as running:
        held = asyncio.Event()
        waiting = asyncio.Event()
        taken = 0

        async def hold() -> None:
            nonlocal taken
            async with database.transaction():
                taken += 1
                if taken == settings.database_pool_size - 2 - 4:
                    waiting.set()
                await held.wait()

        async with AsyncExitStack() as stack:
            holders = [asyncio.create_task(hold()) for _ in range(4)]
            stack.callback(held.set)
            await waiting.wait()
            assert (await running.ready()).status_code == 503
            answers = await asyncio.gather(*(running.check() for _ in range(40)))
            assert {answer.status_code for answer in answers} == {200}
        await asyncio.gather(*holders)
        assert (await running.ready()).status_code == 200


async def test_instance_keeps_to_its_maximum_of_connections(postgres_url: str) -> None:
    async with (
        running_service(settings_for(postgres_url)) as service,
        surfaces(service) as running,
        database.connected(settings_for(postgres_url), shared=False) as beside,
    ):

        async def elsewhere() -> None:
            with beside:
                await asyncio.gather(*(database.ping() for _ in range(30)))

        await asyncio.gather(
            *(running.viewer() for _ in range(30)),
            *(running.check() for _ in range(100)),
            elsewhere(),
        )
        connection = await asyncpg.connect(postgres_url)
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'tessera'"
        )
        assert 4 <= await connection.fetchval(query) <= 10
        await connection.close()

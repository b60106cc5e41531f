"""A database that takes no writes is an outage on every surface: a real standby, a failover, and a
server that was set read-only."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg
import pytest

import models
from server import database
from server.database.unavailability import FormerPrimary
from server.decisions import log_rows
from server.decisions.log_rows import Unwritten
from server.errors import Misconfigured
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.command import tessera_here
from tests.support.factories import PASSWORD
from tests.support.postgres import PostgresCluster, Standby
from tests.support.process import LOOPBACK, tessera
from tests.support.surfaces import Surfaces, surfaces
from tests.support.tcp_server import tcp_server
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def primary() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def url(primary: PostgresCluster) -> str:
    made = primary.create_database_now()
    asyncio.run(database.migrate(settings_for(made)))
    return made


@pytest.fixture(scope="module")
def standby(primary: PostgresCluster, url: str) -> Iterator[Standby]:
    with Standby(primary) as running:
        yield running


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Surfaces]:
    async with running_service(settings_for(url)) as service, surfaces(service) as running:
        yield running


def both(first: PostgresCluster, second: PostgresCluster, url: str) -> str:
    """The URL of both servers of a failover pair."""
    place = f"@{LOOPBACK}:{first.port}"
    return url.replace(place, f"{place},{LOOPBACK}:{second.port}")


async def is_an_outage(running: Surfaces) -> None:
    """Every surface answers that the database is unavailable, for reads and writes."""
    asked = {
        "check": running.check(),
        "a check of an unknown secret": running.check(f"{running.secret}x"),
        "introspect": running.introspect(),
        "own token": running.own_token(),
        "report": running.report(),
        "who am I": running.who_am_i(),
        "sign in": running.sign_in(PASSWORD),
        "query": running.viewer(),
        "mutation": running.create(),
        "ready": running.ready(),
    }
    answers = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    # A secret of another length needs no lookup.
    assert answers.pop("a check of an unknown secret").status_code == 401
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 503
    )
    assert answers["ready"].json()["detail"].startswith("The database ")


async def is_served_again(running: Surfaces) -> None:
    started = time.monotonic()
    while True:
        asked = (running.check(), running.create(), running.viewer(), running.introspect())
        answers = [*await asyncio.gather(*asked), await running.ready()]
        if {answer.status_code for answer in answers} == {200}:
            return
        assert time.monotonic() - started < PATIENCE_SECONDS, [answer.text for answer in answers]


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def failed_flushes(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """The errors of the decision log's flushes."""
    write, failed = log_rows.write, list[Exception]()

    async def observed(batch: Unwritten) -> None:
        try:
            await write(batch)
        except Exception as error:
            failed.append(error)
            raise

    monkeypatch.setattr(log_rows, "write", observed)
    return failed


async def test_read_only_server_is_an_outage_until_it_takes_writes_again(
    primary: PostgresCluster, url: str, failed_flushes: list[Exception]
) -> None:
    """Decisions from before are written afterwards."""

    async def has_failed_to_flush() -> bool:
        return bool(failed_flushes)

    async with served(url) as running:
        for _ in range(3):
            assert (await running.check()).status_code == 200
        await execute(
            url, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
        )
        await until(lambda: is_read_only(url))
        await is_an_outage(running)
        # The decision log's flush falls into the outage.
        await until(has_failed_to_flush)
        await is_an_outage(running)
        await execute(
            url,
            "SET default_transaction_read_only = off",
            "ALTER SYSTEM RESET default_transaction_read_only",
            "SELECT pg_reload_conf()",
        )
        await is_served_again(running)
        await until(lambda: counted(running, 4))


async def is_read_only(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        question = "SELECT current_setting('transaction_read_only')::bool"
        return bool(await connection.fetchval(question))
    finally:
        await connection.close()


async def counted(running: Surfaces, allowed: int) -> bool:
    uses = await models.TokenUse.filter(tenant_id=running.tenant.id)
    return bool(sum(use.allowed for use in uses) >= allowed)


def test_commands_refuse_a_standby(standby: Standby, url: str) -> None:
    of_standby = standby.url(url.rpartition("/")[2])
    for done in (
        tessera("serve", "--port", "0", database_url=of_standby),
        tessera_here("migrate", database_url=f"{of_standby}?statement_cache_size=0"),
    ):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "tessera: The database does not take writes: it is a standby, or set read-only.\n"
        )


async def has_replayed(standby: Standby, url: str, token: models.Token) -> bool:
    connection = await standby.connect(url.rpartition("/")[2])
    try:
        return bool(await connection.fetchval("SELECT count(*) FROM token WHERE id = $1", token.id))
    finally:
        await connection.close()


class Relay:
    """A port that forwards connections; `lead_to` changes their server, as a pooler may."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self._open: set[asyncio.StreamWriter] = set()

    async def lead_to(self, port: int) -> None:
        self.leads_to = port
        for writer in self._open:
            writer.transport.abort()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self.leads_to)
        self._open |= {writer, there_writer}
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        except OSError:
            pass
        finally:
            target.transport.abort()
            self._open.discard(target)


async def test_standby_behind_a_pooler_passes_no_revoked_token(
    primary: PostgresCluster, standby: Standby, url: str
) -> None:
    """With `statement_cache_size=0` connecting asks nothing, so each lookup detects a standby."""
    relay = Relay(primary.port)
    async with AsyncExitStack() as opened:
        port = await opened.enter_async_context(tcp_server(relay.connected))
        relayed = url.replace(f":{primary.port}/", f":{port}/") + "?statement_cache_size=0"
        running = await opened.enter_async_context(served(f"{relayed}&sslmode=disable"))
        assert (await running.check()).status_code == 200
        await until(lambda: has_replayed(standby, url, running.token))
        await execute(standby.url(url.rpartition("/")[2]), "SELECT pg_wal_replay_pause()")
        await tokens.revoke(running.person.principal, running.token.id)
        assert (await running.check()).status_code == 401
        await relay.lead_to(standby.port)
        with pytest.raises(database.ReadOnlyDatabase):
            await until(lambda: asks_without_complaint(database.ping))
        await is_an_outage(running)
        await relay.lead_to(primary.port)
        await until(lambda: is_refused(running))
    await execute(standby.url(url.rpartition("/")[2]), "SELECT pg_wal_replay_resume()")


async def asks_without_complaint(ask: Callable[[], Awaitable[None]]) -> bool:
    with suppress(OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):  # one was cut
        await ask()
    return False


async def is_refused(running: Surfaces) -> bool:
    return (await running.check()).status_code == 401


async def test_read_only_role_is_refused_at_start(primary: PostgresCluster, url: str) -> None:
    await execute(url, f"ALTER ROLE {primary.user} SET default_transaction_read_only = on")
    with pytest.raises(Misconfigured, match="does not take writes"):
        async with running_service(settings_for(url)):
            pytest.fail("served without writing")
    await execute(
        url,
        "SET default_transaction_read_only = off",
        f"ALTER ROLE {primary.user} RESET default_transaction_read_only",
    )


async def test_writable_host_is_used_before_and_after_a_failover(
    primary: PostgresCluster, standby: Standby, url: str
) -> None:
    """The first host hangs like a dead machine; it must not use up the time-out of the second.

    When it wakes, it takes writes as before, but nothing is asked there any more: not even after
    the new primary has ended. Runs last in this module: it promotes the only standby.
    """
    swapped = both(standby, primary, standby.url(url.rpartition("/")[2]))
    async with served(swapped) as other:
        assert (await other.create()).status_code == 200
    async with served(both(primary, standby, url)) as running:
        assert (await running.check()).status_code == 200
        await until(lambda: has_replayed(standby, url, running.token))
        primary.pause()
        try:
            await is_an_outage(running)
            await asyncio.to_thread(standby.promote_now)
            await is_served_again(running)
        finally:
            primary.resume()
        await until(lambda: revokes(running))
        answers = await asyncio.gather(*(running.check() for _ in range(20)))
        assert {answer.status_code for answer in answers} == {401}
        standby.stop("immediate")
        await until(lambda: tells_of_a_former_primary(running))
        await is_an_outage(running)


async def revokes(running: Surfaces) -> bool:
    """Whether the token is revoked, which is tried otherwise."""
    if (await running.check()).status_code == 401:
        return True
    # On a busy machine the new primary may be too slow to answer beside the former one.
    outages = (OSError, FormerPrimary, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
    with suppress(*outages):
        await tokens.revoke(running.person.principal, running.token.id)
    return False


async def tells_of_a_former_primary(running: Surfaces) -> bool:
    """Whether the former primary was reached: before, connections to the other one break."""
    return "former primary" in (await running.ready()).text

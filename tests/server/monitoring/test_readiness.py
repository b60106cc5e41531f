"""`/readyz` tells each dependency, and metrics can have an address of their own."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from server.database import connection
from tests.support.factories import Client
from tests.support.process import LOOPBACK, ServerProcess, answer_of, free_port
from tests.support.valkey import store
from tests.support.waiting import until


async def test_database_that_lacks_a_migration_is_told(client: Client) -> None:
    answer = await client.http.get("/readyz")
    ready = {"status": "ready", "dependencies": {"database": "ok", "migrations": "ok"}}
    assert (answer.status_code, answer.json()) == (200, ready)
    await connection().execute_query(
        "DELETE FROM tortoise_migrations WHERE name = (SELECT max(name) FROM tortoise_migrations)"
    )
    answer = await client.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["dependencies"] == {"database": "ok", "migrations": "unavailable"}


def readiness(port: int) -> tuple[int, dict[str, Any]]:
    asking = HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        asking.request("GET", "/readyz")
        answer = asking.getresponse()
        return answer.status, json.loads(answer.read())["dependencies"]
    finally:
        asking.close()


async def test_metrics_and_the_store_are_told_at_an_address_of_their_own(
    tmp_path: Path, sqlite_url: str
) -> None:
    own = free_port()
    with store(tmp_path) as redis:
        settings = {
            "TESSERA_METRICS_ADDRESS": f"{LOOPBACK}:{own}",
            "TESSERA_RATE_LIMIT_URL": redis.url,
        }
        with ServerProcess(tmp_path, database_url=sqlite_url, settings=settings) as server:
            up = {"database": "ok", "migrations": "ok", "rateLimitStore": "ok"}
            assert readiness(own) == readiness(server.port) == (200, up)
            paths = ("/metrics", "/healthz", "/session", "/")
            assert [answer_of(own, path) for path in paths] == [200, 200, 404, 404]
            assert [answer_of(server.port, path) for path in paths] == [404, 200, 401, 303]
            redis.stop()

            async def is_told() -> bool:
                return readiness(own) == (200, {**up, "rateLimitStore": "unavailable"})

            await until(is_told)

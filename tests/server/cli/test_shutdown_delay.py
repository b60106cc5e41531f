"""`tessera serve --shutdown-delay`: an instance serves on after SIGTERM, and leads clients away."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.process import ServerProcess, answer_of
from tests.support.waiting import until, wait_until
from tests.support.wire import Wire, check

CHECK = check("acme.api.us.example.com", "tsr_x")
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def instance(folder: Path, url: str, delay_seconds: int, workers: int) -> ServerProcess:
    arguments = ["--shutdown-delay", str(delay_seconds)]
    return ServerProcess(folder, database_url=url, arguments=arguments, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
async def test_requests_are_answered_and_connections_closed_after_sigterm(
    tmp_path: Path, url: str, workers: int
) -> None:
    with instance(tmp_path, url, 600, workers) as server:
        async with Wire(server.port) as kept, Wire(server.port) as idle:
            for wire, request in ((kept, CHECK), (idle, HEALTH)):
                _, head = await wire.ask_whole(request)
                assert b"connection: close" not in head
            server.signal(signal.SIGTERM)

            async def is_told() -> bool:
                return await asyncio.to_thread(answer_of, server.port, "/readyz") == 503

            await until(is_told)
            # Connections from before, and new ones: answered, and told that this was the last.
            for wire, request, expected in ((kept, CHECK, 401), (idle, HEALTH, 200)):
                status, head = await wire.ask_whole(request)
                assert status == expected
                assert b"connection: close" in head
                await wire.close()
                assert await wire.ask(request) == expected
        # Another signal ends it at once.
        assert await asyncio.to_thread(server.stop) == 0
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("workers", [1, 2])
def test_instance_ends_by_itself_after_the_delay(tmp_path: Path, url: str, workers: int) -> None:
    with instance(tmp_path, url, 1, workers) as server:
        server.signal(signal.SIGTERM)
        wait_until(lambda: not server.running)
        assert server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt_ends_an_instance_without_a_delay(tmp_path: Path, url: str, workers: int) -> None:
    with instance(tmp_path, url, 600, workers) as server:
        assert server.stop(signal.SIGINT) == 0

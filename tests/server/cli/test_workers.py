"""`tessera serve --workers`: one listener, one log, one count, and workers that are replaced."""

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from tests.server.decisions.test_limits import by_many, create_rows, within_one_hour
from tests.support.command import misused
from tests.support.process import ServerProcess, answers_at, tessera
from tests.support.waiting import until
from tests.support.wire import Wire

SERIES = re.compile(r'^(\w+)\{(.*)worker="(\d+)"\} (\S+)$', re.MULTILINE)


def workers_of(server: ServerProcess) -> set[int]:
    """The ids of its worker processes."""
    return {child.pid for child in psutil.Process(server.pid).children()}


async def all_serve(server: ServerProcess, but: int = 0) -> bool:
    """Whether both workers tell their metrics, and `but` is none of them any more."""
    running = workers_of(server)
    return len(running) == 2 and but not in running and told(server, "tessera_worker_up") == 2


def told(server: ServerProcess, metric: str, label: str = "") -> float:
    """A metric, summed over the workers."""
    return sum(told_by_worker(server, metric, label).values())


def told_by_worker(server: ServerProcess, metric: str, label: str = "") -> dict[str, float]:
    with urlopen(f"{server.url}/metrics") as answer:
        series = SERIES.findall(answer.read().decode())
    return {
        worker: float(value)
        for name, labels, worker, value in series
        if name == metric and label in labels
    }


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[ServerProcess, bytes]]:
    """An instance of two workers, and a check of a tenant that has 500 requests an hour."""
    url = f"sqlite://{tmp_path}/tessera.db"
    check = asyncio.run(create_rows(url, 500))
    with ServerProcess(tmp_path, database_url=url, workers=2) as server:
        yield server, check


async def test_worker_is_replaced_while_requests_are_answered(
    served: tuple[ServerProcess, bytes],
) -> None:
    server, check = served
    await until(lambda: all_serve(server))
    killed = min(workers_of(server))
    ended, answers, broken = asyncio.Event(), Counter[int](), 0

    async def client() -> None:
        nonlocal broken
        async with Wire(server.port) as wire:
            while not ended.is_set():
                try:
                    answers[await wire.ask(check)] += 1
                except (OSError, EOFError):
                    broken += 1

    async def limit_is_reached() -> bool:
        return answers[403] > 0

    async def of_the_hour() -> Counter[int]:
        clients = [asyncio.create_task(client()) for _ in range(8)]
        await asyncio.sleep(0.2)
        psutil.Process(killed).kill()
        await until(lambda: all_serve(server, but=killed))
        await until(limit_is_reached)
        ended.set()
        await asyncio.gather(*clients)
        return answers

    await within_one_hour(of_the_hour)
    # Only connections that the killed worker had were lost, each once; the others went on.
    assert broken <= 8
    assert answers.keys() == {200, 403}
    # Killed after it counted, a worker may take along a request that was not answered.
    assert 500 - 8 <= answers[200] <= 500
    (line,) = [line for line in lines(server) if line["logger"] == "tessera.workers"]
    assert line["level"] == "ERROR"
    assert line["detail"] == f"process {killed} ended by signal 9"


def lines(server: ServerProcess) -> list[dict[str, Any]]:
    """The lines of the log, all of them whole."""
    return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


async def test_limit_and_metrics_count_all_workers_together(
    served: tuple[ServerProcess, bytes],
) -> None:
    server, check = served
    await until(lambda: all_serve(server))
    assert await within_one_hour(lambda: by_many([server.port], 600, check)) == {200: 500, 403: 100}
    for _ in range(4):  # whichever worker is asked
        assert told(server, "tessera_decisions_total", 'status="200"') == 500
    assert told(server, "tessera_denials_total", 'reason="RATE_LIMITED"') == 100
    assert told(server, "tessera_decision_duration_seconds_count") == 600
    assert told(server, "tessera_decision_duration_seconds_sum") > 0
    by_worker = told_by_worker(server, "tessera_decisions_total", 'status="200"')
    assert by_worker.keys() == {"1", "2"}
    assert all(by_worker.values())
    assert {line["worker"] for line in lines(server)} == {1, 2}
    # The instance's own messages were logged once.
    assert server.log().count("GraphiQL") == 1


async def test_worker_that_hangs_is_told_and_holds_nobody_up(
    served: tuple[ServerProcess, bytes],
) -> None:
    server, check = served
    await until(lambda: all_serve(server))
    hung = psutil.Process(max(workers_of(server)))
    hung.suspend()
    try:
        await until(lambda: is_alone(server))
        assert await by_many([server.port], 64, check) == {200: 64}
    finally:
        hung.resume()
    await until(lambda: all_serve(server))


async def is_alone(server: ServerProcess) -> bool:
    return await asyncio.to_thread(told, server, "tessera_worker_up") == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_all_workers_after_their_requests(
    served: tuple[ServerProcess, bytes], sign: signal.Signals
) -> None:
    server, check = served
    await until(lambda: all_serve(server))
    running = workers_of(server)
    async with Wire(server.port) as wire:
        assert await wire.ask(check) == 200
        assert await asyncio.to_thread(server.stop, sign, 30) == 0
    assert not answers_at(server.port)
    assert not any(map(psutil.pid_exists, running))
    assert "Traceback" not in server.log()
    assert "died" not in server.log()


async def test_workers_end_with_their_supervisor(served: tuple[ServerProcess, bytes]) -> None:
    server, _ = served
    await until(lambda: all_serve(server))
    workers = [psutil.Process(pid) for pid in workers_of(server)]
    server.signal(signal.SIGKILL)
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 30)
    assert not alive
    assert not answers_at(server.port)


def test_fault_at_the_start_is_told_once_and_ends_the_instance(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/missing/tessera.db"
    done = tessera("serve", "--port", "0", "--workers", "2", database_url=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tessera: The folder of the database does not exist: ")
    assert done.stderr.count("\n") == 1
    for number in ("0", "129", "x"):
        assert "--workers" in misused("serve", "--workers", number)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_default_is_one_worker_with_sqlite_and_one_a_core_with_postgres(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    cores = len(psutil.Process().cpu_affinity() or ())
    with ServerProcess(tmp_path, database_url=url, workers=None) as server:
        if kind == "sqlite" or cores == 1:
            assert workers_of(server) == set()
            return

        async def one_a_core() -> bool:
            return len(workers_of(server)) == cores

        await until(one_a_core)

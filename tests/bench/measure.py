"""Measuring on one database: the servers started, their answers compared, then round by round.

Rounds go A, B, C, A, B, C …, so that other work of the machine affects all servers alike; ratios
are taken within a round. `report` has the promised ratios.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import uvloop

from tests.bench.dataset import Dataset, Sizes
from tests.bench.load import Load, Prepared, Sample, WrongAnswer, drive, fetch
from tests.bench.page import HANDWRITTEN, NAIVE, TESSERA, Ask
from tests.support.process import Child, ChildFailed, answer_of, free_port, tessera_environment

SMALL, LARGE, DEEP = "small", "large", "deep"
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """The amount and duration of the measurements."""

    sizes: Sizes
    asked: int
    rounds: int
    load: Load


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores: one for the servers, another for the load."""

    server: int
    load: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The samples of each round: the servers on the same pages, and one server by size."""

    servers: Mapping[str, Sequence[Sample]]
    sizes: Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of one sample."""

    name: str
    server: "Server"
    prepared: Sequence[Prepared]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    process: Child


def measure(url: str, digest_key: str, dataset: Dataset, plan: Plan, cores: Cores) -> Figures:
    """Raises `WrongAnswer` where the servers' answers differ."""
    with ExitStack() as running:
        logs = running.enter_context(TemporaryDirectory(prefix="tessera-bench-"))
        environment = tessera_environment(url, {"TESSERA_DIGEST_KEY": digest_key})
        servers = {
            name: running.enter_context(started(name, environment, cores.server, Path(logs)))
            for name in (TESSERA, HANDWRITTEN, NAIVE)
        }
        side_by_side = _prepared_alike(servers, dataset.typical)
        by_size = {
            SMALL: _prepared_alike(servers, [dataset.small])[TESSERA],
            LARGE: _prepared_alike(servers, [dataset.large])[TESSERA],
            DEEP: _prepared_alike(servers, [dataset.large_deep])[TESSERA],
        }
        rivals = [Subject(name, servers[name], side_by_side[name]) for name in servers]
        sizes = [Subject(name, servers[TESSERA], by_size[name]) for name in by_size]
        with pinned(cores.load):
            return Figures(
                rounds(rivals, plan.rounds, plan.load), rounds(sizes, plan.rounds, plan.load)
            )


@contextmanager
def started(name: str, environment: Mapping[str, str], core: int, logs: Path) -> Iterator[Server]:
    """Start a contender on a core; yields once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.contender", name, str(port), str(core)]
    with Child(command, log=logs / f"{name}.log", environment=environment) as child:
        patience = time.monotonic() + _START_SECONDS
        while answer_of(port, "/readyz") is None:
            if not child.running or time.monotonic() > patience:
                raise ChildFailed(f"{name} did not start:\n{child.log()[-4000:]}")
            time.sleep(0.05)
        yield Server(port, child)


def _prepared_alike(
    servers: Mapping[str, Server], asks: Sequence[Ask]
) -> dict[str, list[Prepared]]:
    """The requests with the lengths of their answers, which are equal on every server."""
    prepared: dict[str, list[Prepared]] = {name: [] for name in servers}
    for ask in asks:
        request = ask.request()
        contents = []
        for name, server in servers.items():
            body = fetch(server.port, request)
            prepared[name].append(Prepared(request, len(body)))
            contents.append(_content(body))
        if any(content != contents[0] for content in contents):
            raise WrongAnswer(f"the servers differ: {contents}")
    return prepared


def _content(body: bytes) -> Any:
    """The content of an answer. Raises `WrongAnswer` unless it is a page of tokens."""
    answer = orjson.loads(body)
    page = (answer.get("data") or {}).get("tokens") or {}
    if not page.get("edges") or not any(e["node"]["permissions"] for e in page["edges"]):
        raise WrongAnswer(f"no page: {body[:1000]!r}")
    return answer


def rounds(subjects: Sequence[Subject], times: int, load: Load) -> dict[str, list[Sample]]:
    """The samples of each subject, one a round, taken in turns."""
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}

    async def run() -> None:
        # The first round warms up caches and connections and does not count.
        for number in range(1 + times):
            for subject in subjects:
                server = subject.server
                sample = await drive(server.port, server.process.pid, subject.prepared, load)
                await asyncio.sleep(load.rest_seconds)
                if number:
                    samples[subject.name].append(sample)

    uvloop.run(run())
    return samples


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Pin this process to one core; PostgreSQL stays unpinned."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

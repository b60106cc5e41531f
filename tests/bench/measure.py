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
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import uvloop

from tests.bench.dataset import Dataset, Sizes
from tests.bench.load import Load, Prepared, Sample, WrongAnswer, drive, fetch
from tests.bench.page import (
    ACTIVITY,
    HANDWRITTEN,
    NAIVE,
    PAGE_SIZE,
    POSTGRAPHILE,
    RENAME,
    TESSERA,
    VIEWER,
    Ask,
)
from tests.bench.rivals import postgraphile_page
from tests.bench.rivals.set_up import Rivals, is_on_node
from tests.support.process import Child, ChildFailed, answer_of, free_port, tessera_environment

SMALL, LARGE, DEEP = "small", "large", "deep"
# Node and Django need some seconds on a busy machine.
_START_SECONDS = 60
# V8 compiles as it runs: after so long, requests cost half of what they cost at first.
_WARM_UP_SECONDS_OF_NODE = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """The amount and duration of the measurements."""

    sizes: Sizes
    asked: int
    rounds: int
    load: Load


@dataclass(frozen=True, slots=True)
class FilledPages:
    """A database with the rows of the pages."""

    url: str
    digest_key: str
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores: one for the servers, another for the load and for PostgreSQL."""

    server: int
    load: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The samples of each round: the servers on the same pages, and one server by size.

    lists: of filtered and sorted pages of the large tenant, in the same rounds as `sizes`.
    twins: of other questions, by their operation's name and then by server.
    """

    servers: Mapping[str, Sequence[Sample]]
    sizes: Mapping[str, Sequence[Sample]]
    lists: Mapping[str, Sequence[Sample]]
    twins: Mapping[str, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of one sample.

    warm_up_seconds: of the first round, which does not count.
    """

    name: str
    server: "Server"
    prepared: Sequence[Prepared]
    load: Load
    warm_up_seconds: float = 1


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    process: Child


def measure(filled: FilledPages, plan: Plan, cores: Cores, picked: Rivals) -> Figures:
    """Raises `WrongAnswer` where the servers' answers differ.

    picked: rivals that people would pick; those that do not start are left out.
    """
    dataset = filled.dataset
    with ExitStack() as running:
        logs = Path(running.enter_context(TemporaryDirectory(prefix="tessera-bench-")))
        environment = tessera_environment(filled.url, {"TESSERA_DIGEST_KEY": filled.digest_key})
        servers = {
            name: running.enter_context(started(name, environment, cores.server, logs))
            for name in (TESSERA, HANDWRITTEN, NAIVE)
        }
        others = {}
        for name in tuple(picked.ready):
            with picked.left_out_unless_it_starts(name):
                server = started(name, environment, cores.server, logs)
                others[name] = running.enter_context(server)
        side_by_side = _subjects(servers | others, dataset.typical, plan)
        by_size = {
            SMALL: _prepared_alike(servers, [dataset.small])[TESSERA],
            LARGE: _prepared_alike(servers, [dataset.large])[TESSERA],
            DEEP: _prepared_alike(servers, [dataset.large_deep])[TESSERA],
        }
        tessera = servers[TESSERA]
        lists = {name: _prepared_list(tessera, ask) for name, ask in dataset.lists.items()}
        asked = (by_size | lists).items()
        pages = [Subject(name, tessera, prepared, plan.load) for name, prepared in asked]
        both = {name: servers[name] for name in (TESSERA, HANDWRITTEN)}
        with pinned(cores.load):
            side, of_pages = (rounds(some, plan.rounds) for some in (side_by_side, pages))
            twins = {
                name: rounds(_subjects(both, asks, plan), plan.rounds)
                for name, asks in _other_questions(dataset).items()
            }
        return Figures(
            side,
            {name: of_pages[name] for name in by_size},
            {name: of_pages[name] for name in lists},
            twins,
        )


def _other_questions(dataset: Dataset) -> dict[str, list[Ask]]:
    """Other questions than the page, by the first admins of the typical tenants."""
    questions = {
        name: [Ask(ask.session, operation=name) for ask in dataset.typical]
        for name in (VIEWER, ACTIVITY)
    }
    return questions | {RENAME: dataset.renamings}


def _subjects(servers: Mapping[str, Server], asks: Sequence[Ask], plan: Plan) -> list[Subject]:
    prepared = _prepared_alike(servers, asks)
    return [
        Subject(name, servers[name], prepared[name], plan.load, warm_up_seconds(name))
        for name in servers
    ]


def warm_up_seconds(name: str) -> float:
    """The seconds for which a server is kept busy before it is measured."""
    return _WARM_UP_SECONDS_OF_NODE if is_on_node(name) else 1


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
    """The requests with the lengths of their answers, whose content is equal on every server."""
    prepared: dict[str, list[Prepared]] = {name: [] for name in servers}
    for ask in asks:
        contents = []
        for name, server in servers.items():
            of_contract = name != POSTGRAPHILE
            request = ask.request() if of_contract else postgraphile_page.request(ask)
            body = fetch(server.port, request)
            prepared[name].append(Prepared(request, len(body)))
            in_form = body if of_contract else postgraphile_page.in_the_contract_s_form(body)
            contents.append(_content(in_form, sort=POSTGRAPHILE in servers))
        if any(content != contents[0] for content in contents):
            raise WrongAnswer(f"the servers differ: {contents}")
    return prepared


def _prepared_list(server: Server, ask: Ask) -> list[Prepared]:
    """The request of a list that only Tessera answers. Raises `WrongAnswer` for a short page."""
    request = ask.request()
    body = fetch(server.port, request)
    edges = _content(body)["data"]["tokens"]["edges"]
    if len(edges) != PAGE_SIZE:
        raise WrongAnswer(f"a page of {len(edges)} tokens: {ask}")
    return [Prepared(request, len(body))]


def _content(body: bytes, *, sort: bool = False) -> Any:
    """The content of an answer. Raises `WrongAnswer` for errors, and for a page without tokens.

    sort: whether the permissions of a token come in the order of their keys.
    """
    answer = orjson.loads(body)
    data = answer.get("data") or {}
    page = data.get("tokens", data.get("activity"))
    edges = [] if page is None else page["edges"]
    empty = not any(e["node"].get("permissions", e["node"].get("token")) for e in edges)
    if not data or answer.get("errors") or (page is not None and empty):
        raise WrongAnswer(f"no page: {body[:1000]!r}")
    for edge in edges if sort else ():
        edge["node"]["permissions"].sort(key=itemgetter("key"))
    return answer


def rounds(subjects: Sequence[Subject], times: int) -> dict[str, list[Sample]]:
    """The samples of each subject, one a round, taken in turns."""
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}

    async def run() -> None:
        # The first round warms up caches and connections and does not count.
        for number in range(1 + times):
            for subject in subjects:
                server, load = subject.server, subject.load
                if number == 0:
                    load = replace(load, seconds=subject.warm_up_seconds, lead_seconds=0)
                sample = await drive(server.port, server.process.pid, subject.prepared, load)
                if number:
                    await asyncio.sleep(load.rest_seconds)
                    samples[subject.name].append(sample)

    uvloop.run(run())
    return samples


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Pin this process to one core, and the processes that it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""The cost of row-level security: Tessera on PostgreSQL with it beside Tessera without.

Both serve as the same role, which owns nothing, from databases with the same rows. Rounds are as in
`measure`. The servers that the other planes compare with take part: the promised ratios are told
for both.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from server.database import State
from server.token_format import DigestKey
from tests.bench.checks import Requests, Tokens, load_checks
from tests.bench.dataset import Dataset, load
from tests.bench.load import Load, Prepared, Sample, fetch
from tests.bench.measure import Cores, Plan, Server, Subject, pinned, rounds, started
from tests.bench.page import ACTIVITY, FIXED, HANDWRITTEN, RENAME, TESSERA, VIEWER, Ask
from tests.bench.report import machine, ratio, speed, table
from tests.support.process import tessera_environment
from tests.support.row_security import secure

WITHOUT, WITH, RIVAL = "without", "with", "rival"
_PAGE, _DEEP, _SEARCH = "50 tokens", "deep page of many tokens", "search among many tokens"
_CHECKS, _ONE = "checks", "checks, one connection"
_Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True)
class RowSecurityPlan:
    """The measurements: those of the control plane, and of checks."""

    control: Plan
    tokens: Tokens
    checks: Load
    check_rounds: int


def row_security_preamble(plan: RowSecurityPlan, command: str) -> str:
    """The conditions of the run, for the report."""
    return (
        f"`{command}` on {machine(('uvicorn', 'asyncpg', 'strawberry-graphql', 'tortoise-orm'))}."
        "\n\nTessera with row-level security on beside Tessera without, as the same role that owns"
        " nothing. The questions are those of the other sections; the rival is the hand-written"
        " server, and for checks fixed bytes. Many tokens are"
        f" {plan.control.sizes.large:,}. Medians of {plan.control.rounds} rounds of"
        f" {plan.control.load.seconds:g} s, and {plan.check_rounds} of {plan.checks.seconds:g} s"
        " for checks, that take turns. Cost is the median of the ratios within each round; CPU is"
        " the server process's own."
    )


def measure_row_security(
    new: Callable[[], str], plan: RowSecurityPlan, cores: Cores
) -> Mapping[str, _Samples]:
    """The samples by question and by server."""
    return _control(new, plan.control, cores) | _checked(new, plan, cores)


def row_security_section(name: str, figures: Mapping[str, _Samples]) -> str:
    """One database's table."""
    rows = [
        [f"{question}, {server}", *speed(samples), *_beside(by_server, server)]
        for question, by_server in figures.items()
        for server, samples in by_server.items()
    ]
    columns = ["requests/s", "lowest to highest", "p50 ms", "p99 ms", "CPU ms"]
    head = ["question, row-level security", *columns, "cost", "CPU cost", "of the rival"]
    return "\n\n".join([f"### {name}", table(head, rows)])


def _beside(by_server: _Samples, server: str) -> list[str]:
    samples, rival = by_server[server], by_server.get(RIVAL)
    without = by_server[WITHOUT]
    costs = [f"{ratio(without, samples):.2f}", f"{_cpu_ratio(samples, without):.2f}"]
    return [
        *(costs if server == WITH else ["", ""]),
        f"{ratio(samples, rival):.2f}" if rival else "",
    ]


def _cpu_ratio(samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    return median(_cpu(one) / _cpu(other) for one, other in zip(samples, others, strict=True))


def _cpu(sample: Sample) -> float:
    """The seconds of CPU that a request takes of the server's process."""
    return sample.cpu_seconds / len(sample.latencies)


def _control(new: Callable[[], str], plan: Plan, cores: Cores) -> dict[str, _Samples]:
    urls, key = _databases(new), secrets.token_hex(32)
    datasets = {
        name: asyncio.run(load(url, plan.sizes, DigestKey(bytes.fromhex(key)), asked=plan.asked))
        for name, url in urls.items()
    }
    datasets[RIVAL] = datasets[WITHOUT]
    with ExitStack() as running:
        servers = _servers(running, _served(urls), key, HANDWRITTEN, cores)
        with pinned(cores.load):
            return {
                question: _measured(servers, {n: asks(d) for n, d in of.items()}, plan)
                for question, asks in _QUESTIONS.items()
                for of in [_asked(question, datasets)]
            }


def _asked(question: str, datasets: Mapping[str, Dataset]) -> Mapping[str, Dataset]:
    # The rival knows no search.
    return {n: d for n, d in datasets.items() if n != RIVAL or question != _SEARCH}


_QUESTIONS: dict[str, Callable[[Dataset], Sequence[Ask]]] = {
    _PAGE: lambda dataset: dataset.typical,
    VIEWER: lambda dataset: [replace(one, operation=VIEWER) for one in dataset.typical],
    ACTIVITY: lambda dataset: [replace(one, operation=ACTIVITY) for one in dataset.typical],
    RENAME: lambda dataset: dataset.renamings,
    _DEEP: lambda dataset: [dataset.large_deep],
    _SEARCH: lambda dataset: [replace(dataset.large, arguments={"filter": {"search": "1999"}})],
}


def _measured(
    servers: Mapping[str, Server], asks: Mapping[str, Sequence[Ask]], plan: Plan
) -> _Samples:
    subjects = [
        Subject(
            name,
            servers[name],
            [
                Prepared(request, len(fetch(servers[name].port, request)))
                for request in (ask.request() for ask in asked)
            ],
            plan.load,
        )
        for name, asked in asks.items()
    ]
    return rounds(subjects, plan.rounds)


def _checked(new: Callable[[], str], plan: RowSecurityPlan, cores: Cores) -> dict[str, _Samples]:
    urls, key = _databases(new), secrets.token_hex(32)
    asked: dict[str, Requests] = {
        name: asyncio.run(load_checks(url, plan.tokens, DigestKey(bytes.fromhex(key))))
        for name, url in urls.items()
    }
    asked[RIVAL] = asked[WITHOUT]
    with ExitStack() as running:
        servers = _servers(running, _served(urls), key, FIXED, cores)
        subjects = []
        for name, requests in asked.items():
            server = servers[name]
            lengths = {len(fetch(server.port, one)) for one in requests.plain[:5]}
            prepared = [Prepared(one, max(lengths)) for one in requests.plain]
            # The rival writes nothing that would have to be waited for.
            load = replace(plan.checks, rest_seconds=0) if name == RIVAL else plan.checks
            subjects.append(Subject(name, server, prepared, load))
        with pinned(cores.load):
            return {
                question: rounds([_with(n, one) for one in subjects], plan.check_rounds)
                for question, n in ((_CHECKS, plan.checks.connections), (_ONE, 1))
            }


def _with(connections: int, subject: Subject) -> Subject:
    return replace(subject, load=replace(subject.load, connections=connections))


def _databases(new: Callable[[], str]) -> dict[str, str]:
    return {WITHOUT: new(), WITH: new()}


def _served(urls: Mapping[str, str]) -> dict[str, str]:
    """The databases as a role that owns nothing; one of them gets row-level security."""
    states = {WITHOUT: State.OFF, WITH: State.ENFORCED}
    return {name: asyncio.run(secure(url, states[name])) for name, url in urls.items()}


def _servers(
    running: ExitStack, urls: Mapping[str, str], key: str, rival: str, cores: Cores
) -> dict[str, Server]:
    logs = Path(running.enter_context(TemporaryDirectory(prefix="tessera-bench-")))
    kinds = ((WITHOUT, TESSERA, WITHOUT), (WITH, TESSERA, WITH), (RIVAL, rival, WITHOUT))
    servers = {}
    for name, contender, database in kinds:
        environment = tessera_environment(urls[database], {"TESSERA_DIGEST_KEY": key})
        server = started(contender, environment, cores.server, logs)
        servers[name] = running.enter_context(server)
    return servers

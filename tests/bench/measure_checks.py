"""Measuring `/authorize`: beside fixed bytes and rivals, at several numbers of connections, among
few and many tokens, with every term of a token set, and while a trial runs.

Rounds are as in `measure`; `report_checks` has the promised ratios.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.checks import Requests, Tokens
from tests.bench.load import Load, Prepared, Sample, fetch
from tests.bench.measure import Cores, Server, Subject, pinned, rounds, started, warm_up_seconds
from tests.bench.page import FASTAPI, FIXED, TESSERA
from tests.bench.rivals.set_up import Rivals
from tests.support.process import tessera_environment

FEW = "few"
# Many rows, but as many checked tokens as among few, so that only the number of rows differs.
AS_FEW = "as few"
UNDER_TERMS = "under terms"
TRIED = "tried"
# Where answers to several requests at once come from one query, few connections gain less from it.
FEWER_CONNECTIONS = (1, 8)
_FETCHED = 5
# In the headers of an answer: an expiry, and a token's own limit.
_OF_TERMS = ("x-tessera-token-expires-at: ", '"token-hour";')


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """The amount and duration of the measurements.

    The load of Tessera lasts for at least one flush of the decision log, and its rest waits for
    it. That of the other servers is `brief_load`: they have nothing to write afterwards.
    """

    few: Tokens
    many: Tokens
    rounds: int
    load: Load
    brief_load: Load


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with its tokens or keys, and requests that pass there."""

    url: str
    digest_key: str
    requests: Requests


def measure_checks(
    few: Filled,
    many: Filled,
    others: Mapping[str, Filled],
    plan: CheckPlan,
    cores: Cores,
    rivals: Rivals,
) -> Mapping[str, Sequence[Sample]]:
    """The samples of each round by server; `FEW` to `TRIED` are Tessera too.

    others: the databases of those `rivals` that have their own. One that does not start goes.
    """
    with ExitStack() as running:
        logs = Path(running.enter_context(TemporaryDirectory(prefix="tessera-bench-")))

        def start(contender: str, filled: Filled) -> Server:
            environment = tessera_environment(filled.url, {"TESSERA_DIGEST_KEY": filled.digest_key})
            return running.enter_context(started(contender, environment, cores.server, logs))

        subjects = [*_of_tessera(start(TESSERA, many), many.requests, plan)]
        subjects += _side_by_side(FIXED, start(FIXED, many), many.requests.plain, plan.brief_load)
        of_few = start(TESSERA, few)
        subjects.append(Subject(FEW, of_few, _prepared(of_few, few.requests.plain), plan.load))
        subjects += _side_by_side(
            FASTAPI, start(FASTAPI, many), many.requests.plain, plan.brief_load
        )
        for name, filled in others.items():
            with rivals.left_out_unless_it_starts(name):
                server = start(name, filled)
                subjects += _side_by_side(name, server, filled.requests.plain, plan.brief_load)
        with pinned(cores.load):
            return rounds(subjects, plan.rounds)


def at(name: str, connections: int) -> str:
    """The subject that is a server at a number of connections: its name alone at most of them."""
    return f"{name} at {connections}" if connections in FEWER_CONNECTIONS else name


def _of_tessera(server: Server, requests: Requests, plan: CheckPlan) -> Iterator[Subject]:
    """Tessera on many tokens: at several numbers of connections, and in its special cases."""
    plain, load = _prepared(server, requests.plain), plan.load
    yield Subject(TESSERA, server, plain, load)
    yield from _at_fewer_connections(TESSERA, server, plain, load)
    yield Subject(AS_FEW, server, plain[: plan.few.asked], load)
    yield Subject(UNDER_TERMS, server, _prepared(server, requests.under_terms, _OF_TERMS), load)
    yield Subject(TRIED, server, _prepared(server, requests.tried), load)


def _side_by_side(
    name: str, server: Server, requests: Sequence[bytes], load: Load
) -> Iterator[Subject]:
    prepared = _prepared(server, requests)
    yield Subject(name, server, prepared, load, warm_up_seconds(name))
    yield from _at_fewer_connections(name, server, prepared, load)


def _at_fewer_connections(
    name: str, server: Server, prepared: Sequence[Prepared], load: Load
) -> Iterator[Subject]:
    for connections in FEWER_CONNECTIONS:
        fewer = replace(load, connections=connections)
        yield Subject(at(name, connections), server, prepared, fewer)


def _prepared(
    server: Server, requests: Sequence[bytes], tells: Sequence[str] = ()
) -> list[Prepared]:
    """The requests with the length of their answers. Any status but 200 raises `WrongAnswer`, here
    and during the measurement.
    """
    lengths = {len(fetch(server.port, one, tells)) for one in requests[:_FETCHED]}
    return [Prepared(one, max(lengths)) for one in requests]


def percentile_ratio(samples: Sequence[Sample], others: Sequence[Sample], percent: int) -> float:
    """A percentile of all latencies, as a ratio of the other server's."""
    return percentile(samples, percent) / percentile(others, percent)


def percentile(samples: Sequence[Sample], percent: int) -> float:
    """The percentile in seconds, over the requests of all rounds."""
    latencies = sorted(chain.from_iterable(sample.latencies for sample in samples))
    return latencies[len(latencies) * percent // 100]

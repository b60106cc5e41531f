"""Measuring `/authorize`: beside fixed bytes and a rival, among few and many tokens, with every
term of a token set, and while a trial runs.

Rounds are as in `measure`; `report_checks` has the promised ratios.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.checks import Requests, Tokens
from tests.bench.load import Load, Prepared, Sample, fetch
from tests.bench.measure import Cores, Server, Subject, pinned, rounds, started
from tests.bench.page import FASTAPI, FIXED, TESSERA
from tests.support.process import tessera_environment

FEW = "few"
# Many rows, but as many checked tokens as among few, so that only the number of rows differs.
AS_FEW = "as few"
UNDER_TERMS = "under terms"
TRIED = "tried"
_FETCHED = 5
# In the headers of an answer: an expiry, and a token's own limit.
_OF_TERMS = ("x-tessera-token-expires-at: ", '"token-hour";')


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """The amount and duration of the measurements.

    The load lasts for at least one flush of the decision log, and the rest waits for it.
    """

    few: Tokens
    many: Tokens
    rounds: int
    load: Load


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with its tokens, and requests that pass there."""

    url: str
    digest_key: str
    requests: Requests


def measure_checks(
    few: Filled, many: Filled, plan: CheckPlan, cores: Cores
) -> Mapping[str, Sequence[Sample]]:
    """The samples of each round by server; `FEW` to `TRIED` are Tessera too."""
    with ExitStack() as running:
        logs = Path(running.enter_context(TemporaryDirectory(prefix="tessera-bench-")))
        subjects = []
        for name, contender, filled in (
            (TESSERA, TESSERA, many),
            (FIXED, FIXED, many),
            (FEW, TESSERA, few),
            (FASTAPI, FASTAPI, many),
        ):
            environment = tessera_environment(filled.url, {"TESSERA_DIGEST_KEY": filled.digest_key})
            server = running.enter_context(started(contender, environment, cores.server, logs))
            prepared = _prepared(server, filled.requests.plain)
            subjects.append(Subject(name, server, prepared, writes=contender == TESSERA))
            if name == TESSERA:
                of_terms = _prepared(server, filled.requests.under_terms, _OF_TERMS)
                subjects.append(Subject(AS_FEW, server, prepared[: plan.few.asked]))
                subjects.append(Subject(UNDER_TERMS, server, of_terms))
                tried = _prepared(server, filled.requests.tried)
                subjects.append(Subject(TRIED, server, tried))
        with pinned(cores.load):
            return rounds(subjects, plan.rounds, plan.load)


def _prepared(
    server: Server, requests: Sequence[bytes], tells: Sequence[str] = ()
) -> list[Prepared]:
    """The requests with the length of their answers. Any status but 200 raises `WrongAnswer`, here
    and during the measurement.
    """
    lengths = {len(fetch(server.port, one, tells)) for one in requests[:_FETCHED]}
    return [Prepared(one, max(lengths)) for one in requests]


def p99_ratio(samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    """The 99th percentile of all latencies, as a ratio of the other server's."""
    return percentile(samples, 99) / percentile(others, 99)


def percentile(samples: Sequence[Sample], percent: int) -> float:
    """The percentile in seconds, over the requests of all rounds."""
    latencies = sorted(chain.from_iterable(sample.latencies for sample in samples))
    return latencies[len(latencies) * percent // 100]

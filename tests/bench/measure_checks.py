"""Measuring `/authorize`: beside fixed bytes and a rival, and among few and many tokens.

Rounds are as in `measure`; `report_checks` has the promised ratios.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.checks import Tokens
from tests.bench.load import Load, Prepared, Sample, fetch
from tests.bench.measure import Cores, Subject, pinned, rounds, started
from tests.bench.page import FASTAPI, FIXED, TESSERA
from tests.support.process import tessera_environment

FEW = "few"
# Many rows, but as many checked tokens as among few, so that only the number of rows differs.
AS_FEW = "as few"


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
    requests: list[bytes]


def measure_checks(
    few: Filled, many: Filled, plan: CheckPlan, cores: Cores
) -> Mapping[str, Sequence[Sample]]:
    """The samples of each round by server; `FEW` and `AS_FEW` are Tessera too."""
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
            # Any status but 200 ends the measurement, here and later.
            lengths = {len(fetch(server.port, one)) for one in filled.requests[:5]}
            prepared = [Prepared(one, max(lengths)) for one in filled.requests]
            subjects.append(Subject(name, server, prepared))
            if name == TESSERA:
                subjects.append(Subject(AS_FEW, server, prepared[: plan.few.asked]))
        with pinned(cores.load):
            return rounds(subjects, plan.rounds, plan.load)


def p99_ratio(samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    """The 99th percentile of all latencies, as a ratio of the other server's."""
    return percentile(samples, 99) / percentile(others, 99)


def percentile(samples: Sequence[Sample], percent: int) -> float:
    """The percentile in seconds, over the requests of all rounds."""
    latencies = sorted(chain.from_iterable(sample.latencies for sample in samples))
    return latencies[len(latencies) * percent // 100]

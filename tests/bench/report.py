"""The report: tables in Markdown, and each promised ratio with its result."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.bench.load import Sample
from tests.bench.measure import DEEP, LARGE, SMALL, Cores, Figures, Plan
from tests.bench.page import HANDWRITTEN, NAIVE, TESSERA

_LIBRARIES = ("uvicorn", "strawberry-graphql", "graphql-core", "tortoise-orm", "asyncpg", "orjson")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A ratio that the product promises."""

    says: str
    ratio: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def requirements(figures: Figures) -> list[Requirement]:
    """Speed beside the rivals, and cost by the tenant's size."""
    servers, sizes = figures.servers, figures.sizes
    return [
        Requirement("requests a second, of naive", ratio(servers[TESSERA], servers[NAIVE]), 10),
        Requirement(
            "requests a second, of hand-written",
            ratio(servers[TESSERA], servers[HANDWRITTEN]),
            0.1,
        ),
        Requirement(
            "cost in the large tenant, first page", ratio(sizes[SMALL], sizes[LARGE]), 1.2, True
        ),
        Requirement(
            "cost in the large tenant, deep page", ratio(sizes[SMALL], sizes[DEEP]), 1.2, True
        ),
    ]


def database_section(name: str, figures: Figures, plan: Plan) -> str:
    """One database's tables."""
    sizes = plan.sizes
    naive, handwritten = figures.servers[NAIVE], figures.servers[HANDWRITTEN]
    servers = [
        [label, *speed(samples), times(samples, naive), times(samples, handwritten)]
        for name, label in ((TESSERA, "Tessera"), (HANDWRITTEN, "hand-written"), (NAIVE, "naive"))
        for samples in [figures.servers[name]]
    ]
    by_size = [
        [label, *speed(samples), f"{ratio(figures.sizes[SMALL], samples):.2f}"]
        for name, label in (
            (SMALL, f"{sizes.small:,} tokens, first page"),
            (LARGE, f"{sizes.large:,} tokens, first page"),
            (DEEP, f"{sizes.large:,} tokens, page {sizes.deep_page:,}"),
        )
        for samples in [figures.sizes[name]]
    ]
    columns = ["requests/s", "lowest to highest", "p50 ms", "p99 ms", "CPU ms"]
    return "\n\n".join(
        [
            f"### {name}",
            table(["server", *columns, "of naive", "of hand-written"], servers),
            table(["Tessera, in a tenant of", *columns, "cost"], by_size),
            promises(requirements(figures)),
        ]
    )


def promises(required: Sequence[Requirement]) -> str:
    """Each ratio beside the promised one."""
    rows = [
        [
            requirement.says,
            f"{requirement.ratio:.2f}",
            f"{'≤' if requirement.at_most else '≥'} {requirement.bound:g}",
            "yes" if requirement.met else "**no**",
        ]
        for requirement in required
    ]
    return table(["ratio", "measured", "promised", "met"], rows)


def machine(libraries: Sequence[str]) -> str:
    """The machine of the measurement."""
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    return (
        f"{os.cpu_count()} cores of {_processor()}, Python {platform.python_version()}; {versions}"
    )


def preamble(plan: Plan, cores: Cores, command: str) -> str:
    """The description of subject, method and machine."""
    sizes = plan.sizes
    return (
        f"`{command}` on {machine(_LIBRARIES)}.\n\n"
        f"The page is `tokens(first: 50)` with permissions and creator, among {sizes.tenants:,}"
        f" tenants of {sizes.tokens:,} tokens, each with 5 to 15 permissions. Every server has one"
        f" process on core {cores.server}; {plan.load.connections} connections come from core"
        f" {cores.load}."
        f" Figures are medians of {plan.rounds} rounds of {plan.load.seconds:g} s that take turns,"
        " ratios medians of the ratios within each round. CPU is the server process's own, a"
        " request."
    )


def speed(samples: Sequence[Sample]) -> list[str]:
    """A server's figures as cells of a row."""
    rates = [sample.rate for sample in samples]
    latencies = sorted(latency for sample in samples for latency in sample.latencies)
    cpu = median(sample.cpu_seconds / len(sample.latencies) for sample in samples)
    return [
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f}",
        f"{latencies[len(latencies) // 2] * 1000:,.1f}",
        f"{latencies[len(latencies) * 99 // 100] * 1000:,.1f}",
        f"{cpu * 1000:.2f}",
    ]


def ratio(samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    """The median of the ratios of speed within each round."""
    return median(s.rate / o.rate for s, o in zip(samples, others, strict=True))


def times(samples: Sequence[Sample], others: Sequence[Sample]) -> str:
    """The ratio as a cell."""
    found = ratio(samples, others)
    return f"{found:.2f}" if found < 10 else f"{found:.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    for line in known.read_text().splitlines() if known.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

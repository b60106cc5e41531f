"""The report: tables in Markdown, and each promised ratio with its result."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.bench.load import Sample
from tests.bench.measure import DEEP, LARGE, SMALL, Cores, Figures, Plan
from tests.bench.page import (
    ACTIVITY,
    HANDWRITTEN,
    MERCURIUS,
    NAIVE,
    POSTGRAPHILE,
    RENAME,
    TESSERA,
    VIEWER,
)
from tests.bench.rivals.set_up import versions

NONE_MISSING: Mapping[str, str] = {}
_LIBRARIES = ("uvicorn", "strawberry-graphql", "graphql-core", "tortoise-orm", "asyncpg", "orjson")

_SERVERS = {
    TESSERA: "Tessera",
    HANDWRITTEN: "hand-written",
    MERCURIUS: "mercurius, graphql-jit",
    POSTGRAPHILE: "PostGraphile",
    NAIVE: "naive",
}
# The other questions, each with the promised part of the hand-written server's speed.
_TWINS = {
    VIEWER: ("viewer and tenant", 0.08),
    ACTIVITY: ("activity, 50", 0.08),
    RENAME: ("renameToken", 0.08),
}


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
    """Speed beside the rivals, and cost by the tenant's size, and by filter and order."""
    servers, sizes = figures.servers, figures.sizes
    costs = [ratio(sizes[LARGE], samples) for samples in figures.lists.values()]
    return [
        Requirement("requests a second, of naive", ratio(servers[TESSERA], servers[NAIVE]), 10),
        Requirement(
            "requests a second, of hand-written",
            ratio(servers[TESSERA], servers[HANDWRITTEN]),
            0.2,
        ),
        *(_of_twin(figures, operation) for operation in _TWINS),
        Requirement(
            "p99, of hand-written", _p99(servers[TESSERA]) / _p99(servers[HANDWRITTEN]), 3, True
        ),
        Requirement(
            "cost in the large tenant, first page", ratio(sizes[SMALL], sizes[LARGE]), 1.2, True
        ),
        Requirement(
            "cost in the large tenant, deep page", ratio(sizes[SMALL], sizes[DEEP]), 1.2, True
        ),
        Requirement(
            "cost of the dearest filtered, sorted page, of a plain one", max(costs), 1.2, True
        ),
    ]


def _of_twin(figures: Figures, operation: str) -> Requirement:
    label, bound = _TWINS[operation]
    twins = figures.twins[operation]
    says = f"{label}: requests a second, of hand-written"
    return Requirement(says, ratio(twins[TESSERA], twins[HANDWRITTEN]), bound)


def _p99(samples: Sequence[Sample]) -> float:
    """The median of the rounds' 99th percentiles."""
    return median(sorted(sample.latencies)[len(sample.latencies) * 99 // 100] for sample in samples)


def _twin_rows(figures: Figures) -> list[list[str]]:
    return [
        [f"{label}, {name}", *speed(twins[server]), times(twins[server], twins[HANDWRITTEN])]
        for operation, (label, _) in _TWINS.items()
        for twins in [figures.twins[operation]]
        for server, name in ((TESSERA, "Tessera"), (HANDWRITTEN, "hand-written"))
    ]


def database_section(
    name: str, figures: Figures, plan: Plan, missing: Mapping[str, str] = NONE_MISSING
) -> str:
    """One database's tables. missing: why other rivals could not be measured, by name."""
    sizes = plan.sizes
    naive, handwritten = figures.servers[NAIVE], figures.servers[HANDWRITTEN]
    servers = [
        [label, *speed(samples), times(samples, naive), times(samples, handwritten)]
        for name, label in _SERVERS.items()
        for samples in [figures.servers.get(name)]
        if samples
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
    lists = [
        [label, *speed(samples), f"{ratio(figures.sizes[LARGE], samples):.2f}"]
        for label, samples in [("first page", figures.sizes[LARGE]), *figures.lists.items()]
    ]
    columns = ["requests/s", "lowest to highest", "p50 ms", "p99 ms", "CPU ms"]
    return "\n\n".join(
        [
            f"### {name}",
            table(["server", *columns, "of naive", "of hand-written"], servers),
            *not_measured(missing, _SERVERS),
            table(["other questions", *columns, "of hand-written"], _twin_rows(figures)),
            table(["Tessera, in a tenant of", *columns, "cost"], by_size),
            table([f"Tessera, among {sizes.large:,} tokens", *columns, "cost"], lists),
            promises(requirements(figures)),
        ]
    )


def not_measured(missing: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    """A line for each rival that could not be measured."""
    return [f"{labels[name]} was not measured: {reason}." for name, reason in missing.items()]


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
        f"`{command}` on {machine(_LIBRARIES)}; {versions('mercurius', 'postgraphile')}.\n\n"
        f"The page is `tokens(first: 50)` with permissions and creator, among {sizes.tenants:,}"
        f" tenants of {sizes.tokens:,} tokens, each with 5 to 15 permissions. Every server has one"
        f" process on core {cores.server}; {plan.load.connections} connections come from core"
        f" {cores.load}, where PostgreSQL runs too."
        f" Figures are medians of {plan.rounds} rounds of {plan.load.seconds:g} s that take turns,"
        " ratios medians of the ratios within each round. CPU is the server process's own, a"
        " request. Of the tokens two thirds have an expiry, a tenth is paused, half were used; the"
        " filtered, sorted pages have 50 tokens too.\n\n"
        "Every server looks up the session, in the same rows, over as many connections as the"
        " others. Hand-written is the page alone, with two statements and no GraphQL; naive is"
        " Strawberry and Tortoise with a query for each relation of each token. On PostgreSQL there"
        " are two that people would pick. Fastify with mercurius and graphql-jit has one statement"
        " for the page and a loader for permissions and for creators. PostGraphile makes schema and"
        " statement by itself from the tables, with the catalogue as one more table and row-level"
        " security for the tenant. Its names, identifiers and order of permissions are its own; the"
        " answers are compared with Tessera's before the measurement. These two answer for six"
        " seconds before the first round, because V8 compiles as it runs."
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

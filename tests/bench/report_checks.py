"""The report on `/authorize`: tables, and each promised ratio with its result."""

from collections.abc import Mapping, Sequence

from tests.bench.load import Sample
from tests.bench.measure import Cores
from tests.bench.measure_checks import AS_FEW, FEW, TRIED, UNDER_TERMS, CheckPlan, p99_ratio
from tests.bench.page import FASTAPI, FIXED, TESSERA
from tests.bench.report import Requirement, machine, promises, ratio, speed, table, times


def check_requirements(figures: Mapping[str, Sequence[Sample]]) -> list[Requirement]:
    """Speed and latency beside fixed bytes, and cost by the number of tokens."""
    return [
        Requirement(
            "requests a second, of fixed bytes", ratio(figures[TESSERA], figures[FIXED]), 0.5
        ),
        Requirement("p99, of fixed bytes", p99_ratio(figures[TESSERA], figures[FIXED]), 3, True),
        Requirement(
            "every term set: requests a second, of fixed bytes",
            ratio(figures[UNDER_TERMS], figures[FIXED]),
            0.5,
        ),
        Requirement(
            "every term set: p99, of fixed bytes",
            p99_ratio(figures[UNDER_TERMS], figures[FIXED]),
            3,
            True,
        ),
        Requirement(
            "a trial runs: requests a second, of fixed bytes",
            ratio(figures[TRIED], figures[FIXED]),
            0.5,
        ),
        Requirement(
            "a trial runs: p99, of fixed bytes", p99_ratio(figures[TRIED], figures[FIXED]), 3, True
        ),
        Requirement(
            "cost among many tokens, of that among few",
            ratio(figures[FEW], figures[AS_FEW]),
            1.1,
            True,
        ),
    ]


def check_preamble(plan: CheckPlan, cores: Cores, command: str) -> str:
    """The description of subject, method and machine."""
    many, few = plan.many, plan.few
    return (
        f"`{command}` on {machine(('uvicorn', 'asyncpg', 'fastapi', 'sqlalchemy'))}.\n\n"
        f"A check that passes, among {many.tenants * many.each:,} tokens of {many.tenants:,}"
        f" tenants, for {many.asked:,} of them in turn: digest, tenant, permission, rate limit in"
        " memory, and the decision recorded. Fixed bytes are the same uvicorn with an application"
        " that answers the same headers to everything. FastAPI + SQLAlchemy is the look-up alone,"
        f" as one would write it. Every server has one process on core {cores.server};"
        f" {plan.load.connections} keep-alive connections come from core {cores.load},"
        " where PostgreSQL runs too. Figures are"
        f" medians of {plan.rounds} rounds of {plan.load.seconds:g} s that take turns, ratios"
        " medians of the ratios within each round. In each the record is written once, and the next"
        " begins when a server has nothing left to write."
        f" Few tokens are {few.tenants * few.each:,}, all asked about; cost by"
        " their number is compared where as many are asked about.\n\n"
        "Every term set: the token has an expiry, 10 networks beside the 10 of its tenant, a limit"
        " of its own, and a rotation under way, in which the old secret asks. Such tokens and"
        " plain ones are asked about in different tenants.\n\n"
        "A trial runs: it would deny each of the requests, which pass and are counted."
    )


def check_section(name: str, figures: Mapping[str, Sequence[Sample]], plan: CheckPlan) -> str:
    """One database's tables."""
    many, few = plan.many, plan.few
    rows = [
        [label, *speed(figures[name]), times(figures[name], figures[FIXED])]
        for name, label in (
            (FIXED, "fixed bytes"),
            (TESSERA, f"Tessera, {many.tenants * many.each:,} tokens"),
            (AS_FEW, f"the same, {few.asked:,} of them asked about"),
            (UNDER_TERMS, f"the same, {many.under_terms:,} with every term set"),
            (TRIED, f"the same, {many.tried:,} while a trial runs"),
            (FEW, f"Tessera, {few.tenants * few.each:,} tokens"),
            (FASTAPI, "FastAPI + SQLAlchemy"),
        )
    ]
    head = ["server", "requests/s", "lowest to highest", "p50 ms", "p99 ms", "CPU ms"]
    return "\n\n".join(
        [
            f"### {name}",
            table([*head, "of fixed bytes"], rows),
            promises(check_requirements(figures)),
        ]
    )

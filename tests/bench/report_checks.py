"""The report on `/authorize`: tables, and each promised ratio with its result."""

from collections.abc import Mapping, Sequence

from tests.bench.load import Sample
from tests.bench.measure import Cores
from tests.bench.measure_checks import (
    AS_FEW,
    FEW,
    FEWER_CONNECTIONS,
    TRIED,
    UNDER_TERMS,
    CheckPlan,
    at,
    percentile_ratio,
)
from tests.bench.page import BETTER_AUTH, DRF, FASTAPI, FIXED, TESSERA
from tests.bench.report import (
    NONE_MISSING,
    Requirement,
    machine,
    not_measured,
    promises,
    ratio,
    speed,
    table,
    times,
)
from tests.bench.rivals.set_up import versions

_SERVERS = {
    FIXED: "fixed bytes",
    TESSERA: "Tessera",
    FASTAPI: "FastAPI + SQLAlchemy",
    BETTER_AUTH: "better-auth, API keys",
    DRF: "djangorestframework-api-key",
}


def check_requirements(figures: Mapping[str, Sequence[Sample]]) -> list[Requirement]:
    """Speed and latency beside fixed bytes, and cost by the number of tokens."""
    tessera, fixed = figures[TESSERA], figures[FIXED]
    alone, fixed_alone = (figures[at(name, 1)] for name in (TESSERA, FIXED))
    special = {"every term set": figures[UNDER_TERMS], "a trial runs": figures[TRIED]}
    return [
        Requirement("requests a second, of fixed bytes", ratio(tessera, fixed), 0.6),
        Requirement("p99, of fixed bytes", percentile_ratio(tessera, fixed, 99), 3, True),
        Requirement(
            "1 connection: p50, of fixed bytes",
            percentile_ratio(alone, fixed_alone, 50),
            2.5,
            True,
        ),
        *(
            requirement
            for label, samples in special.items()
            for requirement in (
                Requirement(
                    f"{label}: requests a second, of fixed bytes", ratio(samples, fixed), 0.5
                ),
                Requirement(
                    f"{label}: p99, of fixed bytes", percentile_ratio(samples, fixed, 99), 3, True
                ),
            )
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
        f"`{command}` on {machine(('uvicorn', 'asyncpg', 'fastapi', 'sqlalchemy'))};"
        f" {versions('better-auth', 'djangorestframework-api-key', 'django', 'gunicorn')}.\n\n"
        f"A check that passes, among {many.tenants * many.each:,} tokens of {many.tenants:,}"
        f" tenants, for {many.asked:,} of them in turn: digest, tenant, permission, rate limit in"
        " memory, and the decision recorded. Fixed bytes are the same uvicorn with an application"
        " that answers the same headers to everything. FastAPI + SQLAlchemy is the look-up alone,"
        f" as one would write it. Every server has one process on core {cores.server};"
        f" {_numbers(plan)} keep-alive connections come from core {cores.load},"
        " where PostgreSQL runs too. Figures are"
        f" medians of {plan.rounds} rounds of {plan.load.seconds:g} s"
        f" ({plan.brief_load.seconds:g} s where nothing is recorded) that take turns, ratios"
        " medians of the ratios within each round. In each the record is written once, and the next"
        " begins when a server has nothing left to write."
        f" Few tokens are {few.tenants * few.each:,}, all asked about; cost by"
        " their number is compared where as many are asked about.\n\n"
        "Every term set: the token has an expiry, 10 networks beside the 10 of its tenant, a limit"
        " of its own, and a rotation under way, in which the old secret asks. Such tokens and"
        " plain ones are asked about in different tenants.\n\n"
        "A trial runs: it would deny each of the requests, which pass and are counted.\n\n"
        "Of many connections, requests that arrive together share a query of Tessera's; of one,"
        " each waits for its own.\n\n"
        "On PostgreSQL there are two that people would pick, each with as many keys in tables of"
        " its own, two permissions a key, and as many keys asked about. better-auth verifies key"
        " and permission with its API-key plugin behind Node's HTTP server; its rate limit is on,"
        " as by default, and writes to the key's row. djangorestframework-api-key is the permission"
        " `HasAPIKey` and a query for the key's permission, on gunicorn with one process of ten"
        " threads; it has no limit. Neither keeps a record of decisions."
    )


def _numbers(plan: CheckPlan) -> str:
    *others, last = *FEWER_CONNECTIONS, plan.load.connections
    return f"{', '.join(map(str, others))} or {last}"


def check_section(
    name: str,
    figures: Mapping[str, Sequence[Sample]],
    plan: CheckPlan,
    missing: Mapping[str, str] = NONE_MISSING,
) -> str:
    """One database's tables. missing: why other rivals could not be measured, by name."""
    head = ["requests/s", "lowest to highest", "p50 ms", "p99 ms", "CPU ms", "of fixed bytes"]
    return "\n\n".join(
        [
            f"### {name}",
            *(
                table([_counted(connections), *head, "p50 of fixed bytes"], rows)
                for connections in (plan.load.connections, *reversed(FEWER_CONNECTIONS))
                for rows in [_side_by_side(figures, connections)]
            ),
            *not_measured(missing, _SERVERS),
            table([f"Tessera, {_counted(plan.load.connections)}", *head], _cases(figures, plan)),
            promises(check_requirements(figures)),
        ]
    )


def _cases(figures: Mapping[str, Sequence[Sample]], plan: CheckPlan) -> list[list[str]]:
    many, few = plan.many, plan.few
    return [
        [label, *speed(figures[name]), times(figures[name], figures[FIXED])]
        for name, label in (
            (TESSERA, f"{many.tenants * many.each:,} tokens, {many.asked:,} of them asked about"),
            (AS_FEW, f"the same, {few.asked:,} of them asked about"),
            (UNDER_TERMS, f"the same, {many.under_terms:,} with every term set"),
            (TRIED, f"the same, {many.tried:,} while a trial runs"),
            (FEW, f"{few.tenants * few.each:,} tokens"),
        )
    ]


def _counted(connections: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}"


def _side_by_side(figures: Mapping[str, Sequence[Sample]], connections: int) -> list[list[str]]:
    fixed = figures[at(FIXED, connections)]
    return [
        [
            label,
            *speed(samples),
            times(samples, fixed),
            f"{percentile_ratio(samples, fixed, 50):.2f}",
        ]
        for name, label in _SERVERS.items()
        for samples in [figures.get(at(name, connections))]
        if samples
    ]

"""`python -m tests.bench`: load, measure, report. Status 1 when a promised ratio is missed."""

import argparse
import asyncio
import os
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from tempfile import TemporaryDirectory
from typing import Protocol

import asyncpg

from server.database import migrate
from server.settings import read_settings
from server.token_format import DigestKey
from tests.bench.checks import Requests, Tokens, load_checks
from tests.bench.dataset import Sizes, load
from tests.bench.load import Load
from tests.bench.matching import matching_requirements, matching_section, measure_matching
from tests.bench.measure import Cores, FilledPages, Plan, measure, pinned
from tests.bench.measure_checks import CheckPlan, Filled, measure_checks
from tests.bench.page import BETTER_AUTH, DRF, MERCURIUS, POSTGRAPHILE
from tests.bench.page_of_figures import PAGE, with_section
from tests.bench.readme import README, with_figures
from tests.bench.report import Requirement, database_section, preamble, requirements
from tests.bench.report_checks import check_preamble, check_requirements, check_section
from tests.bench.rivals.keys import load_keys
from tests.bench.rivals.prepare import prepare_page
from tests.bench.rivals.set_up import Rivals, install
from tests.bench.row_security import (
    RowSecurityPlan,
    measure_row_security,
    row_security_preamble,
    row_security_section,
)
from tests.bench.trail import (
    TrailPlan,
    measure_trail,
    trail_preamble,
    trail_requirements,
    trail_section,
)
from tests.support.postgres import shared_server


class _New(Protocol):
    """Creates a database, migrated or empty, and returns its URL."""

    def __call__(self, *, is_migrated: bool = True) -> str: ...


# Its name and version, and a function that creates databases. Takes the core on which a server of
# the database runs: another than the measured server's, and not the scheduler's choice.
_Database = Callable[[int], AbstractContextManager[tuple[str, _New]]]
_Add = Callable[[str], None]
_FULL = Plan(
    Sizes(tenants=1_000, tokens=100, small=1_000, large=100_000, deep_page=1_000),
    asked=100,
    rounds=15,
    load=Load(seconds=1.2, lead_seconds=0, rest_seconds=0, connections=16),
)
_QUICK = Plan(
    Sizes(tenants=100, tokens=100, small=1_000, large=20_000, deep_page=200),
    asked=20,
    rounds=7,
    load=Load(seconds=0.6, lead_seconds=0, rest_seconds=0, connections=16),
)
# The decision log is flushed every three seconds.
_CHECKS = Load(seconds=3, lead_seconds=2, rest_seconds=3, connections=64)
_QUICK_CHECK = Load(seconds=3, lead_seconds=1, rest_seconds=3, connections=64)
_FULL_CHECKS = CheckPlan(
    few=Tokens(tenants=10, each=100, asked=1_000),
    many=Tokens(tenants=1_000, each=1_000, asked=5_000, under_terms=5_000, tried=5_000),
    rounds=7,
    load=_CHECKS,
    brief_load=replace(_CHECKS, rest_seconds=0),
)
_QUICK_CHECKS = CheckPlan(
    few=Tokens(tenants=10, each=100, asked=1_000),
    many=Tokens(tenants=100, each=1_000, asked=5_000, under_terms=5_000, tried=5_000),
    rounds=2,
    load=_QUICK_CHECK,
    brief_load=replace(_QUICK_CHECK, seconds=1.5, lead_seconds=0.5, rest_seconds=0),
)
_FULL_TRAIL = TrailPlan(activities=1_000_000, rounds=7, times=20)
_QUICK_TRAIL = TrailPlan(activities=100_000, rounds=5, times=10)
_FULL_ROW_SECURITY = RowSecurityPlan(_FULL, Tokens(1_000, 1_000, asked=5_000), _CHECKS, 7)
_QUICK_ROW_SECURITY = RowSecurityPlan(_QUICK, Tokens(100, 1_000, asked=5_000), _CHECKS, 3)
_POSTGRES_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: some minutes")
    parser.add_argument("--database", choices=[*_DATABASES, "both"], default="both")
    parser.add_argument(
        "--write", action="store_true", help="also write docs/benchmarks.md and README"
    )
    parser.add_argument("--plane", choices=[*_PLANES, "both"], default="both")
    parsed = parser.parse_args()
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        print("The bench pins processes to cores: it needs Linux and two of them.", file=sys.stderr)
        return 2
    cores = Cores(*sorted(os.sched_getaffinity(0))[:2])
    options = [option for option in sys.argv[1:] if option != "--write"]
    command = " ".join(["python -m tests.bench", *options])
    databases = [one for name, one in _DATABASES.items() if parsed.database in {name, "both"}]
    required: list[Requirement] = []
    for name, plane in _PLANES.items():
        if parsed.plane in {name, "both"}:
            section = _Section()
            required += plane(parsed.quick, cores, command, databases, section.add)
            if parsed.write:
                PAGE.write_text(with_section(PAGE.read_text(), section.text))
                README.write_text(with_figures(README.read_text(), PAGE.read_text()))
    return 0 if all(requirement.met for requirement in required) else 1


class _Section:
    """The report on one plane: printed as it grows, and kept for the page of figures."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, part: str) -> None:
        """Print and keep a part of it."""
        print(f"{part}\n", flush=True)
        self.text += f"{part}\n\n"


def _control(
    quick: bool, cores: Cores, command: str, databases: Sequence[_Database], add: _Add
) -> list[Requirement]:
    plan = _QUICK if quick else _FULL
    add(f"## The control plane\n\n{preamble(plan, cores, command)}")
    required = []
    for database in databases:
        with database(cores.load) as (name, new):
            url, key = new(), secrets.token_hex(32)
            _say("writing rows …")
            dataset = asyncio.run(load(url, plan.sizes, _key(key), asked=plan.asked))
            others = _rivals(url, (MERCURIUS, POSTGRAPHILE))
            _prepare(others, url)
            _say("measuring …")
            figures = measure(FilledPages(url, key, dataset), plan, cores, others)
        add(database_section(name, figures, plan, others.missing))
        required += requirements(figures)
    return required


def _data(
    quick: bool, cores: Cores, command: str, databases: Sequence[_Database], add: _Add
) -> list[Requirement]:
    plan = _QUICK_CHECKS if quick else _FULL_CHECKS
    add(f"## The data plane\n\n{check_preamble(plan, cores, command)}")
    matched = measure_matching(plan.rounds, cores.server)
    add(matching_section(matched))
    required = matching_requirements(matched)
    for database in databases:
        with database(cores.load) as (name, new):
            _say("writing rows …")
            few, many = (_filled(new(), tokens) for tokens in (plan.few, plan.many))
            others = _rivals(many.url, (BETTER_AUTH, DRF))
            of_others = _filled_keys(others, new, plan.many)
            _say("measuring …")
            figures = measure_checks(few, many, of_others, plan, cores, others)
        add(check_section(name, figures, plan, others.missing))
        required += check_requirements(figures)
    return required


def _filled(url: str, tokens: Tokens) -> Filled:
    key = secrets.token_hex(32)
    return Filled(url, key, asyncio.run(load_checks(url, tokens, _key(key))))


def _rivals(url: str, names: Sequence[str]) -> Rivals:
    """Those that people would pick, installed. They are measured on PostgreSQL alone."""
    if not url.startswith("postgres"):
        return Rivals()
    _say("installing rivals, where they are not …")
    return install(names)


def _prepare(rivals: Rivals, url: str) -> None:
    """Add to Tessera's rows those that the rivals of the page need."""
    if not rivals.ready:
        return
    try:
        asyncio.run(prepare_page(url))
    except asyncpg.PostgresError as problem:
        for name in tuple(rivals.ready):
            rivals.leave_out(name, "its tables could not be made", problem)


def _filled_keys(rivals: Rivals, new: _New, tokens: Tokens) -> dict[str, Filled]:
    """A database with as many keys for each rival that has tables of its own."""
    filled = {}
    for name in tuple(rivals.ready):
        url, key = new(is_migrated=False), secrets.token_hex(32)
        with rivals.left_out_unless_it_starts(name):
            requests = asyncio.run(load_keys(name, url, tokens, key))
            filled[name] = Filled(url, key, Requests(requests, [], []))
    return filled


def _key(text: str) -> DigestKey:
    return DigestKey(bytes.fromhex(text))


def _trail(
    quick: bool, cores: Cores, command: str, databases: Sequence[_Database], add: _Add
) -> list[Requirement]:
    plan = _QUICK_TRAIL if quick else _FULL_TRAIL
    add(f"## The audit trail\n\n{trail_preamble(plan, command)}")
    required = []
    for database in databases:
        with database(cores.load) as (name, new):
            _say("measuring …")
            with pinned(cores.server):
                trail = asyncio.run(measure_trail(new(), plan))
        add(trail_section(name, trail))
        required += trail_requirements(trail)
    return required


def _row_security(
    quick: bool, cores: Cores, command: str, databases: Sequence[_Database], add: _Add
) -> list[Requirement]:
    plan = _QUICK_ROW_SECURITY if quick else _FULL_ROW_SECURITY
    if _postgres in databases:
        add(f"## Row-level security\n\n{row_security_preamble(plan, command)}")
        with _postgres(cores.load) as (name, new):
            _say("writing rows and measuring …")
            figures = measure_row_security(new, plan, cores)
        add(row_security_section(name, figures))
    return []


_PLANES = {"control": _control, "data": _data, "trail": _trail, "row-security": _row_security}


@contextmanager
def _sqlite(_core: int) -> Iterator[tuple[str, _New]]:
    """The name and version, and a function that creates a migrated database."""
    with TemporaryDirectory(prefix="tessera-bench-") as folder:
        numbers = count()

        def new(*, is_migrated: bool = True) -> str:
            url = f"sqlite://{folder}/{next(numbers)}.db"
            return _migrated(url) if is_migrated else url

        yield f"SQLite {sqlite3.sqlite_version}", new


@contextmanager
def _postgres(core: int) -> Iterator[tuple[str, _New]]:
    with ExitStack() as running:
        with pinned(core):  # its processes keep the core
            server = running.enter_context(shared_server(_POSTGRES_SETTINGS))
        made: list[str] = []

        def new(*, is_migrated: bool = True) -> str:
            made.append(server.create_database_now())
            return _migrated(made[-1]) if is_migrated else made[-1]

        try:
            yield f"PostgreSQL {asyncio.run(_version(server.url('postgres')))}", new
        finally:
            for url in made:
                server.drop_database_now(url)


def _migrated(url: str) -> str:
    asyncio.run(migrate(read_settings({"TESSERA_DATABASE_URL": url})))
    return url


_DATABASES = {"sqlite": _sqlite, "postgres": _postgres}


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.bench`: load, measure, report. Status 1 when a promised ratio is missed."""

import argparse
import asyncio
import os
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import asyncpg

from server.database import migrate
from server.settings import read_settings
from server.token_format import DigestKey
from tests.bench.dataset import Sizes, load
from tests.bench.measure import Cores, Figures, Plan, measure
from tests.bench.report import database_section, preamble, requirements
from tests.postgres import shared_server

_FULL = Plan(
    Sizes(tenants=1_000, tokens=100, small=1_000, large=100_000, deep_page=1_000),
    asked=100,
    rounds=15,
    seconds=1.2,
)
_QUICK = Plan(
    Sizes(tenants=100, tokens=100, small=1_000, large=20_000, deep_page=200),
    asked=20,
    rounds=7,
    seconds=0.6,
)
_POSTGRES_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: a minute")
    parser.add_argument("--database", choices=[*_DATABASES, "both"], default="both")
    parsed = parser.parse_args()
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        print("The bench pins processes to cores: it needs Linux and two of them.", file=sys.stderr)
        return 2
    cores = Cores(*sorted(os.sched_getaffinity(0))[:2])
    plan = _QUICK if parsed.quick else _FULL
    print(preamble(plan, cores, " ".join(["python -m tests.bench", *sys.argv[1:]])))
    met = True
    for kind, database in _DATABASES.items():
        if parsed.database in {kind, "both"}:
            with database() as (name, url):
                figures = _measured(url, plan, cores)
            print(f"\n{database_section(name, figures, plan)}", flush=True)
            met &= all(requirement.met for requirement in requirements(figures))
    return 0 if met else 1


def _measured(url: str, plan: Plan, cores: Cores) -> Figures:
    digest_key = secrets.token_hex(32)
    asyncio.run(migrate(read_settings({"TESSERA_DATABASE_URL": url})))
    _say("writing rows …")
    key = DigestKey(bytes.fromhex(digest_key))
    dataset = asyncio.run(load(url, plan.sizes, key, asked=plan.asked))
    _say("measuring …")
    return measure(url, digest_key, dataset, plan, cores)


@contextmanager
def _sqlite() -> Iterator[tuple[str, str]]:
    with TemporaryDirectory(prefix="tessera-bench-") as folder:
        yield f"SQLite {sqlite3.sqlite_version}", f"sqlite://{folder}/tessera.db"


@contextmanager
def _postgres() -> Iterator[tuple[str, str]]:
    with shared_server(_POSTGRES_SETTINGS) as server:
        url = server.create_database_now()
        try:
            yield f"PostgreSQL {asyncio.run(_version(url))}", url
        finally:
            server.drop_database_now(url)


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

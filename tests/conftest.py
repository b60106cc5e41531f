"""Fixtures of most tests: an empty, migrated database of each kind, and the service on it.

A test that takes `service` runs once on SQLite and once on PostgreSQL. Databases are copies of one
that was migrated once, and on PostgreSQL emptied and used again. `support/factories` fills them.
"""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser

from server.app import create_app
from server.database import migrate
from server.passwords import hashing
from server.service import Service
from server.settings import Settings, read_settings
from server.starting import running_service
from tests.support import (
    quick_migrations,
    quick_passwords,
    quick_start,
    quick_tls,
    row_security,
    tenant_statements,
)
from tests.support.blank_databases import BlankDatabases
from tests.support.browser import browser
from tests.support.citus import CitusDatabase, citus_url
from tests.support.factories import Client, World
from tests.support.postgres import PostgresServer, run_now, shared_server
from tests.support.visitor import EMAIL, Site, add_tenant, serving

# Several processes may share the tests, and the server.
TEMPLATE = f"tessera_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"

_numbers = count(1)
quick_start.install()
quick_migrations.install()
quick_passwords.install()
quick_tls.install()
tenant_statements.install()
row_security.install()
# The files that take longest, longest first: begun last, one of them would keep one process at work
# while the others have none (`make test` gives a file to a process as a whole).
LONGEST = (
    "test_console_accessibility.py", "test_canary.py", "test_graphiql.py", "test_below_a_path.py",
    "test_console.py", "test_cost_of_text.py", "test_query_plans.py", "test_console_many_tokens.py",
    "test_backup.py", "test_authorization.py", "test_raw_bytes.py", "test_cost_of_requests.py",
    "test_console_lists.py", "test_activity_page.py", "test_migrated_rows.py",
    "test_migrations.py", "test_private_parts.py", "test_wheel.py", "test_console_policy.py",
    "test_real_gateways.py", "test_document.py",
    "test_real_clients.py", "test_neighbours.py", "test_kill.py", "test_races_of_tokens.py",
    "test_races_of_admins.py", "test_races_of_rotations.py", "test_races_of_policies.py",
    "test_rotation.py", "test_deliveries.py", "test_kill_of_deliveries.py",
    "test_linearizability.py", "test_digest_key_change.py", "test_serve.py",
    "test_sign_in.py", "test_make.py",
)  # fmt: skip

# Objects of imports and of collected tests live until the end: without these lines the collector of
# garbage would search all of them again and again, a quarter of the tests' CPU time.
gc.disable()
_GARBAGE_THRESHOLD = 10_000


def pytest_collection_finish() -> None:
    """The collector of garbage is on while tests run, for objects that are made from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise the order stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True)
def statements_name_their_tenant() -> Iterator[None]:
    """Fails a test in which the product sends a statement that asks all nodes of a database."""
    yield
    lacking = {
        statement: tables
        for statement in tenant_statements.unchecked()
        if (tables := list(tenant_statements.without_tenant(statement)))
    }
    assert not lacking, "a statement must name `tenant_id = $n` for each of these tables"


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed with the parameters of `tessera`."""
    monkeypatch.setattr(hashing, "_argon2id", quick_passwords.REAL)
    monkeypatch.setattr(hashing, "_dummy", [])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server with a migrated database to copy."""
    with shared_server() as server:
        server.drop_database_now(TEMPLATE)
        url = server.create_database_now(TEMPLATE)
        run_now(migrate(read_settings({"TESSERA_DATABASE_URL": url})))
        if row_security.is_wanted():
            run_now(row_security.secure(url))
        yield server
        server.drop_database_now(TEMPLATE)


@pytest.fixture(scope="session")
def citus() -> Iterator[CitusDatabase]:
    """The database of `make citus URL=…`, which stands for each PostgreSQL database there."""
    url = citus_url()
    assert url is not None
    database = CitusDatabase(url, settings_for(url))
    yield database
    database.close()


@pytest.fixture(scope="session")
def blank_databases(postgres: PostgresServer) -> Iterator[BlankDatabases]:
    """Empty, migrated PostgreSQL databases."""
    databases = BlankDatabases(postgres, TEMPLATE)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy."""
    file = tmp_path_factory.mktemp("template") / "tessera.db"
    run_now(migrate(settings_for(f"sqlite://{file}")))
    return file


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser, open for one module: see `tests.support.browser.browser`."""
    with browser() as running:
        yield running


@pytest.fixture(scope="session")
def first_site(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, str]]:
    """A running server and its SQLite database, for many tests."""
    folder = tmp_path_factory.mktemp("site")
    url = f"sqlite://{shutil.copy(migrated_file, folder / 'tessera.db')}"
    with serving(folder, url) as site:
        yield site, url


@pytest.fixture
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of the test's own on a running server, which has served other tests."""
    running, url = first_site
    slug = f"acme-{next(_numbers)}"
    add_tenant(url, slug, EMAIL)
    return replace(running, tenant=slug)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated database: each test runs on both kinds."""
    yield from _database(request, request.param)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated SQLite database."""
    yield from _database(request, "sqlite")


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated PostgreSQL database, for races and faults."""
    yield from _database(request, "postgres")


def _database(request: pytest.FixtureRequest, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        file = request.getfixturevalue("tmp_path") / "tessera.db"
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        yield f"sqlite://{file}"
        return
    if citus_url() is not None:
        citus: CitusDatabase = request.getfixturevalue("citus")
        yield citus.take()
        citus.empty()
        return
    databases: BlankDatabases = request.getfixturevalue("blank_databases")
    url = databases.take()
    yield url
    databases.give_back(url)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The service on an empty database."""
    async with running_service(settings) as running:
        yield running


@pytest.fixture
async def world(service: Service) -> World:
    """Makes tenants, admins, sessions and tokens."""
    return World(service)


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    """Speaks to the application as a stranger would, without a network between."""
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Client(http)


def settings_for(url: str) -> Settings:
    return read_settings({"TESSERA_DATABASE_URL": row_security.url_to_serve(url)})

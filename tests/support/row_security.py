"""Tests on PostgreSQL with row-level security, under a role that owns nothing.

With TESSERA_TEST_ROW_SECURITY=1, all tests that serve from PostgreSQL run so. What tests read and
write by themselves then reaches all tenants; what a request, a job or a command does, only what it
names.
"""

import os
import sys
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from server.database import State, reach, secure_rows
from server.database.postgres import engine, pool
from server.settings import read_settings
from tests.support.process import ROOT

_VARIABLE = "TESSERA_TEST_ROW_SECURITY"
ROLE, PASSWORD = "tessera_test_serving", "x"
_MAKEROLE = f"""
DO $$ BEGIN
    CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}';
EXCEPTION WHEN duplicate_object THEN NULL;
END $$
"""
_GRANT = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}"
_ENTRANCES = (
    "app.py",
    "graphql/endpoint.py",
    "dataplane/",
    "identity/",
    "export/",
    "leaks/",
    "cli/",
)


def is_wanted() -> bool:
    """Whether all tests are to run so."""
    return os.environ.get(_VARIABLE) == "1"


async def secure(url: str, wanted: State = State.ENFORCED) -> str:
    """Bring a migrated database to a state; gives its URL for a role that owns nothing."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_MAKEROLE)
        await connection.execute(_GRANT)
    finally:
        await connection.close()
    await secure_rows(read_settings({"TESSERA_DATABASE_URL": url}), wanted)
    return url_of_serving(url)


def url_to_serve(url: str) -> str:
    """The URL by which tests serve from a database: for that role, where it is wanted."""
    return url_of_serving(url) if is_wanted() else url


def url_of_serving(url: str) -> str:
    """The URL of a PostgreSQL database for the role that owns nothing."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite" or not parts.hostname:
        return url
    return parts._replace(netloc=f"{ROLE}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()


def install() -> None:
    """Let the tests' own statements reach all tenants, from now on, where it is wanted."""
    if is_wanted():
        let_tests_reach_all(pytest.MonkeyPatch())


def let_tests_reach_all(patch: pytest.MonkeyPatch) -> None:
    """Let the tests' own statements reach all tenants."""
    for module in (engine, pool):
        patch.setattr(module, "reached", _reached)


def _reached() -> UUID | None:
    tenant_id = reach.reached()
    return reach.EVERY_TENANT if tenant_id is None and _is_of_a_test() else tenant_id


def _is_of_a_test() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        place = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
        if place.removeprefix("server/").startswith(_ENTRANCES) and place.startswith("server/"):
            return False
        if place.startswith("tests/") and "tests/support/row_sec" not in place:
            return True
        frame = frame.f_back  # type: ignore[assignment]  # None at the end
    return False

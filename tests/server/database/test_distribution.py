"""`tessera distribute` where there is no Citus. On a real one: `make citus`."""

from collections.abc import Iterator

import pytest

from models import TenantRow, TokenSecret
from server.database.distribution import _DISTRIBUTED
from tests.support.command import SENTENCE, tessera_here
from tests.support.postgres import PostgresServer


@pytest.fixture
def unmigrated_url(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.create_database_now()
    yield url
    postgres.drop_database_now(url)


def refusal_of(url: str) -> str:
    done = tessera_here("distribute", database_url=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert SENTENCE.fullmatch(done.stderr)
    return done.stderr


def test_database_without_citus_is_refused(postgres_url: str) -> None:
    assert "This database has no Citus." in refusal_of(postgres_url)


def test_embedded_database_is_refused(sqlite_url: str) -> None:
    assert "An embedded database cannot be distributed" in refusal_of(sqlite_url)


def test_database_without_migrations_is_refused(unmigrated_url: str) -> None:
    assert "Run `tessera migrate` first." in refusal_of(unmigrated_url)


def test_every_table_of_tenants_is_distributed() -> None:
    tables = {
        *(row._meta.db_table for row in TenantRow.__subclasses__()),
        TokenSecret._meta.db_table,
    }
    assert set(_DISTRIBUTED) == tables
    assert len(_DISTRIBUTED) == len(tables)

"""An unfit database is refused at start and reported while serving."""

import asyncpg
import pytest

from server import database
from server.errors import Misconfigured
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.postgres import PostgresServer
from tests.support.process import tessera
from tests.support.surfaces import surfaces

_FUTURE = (
    "INSERT INTO tortoise_migrations (app, name, applied_at)"
    " VALUES ('models', '9999_contract_9998_future', '2030-01-01 00:00:00+00')"
)


async def test_newer_schema_is_refused_at_start_and_not_ready_later(
    database_url: str,
) -> None:
    settings = settings_for(database_url)
    async with running_service(settings) as service, surfaces(service) as running:
        assert (await running.ready()).status_code == 200
        await database.connection().execute_script(_FUTURE)
        answer = await running.ready()
        assert answer.status_code == 503
        assert "9999_contract_9998_future" in answer.json()["detail"]
    with pytest.raises(Misconfigured, match="newer Tessera"):
        async with running_service(settings):
            pytest.fail("served")
    with pytest.raises(Misconfigured, match="newer Tessera"):
        await database.migrate(settings)


async def test_a_database_that_is_not_in_utf_8_is_refused(postgres: PostgresServer) -> None:
    superuser = await postgres.connect()
    await superuser.execute(
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    url = postgres.url("latin")
    try:
        for command in (["migrate"], ["serve", "--port", "0"]):
            done = tessera(*command, database_url=url)
            assert done.returncode == 1
            assert done.stderr == (
                "tessera: The database is encoded in LATIN1. Create it with ENCODING 'UTF8'.\n"
            )
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM pg_stat_user_tables") == 0
        await connection.close()
    finally:
        await superuser.execute("DROP DATABASE latin WITH (FORCE)")
        await superuser.close()


async def test_missing_privilege_to_create_tables_is_reported(
    postgres: PostgresServer, postgres_url: str
) -> None:
    superuser = await postgres.connect()
    await superuser.execute("CREATE ROLE reader LOGIN PASSWORD 'x'")
    place, name = f"{postgres.host}:{postgres.port}", await postgres.create_database()
    try:
        done = tessera("migrate", database_url=f"postgres://reader:x@{place}/{name.split('/')[-1]}")
        assert done.returncode == 1
        assert done.stderr == (
            "tessera: The role reader may not create tables in the schema public: grant CREATE on"
            " it, or name a schema of its own by options=-csearch_path%3DNAME.\n"
        )
    finally:
        await postgres.drop_database(name)
        await superuser.execute("DROP ROLE reader")
        await superuser.close()

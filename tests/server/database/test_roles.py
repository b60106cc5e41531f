"""Roles that own nothing, schemas other than `public`, and the sentence for each missing right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from urllib.parse import urlsplit

import asyncpg
import pytest

from server.starting import running_service
from tests.conftest import settings_for
from tests.support.postgres import PostgresServer
from tests.support.process import tessera
from tests.support.surfaces import Surfaces, surfaces

_ROWS = "SELECT, INSERT, UPDATE, DELETE"
_TABLES_BY_SCHEMA = """
SELECT schemaname, count(*) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1
"""


@asynccontextmanager
async def role_at(postgres: PostgresServer, url: str) -> AsyncIterator[tuple[str, str]]:
    """A new role without rights, and the database's URL for it."""
    name = f"role_{token_hex(4)}"
    await execute(url, f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    try:
        yield name, f"postgres://{name}:x@{postgres.host}:{postgres.port}{urlsplit(url).path}"
    finally:
        await execute(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def refused(url: str, *command: str) -> str:
    """The error output of a command that must fail."""
    done = await asyncio.to_thread(tessera, *command, database_url=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tessera: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("tessera: ")


async def statuses(running: Surfaces) -> set[int]:
    asked = (running.check(), running.create(), running.viewer(), running.introspect())
    return {answer.status_code for answer in await asyncio.gather(*asked, running.ready())}


async def test_a_schema_of_its_own_needs_no_rights_on_public(postgres: PostgresServer) -> None:
    """One role owns the tables and migrates; another, which owns nothing, serves."""
    database = await postgres.create_database()
    await execute(database, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    own = "?options=-csearch_path%3Down"
    async with role_at(postgres, database) as (owner, url), role_at(postgres, database) as other:
        serving, serving_url = other
        says = await refused(f"{url}{own}", "migrate")
        assert says == (
            f"The role {owner} may use no schema of its search_path (own): create the schema, or"
            " grant USAGE on it.\n"
        )
        await execute(database, f"CREATE SCHEMA own AUTHORIZATION {owner}")
        migrated = await asyncio.to_thread(tessera, "migrate", database_url=f"{url}{own}")
        assert (migrated.returncode, migrated.stderr) == (0, "")
        assert "may use no schema" in await refused(f"{serving_url}{own}", "serve", "--port", "0")
        connection = await asyncpg.connect(database)
        schemas = dict(await connection.fetch(_TABLES_BY_SCHEMA))
        await connection.close()
        assert schemas.keys() == {"own"}
        assert schemas["own"] > 30
        await execute(
            database,
            f"GRANT USAGE ON SCHEMA own TO {serving}",
            f"GRANT {_ROWS} ON ALL TABLES IN SCHEMA own TO {serving}",
        )
        async with (
            running_service(settings_for(f"{serving_url}{own}")) as service,
            surfaces(service) as running,
        ):
            assert await statuses(running) == {200}
    await postgres.drop_database(database)


async def test_missing_rights_are_named_at_the_start_and_at_commands(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with role_at(postgres, postgres_url) as (role, url):
        tables = "ALL TABLES IN SCHEMA public"
        for granted in ("SELECT ON tortoise_migrations", f"SELECT ON {tables}"):
            await execute(postgres_url, f"GRANT {granted} TO {role}")
            for command in (["serve", "--port", "0"], ["tenant", "list"]):
                says = await refused(url, *command)
                assert says == (
                    "The role of TESSERA_DATABASE_URL lacks rights on the table access_request:"
                    " grant SELECT, INSERT, UPDATE and DELETE on all tables of its schema.\n"
                )
        await execute(postgres_url, f"GRANT {_ROWS} ON {tables} TO {role}")
        done = await asyncio.to_thread(tessera, "tenant", "list", database_url=url)
        assert (done.returncode, done.stderr) == (0, "")


async def test_rights_that_are_withdrawn_are_an_outage_until_they_are_granted_again(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with role_at(postgres, postgres_url) as (role, url):
        tables = f"{_ROWS} ON ALL TABLES IN SCHEMA public"
        await execute(postgres_url, f"GRANT {tables} TO {role}")
        async with running_service(settings_for(url)) as service, surfaces(service) as running:
            assert await statuses(running) == {200}
            await execute(postgres_url, f"REVOKE {tables} FROM {role}")
            assert await statuses(running) == {503}
            assert (await running.ready()).json()["detail"] == "The database's role lacks rights."
            await execute(postgres_url, f"GRANT {tables} TO {role}")
            assert await statuses(running) == {200}


@pytest.mark.parametrize("right", ["CONNECT ON DATABASE", "USAGE ON SCHEMA public"])
async def test_missing_right_to_the_database_or_the_schema_is_told(
    postgres: PostgresServer, right: str
) -> None:
    database = await postgres.create_database()
    right = right.replace("DATABASE", f"DATABASE {urlsplit(database).path[1:]}")
    await execute(database, f"REVOKE {right} FROM PUBLIC")
    async with role_at(postgres, database) as (role, url):
        for command in (["migrate"], ["serve", "--port", "0"]):
            says = await refused(url, *command)
            assert "permission denied for database" in says or f"The role {role} may use no" in says
    await postgres.drop_database(database)

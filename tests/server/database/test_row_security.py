"""PostgreSQL's row-level security: a query that forgets its tenant finds no other tenant's row."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tortoise.exceptions import OperationalError
from tortoise.models import Model

import models
from models import Tenant, TenantRow, TokenSecret
from server import database
from server.access import live_token
from server.database import State, reaching, reaching_every_tenant, transaction
from server.database.policies import COVERED, bring, cover_new_tables, states
from server.database.reach import EVERY_TENANT
from server.errors import Misconfigured
from server.jobs import Jobs, jobs_of
from server.starting import running_service
from tests.conftest import settings_for
from tests.server.database.test_roles import execute, role_at
from tests.support import tenant_statements
from tests.support.command import refused, run
from tests.support.factories import PASSWORD, token_id
from tests.support.postgres import PostgresServer, client_programs, run_now
from tests.support.process import ROOT
from tests.support.row_security import secure
from tests.support.surfaces import Surfaces, surfaces

_RENAMED = "... on RenameTokenPayload { token { name } }"


@pytest.fixture
def secured_url(postgres_url: str) -> str:
    """A database with row-level security, for a role that owns nothing."""
    return run_now(secure(postgres_url))


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Surfaces]:
    """An instance with a tenant. The test's own statements reach every tenant."""
    with ExitStack() as made:
        made.enter_context(reaching_every_tenant())
        async with running_service(settings_for(url)) as service:
            world = surfaces(service)
            running = await world.__aenter__()
            made.close()
            try:
                yield running
            finally:
                await world.__aexit__(None, None, None)


async def other_token() -> UUID:
    """A token of another tenant."""
    with reaching_every_tenant():
        row = await models.Token.create(
            tenant_id=models.new_id(),
            name="foreign",
            description="",
            hint="",
            created_by_id=models.new_id(),
        )
    return row.id


class _Undone(Exception):
    pass


async def _look_and_undo() -> None:
    async with transaction():
        with reaching_every_tenant():
            assert await models.Tenant.all().count() == 1
            raise _Undone


@pytest.mark.parametrize("state", [State.OFF, State.ENFORCED])
async def test_a_change_that_forgets_its_tenant_reaches_no_foreign_row(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    """Without row-level security the same breach renames a token of another tenant."""
    url = await secure(postgres_url, state)
    async with served(url) as running:
        foreign, own = await other_token(), token_id(running.token)
        monkeypatch.setattr(live_token, "owned", lambda row, _principal: row.all())
        renamed = [
            await running.client.mutate("renameToken", _RENAMED, tokenId=one, name="taken")
            for one in (own, token_id(foreign))
        ]
    tenant_statements.unchecked()  # the planted statement names no tenant
    assert renamed[0]["__typename"] == "RenameTokenPayload"
    found = renamed[1].get("code", renamed[1]["__typename"])
    assert found == ("NOT_FOUND" if state is State.ENFORCED else "RenameTokenPayload")


async def test_a_read_without_a_tenant_finds_the_own_rows_alone(secured_url: str) -> None:
    async with served(secured_url) as running:
        foreign = await other_token()
        everything = "SELECT id FROM token"

        async def found() -> set[UUID]:
            tenant_statements.unchecked()
            _, by_tortoise = await database.connection().execute_query(everything)
            by_driver = {row[0] for row in await database.fetch(everything, [])}
            assert {row["id"] for row in by_tortoise} == by_driver
            return by_driver

        assert await found() == set()
        with reaching(running.tenant.id):
            assert await found() == {running.token.id}
            async with transaction():
                assert await found() == {running.token.id}
                with reaching_every_tenant():
                    assert await found() == {running.token.id, foreign}
                assert await found() == {running.token.id}
                with pytest.raises(_Undone):
                    await _look_and_undo()
                # The rollback to the savepoint has undone the setting of the inner block.
                assert await found() == {running.token.id}
        # A text of a client's may name any tenant.
        with reaching(EVERY_TENANT):
            assert await found() == set()
        assert await found() == set()


async def test_a_row_of_another_tenant_cannot_be_written(secured_url: str) -> None:
    async with served(secured_url) as running:
        foreign = models.ActivityCounter(tenant_id=models.new_id(), latest=0)
        with reaching(running.tenant.id), pytest.raises(OperationalError, match="row-level"):
            await foreign.save(force_create=True)


async def test_a_fresh_connection_sees_nothing_of_any_table(secured_url: str) -> None:
    """The setting of a transaction ends with it: nothing stays for the session's next user."""
    async with served(secured_url) as running:
        connection = await asyncpg.connect(secured_url)
        try:
            for table in COVERED:
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
            async with connection.transaction():
                await connection.execute(f"SET LOCAL tessera.tenant = '{running.tenant.id}'")
                assert await connection.fetchval("SELECT count(*) FROM tenant") == 1
            assert await connection.fetchval("SELECT count(*) FROM tenant") == 0
        finally:
            await connection.close()


async def test_every_table_of_tenants_has_its_policy(postgres_url: str) -> None:
    rows: list[type[Model]] = [*TenantRow.__subclasses__(), TokenSecret, Tenant]
    assert {str(row._meta.db_table) for row in rows} == COVERED.keys()
    await secure(postgres_url)
    async with database.connected(settings_for(postgres_url)):
        assert set((await states()).values()) == {State.ENFORCED}
        # As where a migration has added a table.
        async with transaction():
            await bring("token", State.ENFORCED, State.OFF)
            with pytest.raises(Misconfigured, match="The table token lacks row-level security"):
                await database.settle_row_security()
            await cover_new_tables()
            assert set((await states()).values()) == {State.ENFORCED}


async def test_every_surface_works(secured_url: str) -> None:
    async with served(secured_url) as running:
        asked = [running.introspect, running.own_token, running.viewer, running.create]
        asked += [running.who_am_i, running.ready]
        assert {(await ask()).status_code for ask in asked} == {200}
        assert (await running.check()).status_code == 200
        assert (await running.sign_in("wrong")).status_code == 401
        assert (await running.sign_in(PASSWORD)).status_code == 201
        assert (await running.client.http.get("/metrics")).status_code == 200
        reported = await running.client.http.post("/revoke", json={"credentials": [running.secret]})
        assert reported.status_code == 202
        await running.app.close()
        with reaching_every_tenant():
            uses = await models.TokenUse.filter(tenant_id=running.tenant.id)
            token = await models.Token.get(tenant_id=running.tenant.id, id=running.token.id)
            kinds = {activity.kind.value for activity in await models.Activity.all()}
        assert sum(use.allowed for use in uses) == 2
        assert token.revoked_at is not None
        assert {"SIGN_IN_FAILED", "SIGNED_IN", "REVOKED"} <= kinds


async def test_jobs_reach_all_tenants(secured_url: str) -> None:
    async with served(secured_url) as running:
        at = models.now() - timedelta(days=400)
        with reaching_every_tenant():
            await models.Session.filter(tenant_id=running.tenant.id).update(
                expires_at=at, last_seen_at=at
            )
        for job in jobs_of(settings_for(secured_url)):
            await Jobs([job])._try(job)
        with reaching_every_tenant():
            assert await models.Session.all().count() == 0


async def test_the_owner_of_the_tables_is_subject_to_the_policies(
    postgres: PostgresServer,
) -> None:
    """Its dump lacks the rows unless it names all tenants."""
    url = await postgres.create_database()
    async with role_at(postgres, url) as (owner, owner_url):
        await execute(url, f"GRANT CREATE ON SCHEMA public TO {owner}")
        await database.migrate(settings_for(owner_url))
        await database.secure_rows(settings_for(owner_url), State.ENFORCED)
        async with served(owner_url) as running:
            slug = running.tenant.slug
        connection = await asyncpg.connect(owner_url)
        assert await connection.fetchval("SELECT count(*) FROM tenant") == 0
        await connection.close()
        assert "query would be affected by row-level security" in await _dump(owner_url)
        assert slug not in await _dump(owner_url, "--enable-row-security")
        named = f"-c tessera.tenant={EVERY_TENANT}"
        assert slug in await _dump(owner_url, "--enable-row-security", PGOPTIONS=named)
    await postgres.drop_database(url)


async def _dump(url: str, *options: str, **environment: str) -> str:
    command = [str(client_programs() / "pg_dump"), f"--dbname={url}", "--table=tenant", *options]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=os.environ | environment
    )
    return done.stdout + done.stderr


async def test_functions_that_are_leakproof_let_indexes_be_used(
    postgres_url: str, secured_url: str
) -> None:
    """As docs/operating.md has them."""
    [block] = re.findall(
        r"```sql\n((?:ALTER FUNCTION .*\n)+)```", (ROOT / "docs/operating.md").read_text()
    )
    plans = []
    for statements in ("SELECT 1", block):
        await execute(postgres_url, statements)
        connection = await asyncpg.connect(secured_url)
        await connection.execute("SET enable_seqscan = off")
        plans += [
            "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {question}"))
            for question in (
                "SELECT id FROM token_search WHERE string_to_array(words, ' ') @> '{x}'",
                f"SELECT id FROM token WHERE tenant_id = '{EVERY_TENANT}' AND revoked_at IS NULL"
                f" AND (lower(name), id) > ('x', '{EVERY_TENANT}') ORDER BY lower(name), id",
            )
        ]
        await connection.close()
    words, condition = "idx_token_search_words", "Index Cond: .*lower"
    assert words not in plans[0]
    assert not re.search(condition, plans[1])
    assert words in plans[2]
    assert re.search(condition, plans[3])


def test_commands_reach_all_tenants(secured_url: str, postgres_url: str, tmp_path: Path) -> None:
    create = ("tenant", "create", "acme", "--name", "Acme", "--owner-email", "a@example.com")
    owner = ("--owner-name", "Ada", "--password-stdin")
    run(secured_url, *create, *owner, stdin=PASSWORD)
    assert "acme" in run(secured_url, "tenant", "list")
    told = run(secured_url, "tenant", "delete", "acme", "--export", str(tmp_path / "acme.ndjson"))
    assert re.search(r" [1-9]\d* rows\.", told)
    assert "acme" not in run(secured_url, "tenant", "list")
    says = refused(postgres_url, "tenant", "list")
    assert "bypasses row-level security" in says


def test_the_command_says_what_it_did_and_may_be_repeated(postgres_url: str) -> None:
    count = len(COVERED)
    assert run(postgres_url, "row-security", "--prepare") == (
        f"Row-level security is prepared, and takes no effect yet. {count} tables changed.\n"
    )
    # An instance that started before finds its rows, and one that starts now names the tenant.
    assert "SLUG" in run(postgres_url, "tenant", "list")
    assert run(postgres_url, "row-security").endswith(f" {count} tables changed.\n")
    assert run(postgres_url, "row-security") == "Row-level security is on. 0 tables changed.\n"
    assert run(postgres_url, "migrate") == "The database is up to date.\n"
    off = run(postgres_url, "row-security", "--off")
    assert off == f"Row-level security is off. {count} tables changed.\n"
    assert "SLUG" in run(postgres_url, "tenant", "list")


def test_an_embedded_database_is_refused(sqlite_url: str) -> None:
    assert "An embedded database has no row-level security." in refused(sqlite_url, "row-security")

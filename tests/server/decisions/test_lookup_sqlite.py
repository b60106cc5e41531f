"""The embedded database's lookup uses terms again only while they hold."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from tortoise.queryset import QuerySet

import models
from server import database
from server.database import sqlite_reader
from server.database.sqlite import files
from server.decisions import lookup_sqlite
from server.decisions.lookup_sqlite import SqliteLookup
from server.decisions.question import Question
from server.decisions.terms import Terms
from server.service import Service
from server.settings import Settings
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.lookups import find
from tests.support.waiting import until

FINGERPRINT = models.permission_fingerprint("GET /api/v1/devices")


@dataclass
class Case:
    """A token, a lookup, and the rows that the lookup has read."""

    world: World
    token: models.Token
    question: Question
    lookup: SqliteLookup
    statements: list[str] = field(default_factory=list)

    async def find(self, question: Question | None = None) -> Terms | None:
        return await find(self.lookup, question or self.question)

    async def state(self) -> str | None:
        terms = await self.find()
        assert terms
        return terms.state

    @property
    def rows_read(self) -> int:
        return sum("FROM tenant" in statement for statement in self.statements)

    @property
    def secret(self) -> QuerySet[models.TokenSecret]:
        return models.TokenSecret.filter(tenant_id=self.token.tenant_id, token_id=self.token.id)


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    return settings_for(sqlite_url)


@pytest.fixture
async def case(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Case]:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await world.token(person, "t", ["GET /api/v1/devices"])
    digests = service.digest_key.digests("token", made.secret)
    lookup = SqliteLookup(service.settings)
    one = Case(world, made.token, (tenant.slug, "us", digests, FINGERPRINT), lookup)

    def traced(settings: Settings) -> sqlite3.Connection:
        connection = sqlite_reader(settings)
        connection.set_trace_callback(one.statements.append)
        return connection

    monkeypatch.setattr(lookup_sqlite, "sqlite_reader", traced)
    yield one
    lookup.close()


@pytest.fixture
def elsewhere(service: Service) -> Iterator[sqlite3.Connection]:
    """A connection as another process has it."""
    with closing(sqlite3.connect(files.sqlite_file(service.settings))) as connection:
        yield connection


async def test_terms_are_read_again_only_after_a_commit(case: Case) -> None:
    assert [await case.state() for _ in range(5)] == [None] * 5
    assert case.rows_read == 1
    await models.Tenant.filter(id=case.token.tenant_id).update(name="Acme & Sons")
    assert [await case.state() for _ in range(5)] == [None] * 5
    assert case.rows_read == 2


async def test_change_of_another_process_is_seen_once_committed(
    case: Case, elsewhere: sqlite3.Connection
) -> None:
    assert await case.state() is None
    close = "UPDATE token_secret SET closed_by = 'REVOKED' WHERE token_id = ?"
    elsewhere.execute(close, [str(case.token.id)])
    assert await case.state() is None
    elsewhere.rollback()
    assert await case.state() is None
    elsewhere.execute(close, [str(case.token.id)])
    elsewhere.commit()
    assert await case.state() == "REVOKED"


async def test_other_questions_do_not_share_terms(case: Case) -> None:
    slug, _, digests, fingerprint = case.question
    assert await case.find()
    assert await case.find(("other", "us", digests, fingerprint)) is None
    assert await case.find((slug, "eu", digests, fingerprint)) is None
    other = await case.find((slug, "us", digests, models.permission_fingerprint("GET /other")))
    assert other
    assert not other.holds


async def test_secret_that_was_unknown_is_found_once_it_is_there(
    case: Case, elsewhere: sqlite3.Connection
) -> None:
    slug, region, _, fingerprint = case.question
    new = slug, region, (b"\1" * 32,), fingerprint
    assert await case.find(new) is None
    elsewhere.execute(
        "UPDATE token_secret SET digest = ? WHERE token_id = ?", [b"\1" * 32, str(case.token.id)]
    )
    elsewhere.commit()
    assert await case.find(new)
    assert await case.find() is None


@pytest.mark.parametrize(
    ("column", "state"), [("expires_at", "EXPIRED"), ("retires_at", "RETIRED")]
)
async def test_terms_that_the_clock_changes_are_not_used_after_the_instant(
    case: Case, column: str, state: str
) -> None:
    """Nothing commits meanwhile."""
    now = await database.database_now()
    await case.secret.update(expires_at=now + timedelta(hours=1))
    await case.secret.update(**{column: now + timedelta(milliseconds=400)})
    assert await case.state() is None
    read = case.rows_read
    assert await case.state() is None
    assert case.rows_read == read
    await until(case.state)
    assert await case.state() == state


async def test_ended_secret_does_not_displace_the_terms_of_others(case: Case) -> None:
    now = await database.database_now()
    other = await case.world.token(await case.world.person(), "other")
    ended = models.TokenSecret.filter(tenant_id=other.token.tenant_id, token_id=other.token.id)
    await ended.update(expires_at=now - timedelta(hours=1))
    tenant = await models.Tenant.get(id=other.token.tenant_id)
    digests = case.world.service.digest_key.digests("token", other.secret)
    for _ in range(3):
        terms = await case.find((tenant.slug, "us", digests, FINGERPRINT))
        assert terms
        assert terms.state == "EXPIRED"
        assert await case.state() is None
    assert case.rows_read == 3 + 1


async def test_few_terms_are_kept(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_sqlite, "_MAX_KEPT", 2)
    slug, region, digests, _ = case.question
    asked = [(slug, region, digests, bytes([n]) * 16) for n in range(4)]
    for _ in range(2):
        for question in asked:
            assert await case.find(question)
    assert case.rows_read == 4 + 2


async def test_terms_of_a_closed_connection_are_read_again(case: Case) -> None:
    """The versions of two connections are not comparable."""
    assert await case.state() is None
    case.lookup.close()
    await case.secret.update(closed_by=models.ClosedBy.REVOKED)
    assert await case.state() == "REVOKED"

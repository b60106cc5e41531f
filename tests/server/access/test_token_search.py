"""Token search: its results, their order, and its bounded cost."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

import httpx2
import pytest

import models
from models import Role, TokenState
from server import database
from server.access import token_search
from server.access.principal import Operator
from server.access.token_filter import TokenFilter
from server.access.token_search import MAX_EXAMINED, MAX_TERM_LENGTH
from server.app import create_app
from server.errors import BadSearch, SearchTooBroad
from server.operations import admins, tokens
from server.operations.rotation import rotate
from server.paging import Page, PageRequest
from server.starting import running_service
from server.texts import searchable
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World, complete
from tests.support.postgres import PostgresServer, run_now

_WORDS = (
    "CI",
    "ci/cd",
    "Été",
    "İstanbul",
    "ＡＰＩ",
    "backup",
    "100%",
    "a_b",
    "ab",
    "ba",
    "👾",
    "名前",
)


async def _tokens(person: Person, texts: list[tuple[str, str]]) -> list[models.Token]:
    rows = [
        models.Token(
            tenant_id=person.admin.tenant_id,
            name=name,
            description=description,
            hint="tsr_…",
            created_by_id=person.admin.id,
        )
        for n, (name, description) in enumerate(texts)
    ]
    await models.Token.bulk_create(rows)
    await complete(rows)
    return rows


async def test_search_finds_the_same_tokens_as_a_full_scan(world: World) -> None:
    """For every term, page by page, forwards and backwards."""
    random, owner = Random(9), await world.person()
    texts = [
        (" ".join(random.choices(_WORDS, k=2)), "\n".join(random.choices(_WORDS, k=3)))
        for _ in range(300)
    ]
    rows = await _tokens(owner, texts)
    await _tokens(await world.person(), texts)
    for row in rows[::5]:
        await tokens.revoke(owner.principal, row.id)
    live = [row for n, row in enumerate(rows) if n % 5][::-1]
    for term in (
        *_WORDS,
        "i",
        "a",
        "b ",
        "ci ci",
        "ab\nba",
        "été backup",
        "x",
        "İ",
        "%",
        "_",
        "ip",
    ):
        wanted = searchable(term)
        right = [r.id for r in live if wanted in token_search.row_of(r).text]
        assert [row.id for row in await _all(owner, term, backwards=False)] == right, term
        assert [row.id for row in await _all(owner, term, backwards=True)] == right, term


async def _all(person: Person, term: str, *, backwards: bool) -> list[models.Token]:
    rows: list[models.Token] = []
    position = None
    while True:
        page = await tokens.search(person.principal, PageRequest(30, position, backwards), term)
        rows = [*page.rows, *rows] if backwards else [*rows, *page.rows]
        if not (page.has_previous if backwards else page.has_next):
            return rows
        position = page.rows[0 if backwards else -1].id


async def test_search_page_says_whether_more_results_lie_on_either_side(world: World) -> None:
    owner = await world.person()
    made = [(await world.token(owner, name)).token for name in ("ci 1", "x", "ci 2", "ci 3")]

    async def sides(position: models.Token, *, backwards: bool) -> tuple[bool, bool]:
        request = PageRequest(1, position.id, backwards)
        page = await tokens.search(owner.principal, request, "ci")
        return page.has_previous, page.has_next

    oldest, other, middle, newest = made
    assert await sides(newest, backwards=False) == (True, True)
    assert await sides(middle, backwards=False) == (True, False)
    assert await sides(other, backwards=False) == (True, False)
    assert await sides(oldest, backwards=True) == (True, True)
    assert await sides(newest, backwards=True) == (False, True)
    await tokens.revoke(owner.principal, newest.id)
    assert await sides(newest, backwards=False) == (False, True)
    await tokens.revoke(owner.principal, oldest.id)
    assert await sides(oldest, backwards=True) == (False, False)


async def test_renamed_token_is_found_by_its_new_texts_only(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "nightly", description="first\nsecond")).token
    await tokens.rename(owner.principal, token.id, "weekly")
    await tokens.describe(owner.principal, token.id, "third")
    for term, found in (("nightly", 0), ("first", 0), ("y\nf", 0), ("weekly", 1), ("thi", 1)):
        page = await tokens.search(owner.principal, PageRequest(), term)
        assert len(page.rows) == found, term
    await tokens.revoke(owner.principal, token.id)
    assert (await tokens.search(owner.principal, PageRequest(), "weekly")).rows == []
    assert not await _words_left(owner)


async def _words_left(person: Person) -> bool:
    """Whether any token is in the index of the tenant's live ones."""
    rows = models.TokenSearch.filter(tenant_id=person.admin.tenant_id)
    return await rows.exclude(words="").exists()


async def test_creator_and_hint_are_found_and_an_erased_name_is_not(world: World) -> None:
    owner = await world.person()
    guest = await world.person(
        await models.Tenant.get(id=owner.admin.tenant_id), Role.ADMIN, name="Zoë Quux"
    )
    made = [(await world.token(guest, name)).token for name in ("kept", "ended")]
    hint = made[0].hint.removesuffix("…")
    await tokens.revoke(owner.principal, made[1].id)
    everything = TokenFilter(states=frozenset(TokenState))

    live = TokenFilter()

    async def names(term: str, wanted: TokenFilter = live) -> list[str]:
        page = await tokens.search(owner.principal, PageRequest(), term, wanted)
        return sorted(token.name for token in page.rows)

    assert await names(hint) == await names(hint.upper()) == await names(f"{hint}…") == ["kept"]
    assert await names("zoe quux") == ["kept"]
    assert await names("zoe quux", TokenFilter(states=frozenset({TokenState.REVOKED}))) == ["ended"]
    assert await names("zoe quux", everything) == ["ended", "kept"]
    assert await tokens.count(owner.principal, replace(everything, search="zoe quux")) == 2
    # A rotation shows another beginning.
    rotated = await rotate(owner.principal, world.service, made[0].id)
    assert await names(hint) == []
    assert await names(rotated.token.hint) == ["kept"]
    await admins.remove(owner.principal, guest.admin.id)
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    await admins.erase(Operator(), tenant.slug, guest.admin.email)
    assert await names("zoe quux", everything) == []
    assert await names("kept", everything) == ["kept"]


async def test_rolled_back_transaction_leaves_the_index_unchanged(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "before")).token

    async def fail_half_way() -> None:
        async with database.transaction():
            token.name = "after"
            await token_search.update(token)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert await _count(owner, "before") == 1
    assert await _count(owner, "after") == 0


async def _count(person: Person, term: str) -> int:
    page: Page[models.Token] = await tokens.search(person.principal, PageRequest(), term)
    return len(page.rows)


@pytest.mark.parametrize(
    "text", ["x" * (MAX_TERM_LENGTH + 1), "\u0315\u0316" * 90, "a" + "\u0315" * 31, "x" * 1_000_000]
)
def test_term_that_no_text_can_hold_is_refused(text: str) -> None:
    with pytest.raises(BadSearch):
        token_search.term_of(text)


SMALL, LARGE = 1_000, 20_000


@dataclass(frozen=True)
class Haystack:
    """A database with a small and a large tenant; tokens have only the columns for a search."""

    url: str
    small: Person
    large: Person


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def haystack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Haystack]:
    if request.param == "sqlite":
        yield run_now(_fill(f"sqlite://{tmp_path_factory.mktemp('haystack')}/tessera.db"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database_now("haystack")
    yield run_now(_fill(url))
    server.drop_database_now(url)


async def _fill(url: str) -> Haystack:
    await database.migrate(settings_for(url))
    async with running_service(settings_for(url)) as service:
        world = World(service)
        people = [await world.person() for _ in range(2)]
        for person, size in zip(people, (SMALL, LARGE), strict=True):
            rows = [token_search.row_of(_token(person, n, size)) for n in range(size)]
            await models.TokenSearch.bulk_create(rows, batch_size=200)
        if url.startswith("postgres"):
            await database.connection().execute_script("VACUUM ANALYZE token_search")
        return Haystack(url, people[0], people[1])


def _token(person: Person, number: int, size: int) -> models.Token:
    """Every text has `aba bab`; one has `needle`, one in 200 `seldom`, the older half `old`."""
    kinds = (
        "ndl" * (number == size // 3),
        "sldm" * (number % 200 == 0),
        "old" * (number < size // 2),
    )
    return models.Token(
        tenant_id=person.admin.tenant_id,
        name="aba bab",
        description=" ".join(kinds),
        hint="",
    )


@pytest.fixture
async def searching(haystack: Haystack) -> AsyncIterator[Client]:
    async with running_service(settings_for(haystack.url)) as service:
        transport = httpx2.ASGITransport(app=create_app(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
            yield Client(http)


_TERMS = {
    "in every token": "aba",
    "in every token, one character": "a",
    "in one token": "ndl",
    "in one of 200": "sldm",
    "in none": "xyz",
    "in none, of known parts": "ndl sldm",
}


@pytest.mark.parametrize("term", _TERMS.values(), ids=_TERMS.keys())
async def test_the_cost_of_a_search_is_flat(
    term: str, haystack: Haystack, searching: Client
) -> None:
    work = _sqlite_work if haystack.url.startswith("sqlite") else _postgres_work
    few, many = [await work(person, term) for person in (haystack.small, haystack.large)]
    # A full table scan would take 20 times the work.
    assert many < 5 * few + 1000, (few, many)


async def _find(person: Person, term: str) -> list[UUID]:
    found = await token_search._find(person.admin.tenant_id, PageRequest(), term)
    return list(found.rows)


async def _sqlite_work(person: Person, term: str) -> float:
    """Steps of SQLite's virtual machine, and the CPU time, which includes its full-text index."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    client: Any = database.connection()
    await client._connection.set_progress_handler(step, 1)
    await _find(person, term)
    await client._connection.set_progress_handler(None, 1)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        await _find(person, term)
        seconds.append(time.process_time() - started)
    return steps + min(seconds) * 1e6


async def _postgres_work(person: Person, term: str) -> float:
    """Database pages that the statements of a search touch."""
    pages = 0
    for step in token_search._STEPS["postgres"]:
        sql, values = token_search._question(step, person.admin.tenant_id, PageRequest(), term)
        client: Any = database.connection()
        _, rows = await client.execute_query(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values
        )
        [plan] = json.loads(rows[0]["QUERY PLAN"])
        pages += plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        examined, found = await token_search._run(step, person.admin.tenant_id, PageRequest(), term)
        assert examined <= step.limit + 1
        if token_search._is_complete(step, examined, found, PageRequest()):
            break
    return pages


async def test_a_search_of_many_candidates_without_a_result_is_too_broad(
    haystack: Haystack, searching: Client
) -> None:
    """Every token has `aba` and `bab`, and none has `abab`."""
    assert LARGE > MAX_EXAMINED
    assert await _find(haystack.small, "abab") == []
    with pytest.raises(SearchTooBroad):
        await _find(haystack.large, "abab")
    answer = await searching.of(haystack.large).graphql('{ tokens(search: "abab") { __typename } }')
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "SEARCH_TOO_BROAD"
    assert (
        error["message"] == "Too many tokens are similar to this search text. Enter a longer one."
    )


async def test_search_with_old_matches_only_is_ordered_or_too_broad(
    haystack: Haystack, searching: Client
) -> None:
    newest_first = sorted(await _find(haystack.small, "old"), reverse=True)
    assert await _find(haystack.small, "old") == newest_first
    assert len(newest_first) == 50
    if haystack.url.startswith("sqlite"):
        assert len(await _find(haystack.large, "old")) == 50
        return
    with pytest.raises(SearchTooBroad):
        await _find(haystack.large, "old")


async def test_too_long_term_is_a_coded_error(haystack: Haystack, searching: Client) -> None:
    long = "x" * (MAX_TERM_LENGTH + 1)
    query = f'{{ tokens(search: "{long}") {{ __typename }} }}'
    [error] = (await searching.of(haystack.small).graphql(query)).json()["errors"]
    assert error["extensions"]["code"] == "BAD_SEARCH"
    assert error["message"] == "A search text has at most 200 characters."


async def test_search_that_times_out_is_too_broad(
    postgres_url: str, postgres: PostgresServer
) -> None:
    """The database answers, but not within the time-out of a search."""
    async with running_service(settings_for(postgres_url)) as service:
        owner = await World(service).person()
        other = await postgres.connect(postgres_url.rpartition("/")[2])
        try:
            async with other.transaction():
                await other.execute("LOCK TABLE token_search IN ACCESS EXCLUSIVE MODE")
                with pytest.raises(SearchTooBroad):
                    await tokens.search(owner.principal, PageRequest(), "ci")
        finally:
            await other.close()
        assert await _count(owner, "ci") == 0

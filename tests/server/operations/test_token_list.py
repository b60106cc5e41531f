"""Lists of tokens: every order and filter against all tokens sorted and filtered here, and counts.

`tests.test_query_plans` reads the plans of the statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

import models
from models import Role, TokenState
from server.access import token_lists
from server.access.token_filter import TokenFilter
from server.access.token_lists import TokenOrder
from server.decisions import log_rows
from server.errors import BadCursor, BadSearch, SearchTooBroad
from server.global_ids import encode_id
from server.operations import conditions, tokens
from server.paging import Page, PageRequest, encode_cursor, page_request
from tests.support.factories import Client, Person, World, complete, token_id

_COUNT = 60
_KEY, _OTHER_KEY = "GET /api/v1/devices/{device_id}", "GET /api/v1/tags"
_DAY = timedelta(days=1)
_NOW = datetime.now(UTC).replace(microsecond=0)
_ALL_STATES = frozenset(TokenState)


@dataclass(frozen=True)
class Known:
    """A token as the test knows it, with its last use and the permissions it holds."""

    row: models.Token
    last_used_at: datetime | None
    keys: frozenset[str]

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def state(self) -> TokenState:
        if self.row.revoked_at is not None:
            return TokenState.REVOKED
        if self.row.expires_at is not None and self.row.expires_at <= datetime.now(UTC):
            return TokenState.EXPIRED
        return TokenState.ACTIVE if self.row.paused_at is None else TokenState.PAUSED


@dataclass(frozen=True)
class Scene:
    """A tenant whose tokens differ in everything, beside another one."""

    owner: Person
    people: list[Person]
    known: list[Known]


async def scene_of(world: World, seed: int = 1, count: int = _COUNT) -> Scene:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    people = [owner, *[await world.person(tenant, Role.ADMIN) for _ in range(2)]]
    known = await fill(people, Random(seed), count)
    stranger = await world.person()
    await fill([stranger, stranger, stranger], Random(-seed - 1), count)
    return Scene(owner, people, known)


async def fill(people: Sequence[Person], random: Random, count: int) -> list[Known]:
    """Tokens with ties and nulls in every column that orders them."""
    known = [_token(people, random, number) for number in range(count)]
    rows = [one.row for one in known]
    await models.Token.bulk_create(rows)
    await complete(rows)
    await models.TokenPermission.bulk_create(
        [
            models.TokenPermission(tenant_id=one.row.tenant_id, token_id=one.id, key=key)
            for one in known
            for key in one.keys
        ]
    )
    for one in known:
        if one.last_used_at is not None:
            await use(one.row, one.last_used_at)
    return known


def _token(people: Sequence[Person], random: Random, number: int) -> Known:
    created_at = _NOW - timedelta(hours=_COUNT - number)
    milliseconds = int(created_at.timestamp() * 1000)
    used = random.choice([None, *[_NOW - _DAY * n for n in range(1, 5)]])
    row = models.Token(
        id=UUID(int=milliseconds << 80 | random.getrandbits(60) | 7 << 76 | 2 << 62),
        created_at=created_at,
        tenant_id=people[0].admin.tenant_id,
        name=random.choice(["alpha", "Alpha", "beta", "GAMMA", "gamma", "delta"]),
        description=random.choice(["nightly", "weekly"]),
        hint="tsr_…",
        created_by_id=random.choice(people).admin.id,
        owner_id=random.choice([None, *[person.admin.id for person in people]]),
        paused_at=random.choice([None, None, _NOW]),
        expires_at=random.choice([None, *[_NOW + _DAY * n for n in (-2, -1, 1, 2)]]),
        revoked_at=random.choice([None, None, None, _NOW]),
        first_used_at=used,
    )
    keys = random.choice([(), (_KEY,), (_OTHER_KEY,), (_KEY, _OTHER_KEY)])
    return Known(row, used, frozenset(keys))


async def use(token: models.Token, at: datetime) -> None:
    await models.TokenLastUse.create(
        tenant_id=token.tenant_id,
        id=token.id,
        last_used_at=at,
        last_used_from="192.0.2.1",
        last_used_user_agent="x",
        revoked_at=token.revoked_at,
    )


def _with_nulls_last(key: Callable[[Known], Any]) -> Callable[[Known], Any]:
    return lambda one: (key(one) is None, key(one) or _NOW, one.id)


def truth(known: Sequence[Known], order: TokenOrder) -> list[Known]:
    """These tokens in the order."""
    if order in (TokenOrder.NEWEST, TokenOrder.OLDEST):
        return sorted(known, key=lambda one: one.id, reverse=order is TokenOrder.NEWEST)
    if order is TokenOrder.NAME:
        return sorted(known, key=lambda one: (one.row.name.lower(), one.id))
    if order is TokenOrder.EXPIRES_SOONEST:
        return sorted(known, key=_with_nulls_last(lambda one: one.row.expires_at))
    least_recent = sorted(
        known, key=lambda one: (one.last_used_at is not None, one.last_used_at or _NOW, one.id)
    )
    return least_recent if order is TokenOrder.LEAST_RECENTLY_USED else least_recent[::-1]


def met_by(known: Sequence[Known], wanted: TokenFilter) -> list[Known]:
    """The tokens that meet the filter."""
    return [one for one in known if _meets(one, wanted)]


def _meets(one: Known, wanted: TokenFilter) -> bool:
    row, at = one.row, one.last_used_at or one.row.created_at
    expires = row.expires_at
    return (
        one.state in wanted.states
        and wanted.owner_id in (None, row.owner_id)
        and wanted.is_owned_by_organisation in (None, row.owner_id is None)
        and wanted.created_by_id in (None, row.created_by_id)
        and (wanted.unused_since is None or at < wanted.unused_since)
        and (wanted.created_before is None or row.created_at < wanted.created_before)
        and (
            wanted.expires_before is None
            or (expires is not None and expires < wanted.expires_before)
        )
        and (wanted.permission is None or wanted.permission in one.keys)
        and (wanted.ids is None or one.id in wanted.ids)
        and wanted.never_used in (None, one.last_used_at is None)
        and wanted.search in f"{row.name.lower()}\n{row.description}"
    )


async def pages(
    person: Person, wanted: TokenFilter, order: TokenOrder, size: int, *, backwards: bool = False
) -> list[Page[models.Token]]:
    """Every page, from one end of the list to the other."""
    found: list[Page[models.Token]] = []
    request = PageRequest(size, None, backwards)
    while True:
        page = await tokens.search(person.principal, request, None, wanted, order)
        found.append(page)
        if not (page.has_previous if backwards else page.has_next):
            return found
        at = 0 if backwards else -1
        key = page.keys[at] if page.keys else None
        assert token_lists.is_key(order, key)
        request = PageRequest(size, page.rows[at].id, backwards, key)


async def assert_lists(scene: Scene, wanted: TokenFilter, order: TokenOrder, size: int) -> None:
    """Both directions give, page by page, the tokens that meet the filter, in the order."""
    expected = [one.id for one in truth(met_by(scene.known, wanted), order)]
    forwards = await pages(scene.owner, wanted, order, size)
    assert [row.id for page in forwards for row in page.rows] == expected
    backwards = await pages(scene.owner, wanted, order, size, backwards=True)
    assert [row.id for page in backwards[::-1] for row in page.rows] == expected
    assert [page.has_previous for page in forwards] == [False, *[True] * (len(forwards) - 1)]
    assert [page.has_next for page in backwards] == [False, *[True] * (len(backwards) - 1)]


def filters_of(scene: Scene) -> dict[str, TokenFilter]:
    """One filter for each condition, and some of several."""
    _, second, third = [person.admin.id for person in scene.people]
    middle = _NOW - timedelta(hours=_COUNT / 2)
    some = frozenset([*[one.id for one in scene.known[::3]], models.new_id()])
    return {
        "none": TokenFilter(),
        "every state": TokenFilter(states=_ALL_STATES),
        **{state.value: TokenFilter(states=frozenset({state})) for state in TokenState},
        "no state": TokenFilter(states=frozenset()),
        "paused or revoked": TokenFilter(states=frozenset({TokenState.PAUSED, TokenState.REVOKED})),
        "owner": TokenFilter(owner_id=second),
        "organisation": TokenFilter(is_owned_by_organisation=True),
        "some admin": TokenFilter(is_owned_by_organisation=False),
        "owner and organisation": TokenFilter(owner_id=second, is_owned_by_organisation=True),
        "creator": TokenFilter(created_by_id=third),
        "creator of every state": TokenFilter(created_by_id=third, states=_ALL_STATES),
        "unused": TokenFilter(unused_since=_NOW - 2 * _DAY),
        "created": TokenFilter(created_before=middle),
        "expiry": TokenFilter(expires_before=_NOW + 2 * _DAY),
        "permission": TokenFilter(permission=_KEY),
        "revoked with permission": TokenFilter(
            permission=_KEY, states=frozenset({TokenState.REVOKED})
        ),
        "search": TokenFilter(search="alpha"),
        "ids": TokenFilter(ids=some),
        "ids of every state": TokenFilter(ids=some, states=_ALL_STATES),
        "no ids": TokenFilter(ids=frozenset()),
        "never used": TokenFilter(never_used=True),
        "used": TokenFilter(never_used=False),
        "never used, of every state": TokenFilter(never_used=True, states=_ALL_STATES),
        "used, and not of late": TokenFilter(never_used=False, unused_since=_NOW - 2 * _DAY),
        "several": TokenFilter(
            states=frozenset({TokenState.ACTIVE, TokenState.EXPIRED}),
            owner_id=second,
            unused_since=_NOW - _DAY / 2,
            search="a",
            permission=_OTHER_KEY,
        ),
        "dates": TokenFilter(
            created_before=middle, expires_before=_NOW + 3 * _DAY, unused_since=_NOW - _DAY
        ),
        "expired of the organisation": TokenFilter(
            states=frozenset({TokenState.EXPIRED}), is_owned_by_organisation=True
        ),
    }


@pytest.mark.parametrize("order", TokenOrder)
async def test_pages_of_every_filter_are_all_its_tokens_in_order(
    order: TokenOrder, world: World
) -> None:
    scene = await scene_of(world)
    for name, wanted in filters_of(scene).items():
        try:
            await assert_lists(scene, wanted, order, 7)
            await assert_lists(scene, wanted, order, 100)
        except AssertionError as error:
            raise AssertionError(name) from error


@pytest.mark.parametrize("order", TokenOrder)
async def test_lists_are_the_same_by_another_way_of_reading(
    order: TokenOrder, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where few tokens may be read in order, they are chosen among those of one condition."""
    scene = await scene_of(world)
    monkeypatch.setattr(token_lists, "_FEW", 8)
    for name, wanted in filters_of(scene).items():
        try:
            await assert_lists(scene, wanted, order, 7)
        except AssertionError as error:
            raise AssertionError(name) from error


async def test_random_filters_in_random_orders(world: World) -> None:
    random, scene = Random(7), await scene_of(world, seed=2)
    every = list(filters_of(scene).values())
    empty = TokenFilter()
    for _ in range(40):
        both = random.sample(every, 2)
        columns = {
            name: value
            for one in both
            for name in TokenFilter.__dataclass_fields__
            if (value := getattr(one, name)) != getattr(empty, name)
        }
        wanted, order = TokenFilter(**columns), random.choice(list(TokenOrder))
        await assert_lists(scene, wanted, order, random.choice([1, 3, 20]))


async def test_count_is_that_of_the_list(world: World) -> None:
    scene = await scene_of(world)
    for name, wanted in filters_of(scene).items():
        count = await tokens.count(scene.owner.principal, wanted)
        assert count == len(met_by(scene.known, wanted)), name


async def test_count_beyond_the_limit_says_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(world)
    live = len(met_by(scene.known, TokenFilter()))
    assert len(await token_lists.ids(scene.owner.principal, TokenFilter(), 5)) == 6
    assert len(await token_lists.ids(scene.owner.principal, TokenFilter(), live)) == live
    monkeypatch.setattr(token_lists, "_MAX_EXAMINED_TO_COUNT", 5)
    with pytest.raises(SearchTooBroad):
        await tokens.count(scene.owner.principal, TokenFilter(is_owned_by_organisation=False))


async def test_list_that_would_read_too_many_tokens_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(world)
    monkeypatch.setattr(token_lists, "_FEW", 10)
    monkeypatch.setattr(token_lists, "MAX_EXAMINED", 12)
    some = TokenFilter(is_owned_by_organisation=False, permission=_KEY)
    for wanted, order in (
        (some, TokenOrder.NAME),
        (TokenFilter(states=_ALL_STATES), TokenOrder.NAME),
    ):
        with pytest.raises(SearchTooBroad, match="Narrow the filter"):
            await tokens.search(scene.owner.principal, PageRequest(50), None, wanted, order)
    none = TokenFilter(states=frozenset())
    await assert_lists(scene, none, TokenOrder.NAME, 7)
    assert await tokens.count(scene.owner.principal, none) == 0
    # Orders without further conditions, and conditions with an index of their own, need no limit.
    for order in TokenOrder:
        await assert_lists(scene, TokenFilter(), order, 7)
    for wanted in (
        TokenFilter(owner_id=scene.people[1].admin.id),
        TokenFilter(is_owned_by_organisation=True),
        TokenFilter(states=frozenset({TokenState.REVOKED})),
    ):
        await assert_lists(scene, wanted, TokenOrder.NEWEST, 7)
    await assert_lists(
        scene, TokenFilter(expires_before=_NOW + 2 * _DAY), TokenOrder.EXPIRES_SOONEST, 7
    )


async def test_used_token_moves_in_the_orders_of_last_use(world: World) -> None:
    owner = await world.person()
    made = [(await world.token(owner, f"t{n}")).token for n in range(4)]
    at = _NOW.timestamp()

    async def note(token: models.Token, seconds: int) -> None:
        used = at + seconds
        key = (str(token.tenant_id), str(token.id), "GET /x", log_rows.day_of(used))
        use = log_rows.Use(1, 0, used, used, used, "192.0.2.1", "x")
        await log_rows.write(log_rows.Unwritten({key: use}))

    async def names(order: TokenOrder) -> list[str]:
        page = await tokens.search(owner.principal, PageRequest(), None, TokenFilter(), order)
        return [row.name for row in page.rows]

    assert await names(TokenOrder.LAST_USED) == ["t3", "t2", "t1", "t0"]
    await note(made[1], 1)
    await note(made[2], 2)
    assert await names(TokenOrder.LAST_USED) == ["t2", "t1", "t3", "t0"]
    await note(made[1], 3)
    assert await names(TokenOrder.LAST_USED) == ["t1", "t2", "t3", "t0"]
    assert await names(TokenOrder.LEAST_RECENTLY_USED) == ["t0", "t3", "t2", "t1"]
    first = await models.Token.get(tenant_id=owner.admin.tenant_id, id=made[1].id)
    assert first.first_used_at is not None
    await tokens.revoke(owner.principal, made[2].id)
    assert await names(TokenOrder.LAST_USED) == ["t1", "t3", "t0"]
    last = await models.TokenLastUse.get(tenant_id=owner.admin.tenant_id, id=made[2].id)
    assert last.revoked_at is not None
    # A decision that is written after the revocation lists the token nowhere.
    late = (await world.token(owner, "late")).token
    await tokens.revoke(owner.principal, late.id)
    await note(late, 9)
    assert await names(TokenOrder.LAST_USED) == ["t1", "t3", "t0"]
    assert await names(TokenOrder.LEAST_RECENTLY_USED) == ["t0", "t3", "t1"]


async def test_states_are_by_the_present_instant(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner)).token
    expired = TokenFilter(states=frozenset({TokenState.EXPIRED}))
    soon = datetime.now(UTC) + timedelta(hours=1)
    await conditions.set_expiry(owner.principal, token.id, soon)
    assert await tokens.count(owner.principal, expired) == 0
    await models.Token.filter(tenant_id=owner.admin.tenant_id).update(
        expires_at=datetime.now(UTC) - timedelta(milliseconds=5)
    )
    assert await tokens.count(owner.principal, expired) == 1
    assert await conditions.states(
        owner.principal, await models.Token.filter(tenant_id=owner.admin.tenant_id)
    ) == ["EXPIRED"]


async def test_permission_is_found_under_another_name_of_its_parameter(world: World) -> None:
    owner = await world.person()
    await world.token(owner, permissions=[_KEY])
    wanted = TokenFilter(permission="GET /api/v1/devices/{id}")
    assert await tokens.count(owner.principal, wanted) == 1
    with pytest.raises(BadSearch):
        await tokens.count(owner.principal, TokenFilter(permission="x" * 513))


async def test_filter_names_at_most_500_tokens(client: Client, world: World) -> None:
    owner = await world.person()
    made = await world.token(owner)
    ids = frozenset([made.token.id, *[models.new_id() for _ in range(499)]])
    assert await tokens.count(owner.principal, TokenFilter(ids=ids)) == 1
    with pytest.raises(BadSearch):
        await tokens.count(owner.principal, TokenFilter(ids=ids | {models.new_id()}))
    # Limits come before work: ids that are alike count too.
    query = "query ($f: TokenFilter) { tokenCount(filter: $f) }"
    same = {"ids": [token_id(made.token)] * 501}
    answer = (await client.of(owner).graphql(query, {"f": same})).json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_SEARCH"


async def test_search_text_is_given_once(world: World) -> None:
    owner = await world.person()
    await world.token(owner, "alpha")

    async def names(text: str | None, in_filter: str) -> list[str]:
        wanted = TokenFilter(search=in_filter)
        page = await tokens.search(owner.principal, PageRequest(), text, wanted, TokenOrder.NAME)
        return [row.name for row in page.rows]

    assert await names("ALPHA", "") == await names(None, "Alpha") == ["alpha"]
    assert await names("alpha", "alpha") == ["alpha"]
    with pytest.raises(BadSearch):
        await names("alpha", "beta")


_PAGE = "{ edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage } }"


async def test_cursor_belongs_to_its_order(client: Client, world: World) -> None:
    owner = await world.person()
    for name in ("b", "a", "Ä: c"):
        await world.token(owner, name)
    asking = client.of(owner)
    cursors = {}
    for order in TokenOrder:
        page = await asking.data(f"{{ tokens(first: 2, orderBy: {order.value}) {_PAGE} }}")
        cursors[order] = page["tokens"]["edges"][1]["cursor"]
    for order in TokenOrder:
        for given, cursor in cursors.items():
            query = f'{{ tokens(after: "{cursor}", orderBy: {order.value}) {_PAGE} }}'
            answer = (await asking.graphql(query)).json()
            if given is order:
                assert len(answer["data"]["tokens"]["edges"]) == 1, order
            else:
                assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR", (order, given)


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (TokenOrder.NAME, None),
        (TokenOrder.NAME, ""),
        (TokenOrder.NAME, "a\0"),
        (TokenOrder.NAME, "a" * 201),
        (TokenOrder.NEWEST, "a"),
        (TokenOrder.LAST_USED, "a"),
        (TokenOrder.LAST_USED, "2026-02-30 00:00:00+00:00"),
        (TokenOrder.LAST_USED, "2026-02-03 00:00:00+01:00"),
        (TokenOrder.EXPIRES_SOONEST, "2026-02-03"),
        (TokenOrder.EXPIRES_SOONEST, ""),
    ],
)
def test_forged_key_is_no_cursor(order: TokenOrder, key: str | None) -> None:
    cursor = encode_cursor("tokens/x", models.new_id(), key)
    with pytest.raises(BadCursor):
        page_request("tokens/x", 1, cursor, is_key=lambda given: token_lists.is_key(order, given))


async def test_filters_and_counts_through_graphql(client: Client, world: World) -> None:
    owner = await world.person()
    other = await world.person(await models.Tenant.get(id=owner.admin.tenant_id), Role.ADMIN)
    mine, theirs = await world.token(owner, "mine"), await world.token(other, "theirs")
    await conditions.pause(owner.principal, theirs.token.id)
    asking = client.of(owner)
    query = (
        "query ($f: TokenFilter, $o: TokenOrder) { tokenCount(filter: $f)"
        " tokens(filter: $f, orderBy: $o) { edges { node { name } } } }"
    )
    for wanted, names in (
        (None, ["theirs", "mine"]),
        ({}, ["theirs", "mine"]),
        ({"states": None, "search": None}, ["theirs", "mine"]),
        ({"states": ["PAUSED"]}, ["theirs"]),
        ({"states": []}, []),
        ({"ownerId": owner.id}, ["mine"]),
        ({"ownerId": token_id(mine.token)}, []),
        ({"createdById": other.id}, ["theirs"]),
        ({"isOwnedByOrganisation": True}, []),
        ({"search": "MIN"}, ["mine"]),
        ({"createdBefore": "2001-01-01T00:00:00Z"}, []),
        ({"createdBefore": "0001-01-01T00:00:00Z"}, []),
        ({"createdBefore": "9999-12-31T23:59:59Z"}, ["theirs", "mine"]),
        ({"unusedSince": "9999-12-31T23:59:59Z"}, ["theirs", "mine"]),
        ({"expiresBefore": "9999-12-31T23:59:59Z"}, []),
        ({"permission": _KEY}, []),
        ({"ids": []}, []),
        ({"ids": [token_id(mine.token), owner.id, "no id"]}, ["mine"]),
        ({"ids": [token_id(theirs.token)] * 500}, ["theirs"]),
        ({"neverUsed": True}, ["theirs", "mine"]),
        ({"neverUsed": False}, []),
    ):
        data = await asking.data(query, f=wanted)
        assert [edge["node"]["name"] for edge in data["tokens"]["edges"]] == names, wanted
        assert data["tokenCount"] == len(names), wanted
    data = await asking.data(query, f={}, o="NAME")
    assert [edge["node"]["name"] for edge in data["tokens"]["edges"]] == ["mine", "theirs"]
    assert encode_id("Admin", owner.admin.id) == owner.id

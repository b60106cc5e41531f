"""The token policy: what it allows, what it does with tokens that exist, and its preview."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import models
from models import ActivityKind, Role
from server import database, lifetimes
from server.access import token_lists
from server.app import App, create_app
from server.conditions import Conditions
from server.decisions import policy_dates, policy_plan
from server.errors import Forbidden, InvalidInput, TokenPolicyConflict
from server.operations import conditions, policies, tokens
from server.operations.policies import PolicyValues
from server.paging import PageRequest
from server.service import Service
from tests.support.audit import Birth, read_ledger
from tests.support.factories import PORTION, Person, World, complete
from tests.support.gateways import Gateway, gateway
from tests.support.rotations import after, in_ms

KEY = "GET /api/v1/devices"
DAY = timedelta(days=1)


def cut(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@dataclass
class Case:
    """A tenant with an owner, and a gateway that asks about its tokens."""

    app: App
    gateway: Gateway
    service: Service
    owner: Person
    tenant: models.Tenant

    async def set(self, begins: datetime | None = None, /, **values: object) -> None:
        await policies.set_policy(self.owner.principal, PolicyValues(**values), begins)  # type: ignore[arg-type]

    async def token(self, **given: object) -> tokens.Created:
        return await tokens.create(
            self.owner.principal,
            self.service,
            name="t",
            permissions=[KEY],
            conditions=Conditions(**given),  # type: ignore[arg-type]
        )

    async def ask(self, secret: str) -> tuple[int, str]:
        answer = await self.gateway.ask(
            secret,
            host=f"{self.tenant.slug}.api.us.example.com",
            headers={"X-Forwarded-For": "203.0.113.7"},
        )
        return answer.status_code, answer.headers.get("x-tessera-code", "")

    async def row(self, token: models.Token) -> models.Token:
        return await models.Token.get(tenant_id=self.tenant.id, id=token.id)

    async def every(self) -> dict[UUID, models.Token]:
        return {one.id: one for one in await models.Token.filter(tenant_id=self.tenant.id)}

    async def write_all(self) -> int:
        """Write dates as the job does; gives in how many portions."""
        portions, more = 0, True
        while more:
            async with database.transaction():
                more = await policy_dates.write_portion(self.tenant.id)
            portions += 1
        return portions


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    app = create_app(service)
    async with gateway(app, "nginx").http as http:
        yield Case(app, Gateway(http, "nginx"), service, owner, tenant)
    await app.close()


async def assert_consistent() -> None:
    """Tokens, secrets and activity agree."""
    ledger = await read_ledger()
    for token in ledger.tokens.values():
        held = frozenset(ledger.held[token.id])
        assert ledger.contradictions(token.id, Birth(token.name, held)) == []


async def test_new_token_gets_the_default_lifetime(case: Case) -> None:
    assert (await case.token()).token.expires_at is None
    await case.set(default_lifetime_days=30)
    before = await database.database_now()
    made = (await case.token()).token
    after = await database.database_now()
    assert made.expires_at is not None
    assert cut(before + 30 * DAY) <= made.expires_at <= after + 30 * DAY
    assert (await case.token(expires_at=None)).token.expires_at is None
    chosen = cut(before + 400 * DAY)
    assert (await case.token(expires_at=chosen)).token.expires_at == chosen
    await case.set(maximum_lifetime_days=7)
    shortest = (await case.token()).token.expires_at
    assert shortest is not None
    assert shortest - 7 * DAY <= await database.database_now()


async def test_expiry_beyond_the_maximum_is_refused_with_the_latest_allowed(case: Case) -> None:
    made = await case.token()
    await case.set(maximum_lifetime_days=30)
    before = await database.database_now()
    for wanted in (None, before + 31 * DAY):
        with pytest.raises(InvalidInput, match="at most 30 days") as refused:
            await case.token(expires_at=wanted)
        with pytest.raises(InvalidInput, match="at most 30 days") as unchanged:
            await conditions.set_expiry(case.owner.principal, made.token.id, wanted)
        assert (refused.value.field, unchanged.value.field) == ("expiresAt", "expiresAt")
        latest = datetime.fromisoformat(str(refused.value).rpartition("until ")[2].rstrip("."))
        assert cut(before + 30 * DAY) <= latest <= await database.database_now() + 30 * DAY
    allowed = cut(before + 30 * DAY)
    assert (await case.token(expires_at=allowed)).token.expires_at == allowed
    with pytest.raises(InvalidInput, match="at most"):
        await case.token(expires_at=await database.database_now() + 30 * DAY + DAY / 24)
    changed = await conditions.set_expiry(case.owner.principal, made.token.id, allowed)
    assert changed.expires_at == allowed
    await assert_consistent()


async def test_later_expiry_within_the_policy_revives_an_expired_token(case: Case) -> None:
    made = await case.token()
    await case.set(maximum_lifetime_days=30)
    soon = await in_ms(1000)
    await conditions.set_expiry(case.owner.principal, made.token.id, soon)
    await after(soon)
    assert await case.ask(made.secret) == (401, "TOKEN_EXPIRED")
    with pytest.raises(InvalidInput):
        await conditions.set_expiry(case.owner.principal, made.token.id, soon + 31 * DAY)
    revived = await conditions.set_expiry(case.owner.principal, made.token.id, soon + 29 * DAY)
    assert await case.ask(made.secret) == (200, "")
    assert revived.resumed_at is not None


async def test_networks_of_the_policy_bind_at_once(case: Case) -> None:
    made = await case.token()
    assert await case.ask(made.secret) == (200, "")
    await case.set(networks=["192.0.2.0/24"])
    assert await case.ask(made.secret) == (403, "ADDRESS_NOT_ALLOWED")
    await case.set(networks=["192.0.2.0/24", "203.0.113.7"])
    assert await case.ask(made.secret) == (200, "")
    current = await policies.get(case.owner.principal)
    assert current.values.networks == ["192.0.2.0/24", "203.0.113.7/32"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"default_lifetime_days": 0}, "defaultLifetimeDays"),
        ({"default_lifetime_days": 31, "maximum_lifetime_days": 30}, "defaultLifetimeDays"),
        ({"maximum_lifetime_days": 3_651}, "maximumLifetimeDays"),
        ({"maximum_lifetime_days": -1}, "maximumLifetimeDays"),
        ({"pause_unused_after_days": 0}, "pauseUnusedAfterDays"),
        ({"networks": ["nowhere"]}, "networks"),
        ({"networks": ["192.0.2.1"] * 51}, "networks"),
    ],
)
async def test_unacceptable_values_are_refused(
    values: dict[str, object], field: str, case: Case
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await case.set(**values)
    assert refused.value.field == field
    with pytest.raises(InvalidInput):
        await policies.preview(case.owner.principal, PolicyValues(**values))  # type: ignore[arg-type]
    assert not await models.TokenPolicy.exists()


async def test_policy_does_not_begin_in_the_past_or_far_ahead(case: Case) -> None:
    now = await database.database_now()
    for begins in (now - DAY, now, now + 366 * DAY, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidInput) as refused:
            await case.set(begins, maximum_lifetime_days=30)
        assert refused.value.field == "effectiveFrom"
    assert not await models.TokenPolicy.exists()


async def test_policy_is_for_the_owner_alone(case: Case, world: World) -> None:
    for role in (Role.ADMIN, Role.AUDITOR):
        person = await world.person(case.tenant, role)
        with pytest.raises(Forbidden):
            await policies.set_policy(person.principal, PolicyValues())
        with pytest.raises(Forbidden):
            await policies.preview(person.principal, PolicyValues())
        assert (await policies.get(person.principal)).values == PolicyValues(networks=[])


async def test_policy_binds_existing_tokens_from_its_beginning_on(case: Case) -> None:
    now = await database.database_now()
    endless = [(await case.token()).token for _ in range(4)]
    late = (await case.token(expires_at=now + 400 * DAY)).token
    soon = (await case.token(expires_at=now + 20 * DAY)).token
    revoked = (await case.token()).token
    await tokens.revoke(case.owner.principal, revoked.id)
    await case.set(maximum_lifetime_days=30)
    policy = await models.TokenPolicy.get()
    begins = policy.effective_from
    assert cut(now + 14 * DAY) <= begins <= await database.database_now() + 14 * DAY
    ends = [(await case.row(token)).expires_at for token in endless]
    assert ends == [begins + DAY * 7.5 * number for number in (1, 2, 3, 4)]
    assert (await case.row(late)).expires_at == begins + 30 * DAY
    assert (await case.row(soon)).expires_at == cut(now + 20 * DAY)
    assert (await case.row(revoked)).expires_at is None
    await assert_consistent()
    activity = await models.Activity.filter(kind=ActivityKind.EXPIRY_SET).order_by("id")
    assert {one.subject_id for one in activity} == {token.id for token in (*endless, late)}
    assert activity[0].details == {
        "previousExpiresAt": None,
        "expiresAt": (begins + DAY * 7.5).isoformat(),
        "byPolicy": True,
    }
    admin = (models.ActorKind.ADMIN, case.owner.admin.id)
    assert {(one.actor_kind, one.actor_id) for one in activity} == {admin}


async def previewed(case: Case, preview: policies.Preview, size: int = 50) -> dict[UUID, datetime]:
    """The new expiries that the pages of a preview tell."""
    found: dict[UUID, datetime] = {}
    request: PageRequest | None = PageRequest(size)
    while request is not None:
        page = await policies.affected(case.owner.principal, preview, request)
        assert page.keys is not None
        found |= {row.id: preview.plan.expiry(row) for row in page.rows}
        last = page.rows[-1].id if page.rows else None
        request = PageRequest(size, last, key=page.keys[-1]) if page.has_next else None
    return found


async def test_preview_tells_the_expiries_that_are_set(case: Case) -> None:
    now = await database.database_now()
    for number in range(7):
        await case.token()
        await case.token(expires_at=now + (40 + number % 4) * DAY)
    await case.token(expires_at=now + 3 * DAY)
    values, begins = PolicyValues(maximum_lifetime_days=30), now + 2 * DAY
    preview = await policies.preview(case.owner.principal, values, begins)
    assert (preview.plan.ended, preview.plan.shortened, preview.paused) == (7, 7, 0)
    told = await previewed(case, preview, size=3)
    assert len(told) == 14
    before = await case.every()
    await policies.set_policy(case.owner.principal, values, preview.effective_from, preview.version)
    after = await case.every()
    changed = {
        one: after[one].expires_at
        for one in after
        if after[one].expires_at != before[one].expires_at
    }
    assert changed == told
    assert min(told.values()) >= preview.effective_from
    assert max(told.values()) <= preview.effective_from + 30 * DAY


async def test_preview_is_stale_after_a_change_of_its_tokens_or_of_the_policy(case: Case) -> None:
    now = await database.database_now()
    first = (await case.token()).token
    short = (await case.token(expires_at=now + DAY)).token
    principal, values = case.owner.principal, PolicyValues(maximum_lifetime_days=30)

    async def fresh() -> policies.Preview:
        return await policies.preview(principal, values, now + 2 * DAY)

    async def is_stale(preview: policies.Preview) -> bool:
        before = await case.every()
        try:
            await policies.set_policy(principal, values, preview.effective_from, preview.version)
        except TokenPolicyConflict:
            assert {k: v.expires_at for k, v in (await case.every()).items()} == {
                k: v.expires_at for k, v in before.items()
            }
            return True
        return False

    for change in (
        lambda: case.token(),
        lambda: tokens.rename(principal, first.id, "another"),
        lambda: conditions.set_expiry(principal, first.id, now + 90 * DAY),
        lambda: tokens.revoke(principal, first.id),
        lambda: case.set(networks=["203.0.113.0/24"]),
    ):
        preview = await fresh()
        await change()
        assert await is_stale(preview)
    preview = await fresh()
    other = PolicyValues(maximum_lifetime_days=31)
    with pytest.raises(TokenPolicyConflict):
        await policies.set_policy(principal, other, preview.effective_from, preview.version)
    with pytest.raises(TokenPolicyConflict):
        await policies.set_policy(principal, values, now + 3 * DAY, preview.version)
    with pytest.raises(InvalidInput, match="with its version"):
        await policies.set_policy(principal, values, None, preview.version)
    await tokens.rename(principal, short.id, "not concerned")
    assert not await is_stale(preview)


async def many(case: Case, count: int, **columns: object) -> Sequence[models.Token]:
    made = [
        models.Token(
            tenant_id=case.tenant.id,
            name=f"token {number}",
            description="",
            hint="tsr_…",
            created_by_id=case.owner.admin.id,
            owner_id=case.owner.admin.id,
            **columns,
        )
        for number in range(count)
    ]
    await models.Token.bulk_create(made, batch_size=PORTION)
    await complete(made)
    return made


@pytest.mark.parametrize("days", [30, 365])
async def test_ends_of_ten_thousand_tokens_are_spread(days: int, case: Case) -> None:
    made = await many(case, 10_000)
    values = PolicyValues(maximum_lifetime_days=days)
    begins = await database.database_now() + 5 * DAY
    preview = await policies.preview(case.owner.principal, values, begins)
    assert preview.plan.ended == 10_000
    current = await policies.set_policy(
        case.owner.principal, values, preview.effective_from, preview.version
    )
    assert current.row is not None
    assert current.row.applied_at is None
    assert await case.write_all() == 21
    kept = await case.every()
    ends = [kept[token.id].expires_at for token in made]
    assert ends == [preview.plan.expiry(token) for token in made]
    first, last = preview.effective_from, preview.effective_from + days * DAY
    assert all(end is not None and first <= end <= last for end in ends)
    mean = len(made) / days
    for zero in (first, datetime(2026, 1, 1, tzinfo=UTC)):
        by_day = Counter((end - zero) // DAY for end in ends if end is not None)
        assert max(by_day.values()) <= 2 * mean
    row = await models.TokenPolicy.get()
    assert (row.applied_at is not None, row.spread_tokens, row.spread_bounds) == (True, 0, None)


async def test_dates_of_more_tokens_than_are_counted_are_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetimes, "_MAX_PARTS", 7)
    made = await many(case, 51)
    begins = await database.database_now() + DAY
    counted = await policy_plan.plan(case.tenant.id, 30, begins)
    monkeypatch.setattr(policy_plan, "MAX_COUNTED", 20)
    more = await policy_plan.plan(case.tenant.id, 30, begins)
    assert (counted.ended, more.ended) == (51, 21)
    assert [more.expiry(token) for token in made] == [counted.expiry(token) for token in made]
    assert len({more.expiry(token) for token in made}) == 51
    assert more.spread is not None
    assert more.spread.step == 8


async def test_preview_tells_of_too_many_tokens_to_count(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(case, 5)
    values = PolicyValues(pause_unused_after_days=1)
    assert (await policies.preview(case.owner.principal, values)).paused == 5
    monkeypatch.setattr(token_lists, "_MAX_EXAMINED_TO_COUNT", 3)
    assert (await policies.preview(case.owner.principal, values)).paused == 10_001

"""Revoking all tokens that meet a filter: all or none, in portions, beside others."""

import asyncio
import time
from typing import Any

import pytest

import models
from models import ActivityKind, ClosedBy, RevocationReason, Role, TokenState
from server.access.token_filter import TokenFilter
from server.access.trail import ActivityFilter
from server.errors import BadSearch, CountChanged, Forbidden, InvalidInput, NotFound
from server.operations import activity, admins, conditions, revocation, tokens
from server.paging import PageRequest
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.audit import Birth, read_ledger
from tests.support.factories import PORTION, Client, Person, World, complete, token_id
from tests.support.soak import IS_SOAK, repeats

_REVOKED = TokenFilter(states=frozenset({TokenState.REVOKED}))


async def bulk(people: list[Person], count: int) -> list[models.Token]:
    """Live tokens of these admins in turn, with their activity and last uses."""
    made = [
        models.Token(
            tenant_id=person.admin.tenant_id,
            name=f"token {number}",
            description="",
            hint="tsr_…",
            created_by_id=person.admin.id,
            owner_id=person.admin.id,
            first_used_at=models.now(),
        )
        for number in range(count)
        for person in [people[number % len(people)]]
    ]
    await models.Token.bulk_create(made, batch_size=PORTION)
    await complete(made)
    await _live_through(made)
    return made


async def _live_through(made: list[models.Token]) -> None:
    """The activity and the last use of each."""
    await models.Activity.bulk_create(
        [
            models.Activity(
                tenant_id=token.tenant_id,
                subject_id=token.id,
                actor_id=token.created_by_id,
                kind=ActivityKind.CREATED,
            )
            for token in made
        ],
        batch_size=PORTION,
    )
    await models.TokenLastUse.bulk_create(
        [
            models.TokenLastUse(
                tenant_id=token.tenant_id,
                id=token.id,
                last_used_at=models.now(),
                last_used_from="192.0.2.1",
                last_used_user_agent="x",
            )
            for token in made
        ],
        batch_size=PORTION,
    )


async def colleagues(world: World) -> tuple[Person, Person]:
    """The owner and an admin of one tenant."""
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    return owner, await world.person(tenant, Role.ADMIN)


async def assert_consistent(made: list[models.Token]) -> None:
    """Rows, secrets, search and activity of these tokens agree."""
    ledger = await read_ledger({token.tenant_id for token in made})
    found = [one for token in made for one in ledger.contradictions(token.id, Birth(token.name))]
    assert found == []


async def test_tokens_of_the_filter_are_revoked_and_no_others(world: World) -> None:
    owner, admin = await colleagues(world)
    stranger = await world.person()
    made = await bulk([owner, admin], 8)
    others = await bulk([stranger], 3)
    wanted = TokenFilter(owner_id=admin.admin.id)
    assert await tokens.count(owner.principal, wanted) == 4
    revoked = await revocation.revoke_all(owner.principal, wanted, 4, RevocationReason.COMPROMISED)
    assert revoked == 4
    await assert_consistent([*made, *others])
    rows = {row.id: row for row in await models.Token.all()}
    assert all((rows[t.id].revoked_at is None) is (t.owner_id != admin.admin.id) for t in made)
    assert all(rows[token.id].revoked_at is None for token in others)
    revocations = ActivityFilter(frozenset({ActivityKind.REVOKED}))
    page = await activity.of_tenant(owner.principal, PageRequest(100), revocations)
    assert [event.details for event in page.rows] == [{"reason": "COMPROMISED"}] * 4
    assert {event.actor_id for event in page.rows} == {owner.admin.id}
    assert await tokens.count(owner.principal, wanted) == 0
    assert await tokens.count(owner.principal, _REVOKED) == 4


async def test_another_count_revokes_none(world: World) -> None:
    owner, admin = await colleagues(world)
    await bulk([owner, admin], 8)
    for expected in (0, 3, 5, 10_000):
        with pytest.raises(CountChanged) as refusal:
            await revocation.revoke_all(
                owner.principal, TokenFilter(owner_id=admin.admin.id), expected
            )
        assert refusal.value.count == 4
    assert await tokens.count(owner.principal, _REVOKED) == 0
    assert await revocation.revoke_all(owner.principal, TokenFilter(search="no such"), 0) == 0


async def test_bad_input_revokes_none(world: World) -> None:
    owner, _ = await colleagues(world)
    await bulk([owner], 2)

    async def refused(field: str, *given: Any) -> None:
        with pytest.raises(InvalidInput) as refusal:
            await revocation.revoke_all(owner.principal, *given)
        assert refusal.value.field == field

    await refused("expectedCount", TokenFilter(), -1)
    await refused("expectedCount", TokenFilter(), 10_001)
    await refused("filter", _REVOKED, 0)
    for reason in set(RevocationReason) - {
        RevocationReason.REVOKED,
        RevocationReason.COMPROMISED,
    }:
        await refused("reason", TokenFilter(), 2, reason)
        with pytest.raises(InvalidInput, match="Choose REVOKED or COMPROMISED"):
            await tokens.revoke(owner.principal, models.new_id(), reason)
    with pytest.raises(BadSearch):
        await revocation.revoke_all(owner.principal, TokenFilter(search="x" * 201), 2)
    assert await tokens.count(owner.principal, _REVOKED) == 0


async def test_auditor_revokes_none(world: World) -> None:
    owner, _ = await colleagues(world)
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    auditor = await world.person(tenant, Role.AUDITOR)
    await bulk([owner], 2)
    with pytest.raises(Forbidden):
        await revocation.revoke_all(auditor.principal, TokenFilter(), 2)
    # The role of the session, and then the row's by now.
    admin = await world.person(tenant, Role.ADMIN)
    await admins.set_role(owner.principal, admin.admin.id, Role.AUDITOR)
    with pytest.raises(Forbidden):
        await revocation.revoke_all(admin.principal, TokenFilter(), 2)
    assert await tokens.count(owner.principal, _REVOKED) == 0


async def test_reason_of_one_token_is_recorded(world: World) -> None:
    owner = await world.person()
    for given, kept in ((None, "REVOKED"), (RevocationReason.COMPROMISED, "COMPROMISED")):
        token = (await world.token(owner)).token
        revoked = await tokens.revoke(owner.principal, token.id, given)
        assert revoked.revoked_at is not None
        assert revoked.revision == 2
        page = await activity.of_token(owner.principal, token.id, PageRequest(1))
        assert page.rows[0].details == {"reason": kept}


async def test_many_portions_are_revoked(postgres_url: str) -> None:
    """Under soak, on an idle machine, 10,000 within ten seconds."""
    many = repeats(ci=1_200, soak=10_000)
    async with running_service(settings_for(postgres_url)) as service:
        owner, admin = await colleagues(World(service))
        made = await bulk([owner], many)
        started = time.monotonic()
        assert await revocation.revoke_all(admin.principal, TokenFilter(), many) == many
        assert not IS_SOAK or time.monotonic() - started < 10
        closed = models.TokenSecret.filter(tenant_id=made[0].tenant_id, closed_by=ClosedBy.REVOKED)
        assert await closed.count() == many


async def test_two_bulk_revocations_at_once_revoke_each_token_once(postgres_url: str) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        people = list(await colleagues(World(service)))
        for _ in range(3):
            made = await bulk(people, 1200)
            results = await asyncio.gather(
                *(revocation.revoke_all(one.principal, TokenFilter(), 1200) for one in people),
                return_exceptions=True,
            )
            counts = [one for one in results if isinstance(one, int)]
            refused = [one for one in results if not isinstance(one, int)]
            assert sum(counts) == 1200
            # The later one may find the first portions revoked already.
            assert all(isinstance(one, CountChanged) for one in refused), refused
            await assert_consistent(made)


async def test_tokens_made_and_changed_meanwhile(postgres_url: str) -> None:
    """A token that is made after the count stays; changes come before the revocation, or fail."""
    async with running_service(settings_for(postgres_url)) as service:
        world = World(service)
        owner, admin = await colleagues(world)
        made = await bulk([owner], 1500)
        wanted = TokenFilter(owner_id=owner.admin.id)

        async def make() -> list[models.Token]:
            return [(await world.token(admin)).token for _ in range(20)]

        async def change() -> list[Any]:
            some = made[::75]
            renamed = (tokens.rename(admin.principal, token.id, "changed") for token in some)
            return [*await asyncio.gather(*renamed, return_exceptions=True)]

        async def pause() -> list[Any]:
            paused = (conditions.pause(admin.principal, token.id) for token in made[::-75])
            return [*await asyncio.gather(*paused, return_exceptions=True)]

        revoked, new, *changes = await asyncio.gather(
            revocation.revoke_all(owner.principal, wanted, 1500), make(), change(), pause()
        )
        assert revoked == 1500
        assert all(isinstance(one, models.Token | NotFound) for part in changes for one in part)
        await assert_consistent(made)
        live = await models.Token.filter(tenant_id=owner.admin.tenant_id, **models.LIVE)
        assert {token.id for token in live} == {token.id for token in new}


async def test_token_revoked_by_somebody_else_between_is_no_failure(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, admin = await colleagues(world)
    made = await bulk([owner], 6)
    monkeypatch.setattr(revocation, "_AT_ONCE", 2)
    portions, revoke = 0, revocation._revoke

    async def watched(*given: Any) -> int:
        nonlocal portions
        portions += 1
        if portions == 2:
            await tokens.revoke(admin.principal, made[2].id)
            await tokens.revoke(admin.principal, made[4].id)
            await tokens.revoke(admin.principal, made[5].id)
        return await revoke(*given)

    monkeypatch.setattr(revocation, "_revoke", watched)
    assert await revocation.revoke_all(owner.principal, TokenFilter(), 6) == 3
    assert portions == 3
    await assert_consistent(made)


async def test_bulk_revocation_through_graphql(client: Client, world: World) -> None:
    owner, admin = await colleagues(world)
    kept = await world.token(owner)
    for _ in range(3):
        await world.token(admin)
    asking = client.of(owner)
    fields = (
        "... on RevokeTokensPayload { revokedTokenCount } ... on CountChanged { count }"
        " ... on InvalidInput { field }"
    )
    wanted = {"ownerId": admin.id}
    result = await asking.mutate("revokeTokens", fields, filter=wanted, expectedCount=2)
    assert (result["code"], result["count"]) == ("COUNT_CHANGED", 3)
    result = await asking.mutate(
        "revokeTokens", fields, filter=wanted, expectedCount=3, reason="SELF"
    )
    assert (result["code"], result["field"]) == ("INVALID_INPUT", "reason")
    result = await asking.mutate(
        "revokeTokens", fields, filter=wanted, expectedCount=3, reason="COMPROMISED"
    )
    assert result == {"__typename": "RevokeTokensPayload", "revokedTokenCount": 3}
    data = await asking.data("{ tokens { edges { node { id } } } }")
    assert data["tokens"]["edges"] == [{"node": {"id": token_id(kept.token)}}]
    events = "edges { node { ... on TokenRevoked { reason } } }"
    data = await asking.data(f"{{ activity(first: 3) {{ {events} }} }}")
    assert data["activity"]["edges"] == [{"node": {"reason": "COMPROMISED"}}] * 3

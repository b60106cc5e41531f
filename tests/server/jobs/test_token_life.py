"""The jobs that change tokens as time passes: dates, pauses and ends of rotations.

Time passes by moving the instants of rows.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from secrets import randbits
from uuid import UUID

import pytest

import models
from models import ActivityKind, RotationPart, TokenSecret
from server.access.principal import SYSTEM
from server.database import database_now, transaction
from server.decisions import ended_rotations, pick_ups, policy_dates, unused
from server.decisions.rotation_requests import RotationRequest
from server.jobs import Jobs, token_life
from server.operations import conditions, policies, rotation, tokens
from server.operations.policies import PolicyValues
from server.service import Service
from tests.support.audit import Birth, read_ledger
from tests.support.factories import Person, World, complete
from tests.support.waiting import until

DAY = timedelta(days=1)
_END = object()
# Tokens whose rotations the clock has ended.
_ENDED = ("drained", "late")
Portions = Callable[[], AsyncGenerator[None, None]]


async def run(portions: Portions, most: int = 1_000) -> bool:
    """Run a job as its instance does, or only its first portions; whether it came to its end."""
    async with aclosing(portions()) as left:
        for _ in range(most):
            async with transaction():
                if await anext(left, _END) is _END:
                    return True
    return False


async def assert_consistent(person: Person) -> None:
    """Tokens, secrets, rotations and activity of the tenant agree."""
    ledger = await read_ledger([person.admin.tenant_id])
    found = [ledger.contradictions(one.id, Birth(one.name)) for one in ledger.tokens.values()]
    assert found == [[]] * len(ledger.tokens)


def aged(person: Person, name: str, at: datetime, **columns: object) -> models.Token:
    """A token that was created at an instant, which its id tells too."""
    milliseconds = int(at.timestamp() * 1000)
    token_id = UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62) | randbits(62))
    return models.Token(
        id=token_id,
        tenant_id=person.admin.tenant_id,
        created_at=at,
        name=name,
        description="",
        hint="tsr_…",
        created_by_id=person.admin.id,
        owner_id=person.admin.id,
        **columns,
    )


async def keep(made: list[models.Token], last_uses: dict[str, datetime]) -> None:
    await models.Token.bulk_create(made)
    await complete(made)
    creations = [
        models.Activity(
            tenant_id=one.tenant_id, subject_id=one.id, actor_id=one.owner_id, kind=kind
        )
        for one in made
        for kind in (ActivityKind.CREATED, *([ActivityKind.REVOKED] if one.revoked_at else []))
    ]
    await models.Activity.bulk_create(creations)
    await models.TokenLastUse.bulk_create(
        [
            models.TokenLastUse(
                tenant_id=one.tenant_id,
                id=one.id,
                last_used_at=last_uses[one.name],
                last_used_from="192.0.2.1",
                last_used_user_agent="x",
                revoked_at=one.revoked_at,
            )
            for one in made
            if one.name in last_uses
        ]
    )


async def paused(person: Person) -> set[str]:
    rows = models.Token.filter(tenant_id=person.admin.tenant_id, paused_at__isnull=False)
    return {one.name for one in await rows}


async def test_tokens_that_were_not_used_for_so_long_are_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unused, "AT_ONCE", 3)
    person, stranger = await world.person(), await world.person()
    now, minute = await database_now(), timedelta(minutes=1)
    await _keep_used_and_unused(person, stranger, now)
    values = PolicyValues(pause_unused_after_days=30)
    preview = await policies.preview(person.principal, values, now + minute / 2)
    await policies.set_policy(person.principal, values, now + minute / 2)
    assert await run(token_life._pause_unused)
    assert await paused(person) == set()
    # The policy has begun by now.
    policy = models.TokenPolicy.filter(tenant_id=person.admin.tenant_id)
    await policy.update(pauses_from=now - minute)
    for _ in range(2):
        assert await run(token_life._pause_unused)
        assert await paused(person) == {
            "never used", "used long ago", "used just over", "created just over",
            "resumed long ago", "expires later",
        }  # fmt: skip
    assert preview.paused == 6
    assert await paused(stranger) == set()
    activity = await models.Activity.filter(kind=ActivityKind.PAUSED)
    assert [one.details for one in activity] == [{"byPolicy": True}] * 6
    assert {(one.actor_kind, one.actor_id) for one in activity} == {(SYSTEM.kind, SYSTEM.id)}
    await assert_consistent(person)


async def _keep_used_and_unused(person: Person, stranger: Person, now: datetime) -> None:
    """Tokens on both sides of 30 days without use."""
    old, fresh, minute = now - 100 * DAY, now - 29 * DAY, timedelta(minutes=1)
    just_over, just_under = now - 30 * DAY - minute, now - 30 * DAY + minute
    made = [
        aged(person, "never used", old),
        aged(person, "used long ago", old, first_used_at=old),
        aged(person, "used just over", old, first_used_at=old),
        aged(person, "used just under", old, first_used_at=old),
        aged(person, "used before it was marked", old),
        aged(person, "created just over", just_over),
        aged(person, "created just under", just_under),
        aged(person, "resumed lately", old, resumed_at=fresh),
        aged(person, "resumed long ago", old, resumed_at=just_over),
        aged(person, "expired", old, expires_at=fresh),
        aged(person, "expires later", old, expires_at=now + DAY),
        aged(person, "revoked", old, revoked_at=fresh, revision=2),
        aged(stranger, "another tenant's", old),
    ]
    last_uses = {
        "used long ago": old,
        "used just over": just_over,
        "used just under": just_under,
        "used before it was marked": fresh,
    }
    await keep(made, last_uses)


async def test_resumed_or_revived_token_is_not_paused_again_at_once(
    world: World, service: Service
) -> None:
    person = await world.person()
    old = await database_now() - 100 * DAY
    made = [aged(person, "resumed", old), aged(person, "revived", old, expires_at=old + DAY)]
    await keep(made, {})
    await policies.set_policy(person.principal, PolicyValues(pause_unused_after_days=30))
    await models.TokenPolicy.all().update(pauses_from=old)
    assert await run(token_life._pause_unused)
    assert await paused(person) == {"resumed"}
    await conditions.resume(person.principal, made[0].id)
    await conditions.set_expiry(person.principal, made[1].id, await database_now() + DAY)
    assert await run(token_life._pause_unused)
    assert await paused(person) == set()
    # In so many days without use it is paused again.
    await models.Token.filter(id=made[0].id).update(resumed_at=old)
    assert await run(token_life._pause_unused)
    assert await paused(person) == {"resumed"}
    await assert_consistent(person)


async def test_dates_of_many_tokens_are_those_of_the_preview_also_after_an_interruption(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_dates, "AT_ONCE", 4)
    people = [await world.person() for _ in range(2)]
    now = await database_now()
    told: dict[UUID, datetime] = {}
    for person in people:
        made = [aged(person, f"token {n}", now - n * DAY) for n in range(9)]
        made += [aged(person, f"late {n}", now, expires_at=now + 90 * DAY) for n in range(5)]
        await keep(made, {})
        values, begins = PolicyValues(maximum_lifetime_days=30), now + DAY
        preview = await policies.preview(person.principal, values, begins)
        told |= {token.id: preview.plan.expiry(token) for token in made}
        current = await policies.set_policy(
            person.principal, values, preview.effective_from, preview.version
        )
        assert current.row is not None
        assert current.row.applied_at is None
    assert not await run(token_life._write_dates, most=2)
    ends = {one.id: one.expires_at for one in await models.Token.all()}
    assert len([end for token_id, end in ends.items() if end == told[token_id]]) == 8
    # Dates that are written already, and a revocation meanwhile, change none of the others.
    gone = next(one for one in await models.Token.all() if one.expires_at is None)
    owner = next(one for one in people if one.admin.tenant_id == gone.tenant_id)
    await tokens.revoke(owner.principal, gone.id)
    jobs = Jobs(token_life.JOBS, look_every_seconds=0.02)
    jobs.start()
    try:
        await until(is_applied)
    finally:
        await jobs.close()
    ends = {one.id: one.expires_at for one in await models.Token.all()}
    assert ends == told | {gone.id: None}
    for person in people:
        await assert_consistent(person)


async def is_applied() -> bool:
    return not await models.TokenPolicy.filter(applied_at__isnull=True).exists()


async def test_interrupted_portion_leaves_no_date(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    await keep([aged(person, f"token {n}", await database_now()) for n in range(600)], {})
    await policies.set_policy(person.principal, PolicyValues(maximum_lifetime_days=30))

    async def fail(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(policy_dates, "record", fail)
        with pytest.raises(ConnectionResetError):
            await run(token_life._write_dates)
    assert await models.Token.filter(expires_at__isnull=True).count() == 600
    assert await TokenSecret.filter(expires_at__isnull=True).count() == 600
    assert await run(token_life._write_dates)
    assert await models.Token.filter(expires_at__isnull=True).count() == 0
    await assert_consistent(person)


async def pass_time(token: models.Token, by: timedelta) -> None:
    """Move the instants of the token's rotation and of its secrets back."""
    of_it = {"tenant_id": token.tenant_id}
    for row in await models.TokenRotation.filter(id=token.id, **of_it):
        row.latest_by = row.latest_by and row.latest_by - by
        row.picked_up_at = row.picked_up_at and row.picked_up_at - by
        await row.write("latest_by", "picked_up_at")
    for secret in await TokenSecret.filter(token_id=token.id, **of_it):
        if secret.retires_at is not None:
            one = TokenSecret.filter(digest=secret.digest, **of_it)
            await one.update(retires_at=secret.retires_at - by)


async def _pick_up(service: Service, token: models.Token, secret: str) -> None:
    digests = service.digest_key.digests("token", secret)
    ids = str(token.tenant_id), str(token.id)
    await pick_ups._record(pick_ups._PickUp(*ids, digests, "192.0.2.1"))


async def test_rotations_that_the_clock_ended_are_settled(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_rotations, "AT_ONCE", 2)
    person = await world.person()
    made = {
        name: await world.token(person, name)
        for name in ("drained", "draining", "late", "pending", "revoked")
    }

    latest_by = await database_now() + timedelta(seconds=1_000)
    for name, one in made.items():
        how = {"latest_by": latest_by} if name == "late" else {"drain_seconds": 1_000}
        request = RotationRequest(**how)
        rotated = await rotation.rotate(person.principal, service, one.token.id, request)
        if name.startswith("drain"):
            await _pick_up(service, one.token, rotated.secret)
    await tokens.revoke(person.principal, made["revoked"].token.id)
    for name in ("drained", "late", "pending"):
        await pass_time(made[name].token, timedelta(seconds=1_001))
    await pass_time(made["draining"].token, timedelta(seconds=900))
    at_end = {one.id: one.old_secret_ends_at for one in await models.TokenRotation.filter()}
    for _ in range(2):
        assert await run(token_life._end_rotations)
        rows = {one.id: one for one in await models.TokenRotation.filter()}
        ended = {name for name, one in made.items() if rows[one.token.id].ended_at is not None}
        assert ended == {"drained", "late", "revoked"}
        for name in _ENDED:
            assert rows[made[name].token.id].ended_at == at_end[made[name].token.id]
        found = await models.Activity.filter(kind=ActivityKind.ROTATION_ENDED)
        assert {one.subject_id for one in found} == {made[name].token.id for name in _ENDED}
        assert [one.details for one in found] == [{"keep": "NEW", "byClock": True}] * 2
        assert {(one.actor_kind, one.actor_id) for one in found} == {(SYSTEM.kind, SYSTEM.id)}
    under_way = await rotation.under_way(person.principal, [one.token for one in made.values()])
    assert set(under_way) == {made["draining"].token.id, made["pending"].token.id}
    await assert_consistent(person)
    # The revision that an admin has read still is the token's.
    read = await models.Token.get(id=made["drained"].token.id, tenant_id=person.admin.tenant_id)
    await rotation.end_rotation(person.principal, read.id, RotationPart.NEW, read.revision)

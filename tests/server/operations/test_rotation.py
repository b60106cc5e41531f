"""Rotation of a token: every event in every state, and its effect on both secrets on the wire."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import models
from models import ActivityKind, ClosedBy, RefusalReason, Role, RotationPart
from server import database
from server.decisions.rotation_requests import RotationRequest
from server.errors import (
    InvalidInput,
    NotFound,
    Refusal,
    RevisionConflict,
    RotationUnderWay,
    SecretAlreadyShown,
)
from server.operations import admins, conditions, rotation, tokens
from server.service import Service
from tests.support.factories import World
from tests.support.rotations import (
    BY_CLOCK,
    KEY,
    LIVES,
    PICKED_UP,
    RETIRED,
    Case,
    after,
    in_ms,
    rotation_case,
    started,
)


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    async with rotation_case(service, world) as one:
        yield one


async def test_old_secret_drains_once_the_new_one_is_used(case: Case) -> None:
    new = await case.rotate(drain_seconds=4)
    # The new secret waits for as long as it takes: nothing ends the old one.
    assert await case.ask(case.secret) == LIVES
    row = await case.under_way()
    assert row is not None
    assert (row.picked_up_at, row.old_secret_ends_at) == (None, None)
    assert row.started_by_id == case.person.admin.id
    await case.use(new)
    row = await case.under_way()
    assert row is not None
    assert row.picked_up_at is not None
    assert (row.picked_up_from, row.old_secret_ends_at) == (
        "203.0.113.7", row.picked_up_at + timedelta(seconds=4)
    )  # fmt: skip
    assert await case.ask(case.secret) == LIVES
    assert row.old_secret_ends_at
    await after(row.old_secret_ends_at)
    assert await case.ask(case.secret) == RETIRED
    assert await case.ask(new) == LIVES
    assert await case.under_way() is None
    assert await case.activity() == [started(drainSeconds=4), PICKED_UP]


async def test_use_of_a_retired_secret_is_shown_and_ends_nothing(case: Case) -> None:
    new = await case.rotate(drain_seconds=0)
    await case.use(new)
    for _ in range(3):
        assert await case.ask(case.secret) == RETIRED
        assert await case.ask(new) == LIVES
    await case.app.close()
    refused = models.TokenRefusal.filter(tenant_id=case.tenant.id, token_id=case.token.id)
    assert [row.reason for row in await refused] == [RefusalReason.SECRET_RETIRED] * 3


async def test_compromised_secret_ends_at_once(case: Case) -> None:
    new = await case.rotate(compromised=True)
    assert await case.ask(case.secret) == RETIRED
    assert await case.ask(new) == LIVES
    assert await case.under_way() is None
    assert (await case.activity())[0] == started(compromised=True)


@pytest.mark.parametrize("is_draining", [False, True])
async def test_compromised_token_loses_every_secret_in_any_state(
    case: Case, is_draining: bool
) -> None:
    new = await case.rotate()
    if is_draining:
        await case.use(new)
    newer = await case.rotate(compromised=True)
    assert await case.ask(case.secret) == RETIRED
    assert await case.ask(new) == RETIRED
    assert await case.ask(newer) == LIVES
    assert await case.under_way() is None


async def test_repeated_request_shows_another_secret_while_the_first_is_unseen(case: Case) -> None:
    first = await case.rotate(idempotency_key="k", if_revision=1)
    again = await case.rotate(idempotency_key="k", if_revision=1)
    assert await case.ask(first) == RETIRED
    assert await case.ask(case.secret) == LIVES
    await case.use(again)
    with pytest.raises(SecretAlreadyShown) as refused:
        await case.rotate(idempotency_key="k", if_revision=1)
    assert refused.value.token.id == case.token.id
    assert await case.ask(again) == LIVES
    assert await case.ask(case.secret) == LIVES
    assert await case.activity() == [started(), started(), PICKED_UP]


async def test_repeated_request_takes_the_terms_of_the_first(case: Case) -> None:
    latest_by = await in_ms(2000)
    first = await case.rotate(idempotency_key="k", latest_by=latest_by)
    await after(latest_by)
    assert await case.ask(case.secret) == RETIRED
    # Sent again as it was, although its instant has passed by now.
    again = await case.rotate(idempotency_key="k", latest_by=latest_by)
    assert await case.ask(first) == RETIRED
    assert await case.ask(again) == LIVES
    assert await case.ask(case.secret) == RETIRED


async def test_repeated_compromised_request_ends_only_the_unseen_secret(case: Case) -> None:
    first = await case.rotate(idempotency_key="k", compromised=True)
    again = await case.rotate(idempotency_key="k", compromised=True)
    assert await case.ask(first) == RETIRED
    await case.use(again)
    with pytest.raises(SecretAlreadyShown):
        await case.rotate(idempotency_key="k", compromised=True)
    assert await case.ask(again) == LIVES
    # The same key is no excuse where the token is told to be compromised only now.
    new = await case.rotate(idempotency_key="k")
    assert await case.ask(again) == LIVES
    newest = await case.rotate(idempotency_key="k", compromised=True)
    assert [await case.ask(one) for one in (again, new, newest)] == [RETIRED, RETIRED, LIVES]


async def test_key_of_another_admin_is_another_key(case: Case, world: World) -> None:
    new = await case.rotate(idempotency_key="k")
    other = await world.person(case.tenant, Role.ADMIN)
    with pytest.raises(RotationUnderWay):
        await rotation.rotate(
            other.principal, case.service, case.token.id, RotationRequest(idempotency_key="k")
        )
    assert await case.ask(new) == LIVES


@pytest.mark.parametrize("key", ["another", None])
async def test_second_rotation_is_refused_unless_it_replaces_the_first(
    case: Case, key: str | None
) -> None:
    first = await case.rotate(idempotency_key="k")
    with pytest.raises(RotationUnderWay) as refused:
        await case.rotate(idempotency_key=key)
    assert refused.value.token.id == case.token.id
    assert await case.ask(case.secret) == LIVES
    second = await case.rotate(idempotency_key=key, replace=True, drain_seconds=0)
    assert await case.ask(first) == RETIRED
    assert await case.ask(case.secret) == LIVES
    await case.use(second)
    assert await case.ask(case.secret) == RETIRED


@pytest.mark.parametrize("replace", [False, True])
async def test_draining_rotation_is_never_replaced(case: Case, replace: bool) -> None:
    new = await case.rotate()
    await case.use(new)
    with pytest.raises(RotationUnderWay):
        await case.rotate(replace=replace)
    assert await case.ask(new) == LIVES
    assert await case.ask(case.secret) == LIVES


async def test_rotation_follows_a_rotation_that_the_clock_ended(case: Case) -> None:
    secrets = [case.secret]
    for _ in range(3):
        secrets.append(await case.rotate(drain_seconds=0))
        await case.use(secrets[-1])
    assert [await case.ask(one) for one in secrets] == [RETIRED] * 3 + [LIVES]
    rows = models.TokenSecret.filter(tenant_id=case.tenant.id, token_id=case.token.id)
    closed: list[tuple[int, ClosedBy | None]] = [
        (row.generation, row.closed_by) for row in await rows.order_by("generation")
    ]
    assert closed[:2] == [(1, ClosedBy.RETIRED), (2, ClosedBy.RETIRED)]
    assert closed[3] == (4, None)


async def test_latest_by_ends_the_old_secret_although_the_new_one_was_never_seen(
    case: Case,
) -> None:
    latest_by = await in_ms(3000)
    new = await case.rotate(latest_by=latest_by)
    row = await case.under_way()
    assert row is not None
    assert row.old_secret_ends_at == row.latest_by is not None
    assert await case.ask(case.secret) == LIVES
    await after(latest_by)
    assert await case.ask(case.secret) == RETIRED
    assert await case.under_way() is None
    # That it is seen is still told, and gives nothing back.
    await case.use(new)
    assert await case.ask(case.secret) == RETIRED
    assert (await case.activity())[1:] == [BY_CLOCK, PICKED_UP]


async def test_latest_by_cuts_the_drain_short(case: Case) -> None:
    latest_by = await in_ms(4000)
    new = await case.rotate(latest_by=latest_by, drain_seconds=600)
    await case.use(new)
    row = await case.under_way()
    assert row is not None
    assert row.old_secret_ends_at == row.latest_by
    await after(latest_by)
    assert (await case.ask(case.secret), await case.ask(new)) == (RETIRED, LIVES)


async def test_cancelled_rotation_leaves_the_old_secret(case: Case) -> None:
    hint = await case.hint()
    new = await case.rotate(latest_by=await in_ms(3000))
    assert await case.hint() == f"{new[:10]}…" != hint
    await case.end(RotationPart.OLD)
    assert await case.ask(new) == RETIRED
    assert await case.hint() == hint
    assert await case.under_way() is None
    await after(await in_ms(3000))
    assert await case.ask(case.secret) == LIVES
    assert await case.activity() == [
        (ActivityKind.ROTATION_STARTED, (await case.activity())[0][1]),
        (ActivityKind.ROTATION_ENDED, {"keep": "OLD"}),
    ]
    # It leaves nothing behind that would refuse, or repeat, another one.
    await case.use(await case.rotate())


@pytest.mark.parametrize("is_draining", [False, True])
async def test_ended_rotation_leaves_the_new_secret(case: Case, is_draining: bool) -> None:
    new = await case.rotate()
    if is_draining:
        await case.use(new)
    await case.end(RotationPart.NEW)
    assert await case.ask(case.secret) == RETIRED
    assert await case.ask(new) == LIVES
    assert await case.under_way() is None
    assert (ActivityKind.ROTATION_ENDED, {"keep": "NEW"}) in await case.activity()


async def test_secret_in_use_is_not_taken_back(case: Case) -> None:
    new = await case.rotate()
    await case.use(new)
    with pytest.raises(InvalidInput, match="in use") as refused:
        await case.end(RotationPart.OLD)
    assert refused.value.field == "keep"
    assert (await case.ask(case.secret), await case.ask(new)) == (LIVES, LIVES)


async def test_end_of_no_rotation_changes_nothing(case: Case) -> None:
    before = await case.end(RotationPart.NEW)
    assert (before.revision, await case.activity()) == (1, [])
    with pytest.raises(InvalidInput, match="No rotation"):
        await case.end(RotationPart.OLD)
    new = await case.rotate(drain_seconds=0)
    await case.use(new)
    with pytest.raises(InvalidInput, match="No rotation"):
        await case.end(RotationPart.OLD)
    assert (await case.end(RotationPart.NEW)).revision == 3
    assert await case.activity() == [started(drainSeconds=0), PICKED_UP, BY_CLOCK]


@pytest.mark.parametrize("is_draining", [False, True])
async def test_conditions_and_permissions_belong_to_both_secrets(
    case: Case, is_draining: bool
) -> None:
    principal, token = case.person.principal, case.token
    new = await case.rotate()
    if is_draining:
        await case.use(new)

    async def both() -> tuple[int, str]:
        one, other = await case.ask(case.secret), await case.ask(new)
        assert one == other
        return one

    await conditions.pause(principal, token.id)
    assert await both() == (401, "TOKEN_PAUSED")
    await conditions.resume(principal, token.id)
    await conditions.set_networks(principal, token.id, ["192.0.2.1"])
    assert await both() == (403, "ADDRESS_NOT_ALLOWED")
    await conditions.set_networks(principal, token.id, [])
    soon = await in_ms(1000)
    await conditions.set_expiry(principal, token.id, soon)
    await after(soon)
    assert await both() == (401, "TOKEN_EXPIRED")
    await conditions.set_expiry(principal, token.id, None)
    await tokens.set_permissions(principal, case.service, token.id, ["GET /api/v1/users"])
    assert await both() == (403, "INSUFFICIENT_SCOPE")
    await tokens.set_permissions(principal, case.service, token.id, [KEY])
    assert await both() == LIVES
    await conditions.set_rate_limit(principal, token.id, 1)
    assert await case.ask(case.secret) in (LIVES, (403, "RATE_LIMITED"))
    assert await both() == (403, "RATE_LIMITED")


async def test_new_secret_takes_the_conditions_of_its_token(case: Case) -> None:
    principal, token = case.person.principal, case.token
    await conditions.set_networks(principal, token.id, ["192.0.2.1"])
    new = await case.rotate()
    assert await case.ask(new) == (403, "ADDRESS_NOT_ALLOWED")
    await conditions.set_networks(principal, token.id, [])
    await conditions.pause(principal, token.id)
    newer = await case.rotate(replace=True)
    assert await case.ask(newer) == (401, "TOKEN_PAUSED")


@pytest.mark.parametrize("is_draining", [False, True])
@pytest.mark.parametrize("by_removal", [False, True])
async def test_revocation_ends_both_secrets(
    case: Case, world: World, is_draining: bool, by_removal: bool
) -> None:
    new = await case.rotate()
    if is_draining:
        await case.use(new)
    if by_removal:
        leaver = await world.person(case.tenant, Role.ADMIN)
        await conditions.transfer(case.person.principal, case.token.id, leaver.admin.id)
        assert (await admins.remove(case.person.principal, leaver.admin.id)).revoked == 1
    else:
        await tokens.revoke(case.person.principal, case.token.id)
    assert await case.ask(case.secret) == (401, "TOKEN_REVOKED")
    assert await case.ask(new) == (401, "TOKEN_REVOKED")
    assert await case.under_way() is None
    for change in (case.rotate(), case.end(RotationPart.NEW), case.end(RotationPart.OLD)):
        with pytest.raises(NotFound):
            await change


async def test_refused_request_changes_nothing(case: Case, world: World) -> None:
    past = await database.database_now()
    stranger = (await world.person()).principal
    refused: list[tuple[dict[str, Any], type[Refusal], str]] = [
        ({"drain_seconds": -1}, InvalidInput, "drainSeconds"),
        ({"drain_seconds": 7 * 86_400 + 1}, InvalidInput, "drainSeconds"),
        ({"latest_by": past}, InvalidInput, "latestBy"),
        ({"idempotency_key": ""}, InvalidInput, "idempotencyKey"),
        ({"idempotency_key": "x" * 256}, InvalidInput, "idempotencyKey"),
        ({"idempotency_key": "\n"}, InvalidInput, "idempotencyKey"),
        ({"if_revision": 2}, RevisionConflict, ""),
    ]
    for how, refusal, field in refused:
        with pytest.raises(refusal) as found:
            await case.rotate(**how)
        assert getattr(found.value, "field", "") == field
    with pytest.raises(NotFound):
        await rotation.rotate(stranger, case.service, case.token.id)
    with pytest.raises(NotFound):
        await rotation.end_rotation(stranger, case.token.id, RotationPart.NEW)
    with pytest.raises(RevisionConflict):
        await rotation.end_rotation(case.person.principal, case.token.id, RotationPart.NEW, 2)
    assert await case.activity() == []
    assert await case.ask(case.secret) == LIVES
    assert await case.rotate(drain_seconds=7 * 86_400)


async def test_rotation_of_another_tenant_is_hidden(case: Case, world: World) -> None:
    await case.rotate()
    token = await models.Token.get(tenant_id=case.tenant.id, id=case.token.id)
    stranger = (await world.person()).principal
    assert await rotation.under_way(stranger, [token]) == {}


def test_secret_is_in_no_repr() -> None:
    shown = repr(rotation.Rotated(models.Token(name="t"), "tsr_secret"))
    assert "tsr_secret" not in shown

"""Concurrent rotations, pick-ups and changes of one token on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

import models
from models import ActivityKind, RotationPart
from server.app import running_service
from server.decisions import pick_ups
from server.decisions.rotation_requests import RotationRequest
from server.operations import conditions, rotation, tokens
from server.service import Service
from tests.conftest import settings_for
from tests.support.races import (
    Outcome,
    Remains,
    Trial,
    assert_holds,
    is_ok,
    make_trials,
    some_keys,
)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


def live(left: Remains, trial: Trial) -> list[int]:
    """The generations of the secrets that are not closed."""
    secrets = left.ledger.secrets[trial.token.id]
    return sorted(one.generation for one in secrets if one.closed_by is None)


def reopen(trial: Trial, generation: int) -> Awaitable[int]:
    """The effect of a rotation that does not see concurrent changes."""
    secrets = models.TokenSecret.filter(tenant_id=trial.tenant.id, generation=generation)
    return secrets.update(closed_by=None)


async def rotated(service: Service, trials: Sequence[Trial]) -> dict[UUID, pick_ups._PickUp]:
    """The pick-up of the new secret of each trial's token."""
    return {trial.token.id: await _rotated(service, trial) for trial in trials}


async def _rotated(service: Service, trial: Trial) -> pick_ups._PickUp:
    made = await rotation.rotate(trial.owner, service, trial.token.id)
    digests = service.digest_key.digests("token", made.secret)
    return pick_ups._PickUp(str(trial.tenant.id), str(trial.token.id), digests, "192.0.2.1")


async def test_retries_with_one_key_leave_one_live_new_secret(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            rotation.rotate(
                trial.admin, service, trial.token.id, RotationRequest(idempotency_key="k")
            )
            for _ in range(3)
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        digests = [service.digest_key.digest("token", one.secret) for one in outcome]
        secrets = left.ledger.secrets[trial.token.id]
        of_the_answers = [one for one in secrets if bytes(one.digest) in digests]
        alive = [one for one in of_the_answers if one.closed_by is None]
        found = [] if (len(of_the_answers), len(alive)) == (3, 1) else [f"alive are {alive}"]
        return found if live(left, trial) == [1, 4] else [*found, "not two secrets live"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ok", "ok")},
        plant=lambda trial: reopen(trial, 2),
    )


async def test_one_of_two_rotations_begins(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            rotation.rotate(who, service, trial.token.id, RotationRequest(idempotency_key="k"))
            for who in trial.admins
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return [] if live(left, trial) == [1, 2] else [f"these secrets live: {live(left, trial)}"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ROTATION_UNDER_WAY"), ("ROTATION_UNDER_WAY", "ok")},
        plant=lambda trial: models.TokenSecret.filter(
            tenant_id=trial.tenant.id, generation=2
        ).update(closed_by=models.ClosedBy.RETIRED),
    )


async def test_no_secret_of_a_rotation_outlives_the_revocation(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            rotation.rotate(trial.admin, service, trial.token.id),
            tokens.revoke(trial.owner, trial.token.id),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        alive = live(left, trial)
        return [f"secrets of a revoked token live: {alive}"] if alive else []

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ok"), ("NOT_FOUND", "ok")},
        plant=lambda trial: reopen(trial, 1),
    )


async def test_pause_and_permissions_reach_a_secret_made_meanwhile(service: Service) -> None:
    """The audit compares each secret with its token."""

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            rotation.rotate(trial.admin, service, trial.token.id),
            conditions.pause(trial.owner, trial.token.id),
            tokens.set_permissions(trial.owner, service, trial.token.id, some_keys(service, 2)),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        blocks = {one.block for one in left.ledger.secrets[trial.token.id]}
        return [] if blocks == {"PAUSED"} else [f"not every secret is paused: {blocks}"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ok", "ok")},
        plant=lambda trial: models.TokenSecret.filter(
            tenant_id=trial.tenant.id, generation=2
        ).update(block=None),
    )


async def test_secret_is_picked_up_or_taken_back(service: Service) -> None:
    trials = await make_trials()
    waiting = await rotated(service, trials)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            pick_ups._record(waiting[trial.token.id]),
            rotation.end_rotation(trial.owner, trial.token.id, RotationPart.OLD),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        is_cancelled, alive = is_ok(outcome[1]), live(left, trial)
        found = [] if alive == ([1] if is_cancelled else [1, 2]) else [f"these live: {alive}"]
        seen = left.kinds(trial)[ActivityKind.ROTATION_PICKED_UP]
        return found if seen == (not is_cancelled) else [*found, "it was both seen and taken back"]

    await assert_holds(
        trials,
        contend,
        judge,
        seen={("ok", "ok"), ("ok", "INVALID_INPUT")},
        plant=lambda trial: models.TokenSecret.filter(
            tenant_id=trial.tenant.id, generation=1
        ).update(closed_by=models.ClosedBy.RETIRED),
    )


async def test_secret_is_picked_up_or_replaced(service: Service) -> None:
    trials = await make_trials()
    waiting = await rotated(service, trials)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            pick_ups._record(waiting[trial.token.id]),
            rotation.rotate(trial.admin, service, trial.token.id, RotationRequest(replace=True)),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        is_replaced, alive = is_ok(outcome[1]), live(left, trial)
        found = [] if alive == ([1, 3] if is_replaced else [1, 2]) else [f"these live: {alive}"]
        row = left.ledger.rotations[trial.token.id]
        if (row.picked_up_at is None) is not is_replaced:
            found.append("a secret that was replaced counts as picked up")
        return found

    await assert_holds(
        trials,
        contend,
        judge,
        seen={("ok", "ok"), ("ok", "ROTATION_UNDER_WAY")},
        plant=lambda trial: models.TokenSecret.filter(
            tenant_id=trial.tenant.id, generation=1
        ).update(closed_by=models.ClosedBy.RETIRED),
    )


async def test_pick_up_that_two_instances_note_is_recorded_once(service: Service) -> None:
    trials = await make_trials()
    waiting = await rotated(service, trials)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            pick_ups._record(waiting[trial.token.id]),
            pick_ups._record(waiting[trial.token.id]),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        seen = left.kinds(trial)[ActivityKind.ROTATION_PICKED_UP]
        return [] if seen == 1 else [f"recorded {seen} times"]

    async def plant(trial: Trial) -> None:
        await models.Activity.create(
            tenant_id=trial.tenant.id,
            token_id=trial.token.id,
            actor_id=trial.owner.admin_id,
            kind=ActivityKind.ROTATION_PICKED_UP,
        )

    await assert_holds(trials, contend, judge, seen={("ok", "ok")}, plant=plant)

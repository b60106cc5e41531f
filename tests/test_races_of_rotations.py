"""Concurrent rotations, pick-ups and changes of one token on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import models
from models import ActivityKind, RevocationReason, RotationPart
from server.database import database_now
from server.decisions import pick_ups
from server.decisions.rotation_requests import RotationRequest
from server.operations import conditions, revocation, rotation, tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.races import (
    Outcome,
    Race,
    Remains,
    Trial,
    assert_holds,
    is_ok,
    make_trials,
    some_keys,
    unless,
)

OK, PICKED_UP = ("ok", "ok"), ActivityKind.ROTATION_PICKED_UP
WITH_KEY, REPLACING = RotationRequest(idempotency_key="k"), RotationRequest(replace=True)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


# The contenders


def rotate(
    service: Service, trial: Trial, request: RotationRequest | None = None
) -> Awaitable[rotation.Rotated]:
    return rotation.rotate(trial.admin, service, trial.token.id, request or RotationRequest())


def end(trial: Trial, keep: RotationPart) -> Awaitable[models.Token]:
    return rotation.end_rotation(trial.owner, trial.token.id, keep)


def revoke(trial: Trial) -> Awaitable[models.Token]:
    return tokens.revoke(trial.owner, trial.token.id)


def revoke_with_others(trial: Trial) -> Awaitable[int]:
    """A portion of a bulk revocation."""
    ids = [models.new_id(), trial.token.id]
    return revocation._revoke(trial.owner, ids, RevocationReason.REVOKED)


async def expire(trial: Trial) -> models.Token:
    at = await database_now() + timedelta(seconds=1)
    return await conditions.set_expiry(trial.owner, trial.token.id, at)


# The judgement


def live(left: Remains, trial: Trial) -> list[int]:
    """The generations of the secrets that are not closed."""
    secrets = left.ledger.secrets[trial.token.id]
    return sorted(one.generation for one in secrets if one.closed_by is None)


def lives(left: Remains, trial: Trial, *expected: int) -> list[str]:
    return unless(live(left, trial) == [*expected], f"these secrets live: {live(left, trial)}")


def none_lives(left: Remains, trial: Trial, _outcome: Outcome) -> list[str]:
    return lives(left, trial)


def every_secret_is_paused(left: Remains, trial: Trial, _outcome: Outcome) -> list[str]:
    blocks = {one.block for one in left.ledger.secrets[trial.token.id]}
    return unless(blocks == {"PAUSED"}, f"not every secret is paused: {blocks}")


def is_picked_up_or_taken_back(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    is_cancelled = is_ok(outcome[1])
    found = lives(left, trial, *([1] if is_cancelled else [1, 2]))
    is_seen = left.kinds(trial)[PICKED_UP] == 1
    return found + unless(is_seen is not is_cancelled, "it was both seen and taken back")


def is_picked_up_or_replaced(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    is_replaced = is_ok(outcome[1])
    found = lives(left, trial, *([1, 3] if is_replaced else [1, 2]))
    row = left.ledger.rotations[trial.token.id]
    is_right = (row.picked_up_at is None) is is_replaced
    return found + unless(is_right, "a secret that was replaced counts as picked up")


def is_picked_up_once(left: Remains, trial: Trial, _outcome: Outcome) -> list[str]:
    seen = left.kinds(trial)[PICKED_UP]
    return unless(seen == 1, f"recorded {seen} times")


def only_new_lives(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    return lives(left, trial, 2) + is_picked_up_once(left, trial, outcome)


# Violations


def change_secret(trial: Trial, generation: int, **columns: Any) -> Awaitable[int]:
    """The effect of a change that does not see a concurrent one."""
    secrets = models.TokenSecret.filter(tenant_id=trial.tenant.id, generation=generation)
    return secrets.update(**columns)


def reopen(trial: Trial, generation: int = 1) -> Awaitable[int]:
    return change_secret(trial, generation, closed_by=None)


def close(trial: Trial, generation: int = 1) -> Awaitable[int]:
    return change_secret(trial, generation, closed_by=models.ClosedBy.RETIRED)


async def pick_up_again(trial: Trial) -> None:
    await models.Activity.create(
        tenant_id=trial.tenant.id,
        subject_id=trial.token.id,
        actor_id=trial.owner.admin_id,
        kind=PICKED_UP,
    )


ENDED: set[tuple[str, ...]] = {OK, ("NOT_FOUND", "ok")}
# By their contenders.
RACES = {
    "rotate, rotate": Race(
        lambda service, trial: [
            rotation.rotate(who, service, trial.token.id, WITH_KEY) for who in trial.admins
        ],
        lambda left, trial, _outcome: lives(left, trial, 1, 2),
        {("ok", "ROTATION_UNDER_WAY"), ("ROTATION_UNDER_WAY", "ok")},
        lambda trial: close(trial, 2),
    ),
    "rotate, revoke": Race(
        lambda service, trial: [rotate(service, trial), revoke(trial)],
        none_lives,
        ENDED,
        reopen,
    ),
    "rotate, revoke with others": Race(
        lambda service, trial: [rotate(service, trial), revoke_with_others(trial)],
        none_lives,
        ENDED,
        reopen,
    ),
    # The audit compares each secret with its token: also with the permissions.
    "rotate, pause, set permissions": Race(
        lambda service, trial: [
            rotate(service, trial),
            conditions.pause(trial.owner, trial.token.id),
            tokens.set_permissions(trial.owner, service, trial.token.id, some_keys(service, 2)),
        ],
        every_secret_is_paused,
        {("ok", "ok", "ok")},
        lambda trial: change_secret(trial, 2, block=None),
    ),
}
# Of a token whose new secret was used: the first contender records that.
RACES_OF_PICK_UPS = {
    "pick up, cancel": Race(
        lambda _service, trial: [end(trial, RotationPart.OLD)],
        is_picked_up_or_taken_back,
        {OK, ("ok", "INVALID_INPUT")},
        close,
    ),
    "pick up, replace": Race(
        lambda service, trial: [rotate(service, trial, REPLACING)],
        is_picked_up_or_replaced,
        {OK, ("ok", "ROTATION_UNDER_WAY")},
        close,
    ),
    "pick up, end the old one": Race(
        lambda _service, trial: [end(trial, RotationPart.NEW)],
        only_new_lives,
        {OK},
        reopen,
    ),
    # The audit compares the expiries of both secrets with the token's.
    "pick up, expire": Race(
        lambda _service, trial: [expire(trial)],
        is_picked_up_once,
        {OK},
        lambda trial: change_secret(trial, 2, expires_at=None),
    ),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
async def test_rotation_and_another_change(service: Service, race: Race) -> None:
    await assert_holds(
        await make_trials(),
        lambda trial: race.contend(service, trial),
        race.judge,
        seen=race.seen,
        plant=race.plant,
    )


async def used(service: Service, trial: Trial) -> pick_ups._PickUp:
    """The pick-up of a new secret of the trial's token."""
    made = await rotation.rotate(trial.owner, service, trial.token.id)
    digests = service.digest_key.digests("token", made.secret)
    return pick_ups._PickUp(str(trial.tenant.id), str(trial.token.id), digests, "192.0.2.1")


@pytest.mark.parametrize("race", RACES_OF_PICK_UPS.values(), ids=RACES_OF_PICK_UPS.keys())
async def test_pick_up_and_another_change(service: Service, race: Race) -> None:
    trials = await make_trials()
    noted = {trial.token.id: await used(service, trial) for trial in trials}

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [pick_ups._record(noted[trial.token.id]), *race.contend(service, trial)]

    await assert_holds(trials, contend, race.judge, seen=race.seen, plant=race.plant)


async def test_pick_up_that_two_instances_note_is_recorded_once(service: Service) -> None:
    trials = await make_trials()
    noted = {trial.token.id: await used(service, trial) for trial in trials}
    await assert_holds(
        trials,
        lambda trial: [pick_ups._record(noted[trial.token.id]) for _ in range(2)],
        is_picked_up_once,
        seen={OK},
        plant=pick_up_again,
    )


async def test_retries_with_one_key_leave_one_live_new_secret(service: Service) -> None:
    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        digests = [service.digest_key.digest("token", one.secret) for one in outcome]
        secrets = left.ledger.secrets[trial.token.id]
        of_the_answers = [one for one in secrets if bytes(one.digest) in digests]
        alive = [one for one in of_the_answers if one.closed_by is None]
        counts = len(of_the_answers), len(alive)
        return unless(counts == (3, 1), f"alive are {alive}") + lives(left, trial, 1, 4)

    await assert_holds(
        await make_trials(),
        lambda trial: [rotate(service, trial, WITH_KEY) for _ in range(3)],
        judge,
        seen={("ok", "ok", "ok")},
        plant=lambda trial: reopen(trial, 2),
    )

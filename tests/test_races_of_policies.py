"""A token policy that is set beside changes of tokens, on PostgreSQL: no token escapes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

import models
from models import ActivityKind
from server.access import token_policies
from server.conditions import Conditions
from server.database import transaction
from server.decisions import unused
from server.lifetimes import NO_LIFETIMES, Lifetimes, latest_end
from server.operations import conditions, policies, tokens
from server.operations.policies import PolicyValues
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.races import (
    TRIALS,
    Outcome,
    Remains,
    Trial,
    assert_holds,
    judged,
    make_trials,
    remains,
    run,
)

MAXIMUM = 30
_FAR = timedelta(days=400)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


async def trials_with_tokens(count: int = TRIALS) -> list[Trial]:
    """Trials whose tenants have had a token: the first one locks the tenant's row in any case."""
    trials = await make_trials(count)
    await models.Tenant.all().update(first_token_at=models.now())
    return trials


def set_policy(trial: Trial) -> Awaitable[Any]:
    return policies.set_policy(trial.owner, PolicyValues(maximum_lifetime_days=MAXIMUM))


def escaped(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    """The live tokens beyond the maximum of the policy."""
    begins = outcome[1].row.effective_from
    latest = latest_end(begins, MAXIMUM)
    ends = [token.expires_at for token in left.live_tokens(trial)]
    return [f"{end} is beyond {latest}" for end in ends if end is None or end > latest]


def endless(trial: Trial) -> Awaitable[int]:
    """The effect of a creation that reads the policy without its lock."""
    return models.Token.filter(tenant_id=trial.tenant.id).update(expires_at=None)


async def test_token_created_beside_a_new_policy_does_not_escape_it(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        never = Conditions(expires_at=None)
        return [
            tokens.create(trial.admin, service, name="new", conditions=never),
            set_policy(trial),
        ]

    await assert_holds(
        await trials_with_tokens(),
        contend,
        escaped,
        seen={("ok", "ok"), ("INVALID_INPUT", "ok")},
        plant=endless,
    )


async def test_expiry_set_beside_a_new_policy_does_not_escape_it(service: Service) -> None:
    far = models.now() + _FAR

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [conditions.set_expiry(trial.admin, trial.token.id, far), set_policy(trial)]

    await assert_holds(
        await trials_with_tokens(),
        contend,
        escaped,
        seen={("ok", "ok"), ("INVALID_INPUT", "ok")},
        plant=endless,
    )


async def test_one_of_two_policies_with_the_same_version_is_set(service: Service) -> None:
    trials = await make_trials()
    begins = models.now() + timedelta(days=2)
    values = PolicyValues(maximum_lifetime_days=MAXIMUM)
    versions = {
        trial.tenant.id: await policies.preview(trial.owner, values, begins) for trial in trials
    }

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        told = versions[trial.tenant.id]
        return [
            policies.set_policy(trial.owner, values, told.effective_from, told.version)
            for _ in range(2)
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        told = versions[trial.tenant.id].plan.expiry(trial.token)
        found = [] if left.ledger.tokens[trial.token.id].expires_at == told else ["another date"]
        count = left.kinds(trial)[ActivityKind.EXPIRY_SET]
        return found if count == 1 else [*found, f"its expiry was set {count} times"]

    await assert_holds(
        trials,
        contend,
        judge,
        seen={("ok", "TOKEN_POLICY_CONFLICT"), ("TOKEN_POLICY_CONFLICT", "ok")},
        plant=endless,
    )


async def test_token_revoked_beside_a_new_policy_stays_revoked(service: Service) -> None:
    async def revoke(trial: Trial) -> None:
        # A policy takes longer to set: give it up to 0.4 s more.
        await asyncio.sleep(trial.tenant.id.int % 5 * 0.1)
        await tokens.revoke(trial.admin, trial.token.id)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [revoke(trial), set_policy(trial)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return ["a revoked token is live"] if left.live_tokens(trial) else []

    async def plant(trial: Trial) -> None:
        await models.Token.filter(tenant_id=trial.tenant.id).update(revoked_at=None)

    trials = await make_trials()
    outcomes = await run(trials, contend)
    left = await remains(trials)
    assert judged(left, trials, outcomes, judge) == []
    # Either came first.
    ends = {left.ledger.tokens[trial.token.id].expires_at is None for trial in trials}
    assert ends == {True, False}
    await plant(trials[-1])
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


async def test_token_resumed_beside_the_pausing_of_unused_ones_is_not_paused(
    service: Service,
) -> None:
    """Paused before it is resumed, or left alone since it was."""
    since = models.now() - timedelta(days=30)

    async def pause(trial: Trial) -> None:
        async with transaction():
            await unused._pause(trial.tenant.id, [trial.token.id], since)

    async def pause_and_resume(trial: Trial) -> None:
        await conditions.pause(trial.admin, trial.token.id)
        await conditions.resume(trial.admin, trial.token.id)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [pause_and_resume(trial), pause(trial)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return ["it is paused"] if left.ledger.tokens[trial.token.id].paused_at else []

    trials = await make_trials()
    await models.Token.all().update(created_at=since - timedelta(days=1))
    outcomes = await run(trials, contend)
    assert judged(await remains(trials), trials, outcomes, judge) == []
    await models.Token.filter(tenant_id=trials[-1].tenant.id).update(paused_at=models.now())
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


async def test_without_the_lock_some_tokens_escape(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contenders overlap: code that reads the policy without its lock loses some races."""

    async def unlocked(tenant_id: UUID, now: datetime) -> Lifetimes:
        policy = await token_policies.find(tenant_id)
        await asyncio.sleep(0.005)
        return NO_LIFETIMES if policy is None else token_policies.lifetimes_of(policy, now)

    monkeypatch.setattr(token_policies, "lifetimes", unlocked)
    trials = await trials_with_tokens(2 * TRIALS)
    never = Conditions(expires_at=None)
    outcomes = await run(
        trials,
        lambda trial: [
            tokens.create(trial.admin, service, name="new", conditions=never),
            set_policy(trial),
        ],
    )
    assert judged(await remains(trials), trials, outcomes, escaped)

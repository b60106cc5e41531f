"""Removal by a plan, beside changes of the leaving admin's tokens, on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

import models
from models import ActivityKind, Role
from server.decisions.removal import Choice, Choices, RemovalAction
from server.operations import admins, conditions, removal, tokens
from server.paging import PageRequest
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.races import (
    Outcome,
    Remains,
    Trial,
    add_tokens,
    assert_holds,
    is_ok,
    make_trials,
    unless,
)

_KEEP = Choices({}, Choice(RemovalAction.TRANSFER))


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


@dataclass(frozen=True)
class Shown:
    """The plan as it was before the race."""

    version: str
    tokens: frozenset[UUID]


async def shown_to(trial: Trial) -> Shown:
    plan = await removal.plan(trial.owner, trial.admin.admin_id)
    page = await removal.tokens(trial.owner, trial.admin.admin_id, PageRequest(100))
    assert plan is not None
    return Shown(plan.version, frozenset(row.id for row in page.rows))


async def remove_as_planned(trial: Trial, shown: Shown) -> frozenset[UUID]:
    """Keep the tokens of the plan for the organisation; gives those that it showed."""
    await admins.remove(trial.owner, trial.admin.admin_id, _KEEP, shown.version)
    return shown.tokens


def concerns_what_the_plan_showed(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    leaving = trial.admin.admin_id
    is_there = leaving in {admin.id for admin in left.admins_of(trial)}
    concerned = {
        token.id
        for token in left.ledger.of(trial.tenant.id)
        for entry in left.ledger.story[token.id]
        if entry.kind is ActivityKind.TRANSFERRED
        and entry.actor_id == trial.owner.admin_id
        and entry.details == {"previousOwner": str(leaving), "owner": None}
    }
    if not is_ok(outcome[1]):
        return unless(is_there and not concerned, "it was refused, and carried out")
    found = unless(not is_there, "the admin is there")
    found += unless(concerned == outcome[1], "it concerned other tokens than it showed")
    owners = {token.owner_id for token in left.live_tokens(trial)}
    return found + unless(leaving not in owners, "a token was missed")


async def plant(trial: Trial) -> None:
    """A token that the removal did not see."""
    leaving = trial.admin.admin_id
    await models.Admin.filter(tenant_id=trial.tenant.id, id=leaving).update(removed_at=models.now())
    await models.Token.filter(tenant_id=trial.tenant.id).update(owner_id=leaving, revoked_at=None)


@dataclass(frozen=True)
class Rival:
    """A change beside the removal. starts_elsewhere: whether another admin owns the token."""

    change: Callable[[Service, Trial], Awaitable[Any]]
    when_late: str
    starts_elsewhere: bool = False


RIVALS = {
    "create": Rival(
        lambda service, trial: tokens.create(trial.admin, service, name="new"), "UNAUTHENTICATED"
    ),
    "transfer to them": Rival(
        lambda _, trial: conditions.transfer(trial.admins[2], trial.token.id, trial.admin.admin_id),
        "NOT_FOUND",
        starts_elsewhere=True,
    ),
    "transfer from them": Rival(
        lambda _, trial: conditions.transfer(
            trial.admins[2], trial.token.id, trial.admins[2].admin_id
        ),
        "ok",
    ),
    "revoke": Rival(lambda _, trial: tokens.revoke(trial.admins[2], trial.token.id), "ok"),
}


@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS.keys())
async def test_removal_concerns_the_tokens_that_its_plan_showed(
    service: Service, rival: Rival
) -> None:
    trials = await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN))
    await add_tokens(trials, 2)
    if rival.starts_elsewhere:
        for trial in trials:
            own = models.Token.filter(tenant_id=trial.tenant.id, id=trial.token.id)
            await own.update(owner_id=trial.admins[2].admin_id)
    shown = {trial.tenant.id: await shown_to(trial) for trial in trials}
    await assert_holds(
        trials,
        lambda trial: [
            rival.change(service, trial),
            remove_as_planned(trial, shown[trial.tenant.id]),
        ],
        concerns_what_the_plan_showed,
        seen={("ok", "ok"), ("ok", "REMOVAL_PLAN_CONFLICT"), (rival.when_late, "ok")},
        plant=plant,
    )

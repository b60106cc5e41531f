"""Concurrent requests for a permission, and concurrent decisions, on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

import models
from models import AccessRequestState, ActivityKind
from server.access.principal import Holder
from server.operations import access_requests, holder, tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.races import (
    Outcome,
    Remains,
    Trial,
    assert_holds,
    is_ok,
    make_trials,
    some_keys,
    unless,
)

_DECISIONS = {ActivityKind.ACCESS_GRANTED, ActivityKind.ACCESS_DECLINED}


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


def ask(service: Service, trial: Trial) -> Awaitable[tuple[models.AccessRequest, bool]]:
    who, [key] = Holder(trial.tenant.id, trial.token.id), some_keys(service, 1)
    return holder.request_access(who, service, key, "Why")


async def test_one_request_is_open_for_a_permission(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [ask(service, trial), ask(service, trial)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        (one, first), (other, second) = outcome
        found = unless(one.id == other.id, "each got a request of their own")
        found += unless(first is not second, "both opened it, or neither")
        asked = left.kinds(trial)[ActivityKind.ACCESS_REQUESTED]
        return found + unless(asked == 1, f"{asked} requests are recorded")

    async def plant(trial: Trial) -> None:
        await models.Activity.create(
            tenant_id=trial.tenant.id,
            subject_id=trial.token.id,
            actor_id=trial.token.id,
            kind=ActivityKind.ACCESS_REQUESTED,
        )

    await assert_holds(await make_trials(), contend, judge, seen={("ok", "ok")}, plant=plant)


async def test_a_request_is_decided_once(service: Service) -> None:
    """Granted or declined, and the token holds the permission exactly where it was granted."""
    trials = await make_trials()
    asked: dict[UUID, UUID] = {}
    for trial in trials:
        asked[trial.tenant.id] = (await ask(service, trial))[0].id

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        request_id = asked[trial.tenant.id]
        return [
            tokens.grant_requested(trial.owner, service, request_id),
            access_requests.decline(trial.admin, request_id, "No"),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        state = AccessRequestState.GRANTED if is_ok(outcome[0]) else AccessRequestState.DECLINED
        told = [one.state for one in outcome if is_ok(one)]
        found = unless(told == [state], f"it is told as {told}")
        held = left.ledger.held[trial.token.id]
        found += unless(bool(held) is is_ok(outcome[0]), f"the token holds {held}")
        decided = sum(left.kinds(trial)[kind] for kind in _DECISIONS)
        return found + unless(decided == 1, f"{decided} decisions are recorded")

    async def plant(trial: Trial) -> None:
        await models.TokenPermission.filter(tenant_id=trial.tenant.id).delete()
        await models.Activity.filter(tenant_id=trial.tenant.id, kind__in=list(_DECISIONS)).delete()

    await assert_holds(
        trials,
        contend,
        judge,
        seen={("ok", "INVALID_INPUT"), ("INVALID_INPUT", "ok")},
        plant=plant,
    )

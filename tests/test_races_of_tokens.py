"""Concurrent changes of tokens on PostgreSQL: the second sees the result of the first.

SQLite, with one writer at a time, is in `tests.server.database.test_transactions`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import models
from models import ActivityKind, Role
from server.access.principal import SignedInAdmin
from server.database import transaction
from server.errors import Refusal
from server.operations import admins, tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.races import (
    TRIALS,
    Outcome,
    Remains,
    Trial,
    assert_holds,
    is_ok,
    judged,
    make_trials,
    remains,
    revive,
    run,
    shown,
    some_keys,
)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


async def test_rename_does_not_undo_a_revocation(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.rename(trial.admin, trial.token.id, "after"),
            tokens.revoke(trial.owner, trial.token.id),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        renamed = not isinstance(outcome[0], Refusal)
        found = ["a revoked token is live"] if left.live_tokens(trial) else []
        if left.ledger.tokens[trial.token.id].name != ("after" if renamed else "before"):
            found.append("its name is not what the rename was told")
        return found

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ok"), ("NOT_FOUND", "ok")},
        plant=revive,
    )


async def test_token_does_not_change_after_its_acknowledged_revocation(
    service: Service,
) -> None:
    async def revoke_then_change(trial: Trial) -> None:
        await tokens.revoke(trial.owner, trial.token.id)
        await tokens.set_permissions(trial.owner, service, trial.token.id, some_keys(service, 1))

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.set_permissions(trial.admin, service, trial.token.id, some_keys(service, 2)),
            revoke_then_change(trial),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return ["a revoked token is live"] if left.live_tokens(trial) else []

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "NOT_FOUND"), ("NOT_FOUND", "NOT_FOUND")},
        plant=revive,
    )


async def test_one_of_two_permission_sets_with_the_same_revision_wins(service: Service) -> None:
    first, second = some_keys(service, 4)[:3], some_keys(service, 4)[2:]

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.set_permissions(who, service, trial.token.id, wanted, if_revision=1)
            for who, wanted in ((trial.owner, first), (trial.admin, second))
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        won = [wanted for wanted, o in zip((first, second), outcome, strict=True) if is_ok(o)]
        return [] if [left.ledger.held[trial.token.id]] == [*map(set, won)] else ["not one set"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "REVISION_CONFLICT"), ("REVISION_CONFLICT", "ok")},
        plant=lambda trial: hold_also(trial, first + second),
    )


async def test_last_of_two_permission_sets_remains_whole(service: Service) -> None:
    first, second = some_keys(service, 4)[:3], some_keys(service, 4)[2:]

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.set_permissions(who, service, trial.token.id, wanted)
            for who, wanted in ((trial.owner, first), (trial.admin, second))
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        held = left.ledger.held[trial.token.id]
        return [] if held in (set(first), set(second)) else [f"a mixture is held: {held}"]

    trials = await make_trials()
    outcomes = await run(trials, contend)
    left = await remains(trials)
    assert judged(left, trials, outcomes, judge) == []
    assert {frozenset(left.ledger.held[trial.token.id]) for trial in trials} == {
        frozenset(first),
        frozenset(second),
    }
    await hold_also(trials[-1], first + second)
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


async def test_both_of_two_permission_edits_are_applied(service: Service) -> None:
    first, second = some_keys(service, 4)[:3], some_keys(service, 4)[2:]

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.edit_permissions(trial.owner, service, trial.token.id, grant=first),
            tokens.edit_permissions(
                trial.admin, service, trial.token.id, grant=second[1:], withdraw=second[:1]
            ),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        contested = {second[0]}
        held = left.ledger.held[trial.token.id] - contested
        return [] if held == {*first, *second} - contested else [f"an edit is lost: {held}"]

    trials = await make_trials()
    outcomes = await run(trials, contend)
    left = await remains(trials)
    assert judged(left, trials, outcomes, judge) == []
    assert {shown(outcome) for outcome in outcomes} == {("ok", "ok")}
    assert {second[0] in left.ledger.held[trial.token.id] for trial in trials} == {True, False}
    lost = models.TokenPermission.filter(tenant_id=trials[-1].tenant.id, key=first[0])
    await lost.delete()
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


async def test_one_of_two_permission_edits_with_the_same_revision_wins(service: Service) -> None:
    first, second = some_keys(service, 4)[:2], some_keys(service, 4)[2:]

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.edit_permissions(who, service, trial.token.id, grant=wanted, if_revision=1)
            for who, wanted in ((trial.owner, first), (trial.admin, second))
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        won = [wanted for wanted, o in zip((first, second), outcome, strict=True) if is_ok(o)]
        return [] if [left.ledger.held[trial.token.id]] == [*map(set, won)] else ["not one edit"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "REVISION_CONFLICT"), ("REVISION_CONFLICT", "ok")},
        plant=lambda trial: hold_also(trial, first + second),
    )


async def hold_also(trial: Trial, keys: Sequence[str]) -> None:
    await models.TokenPermission.bulk_create(
        [
            models.TokenPermission(tenant_id=trial.tenant.id, token_id=trial.token.id, key=key)
            for key in keys
        ],
        ignore_conflicts=True,
    )


async def test_token_created_during_its_admins_removal_is_revoked(
    service: Service,
) -> None:
    async def remove_then_create(trial: Trial) -> int:
        count = (await admins.remove(trial.owner, trial.admin.admin_id)).revoked
        with pytest.raises(Refusal) as refused:
            await tokens.create(trial.admin, service, name="too late")
        assert refused.value.code == "UNAUTHENTICATED"
        return count

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [tokens.create(trial.admin, service, name="new"), remove_then_create(trial)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        found = ["a removed admin's token is live"] if left.live_tokens(trial) else []
        made = 1 + is_ok(outcome[0])
        if outcome[1] != made or len(left.ledger.of(trial.tenant.id)) != made:
            found.append("another number of tokens was revoked")
        if [admin.id for admin in left.admins_of(trial)] != [trial.owner.admin_id]:
            found.append("not the owner alone is left")
        return found

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "ok"), ("UNAUTHENTICATED", "ok")},
        plant=revive,
    )


async def test_token_is_revoked_once(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [tokens.revoke(who, trial.token.id) for who in trial.admins]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return [] if left.kinds(trial)[ActivityKind.REVOKED] == 1 else ["not one revocation"]

    async def plant(trial: Trial) -> None:
        await models.Activity.create(
            tenant_id=trial.tenant.id,
            subject_id=trial.token.id,
            actor_id=trial.owner.admin_id,
            kind=ActivityKind.REVOKED,
        )

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "NOT_FOUND"), ("NOT_FOUND", "ok")},
        plant=plant,
    )


async def test_token_is_revoked_once_during_its_creators_removal(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.revoke(trial.admins[2], trial.token.id),
            admins.remove(trial.owner, trial.admin.admin_id),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        found = ["it is live"] if left.live_tokens(trial) else []
        return found if outcome[1].revoked == (not is_ok(outcome[0])) else [*found, "revoked twice"]

    await assert_holds(
        await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN)),
        contend,
        judge,
        seen={("ok", "ok"), ("NOT_FOUND", "ok")},
        plant=revive,
    )


async def test_retries_with_one_idempotency_key_create_one_token_and_show_one_secret(
    service: Service,
) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            tokens.create(trial.admin, service, name="once", idempotency_key="k") for _ in range(2)
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        made = [t.id for t in left.ledger.of(trial.tenant.id) if t.id != trial.token.id]
        found = [] if made == [o.token.id for o in outcome if is_ok(o)] else ["not one token"]
        if {o.token.id for o in outcome} != set(made):
            found.append("the refusal names another token")
        return found

    async def plant(trial: Trial) -> None:
        await tokens.create(trial.admin, service, name="once", idempotency_key="k2")

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "SECRET_ALREADY_SHOWN"), ("SECRET_ALREADY_SHOWN", "ok")},
        plant=plant,
    )


async def test_two_first_tokens_set_the_api_url_once(service: Service) -> None:
    async def create_and_look(who: SignedInAdmin) -> tuple[models.Token, models.Tenant]:
        created = await tokens.create(who, service, name="first")
        return created.token, await models.Tenant.get(id=who.tenant_id)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [create_and_look(who) for who in trial.admins]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        now = left.tenants[trial.tenant.id]
        found = [] if len(left.ledger.of(trial.tenant.id)) == 3 else ["not both were made"]
        if now.first_token_at not in [token.created_at for token, _ in outcome]:
            found.append("neither of them was the first")
        if any(tenant.first_token_at != now.first_token_at for _, tenant in outcome):
            found.append("it was set twice")
        if any(service.api_url(tenant) is None for _, tenant in outcome):
            found.append("a token was made, and the URL is not shown")
        return found

    async def plant(trial: Trial) -> None:
        await models.Tenant.filter(id=trial.tenant.id).update(first_token_at=models.now())

    await assert_holds(await make_trials(), contend, judge, seen={("ok", "ok")}, plant=plant)


async def test_naive_changes_lose_some_races(service: Service) -> None:
    """Code without locks loses some of them, which proves that the contenders overlap."""

    # Seconds between reading and writing in a naive change.
    think = 0.005

    async def naive_rename(trial: Trial) -> None:
        token = await models.Token.get(tenant_id=trial.tenant.id, id=trial.token.id)
        await asyncio.sleep(think)
        token.name = "after"
        # All but the tenant, which is no column to write in a table that is distributed by it.
        await token.save(update_fields={*token._meta.fields_db_projection} - {"id", "tenant_id"})

    async def naive_create(trial: Trial) -> None:
        async with transaction():
            maker = await models.Admin.get_or_none(id=trial.admin.admin_id)
            if maker is None:
                return
            await asyncio.sleep(think)
            await models.Token.create(
                tenant_id=trial.tenant.id,
                name="new",
                description="",
                hint="tsr_…",
                created_by_id=maker.id,
                owner_id=maker.id,
            )

    trials = await make_trials(2 * TRIALS)
    renamed, created = trials[:TRIALS], trials[TRIALS:]
    await run(renamed, lambda t: [naive_rename(t), tokens.revoke(t.owner, t.token.id)])
    await run(created, lambda t: [naive_create(t), admins.remove(t.owner, t.admin.admin_id)])
    left = await remains(trials)
    assert any(left.live_tokens(trial) for trial in renamed)
    assert any(left.live_tokens(trial) for trial in created)

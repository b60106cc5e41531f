"""Concurrent changes of admins, and concurrent sign-ins, on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from passlib.hash import argon2

import models
from models import Role
from server.access import attempts, sessions
from server.access.principal import SignedInAdmin
from server.database import transaction
from server.jobs import retention
from server.jobs.kept import KINDS
from server.operations import admins, tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD
from tests.support.races import (
    QUICK_HASH,
    SLOW_TRIALS,
    TRIALS,
    Outcome,
    Remains,
    Trial,
    assert_holds,
    is_ok,
    make_trials,
    run,
    shown,
)

# Hashes of the usual length lie between the reads and the writes that race.
pytestmark = pytest.mark.usefixtures("real_hashes")
T = TypeVar("T")


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


async def test_one_of_two_admins_who_remove_each_other_remains(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        _, one, other = trial.admins
        return [admins.remove(one, other.admin_id), admins.remove(other, one.admin_id)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        stay = {trial.owner.admin_id} | {
            who.admin_id for who, o in zip(trial.admins[1:], outcome, strict=True) if is_ok(o)
        }
        return [] if {a.id for a in left.admins_of(trial)} == stay else ["others are left"]

    await assert_holds(
        await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN)),
        contend,
        judge,
        seen={("ok", "UNAUTHENTICATED"), ("UNAUTHENTICATED", "ok")},
        plant=lambda trial: models.Admin.filter(
            tenant_id=trial.tenant.id, id__not=trial.owner.admin_id
        ).delete(),
    )


def one_owner(left: Remains, trial: Trial, owner_id: UUID) -> list[str]:
    owners = [admin.id for admin in left.admins_of(trial) if admin.role is Role.OWNER]
    return [] if owners == [owner_id] else [f"owned by {owners} and not by {owner_id}"]


async def dethrone(trial: Trial) -> None:
    await models.Admin.filter(tenant_id=trial.tenant.id).update(role=Role.ADMIN)


async def test_tenant_keeps_one_owner_while_the_heir_is_demoted_and_removed(
    service: Service,
) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        owner, heir, one, other = trial.admins
        return [
            admins.transfer_ownership(owner, heir.admin_id),
            admins.set_role(one, heir.admin_id, Role.AUDITOR),
            admins.remove(other, heir.admin_id),
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return one_owner(left, trial, trial.admins[1 if is_ok(outcome[0]) else 0].admin_id)

    await assert_holds(
        await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN, Role.ADMIN)),
        contend,
        judge,
        seen={
            ("ok", "LAST_OWNER", "LAST_OWNER"),
            ("ok", "ok", "LAST_OWNER"),
            ("NOT_FOUND", "ok", "ok"),
            ("NOT_FOUND", "NOT_FOUND", "ok"),
        },
        plant=dethrone,
    )


async def test_ownership_is_transferred_to_one_of_two_admins(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [admins.transfer_ownership(trial.owner, a.admin_id) for a in trial.admins[1:]]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        return one_owner(left, trial, trial.admins[1 if is_ok(outcome[0]) else 2].admin_id)

    await assert_holds(
        await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN)),
        contend,
        judge,
        seen={("ok", "FORBIDDEN"), ("FORBIDDEN", "ok")},
        plant=dethrone,
    )


async def test_address_is_invited_once(service: Service) -> None:
    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            admins.add(who, service, email=email, name="New", role=Role.AUDITOR)
            for who, email in zip(trial.admins, ("New@example.com", "new@example.com"), strict=True)
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        added = {o.admin.id for o in outcome if is_ok(o)}
        known = {who.admin_id for who in trial.admins}
        return [] if {a.id for a in left.admins_of(trial)} == known | added else ["somebody else"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "INVALID_INPUT"), ("INVALID_INPUT", "ok")},
        plant=lambda trial: models.Admin.filter(tenant_id=trial.tenant.id, name="New").delete(),
    )
    assert await models.Invitation.all().count() == TRIALS


async def test_demoted_admin_cannot_finish_a_change(service: Service) -> None:
    async def demote_then_rename(trial: Trial) -> None:
        await admins.set_role(trial.owner, trial.admin.admin_id, Role.AUDITOR)
        # With the principal from before the demotion.
        await tokens.rename(trial.admin, trial.token.id, "too late")

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [tokens.rename(trial.admin, trial.token.id, "after"), demote_then_rename(trial)]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        name = left.ledger.tokens[trial.token.id].name
        return [] if name == ("after" if is_ok(outcome[0]) else "before") else [f"renamed {name}"]

    await assert_holds(
        await make_trials(),
        contend,
        judge,
        seen={("ok", "FORBIDDEN"), ("FORBIDDEN", "FORBIDDEN")},
        plant=lambda trial: models.Token.filter(id=trial.token.id).update(name="too late"),
    )


async def test_invitation_is_accepted_once(service: Service) -> None:
    trials = await make_trials(SLOW_TRIALS, password_hash=None)
    secrets = {trial.tenant.id: await invite(service, trial.admin) for trial in trials}
    passwords = ("four green herons argue", "nine brown badgers juggle")

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            sessions.accept_invitation(
                service, invitation=secrets[trial.tenant.id], password=password, address="::1"
            )
            for password in passwords
        ]

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        accepted = [p for p, o in zip(passwords, outcome, strict=True) if is_ok(o)]
        kept = left.admins[trial.admin.admin_id].password_hash
        fits = [p for p in passwords if kept and argon2.verify(p, kept)]
        return [] if fits == accepted else ["the password is not what was accepted"]

    await assert_holds(
        trials,
        contend,
        judge,
        seen={("ok", "NOT_FOUND"), ("NOT_FOUND", "ok")},
        plant=lambda trial: models.Admin.filter(id=trial.admin.admin_id).update(
            password_hash=QUICK_HASH
        ),
    )
    assert not await models.Invitation.exists()


async def invite(service: Service, who: SignedInAdmin) -> str:
    admin = await models.Admin.get(tenant_id=who.tenant_id, id=who.admin_id)
    async with transaction():
        return (await sessions.invite(service, admin)).secret


def address_of(trial: Trial) -> str:
    """An address of the trial's own: many failures from one address would make it wait."""
    return f"10.{'.'.join(map(str, trial.tenant.id.bytes[-3:]))}"


async def test_session_started_during_its_admins_removal_ends(
    service: Service,
) -> None:
    trials = await make_trials(SLOW_TRIALS)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            sign_in(service, trial, address_of(trial)),
            # Verifying and rehashing a password takes some 40 ms.
            later(0.04, admins.remove(trial.owner, trial.admin.admin_id)),
        ]

    outcomes = await run(trials, contend)
    assert {shown(outcome)[1] for outcome in outcomes} == {"ok"}
    assert {shown(outcome)[0] for outcome in outcomes} <= {"ok", "WRONG_PASSWORD"}
    assert not await models.Session.exists()


async def later(seconds: float, awaitable: Awaitable[T]) -> T:
    await asyncio.sleep(seconds)
    return await awaitable


def sign_in(service: Service, trial: Trial, address: str) -> Awaitable[sessions.SignedIn]:
    return sessions.sign_in(
        service,
        tenant=trial.tenant.slug,
        email="a1@example.com",
        password=PASSWORD,
        address=address,
    )


async def test_two_concurrent_sign_ins_both_succeed(service: Service) -> None:
    """Also while one replaces the outdated hash, which the other could mistake for a password
    change."""
    trials = await make_trials(SLOW_TRIALS)
    outcomes = await run(
        trials, lambda trial: [sign_in(service, trial, "1.2.3.4"), sign_in(service, trial, "::1")]
    )
    assert set(map(shown, outcomes)) == {("ok", "ok")}
    assert await models.Session.all().count() == 2 * SLOW_TRIALS
    assert not await models.Admin.filter(email="a1@example.com", password_hash=QUICK_HASH).exists()


async def test_attempts_and_the_deletion_of_old_counters_do_not_deadlock(service: Service) -> None:
    trials = await make_trials()

    async def try_once(trial: Trial, number: int) -> None:
        slug = trial.tenant.slug
        counted = attempts.of_stranger(
            service.digest_key, slug, "a", f"{slug}-{number}", knows_address=False
        )
        async with attempts.under_way(counted) as attempt, transaction():
            await attempt.succeeded()

    async def delete() -> None:
        async with transaction():
            kinds = [kind for kind in KINDS if kind.table == "attempt_counter"]
            async for _ in retention.delete_old(kinds, service.settings):
                pass

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [*(try_once(trial, n) for n in range(3)), delete()]

    await run(trials, contend)
    await models.AttemptCounter.all().update(started_at=models.now() - timedelta(days=1))
    assert set(map(shown, await run(trials, contend))) == {("ok",) * 4}

"""Concurrent changes on PostgreSQL: the second sees the result of the first.

Every race runs many times, each time on its own rows and with another head start, and is judged by
the final rows. Then a violation is planted, which the same judge must find. SQLite, with one writer
at a time, is in `tests.server.test_database`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from passlib.hash import argon2

import models
from models import ActivityKind, Role
from server.access import attempts, expired, sessions
from server.access.principal import SignedInAdmin
from server.app import running_service
from server.database import transaction
from server.errors import Refusal
from server.operations import admins, tokens
from server.service import Service
from tests.conftest import settings_for
from tests.support.audit import Birth, Ledger, read_ledger
from tests.support.factories import PASSWORD, complete
from tests.support.soak import repeats

TRIALS = repeats(ci=48, soak=500)
# Races with passwords: argon2 takes 20 ms of a core each time.
SLOW_TRIALS = repeats(ci=10, soak=50)
_AT_ONCE = 8
_BORN = Birth("before")
_QUICK_HASH = argon2.using(type="ID", memory_cost=64, rounds=1, parallelism=1).hash(PASSWORD)
T = TypeVar("T")


@dataclass(frozen=True)
class Trial:
    """A tenant of its own, its admins (the owner first), and a live token of the second one's."""

    tenant: models.Tenant
    admins: tuple[SignedInAdmin, ...]
    token: models.Token

    @property
    def owner(self) -> SignedInAdmin:
        return self.admins[0]

    @property
    def admin(self) -> SignedInAdmin:
        return self.admins[1]


# Each contender's outcome: its result, or the refusal.
Outcome = list[Any]


@dataclass(frozen=True)
class Remains:
    """The final rows of a race: tokens, admins and tenants."""

    ledger: Ledger
    admins: dict[UUID, models.Admin]
    tenants: dict[UUID, models.Tenant]

    def live_tokens(self, trial: Trial) -> list[models.Token]:
        return [t for t in self.ledger.of(trial.tenant.id) if t.revoked_at is None]

    def admins_of(self, trial: Trial) -> list[models.Admin]:
        return [a for a in self.admins.values() if a.tenant_id == trial.tenant.id]

    def kinds(self, trial: Trial) -> Counter[ActivityKind]:
        return Counter(activity.kind for activity in self.ledger.story[trial.token.id])


Contend = Callable[[Trial], Sequence[Awaitable[Any]]]
Judge = Callable[[Remains, Trial, Outcome], list[str]]
Plant = Callable[[Trial], Awaitable[Any]]


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


async def make_trials(
    count: int = TRIALS, roles: Sequence[Role] = (Role.OWNER, Role.ADMIN), **columns: Any
) -> list[Trial]:
    """Inserted in bulk: operations would take most of the test's time."""
    tenants = [models.Tenant(slug=f"t{n}", name="T", region="us") for n in range(count)]
    people = [
        models.Admin(
            **{
                "tenant_id": tenant.id,
                "email": f"a{n}@example.com",
                "name": f"A{n}",
                "role": role,
                "password_hash": _QUICK_HASH,
            }
            | columns
        )
        for tenant in tenants
        for n, role in enumerate(roles)
    ]
    made = [
        models.Token(
            tenant_id=tenant.id,
            name=_BORN.name,
            description="",
            hint="tsr_…",
            created_by_id=people[n * len(roles) + 1].id,
        )
        for n, tenant in enumerate(tenants)
    ]
    stories = [
        models.Activity(
            tenant_id=token.tenant_id,
            token_id=token.id,
            actor_id=token.created_by_id,
            kind=ActivityKind.CREATED,
        )
        for token in made
    ]
    await models.Tenant.bulk_create(tenants)
    await models.Admin.bulk_create(people)
    await models.Token.bulk_create(made)
    await complete(made)
    await models.Activity.bulk_create(stories)
    principals = [SignedInAdmin(a.tenant_id, a.id, a.role, models.new_id()) for a in people]
    return [
        Trial(tenant, tuple(principals[n * len(roles) :][: len(roles)]), token)
        for n, (tenant, token) in enumerate(zip(tenants, made, strict=True))
    ]


async def run(trials: Sequence[Trial], contend: Contend) -> list[Outcome]:
    """Run the contenders of every trial concurrently, a few trials at a time."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, trial: Trial) -> Outcome:
        async with slots:
            contenders = contend(trial)
            starts = [
                # In turns, each gets a head start of zero to seven milliseconds.
                (number % 8) * ((number // 8 + place) % len(contenders)) / 1000
                for place in range(len(contenders))
            ]
            return list(await asyncio.gather(*map(_outcome, contenders, starts)))

    return await asyncio.gather(*(one(number, trial) for number, trial in enumerate(trials)))


async def _outcome(contender: Awaitable[T], start_seconds: float) -> T | Refusal:
    await asyncio.sleep(start_seconds)
    try:
        return await contender
    except Refusal as refusal:
        return refusal


async def remains(trials: Sequence[Trial]) -> Remains:
    ids = [trial.tenant.id for trial in trials]
    return Remains(
        await read_ledger(ids),
        {admin.id: admin for admin in await models.Admin.filter(tenant_id__in=ids)},
        {tenant.id: tenant for tenant in await models.Tenant.filter(id__in=ids)},
    )


def judged(
    left: Remains, trials: Sequence[Trial], outcomes: Sequence[Outcome], judge: Judge
) -> list[str]:
    """All violations, by the race's own judge and by the audit trail."""
    found = [f"an activity without its token: {orphan}" for orphan in left.ledger.orphans()]
    for trial, outcome in zip(trials, outcomes, strict=True):
        for token in left.ledger.of(trial.tenant.id):
            birth = _BORN if token.id == trial.token.id else Birth(token.name)
            found += left.ledger.contradictions(token.id, birth)
        found += [f"{complaint}: {shown(outcome)}" for complaint in judge(left, trial, outcome)]
    return found


def shown(outcome: Outcome) -> tuple[str, ...]:
    """An outcome as the kinds of its results."""
    return tuple(o.code if isinstance(o, Refusal) else "ok" for o in outcome)


async def assert_holds(
    trials: Sequence[Trial],
    contend: Contend,
    judge: Judge,
    *,
    seen: set[tuple[str, ...]],
    plant: Plant,
) -> None:
    """Run the race: no violation, no outcome outside `seen`, and more than one outcome.

    Then `plant` violates the last trial, and the judge must find it.
    """
    outcomes = await run(trials, contend)
    assert judged(await remains(trials), trials, outcomes, judge) == []
    came_about = set(map(shown, outcomes))
    assert came_about <= seen
    # With three contenders an order may be rare, depending on the machine.
    assert len(came_about) >= min(2, len(seen))
    await plant(trials[-1])
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


def some_keys(service: Service, count: int) -> list[str]:
    every = [p.key for category in service.catalogue.categories for p in category.permissions]
    return every[:count]


def revive(trial: Trial) -> Awaitable[int]:
    """The effect of a rename that writes a whole stale row over a revocation."""
    return models.Token.filter(tenant_id=trial.tenant.id).update(revoked_at=None)


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


def is_ok(outcome: Any) -> bool:
    return not isinstance(outcome, Refusal)


async def test_token_created_during_its_admins_removal_is_revoked(
    service: Service,
) -> None:
    async def remove_then_create(trial: Trial) -> int:
        count = await admins.remove(trial.owner, trial.admin.admin_id)
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
            token_id=trial.token.id,
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
        return found if outcome[1] == (not is_ok(outcome[0])) else [*found, "revoked twice"]

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
            password_hash=_QUICK_HASH
        ),
    )
    assert not await models.Invitation.exists()


async def invite(service: Service, who: SignedInAdmin) -> str:
    admin = await models.Admin.get(tenant_id=who.tenant_id, id=who.admin_id)
    async with transaction():
        return (await sessions.invite(service, admin))[0]


async def test_session_started_during_its_admins_removal_ends(
    service: Service,
) -> None:
    trials = await make_trials(SLOW_TRIALS)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [
            sign_in(service, trial, "1.2.3.4"),
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
    assert not await models.Admin.filter(email="a1@example.com", password_hash=_QUICK_HASH).exists()


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
            await expired.delete_attempt_counters([attempts.NO_TENANT], 5)

    def contend(trial: Trial) -> Sequence[Awaitable[Any]]:
        return [*(try_once(trial, n) for n in range(3)), delete()]

    await run(trials, contend)
    await models.AttemptCounter.all().update(started_at=models.now() - timedelta(days=1))
    assert set(map(shown, await run(trials, contend))) == {("ok",) * 4}


async def test_naive_changes_lose_some_races(service: Service) -> None:
    """Code without locks loses some of them, which proves that the contenders overlap."""

    # Seconds between reading and writing in a naive change.
    think = 0.005

    async def naive_rename(trial: Trial) -> None:
        token = await models.Token.get(tenant_id=trial.tenant.id, id=trial.token.id)
        await asyncio.sleep(think)
        token.name = "after"
        await token.save()

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
            )

    trials = await make_trials(2 * TRIALS)
    renamed, created = trials[:TRIALS], trials[TRIALS:]
    await run(renamed, lambda t: [naive_rename(t), tokens.revoke(t.owner, t.token.id)])
    await run(created, lambda t: [naive_create(t), admins.remove(t.owner, t.admin.admin_id)])
    left = await remains(trials)
    assert any(left.live_tokens(trial) for trial in renamed)
    assert any(left.live_tokens(trial) for trial in created)

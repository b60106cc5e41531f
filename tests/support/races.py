"""Races of concurrent changes: trials, their outcomes, and the judgement of the final rows.

Every race runs many times, each time on its own rows and with another head start, and is judged by
the final rows. Then a violation is planted, which the same judge must find.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from passlib.hash import argon2

import models
from models import ActivityKind, Role
from server.access.principal import SignedInAdmin
from server.errors import Refusal
from server.service import Service
from tests.support.audit import Birth, Ledger, read_ledger
from tests.support.factories import PASSWORD, complete
from tests.support.soak import repeats

TRIALS = repeats(ci=48, soak=500)
# Races with passwords: argon2 takes 20 ms of a core each time.
SLOW_TRIALS = repeats(ci=10, soak=50)
_AT_ONCE = 8
_BORN = Birth("before")
QUICK_HASH = argon2.using(type="ID", memory_cost=64, rounds=1, parallelism=1).hash(PASSWORD)
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
        """Without removed ones."""
        own = [a for a in self.admins.values() if a.tenant_id == trial.tenant.id]
        return [a for a in own if a.removed_at is None]

    def kinds(self, trial: Trial) -> Counter[ActivityKind]:
        return Counter(activity.kind for activity in self.ledger.story[trial.token.id])


Contend = Callable[[Trial], Sequence[Awaitable[Any]]]
Judge = Callable[[Remains, Trial, Outcome], list[str]]
Plant = Callable[[Trial], Awaitable[Any]]


@dataclass(frozen=True)
class Race:
    """A row of a table of races: see `assert_holds`.

    contend: the contenders of a trial. plant: violates a trial, whatever its outcome was.
    """

    contend: Callable[[Service, Trial], Sequence[Awaitable[Any]]]
    judge: Judge
    seen: set[tuple[str, ...]]
    plant: Plant


async def make_trials(
    count: int = TRIALS, roles: Sequence[Role] = (Role.OWNER, Role.ADMIN), **columns: Any
) -> list[Trial]:
    """Inserted in bulk: operations would take most of the test's time."""
    tenants = [models.Tenant(slug=f"t{n}", name="T", region="us") for n in range(count)]
    people = [_admins(tenant, roles, columns) for tenant in tenants]
    made = [_token(second) for _, second, *_ in people]
    await models.Tenant.bulk_create(tenants)
    await models.Admin.bulk_create([admin for of_one in people for admin in of_one])
    await _insert(made)
    return [
        Trial(tenant, tuple(_principal(admin) for admin in of_one), token)
        for tenant, of_one, token in zip(tenants, people, made, strict=True)
    ]


async def add_tokens(trials: Sequence[Trial], count: int) -> None:
    """Give each trial's tenant `count` more tokens like its first one."""
    admins = [await models.Admin.get(id=trial.admin.admin_id) for trial in trials]
    await _insert([_token(admin) for admin in admins for _ in range(count)])


async def _insert(made: list[models.Token]) -> None:
    await models.Token.bulk_create(made)
    await complete(made)
    await models.Activity.bulk_create([_creation(token) for token in made])


def _admins(
    tenant: models.Tenant, roles: Sequence[Role], columns: dict[str, Any]
) -> list[models.Admin]:
    common = {"tenant_id": tenant.id, "password_hash": QUICK_HASH}
    return [
        models.Admin(
            **common | {"email": f"a{n}@example.com", "name": f"A{n}", "role": role} | columns
        )
        for n, role in enumerate(roles)
    ]


def _token(creator: models.Admin) -> models.Token:
    return models.Token(
        tenant_id=creator.tenant_id,
        name=_BORN.name,
        description="",
        hint="tsr_…",
        created_by_id=creator.id,
        owner_id=creator.id,
    )


def _creation(token: models.Token) -> models.Activity:
    return models.Activity(
        tenant_id=token.tenant_id,
        subject_id=token.id,
        actor_id=token.created_by_id,
        kind=ActivityKind.CREATED,
    )


def _principal(admin: models.Admin) -> SignedInAdmin:
    return SignedInAdmin(admin.tenant_id, admin.id, admin.role, models.new_id())


async def run(trials: Sequence[Trial], contend: Contend) -> list[Outcome]:
    """Run the contenders of every trial concurrently, a few trials at a time."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, trial: Trial) -> Outcome:
        async with slots:
            contenders = contend(trial)
            starts = [
                # In turns, each gets a head start of zero to 49 milliseconds, mostly a short one:
                # on a busy machine a few milliseconds let always the same one come first.
                (number % 8) ** 2 * ((number // 8 + place) % len(contenders)) / 1000
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
    found = judged(await remains(trials), trials, outcomes, judge)
    assert found == [], found[:5]
    came_about = set(map(shown, outcomes))
    assert came_about <= seen, came_about
    # With three contenders an order may be rare, depending on the machine.
    assert len(came_about) >= min(2, len(seen)), came_about
    await plant(trials[-1])
    assert judged(await remains(trials[-1:]), trials[-1:], outcomes[-1:], judge)


def unless(holds: bool, complaint: str) -> list[str]:
    """The judgement of one rule."""
    return [] if holds else [complaint]


def some_keys(service: Service, count: int) -> list[str]:
    every = [p.key for category in service.catalogue.categories for p in category.permissions]
    return every[:count]


def revive(trial: Trial) -> Awaitable[int]:
    """The effect of a rename that writes a whole stale row over a revocation."""
    return models.Token.filter(tenant_id=trial.tenant.id).update(revoked_at=None)


def is_ok(outcome: Any) -> bool:
    return not isinstance(outcome, Refusal)

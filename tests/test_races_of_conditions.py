"""Concurrent changes of owners and expiries, and revocations by filter, on PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import NamedTuple
from uuid import UUID

import pytest

import models
from models import ActivityKind, RevocationReason, Role
from server.access.principal import SignedInAdmin
from server.access.token_filter import TokenFilter
from server.app import create_app
from server.database import database_now
from server.decisions.rotation_requests import RotationRequest
from server.errors import CountChanged, InvalidInput
from server.operations import admins, conditions, revocation, rotation
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.gateways import gateway
from tests.support.races import (
    Outcome,
    Race,
    Remains,
    Trial,
    add_tokens,
    assert_holds,
    is_ok,
    make_trials,
    unless,
)
from tests.support.soak import IS_SOAK, repeats

ENDED: set[tuple[str, ...]] = {("ok", "ok"), ("NOT_FOUND", "ok")}
MANY = 5


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


def owned_by_nobody_removed(left: Remains, trial: Trial) -> list[str]:
    owners = {token.owner_id for token in left.live_tokens(trial)} - {None}
    return unless(owners <= {admin.id for admin in left.admins_of(trial)}, "its owner is removed")


def goes_with_its_new_owner(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    token, is_transferred = left.ledger.tokens[trial.token.id], is_ok(outcome[0])
    found = owned_by_nobody_removed(left, trial)
    found += unless(token.is_live is not is_transferred, "it outlives its owner, or ends with none")
    return found + unless(
        outcome[1].revoked == is_transferred, "another number of tokens was revoked"
    )


def stays_where_it_was_given_away(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
    token, is_transferred = left.ledger.tokens[trial.token.id], is_ok(outcome[0])
    found = owned_by_nobody_removed(left, trial)
    found += unless(token.is_live is is_transferred, "it ends with its former owner, or stays")
    return found + unless(
        outcome[1].revoked != is_transferred, "another number of tokens was revoked"
    )


def give_to(trial: Trial, admin_id: UUID) -> Awaitable[int]:
    """The effect of a transfer that does not see the removal of the new owner."""
    rows = models.Token.filter(tenant_id=trial.tenant.id)
    return rows.update(owner_id=admin_id, revoked_at=None)


# By their contenders, of a token that the second of three admins owns.
RACES = {
    "transfer to, remove": Race(
        lambda _service, trial: [
            conditions.transfer(trial.admin, trial.token.id, trial.admins[2].admin_id),
            admins.remove(trial.owner, trial.admins[2].admin_id),
        ],
        goes_with_its_new_owner,
        ENDED,
        lambda trial: give_to(trial, trial.admins[2].admin_id),
    ),
    "transfer from, remove": Race(
        lambda _service, trial: [
            conditions.transfer(trial.admins[2], trial.token.id, None),
            admins.remove(trial.owner, trial.admin.admin_id),
        ],
        stays_where_it_was_given_away,
        ENDED,
        lambda trial: give_to(trial, trial.admin.admin_id),
    ),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
async def test_transfer_and_removal(service: Service, race: Race) -> None:
    await assert_holds(
        await make_trials(roles=(Role.OWNER, Role.ADMIN, Role.ADMIN)),
        lambda trial: race.contend(service, trial),
        race.judge,
        seen=race.seen,
        plant=race.plant,
    )


async def test_two_revocations_by_filter_revoke_each_token_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several portions each.
    monkeypatch.setattr(revocation, "_AT_ONCE", 2)
    trials = await make_trials()
    await add_tokens(trials, MANY - 1)

    async def revoke(who: SignedInAdmin, reason: RevocationReason) -> int:
        try:
            return await revocation.revoke_all(who, TokenFilter(), MANY, reason)
        except CountChanged:  # a portion of the other one came before the count
            return 0

    def contend(trial: Trial) -> Sequence[Awaitable[int]]:
        reasons = RevocationReason.REVOKED, RevocationReason.COMPROMISED
        return list(map(revoke, trial.admins, reasons))

    shares = set[tuple[int, int]]()

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        shares.add((outcome[0], outcome[1]))
        found = unless(not left.live_tokens(trial), "a token is live")
        found += unless(sum(outcome) == MANY, f"they say that they revoked {outcome}")
        ids = [token.id for token in left.ledger.of(trial.tenant.id)]
        kinds = [one.kind for token_id in ids for one in left.ledger.story[token_id]]
        recorded = kinds.count(ActivityKind.REVOKED)
        return found + unless(recorded == MANY, f"{recorded} revocations are recorded")

    async def plant(trial: Trial) -> None:
        await models.Activity.create(
            tenant_id=trial.tenant.id,
            subject_id=trial.token.id,
            actor_id=trial.owner.admin_id,
            kind=ActivityKind.REVOKED,
        )

    await assert_holds(trials, contend, judge, seen={("ok", "ok")}, plant=plant)
    # That both count before either has revoked a portion is too rare to be seen in few trials.
    assert not IS_SOAK or any(min(both) > 0 for both in shares), shares


class Use(NamedTuple):
    """A check: from just before to just after it, by the clock that the database has too."""

    started: float
    ended: float
    code: str


async def test_use_is_judged_by_the_expiry_of_its_moment(service: Service) -> None:
    """The new expiry passes while the token is used; the rows tell when it did."""
    trials, app = await make_trials(repeats(ci=16, soak=500)), create_app(service)
    secrets = {trial.token.id: await _secret(service, trial) for trial in trials}
    asked = gateway(app)
    moved: dict[UUID, float] = {}
    codes = set[str]()

    async def move(trial: Trial) -> float:
        """When it was acknowledged."""
        moved[trial.token.id] = await _expire_soon(trial)
        return time.time()

    async def use(trial: Trial) -> list[Use]:
        uses, host = [], f"{trial.tenant.slug}.api.us.example.com"
        while time.time() < moved.get(trial.token.id, inf) + 0.015:
            started = time.time()
            answer = await asked.ask(secrets[trial.token.id], host=host)
            uses.append(Use(started, time.time(), answer.headers["x-tessera-code"]))
            await asyncio.sleep(0.005)
        return uses

    def judge(left: Remains, trial: Trial, outcome: Outcome) -> list[str]:
        row = left.ledger.tokens[trial.token.id]
        codes.update(one.code for one in outcome[1])
        at = row.expires_at.timestamp() if row.expires_at else inf
        return _misjudged(outcome[1], at, outcome[0])

    async with asked.http:
        await assert_holds(
            trials,
            lambda trial: [move(trial), use(trial)],
            judge,
            seen={("ok", "ok")},
            plant=lambda trial: models.Token.filter(tenant_id=trial.tenant.id).update(
                expires_at=None
            ),
        )
    await app.close()
    assert codes == {"TOKEN_EXPIRED", "INSUFFICIENT_SCOPE"}


async def _expire_soon(trial: Trial) -> float:
    """The new expiry of the trial's token."""
    # On a busy machine the instant may pass before the change, which is refused then.
    while True:
        at = await database_now() + timedelta(milliseconds=50)
        with suppress(InvalidInput):
            token = await conditions.set_expiry(trial.owner, trial.token.id, at)
            assert token.expires_at
            return token.expires_at.timestamp()


def _misjudged(uses: list[Use], expired: float, acknowledged: float) -> list[str]:
    """Of the uses that were surely before or after the expiry."""
    found = list[str]()
    for one in uses:
        if one.started >= max(expired, acknowledged):
            found += unless(one.code == "TOKEN_EXPIRED", f"used after {expired}: {one}")
        elif one.ended < expired:
            found += unless(one.code == "INSUFFICIENT_SCOPE", f"refused before {expired}: {one}")
    return found


async def _secret(service: Service, trial: Trial) -> str:
    """A known secret of the trial's token, its only one."""
    only = RotationRequest(compromised=True)
    made = await rotation.rotate(trial.owner, service, trial.token.id, only)
    # Its first use would be recorded in the background, while the rows are judged.
    await models.TokenSecret.filter(tenant_id=trial.tenant.id).update(rotation=None)
    return made.secret

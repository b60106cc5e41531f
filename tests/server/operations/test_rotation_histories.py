"""Random histories of rotations: the promises about secrets hold after every event.

A history is a token's, on PostgreSQL, and told by its seed. Secrets are looked at without being
used; time passes by moving the instants of rows.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

import models
from models import RotationPart
from server.app import running_service
from server.database import database_now
from server.decisions import pick_ups
from server.decisions.decide import denial_of_secret
from server.decisions.rotation_requests import RotationRequest
from server.decisions.terms import terms_of_any_tenant
from server.errors import Refusal
from server.operations import rotation, tokens
from server.service import Service
from tests.conftest import settings_for
from tests.support.audit import Birth, read_ledger
from tests.support.factories import Person, World
from tests.support.soak import repeats

HISTORIES = repeats(ci=25, soak=600)
EVENTS = 14
DRAIN_SECONDS = 1000
# Later than a drain that began now ends, so that either may come first.
LATEST_BY = timedelta(seconds=1500)
PASSES = timedelta(seconds=1100)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(settings_for(postgres_url)) as it:
        yield it


@dataclass
class History:
    """One token, the secrets that were shown, and those that were used successfully."""

    service: Service
    person: Person
    token: models.Token
    shown: list[str]
    used: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    async def alive(self) -> set[str]:
        return {secret for secret in self.shown if await self.is_alive(secret)}

    async def is_alive(self, secret: str) -> bool:
        found = await terms_of_any_tenant(self.service.digest_key.digests("token", secret))
        return found is not None and denial_of_secret(found) is None

    async def rotate(self, choose: random.Random) -> bool:
        """Whether it said that the token is compromised, and succeeded."""
        how: dict[str, Any] = {
            "idempotency_key": choose.choice(["a", "a", "b", None]),
            "drain_seconds": DRAIN_SECONDS,
            "latest_by": await database_now() + LATEST_BY if choose.random() < 0.4 else None,
            "compromised": choose.random() < 0.15,
            "replace": choose.random() < 0.3,
        }
        rotated = await rotation.rotate(
            self.person.principal, self.service, self.token.id, RotationRequest(**how)
        )
        self.shown.append(rotated.secret)
        assert await self.is_alive(rotated.secret)
        return bool(how["compromised"])

    async def use(self, choose: random.Random) -> None:
        """A holder uses a secret, as the wire would note it."""
        # Rather the latest: most others are dead.
        secret = self.shown[-1] if choose.random() < 0.5 else choose.choice(self.shown)
        digests = self.service.digest_key.digests("token", secret)
        found = await terms_of_any_tenant(digests)
        if found is None or denial_of_secret(found) is not None:
            return
        self.used.add(secret)
        if found.rotation == RotationPart.NEW:
            ids = found.tenant_id, found.token_id
            await pick_ups._record(pick_ups._PickUp(*ids, digests, "192.0.2.1"))

    async def end(self, keep: RotationPart) -> None:
        await rotation.end_rotation(self.person.principal, self.token.id, keep)

    async def pass_time(self) -> None:
        of_it = {"tenant_id": self.token.tenant_id}
        for row in await models.TokenRotation.filter(id=self.token.id, **of_it):
            for column in ("created_at", "latest_by", "picked_up_at", "ended_at"):
                if (at := getattr(row, column)) is not None:
                    setattr(row, column, at - PASSES)
            await row.write("created_at", "latest_by", "picked_up_at", "ended_at")
        for secret in await models.TokenSecret.filter(token_id=self.token.id, **of_it):
            if secret.retires_at is not None:
                one = models.TokenSecret.filter(digest=secret.digest, **of_it)
                await one.update(retires_at=secret.retires_at - PASSES)


async def happen(history: History, choose: random.Random) -> str:
    """One event; gives its name, of those that may end a secret in use."""
    event = choose.choices(
        ["rotate", "use", "keep old", "keep new", "time", "revoke"], [6, 6, 1, 1, 2, 0.2]
    )[0]
    history.told.append(event)
    try:
        if event == "rotate":
            return "compromised" if await history.rotate(choose) else event
        if event == "use":
            await history.use(choose)
        elif event == "time":
            await history.pass_time()
        elif event == "revoke":
            await tokens.revoke(history.person.principal, history.token.id)
        else:
            await history.end(RotationPart[event.split()[1].upper()])
    except Refusal as refusal:
        history.told.append(refusal.code)
    return event


async def test_secrets_live_and_die_as_promised(service: Service) -> None:
    seen = set[str]()
    for seed in range(HISTORIES):
        choose, person = random.Random(seed), await World(service).person()
        made = await tokens.create(person.principal, service, name="t")
        history = History(service, person, made.token, [made.secret])
        is_revoked = False
        for _ in range(EVENTS):
            before = await history.alive()
            event = await happen(history, choose)
            after, account = await history.alive(), f"seed {seed}: {history.told}"
            is_revoked |= event == "revoke"
            assert len(after) == 0 if is_revoked else 1 <= len(after) <= 2, account
            # The events that end a secret in use: revocation, the clock, an admin's decision.
            if event not in {"revoke", "time", "compromised", "keep new"}:
                assert not (before - after) & history.used, account
            ledger = await read_ledger([person.admin.tenant_id])
            assert ledger.contradictions(made.token.id, Birth("t")) == [], account
        seen |= set(history.told)
    assert {"keep old", "keep new", "time", "ROTATION_UNDER_WAY", "SECRET_ALREADY_SHOWN"} <= seen
    assert "INVALID_INPUT" in seen

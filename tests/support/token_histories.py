"""Histories of tokens on two running servers: one admin changes a token while holders use it.

Here too: the faults that a server might have, planted in a history.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.factories import Client, Person
from tests.support.linearizability import (
    ALLOWED,
    DEAD,
    LIVES_ON,
    Event,
    State,
    change,
    check,
    state_after,
)
from tests.support.wire import Wire
from tests.support.wire import check as request_of

A, B = "GET /api/v1/devices", "GET /api/v1/blueprints"
_TARGETS = {A: "/api/v1/devices", B: "/api/v1/blueprints"}
_CODE = re.compile(rb"\r\nx-tessera-code: ([A-Z_]+)\r\n", re.IGNORECASE)


@dataclass
class Instances:
    """Two servers on one database, and a signed-in owner who uses both."""

    url: str
    ports: list[int]
    clients: list[Client]
    person: Person
    host: str


@dataclass
class TokenHistory:
    """The calls about one token. `told` are those that were answered, but for refused changes."""

    instances: Instances
    choose: random.Random
    name: str
    id: str = ""
    secrets: list[str] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    # The state after the changes so far, and the secrets of the rotation that was begun last.
    state: State = field(default_factory=State)
    old: int = 0
    new: int | None = None
    # How long the latest change took, in seconds.
    took: float = 0.05

    async def live(self) -> list[Event]:
        """Everything that happens to the token, with checks on both instances throughout."""
        made = await self._client.mutate(
            "createToken", "... on CreateTokenPayload { secret token { id } }", name=self.name
        )
        self.id, self.secrets = made["token"]["id"], [made["secret"]]
        over = asyncio.Event()
        async with AsyncExitStack() as stack:
            ports = self.instances.ports
            wires = [await stack.enter_async_context(Wire(ports[n % 2])) for n in range(3)]
            checks = (self._check(wire, over) for wire in wires)
            await asyncio.gather(self._change(over), *checks)
        return self.told

    @property
    def _client(self) -> Client:
        return self.choose.choice(self.instances.clients)

    async def _check(self, wire: Wire, over: asyncio.Event) -> None:
        last = False
        while not last:
            last = over.is_set()
            key, secret = self.choose.choice([A, B]), self.choose.randrange(len(self.secrets))
            request = request_of(self.instances.host, self.secrets[secret], _TARGETS[key])
            started = time.time()
            status, head = await wire.ask_whole(request)
            found = _CODE.search(head)
            code = found[1].decode() if found else ALLOWED if status == 200 else str(status)
            self.told.append(check(started, time.time(), key, code, secret))
            await asyncio.sleep(self.choose.random() * 0.015)

    async def _change(self, over: asyncio.Event) -> None:
        for _ in range(self.choose.randrange(2, 7)):
            await asyncio.sleep(self.choose.random() * 0.02)
            await self.choose.choice(_CHANGES)(self)
        await asyncio.sleep(self.choose.random() * 0.02)
        if self.choose.random() < 0.5:
            revoked = await self._mutate("revokeToken", is_revoked=True)
        else:
            wanted = {"filter": {"search": self.name}, "expectedCount": 1}
            revoked = await self._mutate("revokeTokens", wanted, is_revoked=True)
        assert revoked
        await asyncio.sleep(0.005)
        over.set()

    async def _mutate(
        self, mutation: str, given: dict[str, Any] | None = None, fields: str = "", **sets: Any
    ) -> Any:
        """The payload of a change that sets these fields; None for a refused one, which is left
        out: it changes nothing."""
        named = {} if mutation == "revokeTokens" else {"tokenId": self.id}
        started = time.time()
        result = await self._client.mutate(mutation, fields, **named | (given or {}))
        self.took = time.time() - started
        if not result["__typename"].endswith("Payload"):
            return None
        if sets:
            self.told.append(change(started, time.time(), **sets))
            self.state = replace(self.state, **sets)
        return result

    async def _set_permissions(self) -> None:
        held = self.state.held ^ self.choose.choice([{A}, {B}, {A, B}])
        await self._mutate("setPermissions", {"permissions": sorted(held)}, held=held)

    async def _pause_or_resume(self) -> None:
        is_paused = not self.state.is_paused
        await self._mutate("pauseToken" if is_paused else "resumeToken", is_paused=is_paused)

    async def _set_networks(self) -> None:
        is_elsewhere = not self.state.is_elsewhere
        networks = ["192.0.2.0/24" if is_elsewhere else "127.0.0.0/8"]
        await self._mutate("setTokenNetworks", {"networks": networks}, is_elsewhere=is_elsewhere)

    async def _set_expiry(self) -> None:
        """Nearer, so that it passes during the history, or further, or never."""
        at = self.choose.choice(
            [*(self._soon() for _ in range(4)), _cut(time.time() + 3600), LIVES_ON]
        )
        given = {"expiresAt": None if at == LIVES_ON else _text(at)}
        if await self._mutate("setTokenExpiry", given, expires_at=at):
            await self._perhaps_wait_for(at)

    async def _rotate(self) -> None:
        is_compromised = self.choose.random() < 0.3
        latest_by = self._soon() if self.choose.random() < 0.4 else LIVES_ON
        given = {
            "compromised": is_compromised,
            "latestBy": None if latest_by == LIVES_ON else _text(latest_by),
        }
        old = self.old
        if self.new is not None:
            # Accepted without `replace`: then the clock has ended the rotation before.
            old = self.new
        ends_at = DEAD if is_compromised else latest_by
        retires_at = [ends_at if n == old else DEAD for n in range(len(self.secrets))]
        fields = "... on RotateTokenPayload { secret }"
        sets = {"retires_at": (*retires_at, LIVES_ON)}
        made = await self._mutate("rotateToken", given, fields, **sets)
        if made:
            self.secrets.append(made["secret"])
            new = len(self.secrets) - 1
            self.old, self.new = (new, None) if is_compromised else (old, new)
            await self._perhaps_wait_for(latest_by)

    async def _end_rotation(self) -> None:
        if self.new is None:
            return
        kept, ended = (self.new, self.old) if self.choose.random() < 0.5 else (self.old, self.new)
        retires_at = list(self.state.retires_at)
        retires_at[kept], retires_at[ended] = LIVES_ON, DEAD
        given = {"keep": "NEW" if kept == self.new else "OLD"}
        if await self._mutate("endRotation", given, retires_at=tuple(retires_at)):
            self.old, self.new = kept, None

    def _soon(self) -> float:
        """An instant that is likely still to come when the servers get it."""
        return _cut(time.time() + 1.5 * self.took + self.choose.random() * 0.03)

    async def _perhaps_wait_for(self, at: float) -> None:
        """Leave the token alone until checks have met an instant that is near, or do not."""
        left = at - time.time()
        if 0 < left < 1 and self.choose.random() < 0.7:
            await asyncio.sleep(left + 0.02)


# Chosen at random: those that have several effects, or are often refused, come more often.
_CHANGES: Sequence[Callable[[TokenHistory], Awaitable[None]]] = (
    TokenHistory._set_permissions,
    TokenHistory._pause_or_resume,
    TokenHistory._set_networks,
    TokenHistory._set_expiry,
    TokenHistory._set_expiry,
    TokenHistory._rotate,
    TokenHistory._rotate,
    TokenHistory._end_rotation,
    TokenHistory._end_rotation,
)


def planted(history: Sequence[Event], fault: str, choose: random.Random) -> list[Event] | None:
    """The history of a server with this fault; None where the fault would not show.

    fault: the field of the state whose latest change a check does not see, or `a slow clock`.
    """
    changes = [event for event in history if event.is_change]
    shown: list[tuple[int, str]] = []
    for n, event in enumerate(history):
        if event.is_change or any(event.overlaps(one) for one in changes):
            continue
        before = [one for one in changes if one.ended < event.started]
        wrong = _wrong_codes(event, before, fault) - event.codes(state_after(before))
        shown += [(n, code) for code in sorted(wrong)]
    if not shown:
        return None
    n, code = choose.choice(shown)
    return [*history[:n], replace(history[n], code=code), *history[n + 1 :]]


def _wrong_codes(event: Event, before: list[Event], fault: str) -> set[str]:
    if fault == "a slow clock":
        return event.codes(state_after(before), clock_error=-3600)
    of_it = [one for one in before if fault in one.sets]
    stale = state_after([one for one in before if one is not of_it[-1]]) if of_it else None
    if stale is None or event.secret >= len(stale.retires_at):
        return set()  # no such change, or the secret is newer
    return event.codes(stale)


def _cut(at: float) -> float:
    """An instant cut to milliseconds, as the servers cut it."""
    return int(at * 1000) / 1000


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")

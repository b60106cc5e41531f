"""Histories of one token's rotations on two running servers, and a model of its secrets.

`TokenLife` acts on the token over the wire. `Expected` knows no code of the server: it keeps which
secrets were delivered and used, and when and why each may end.
"""

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx2

import models
from server.conditions import Conditions
from server.global_ids import encode_id
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.audit import Birth, read_ledger
from tests.support.factories import Client, Person, World
from tests.support.process import ServerProcess
from tests.support.waiting import until
from tests.support.wire import Wire, check

KEY = "GET /api/v1/devices"
PASSES_SECONDS = 1000
# The token may be used from one address. A check from elsewhere tells whether a secret is alive and
# is no use of it, since it is refused.
_NETWORKS = ("203.0.113.0/24",)
_INSIDE, _OUTSIDE = "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 198.51.100.1"
ALIVE, USED = "ADDRESS_NOT_ALLOWED", "200"
_CODE = re.compile(rb"\r\nx-tessera-code: ([A-Z_]+)\r\n", re.IGNORECASE)
_PASS_TIME = (
    "UPDATE token_rotation SET created_at = created_at - $2::interval,"
    " latest_by = latest_by - $2::interval, picked_up_at = picked_up_at - $2::interval,"
    " ended_at = ended_at - $2::interval WHERE id = $1",
    "UPDATE token_secret SET retires_at = retires_at - $2::interval,"
    " expires_at = expires_at - $2::interval WHERE token_id = $1",
    "UPDATE token SET expires_at = expires_at - $2::interval WHERE id = $1",
)
_IS_PICKED_UP = "SELECT picked_up_at IS NOT NULL FROM token_rotation WHERE id = $1"

# Why a secret ended. In use, it ends by none of the last two.
DRAINED, LATEST_BY, COMPROMISED = "drained", "latestBy", "compromised"
KEPT_NEW, REVOKED = "an admin kept the new one", "revoked"
REPLACED, TAKEN_BACK = "replaced before its use", "taken back before its use"
OF_UNSEEN = {REPLACED, TAKEN_BACK}


class How(NamedTuple):
    """The terms of a rotation that somebody asks for; `latest_by` in seconds from now."""

    key: str | None = None
    drain_seconds: int = 600
    latest_by: int | None = None
    compromised: bool = False
    replace: bool = False

    def as_input(self) -> dict[str, Any]:
        latest_by = None if self.latest_by is None else in_seconds(self.latest_by)
        return {
            "idempotencyKey": self.key,
            "drainSeconds": self.drain_seconds,
            "latestBy": latest_by,
            "compromised": self.compromised,
            "replace": self.replace,
        }


# The model


@dataclass(eq=False)
class Delivered:
    """A secret that somebody was given, and the instant of the model's clock at which it ends."""

    text: str = field(repr=False)
    is_used: bool = False
    ends_at: float = inf
    ends_by: str = ""


@dataclass
class Rotation:
    """The latest rotation, with who asked for it under which key."""

    old: Delivered | None
    new: Delivered
    how: How
    asked_by: str
    is_picked_up: bool = False

    def is_asked_again(self, how: How, asked_by: str) -> bool:
        same = how.key is not None and (how.key, asked_by) == (self.how.key, self.asked_by)
        return same and how.compromised == self.how.compromised


@dataclass
class Expected:
    """The secrets as they must be after the changes that the servers have accepted."""

    secrets: list[Delivered]
    clock: float = 0
    expires_at: float = inf
    is_paused: bool = False
    is_revoked: bool = False
    rotation: Rotation | None = None
    # All reasons for which a secret has ended.
    seen: set[str] = field(default_factory=set)

    def lives(self, secret: Delivered | None) -> bool:
        return secret is not None and secret.ends_at > self.clock

    def living(self) -> list[Delivered]:
        return [secret for secret in self.secrets if self.lives(secret)]

    def code(self, secret: Delivered) -> str:
        """The code of a check from elsewhere."""
        if self.is_revoked:
            return "TOKEN_REVOKED"
        if not self.lives(secret):
            return "SECRET_RETIRED"
        if self.expires_at <= self.clock:
            return "TOKEN_EXPIRED"
        return "TOKEN_PAUSED" if self.is_paused else ALIVE

    def rotated(self, text: str, how: How, asked_by: str = "owner") -> Delivered:
        new, before = Delivered(text), self.rotation
        if before is not None and before.is_asked_again(how, asked_by):
            # The answer was lost: the rotation goes on, on its first terms.
            self._end(before.new, REPLACED)
            before.new = new
        else:
            self.rotation = Rotation(self._old_of(how), new, how, asked_by)
        self.secrets.append(new)
        return new

    def _old_of(self, how: How) -> Delivered | None:
        """The secret that a new rotation leaves alive for now; the others end."""
        if how.compromised:
            for secret in self.living():
                self._end(secret, COMPROMISED)
            return None
        if self.rotation and self.lives(self.rotation.old) and self.lives(self.rotation.new):
            self._end(self.rotation.new, REPLACED)
        [old] = self.living()
        old.ends_at, old.ends_by = inf, ""
        if how.latest_by is not None:
            self._end(old, LATEST_BY, how.latest_by)
        return old

    def used(self, secret: Delivered) -> bool:
        """Whether it is the first use of a new secret."""
        secret.is_used = True
        rotation = self.rotation
        if rotation is None or rotation.is_picked_up or rotation.new is not secret:
            return False
        rotation.is_picked_up = True
        if self.lives(rotation.old):
            self._end(rotation.old, DRAINED, rotation.how.drain_seconds)
        return True

    def kept(self, part: str) -> None:
        rotation = self.rotation
        if part == "OLD":
            assert rotation is not None, "there was no rotation"
            assert rotation.old is not None, "there was no old secret"
            assert self.lives(rotation.old), "the old secret was dead"
            self._end(rotation.new, TAKEN_BACK)
            rotation.old.ends_at, rotation.old.ends_by = inf, ""
            self.rotation = None
        elif rotation is not None and self.lives(rotation.old):
            self._end(rotation.old, KEPT_NEW)

    def revoked(self) -> None:
        self.is_revoked = True
        for secret in self.living():
            self._end(secret, REVOKED)

    def passes(self, seconds: float) -> None:
        self.clock += seconds
        self.seen |= {one.ends_by for one in self.secrets if not self.lives(one)}

    def _end(self, secret: Delivered | None, by: str, in_seconds: float = 0) -> None:
        assert secret is not None
        assert not (secret.is_used and by in OF_UNSEEN), f"a secret in use was {by}"
        at = self.clock + in_seconds
        if at < secret.ends_at:
            secret.ends_at, secret.ends_by = at, by
        self.passes(0)


# The servers


@dataclass
class Place:
    """Two servers on one database, with the service for making tenants and reading rows."""

    service: Service
    clients: list[Client]
    wires: list[Wire]
    database: asyncpg.Connection

    async def new_token(self) -> "TokenLife":
        """A token of a new tenant, whose holder may rotate it."""
        person = await World(self.service).person()
        tenants = models.Tenant.filter(id=person.admin.tenant_id)
        await tenants.update(requests_per_hour=10**9)
        conditions = Conditions(networks=_NETWORKS, holder_may_rotate=True)
        made = await World(self.service).token(person, "t", [KEY], conditions=conditions)
        host = f"{(await tenants.get()).slug}.api.us.example.com"
        return TokenLife(self, person, host, made.token.id, made.secret)


async def open_place(stack: AsyncExitStack, folder: Path, url: str) -> Place:
    """Open it for as long as `stack`."""
    trusting = {"TESSERA_TRUSTED_PROXIES": "127.0.0.0/8"}
    servers = [
        stack.enter_context(ServerProcess(folder, database_url=url, settings=trusting))
        for _ in range(2)
    ]
    database = await asyncpg.connect(url)
    stack.push_async_callback(database.close)
    opened = [httpx2.AsyncClient(base_url=one.url, timeout=20) for one in servers]
    return Place(
        await stack.enter_async_context(running_service(settings_for(url))),
        [Client(await stack.enter_async_context(http)) for http in opened],
        [await stack.enter_async_context(Wire(one.port)) for one in servers],
        database,
    )


@dataclass
class TokenLife:
    """One token, over the wire. `instance` is the server that is asked: 0 or 1."""

    place: Place
    person: Person
    host: str
    id: UUID
    first_secret: str = field(repr=False)

    async def change(self, instance: int, name: str, **given: Any) -> tuple[str, str | None]:
        """`OK` or the code of the refusal, and the secret that was delivered."""
        secret = "secret" if name == "rotateToken" else "__typename"
        fields = f"... on {name[0].upper()}{name[1:]}Payload {{ {secret} }}"
        client = self.place.clients[instance].of(self.person)
        result = await client.mutate(name, fields, tokenId=encode_id("Token", self.id), **given)
        return result.get("code", "OK"), result.get("secret")

    async def rotate(self, instance: int, how: How) -> tuple[str, str | None]:
        return await self.change(instance, "rotateToken", **how.as_input())

    async def rotate_as_holder(
        self, instance: int, secret: str, key: str | None
    ) -> tuple[str, str | None]:
        """As `rotate`, by the holder of a secret."""
        answer = await self.place.clients[instance].http.post(
            "/token/rotate",
            json={"idempotencyKey": key},
            headers=dict([_INSIDE.split(": ")]) | {"Authorization": f"Bearer {secret}"},
        )
        told = answer.json() if answer.content else {}
        if answer.status_code == 201:
            return "OK", told["secret"]
        return answer.headers.get("x-tessera-code") or told["code"], None

    async def look(self, instance: int, secret: str) -> str:
        """The code of a check from elsewhere: `ALIVE`, or the reason why it is not."""
        return await self._check(instance, secret, _OUTSIDE)

    async def use(self, instance: int, secret: str) -> str:
        """`USED`, or the code of the refusal."""
        return await self._check(instance, secret, _INSIDE)

    async def _check(self, instance: int, secret: str, origin: str) -> str:
        request = check(self.host, secret, "/api/v1/devices", "GET", origin)
        status, head = await self.place.wires[instance].ask_whole(request)
        found = _CODE.search(head)
        return found[1].decode() if found else str(status)

    async def recorded(self) -> None:
        """Wait for the record of a pick-up, for as long as is promised."""
        await until(lambda: self.place.database.fetchval(_IS_PICKED_UP, self.id))

    async def pass_time(self) -> None:
        async with self.place.database.transaction():
            for statement in _PASS_TIME:
                passes = timedelta(seconds=PASSES_SECONDS)
                await self.place.database.execute(statement, self.id, passes)

    async def contradictions(self) -> list[str]:
        """Between the token's rows and its activity."""
        ledger = await read_ledger([self.person.admin.tenant_id])
        return ledger.contradictions(self.id, Birth("t", frozenset(ledger.held[self.id])))


def in_seconds(seconds: int) -> str:
    """An instant as GraphQL takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

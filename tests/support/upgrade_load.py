"""Clients of several instances by way of a balancer, which fail at the first wrong answer.

They check tokens whose answers are known, lead tokens of their own through their lives, read pages,
and sign in. They repeat no request.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, TypeVar

import httpx2

from tests.support.command import PASSWORD
from tests.support.factories import Client
from tests.support.process import LOOPBACK
from tests.support.surfaces import PERMISSION
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire import check as request_of

_ACCOUNT = {
    "tenant": "acme",
    "email": "ada@acme.example",
    "password": PASSWORD,
    "transport": "bearer",
}
_HOST = "acme.api.us.example.com"
_TARGET, _OTHER = "/api/v1/devices", "/api/v1/audit/events"
GRANTED, DENIED, REVOKED = 200, 403, 401
_PAGE = (
    "{ viewer { id } tokens(first: 20) { edges { node { id name permissions { key } } } }"
    " activity(first: 20) { edges { node { __typename occurredAt } } } }"
)
_CHANGERS, _CHECKERS = 2, 3
_Answer = TypeVar("_Answer")
# Machines of two cores are to be busy, and not overloaded.
_PAUSE_SECONDS, _SIGN_IN_SECONDS = 0.005, 0.5


@dataclass
class Load:
    """What the clients were answered.

    session: of the owner. checks: by status. requests: the others, by name. longest: seconds, by
    name. live and revoked: secrets of tokens that stay as they are. created: tokens' ids.
    """

    session: str = ""
    checks: Counter[int] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    is_ending: bool = False

    @property
    def served(self) -> int:
        """How many requests were answered."""
        return self.checks.total() + self.requests.total()

    async def goes_on(self, seconds: float = 1) -> None:
        """Return after so many seconds, in which each kind of request was answered again."""
        checks, requests = self.checks.copy(), self.requests.copy()
        await asyncio.sleep(seconds)

        async def answered() -> bool:
            return all(self.checks[status] > count for status, count in checks.items()) and all(
                self.requests[name] > count for name, count in requests.items()
            )

        await until(answered)

    async def check(
        self, wires: Sequence[Wire], secret: str, status: int, target: str = _TARGET
    ) -> None:
        """Check a token whose answer is known."""
        for wire in wires:
            found = await self._timed("check", wire.ask(request_of(_HOST, secret, target)))
            assert found == status, (target, found)
            self.checks[status] += 1

    async def ask(self, client: Client, name: str, query: str, /, **variables: Any) -> Any:
        """The data of a GraphQL operation, which must succeed."""
        body = (await self.http(name, client.graphql(query, variables), 200)).json()
        assert "errors" not in body, (name, body)
        return body["data"]

    async def change(self, client: Client, name: str, fields: str, /, **values: Any) -> Any:
        """The payload of a mutation, which must succeed."""
        kind = f"{name[0].upper()}{name[1:]}"
        query = (
            f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ __typename"
            f" ... on {kind}Payload {{ {fields} }} ... on Problem {{ code }} }} }}"
        )
        payload = (await self.ask(client, name, query, input=values))[name]
        assert payload["__typename"] == f"{kind}Payload", (name, payload)
        return payload

    async def http(
        self, name: str, answering: Awaitable[httpx2.Response], status: int
    ) -> httpx2.Response:
        """The answer of a request, which must have this status."""
        answer = await self._timed(name, answering)
        assert answer.status_code == status, (name, answer.status_code, answer.text)
        self.requests[name] += 1
        return answer

    async def _timed(self, name: str, answering: Awaitable[_Answer]) -> _Answer:
        started = time.monotonic()
        answer = await answering
        seconds = time.monotonic() - started
        self.longest[name] = max(self.longest.get(name, 0), seconds)
        return answer


async def whole_life(
    load: Load, clients: Sequence[Client], wires: Sequence[Wire], name: str, *, is_revoked: bool
) -> None:
    """Lead a token through its life, each change by the next client; check it by all wires."""
    turns = cycle(clients)
    made = await load.change(
        next(turns), "createToken", "secret token { id }", name=name, permissions=[PERMISSION]
    )
    secret, token = made["secret"], made["token"]["id"]
    load.created.append(token)
    await load.check(wires, secret, GRANTED)
    await load.change(next(turns), "renameToken", "token { id }", tokenId=token, name=f"{name}!")
    for keys, status in (([], DENIED), ([PERMISSION], GRANTED)):
        values = {"tokenId": token, "permissions": keys}
        await load.change(next(turns), "setPermissions", "token { id }", **values)
        await load.check(wires, secret, status)
    rotated = await load.change(next(turns), "rotateToken", "secret", tokenId=token)
    for one in (secret, rotated["secret"]):
        await load.check(wires, one, GRANTED)
    await load.change(next(turns), "endRotation", "token { id }", tokenId=token, keep="NEW")
    secret = rotated["secret"]
    if is_revoked:
        await load.change(next(turns), "revokeToken", "token { id }", tokenId=token)
        await load.check(wires, secret, REVOKED)
    (load.revoked if is_revoked else load.live).append(secret)


async def _change(load: Load, client: Client, port: int, number: int) -> None:
    """Lead tokens through their lives, and read pages."""
    async with Wire(port) as wire:
        turn = 0
        while not load.is_ending:
            turn += 1
            name = f"{number}-{turn}"
            await whole_life(load, [client], [wire], name, is_revoked=turn % 2 == 0)
            await load.ask(client, "page", _PAGE)


async def _check(load: Load, port: int, number: int) -> None:
    """Check tokens that stay as they are."""
    choose = random.Random(number)
    async with Wire(port) as wire:
        while not load.is_ending:
            for secrets, status, target in (
                (load.live, GRANTED, _TARGET),
                (load.live, DENIED, _OTHER),
                (load.revoked, REVOKED, _TARGET),
            ):
                if secrets:
                    await load.check([wire], choose.choice(secrets), status, target)
            await asyncio.sleep(_PAUSE_SECONDS)


async def _sign_in(load: Load, http: httpx2.AsyncClient) -> None:
    """Sign in and out, again and again."""
    while not load.is_ending:
        headers = Client(http, await _session(load, http)).headers
        await load.http("session", http.get("/session", headers=headers), 200)
        await load.http("sign-out", http.delete("/session", headers=headers), 204)
        await asyncio.sleep(_SIGN_IN_SECONDS)


async def _session(load: Load, http: httpx2.AsyncClient) -> str:
    answer = await load.http("sign-in", http.post("/session", json=_ACCOUNT), 201)
    return str(answer.json()["session"])


@asynccontextmanager
async def loaded(port: int, webhook_url: str) -> AsyncIterator[Load]:
    """Clients at this port until the end of the block, and a webhook that is told of new tokens."""
    load = Load()
    async with httpx2.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=30) as http:
        load.session = await _session(load, http)
        client = Client(http, load.session)
        made = await client.mutate("createWebhook", url=webhook_url, events=["token.created"])
        assert made["__typename"] == "CreateWebhookPayload", made
        async with asyncio.TaskGroup() as tasks:
            for number in range(_CHANGERS):
                tasks.create_task(_change(load, client, port, number))
            for number in range(_CHECKERS):
                tasks.create_task(_check(load, port, number))
            tasks.create_task(_sign_in(load, http))
            try:
                yield load
            finally:
                load.is_ending = True

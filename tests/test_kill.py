"""After SIGKILL under load, acknowledged changes are stored and no change is half done.

A real server process on both databases. Power loss is for the databases' own tests.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

import models
from models import ActivityKind
from server.database import connected, transaction
from server.global_ids import row_id
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.audit import Birth, Ledger, read_ledger
from tests.support.factories import Client, Person, World, token_id
from tests.support.process import ServerProcess
from tests.support.soak import repeats

ROUNDS = repeats(ci=2, soak=10)
CLIENTS = 16
LOAD_SECONDS = 0.3

_TOKEN = "{ token { id name revision permissions { key } } }"
_PAYLOADS = {
    "createToken": f"... on CreateTokenPayload {_TOKEN}",
    "setPermissions": f"... on SetPermissionsPayload {_TOKEN}",
    "renameToken": f"... on RenameTokenPayload {_TOKEN}",
    "revokeToken": f"... on RevokeTokenPayload {_TOKEN}",
}


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledged change, found in the activity by its revision."""

    token_id: UUID
    mutation: str
    revision: int
    name: str
    permissions: frozenset[str]


@dataclass
class Record:
    """The clients' view: requests sent and answers received."""

    # By unique name, since a create may be done and not acknowledged.
    births: dict[str, Birth] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    unsettled: int = 0


@asynccontextmanager
async def clients(server: ServerProcess, people: list[Person]) -> AsyncIterator[list[Client]]:
    async with httpx2.AsyncClient(base_url=server.url, timeout=10) as http:
        yield [Client(http).of(person) for person in people]


async def mutate_until_killed(client: Client, record: Record, keys: list[str], seed: str) -> None:
    """One client that changes tokens, one request after the other."""
    choose = random.Random(seed)
    mine: list[UUID] = []
    for number in range(10**6):
        wanted = frozenset(choose.sample(keys, choose.randrange(4)))
        name = f"{seed}-{number}"
        mutation = "createToken" if len(mine) < 2 else choose.choice(list(_PAYLOADS))
        fields: dict[str, Any] = {}
        if mutation == "createToken":
            record.births[name] = Birth(name, wanted)
        else:
            fields["tokenId"] = token_id(choose.choice(mine))
        if mutation in {"createToken", "setPermissions"}:
            fields["permissions"] = sorted(wanted)
        if mutation in {"createToken", "renameToken"}:
            fields["name"] = name
        record.unsettled += 1
        token = (await client.mutate(mutation, _PAYLOADS[mutation], **fields))["token"]
        record.unsettled -= 1
        changed = row_id("Token", token["id"])
        assert changed is not None
        held = frozenset(permission["key"] for permission in token["permissions"])
        record.acknowledged.append(
            Acknowledged(changed, mutation, token["revision"], token["name"], held)
        )
        if mutation == "createToken":
            mine.append(changed)
        if mutation == "revokeToken":
            mine.remove(changed)


async def load_and_kill(
    server: ServerProcess, people: list[Person], record: Record, keys: list[str], round_: int
) -> None:
    """Load from all clients at once until the server is killed."""
    async with clients(server, people) as speaking:
        tasks = [
            asyncio.create_task(mutate_until_killed(client, record, keys, f"{round_}-{number}"))
            for number, client in enumerate(speaking)
        ]
        enough = len(record.acknowledged) + 3 * CLIENTS
        await asyncio.sleep(LOAD_SECONDS)
        for _ in range(500):  # on a slow machine
            if len(record.acknowledged) >= enough:
                break
            await asyncio.sleep(0.02)
        assert len(record.acknowledged) >= enough
        assert not any(task.done() for task in tasks)
        server.kill9()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, httpx2.TransportError)] == []


def held_against(ledger: Ledger, record: Record) -> list[str]:
    """All contradictions between the rows and the clients' view."""
    found = [f"an activity without its change: {orphan}" for orphan in ledger.orphans()]
    for token in ledger.tokens.values():
        first_name = _first_name(ledger, token.id) or token.name
        birth = record.births.get(first_name)
        if birth is None:
            found.append(f"nobody asked for {first_name!r}")
        else:
            found += ledger.contradictions(token.id, birth)
    for change in record.acknowledged:
        found += _lost(ledger, change)
    return found


def _first_name(ledger: Ledger, token: UUID) -> str | None:
    names = (activity.details.get("previousName") for activity in ledger.story[token])
    return next(filter(None, names), None)


def _lost(ledger: Ledger, change: Acknowledged) -> list[str]:
    token, story = ledger.tokens.get(change.token_id), ledger.story[change.token_id]
    if token is None or len(story) < change.revision:
        return [f"acknowledged and lost: {change}"]
    if change.mutation == "revokeToken" and token.revoked_at is None:
        return [f"revoked and live: {change}"]
    if token.revision == change.revision:
        now = (token.name, frozenset(ledger.held[token.id]))
        if now != (change.name, change.permissions):
            return [f"acknowledged {change}, and it is {now}"]
    return []


async def held_now(url: str, record: Record) -> list[str]:
    async with connected(settings_for(url)), transaction() as client:
        if client.capabilities.dialect == "postgres":
            # It may still be running the last statement of the killed server.
            await client.execute_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return held_against(await read_ledger(), record)


async def test_acknowledged_changes_survive_sigkill_and_none_is_half_done(
    database_url: str, tmp_path: Path
) -> None:
    async with running_service(settings_for(database_url)) as service:
        world = World(service)
        people = [await world.person() for _ in range(CLIENTS)]
        keys = [p.key for c in service.catalogue.categories for p in c.permissions][:6]
    record = Record()
    with ServerProcess(tmp_path, database_url=database_url) as server:
        for round_ in range(ROUNDS):
            await load_and_kill(server, people, record, keys, round_)
            found, _ = await asyncio.gather(
                held_now(database_url, record), asyncio.to_thread(server.start)
            )
            assert found == []
        async with clients(server, people) as speaking:
            page = await speaking[0].data("{ tokens { edges { node { name } } } }")
    assert page["tokens"]["edges"]
    assert record.unsettled, "no round cut anything off"
    await finds_planted_half_done_changes(database_url, record)


async def finds_planted_half_done_changes(url: str, record: Record) -> None:
    """Plant each kind of half-done change; each must be found."""
    made = [done.token_id for done in record.acknowledged if done.mutation == "createToken"]
    tears: list[Callable[[UUID], Awaitable[Any]]] = [
        lambda token: models.Activity.filter(subject_id=token, kind=ActivityKind.CREATED).delete(),
        lambda token: models.Token.filter(id=token).update(name="renamed, and nobody knows"),
        lambda token: models.TokenPermission.create(
            tenant_id=token, token_id=token, key="GET /granted-by-nobody"
        ),
        lambda token: models.Token.filter(id=token).delete(),
    ]
    for torn, (token, tear) in enumerate(zip(made, tears, strict=False), 1):
        async with connected(settings_for(url)):
            await tear(token)
        found = str(await held_now(url, record))
        assert [str(token) in found for token in made[: torn + 1]] == [True] * torn + [False]

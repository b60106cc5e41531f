"""Two instances send events and are killed at random: every event arrives, and in order.

At the receivers that live, the fast one and the slow one; a dead one holds up neither. An event
that arrives twice has the same id both times.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

import models
from server.operations import tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World
from tests.support.process import Worker
from tests.support.soak import repeats
from tests.support.waiting import until
from tests.support.webhooks import NETWORKS, Receiver, hook, receiving, row_of, verified

ROUNDS = repeats(ci=2, soak=10)
_CHANGES = 30
# As in service, several times as long as an attempt may take.
_LEASE_SECONDS = 6.0


def _worker(folder: Path, url: str, number: int, *fault: str) -> Worker:
    # A planted fault shows sooner where another instance goes on sooner.
    lease = 1.0 if fault else _LEASE_SECONDS
    arguments = [url, str(lease), *fault]
    log = folder / f"worker-{number}.log"
    return Worker("tests.support.delivery_worker", arguments, log=log)


@dataclass
class _Scene:
    """A tenant with three webhooks, and a token whose changes they are told of."""

    service: Service
    person: Person
    fast: Receiver
    slow: Receiver
    hooks: dict[str, models.Webhook]
    secrets: dict[str, str]
    token: models.Token
    changes: int = 0

    async def change(self) -> None:
        self.changes += 1
        await tokens.rename(self.person.principal, self.token.id, f"name {self.changes}")

    async def expected(self) -> list[str]:
        """The ids of all events, in the order in which the changes were committed."""
        of_token = models.Activity.filter(
            tenant_id=self.token.tenant_id, kind=models.ActivityKind.NAME_CHANGED
        )
        return [f"evt_{row.id.hex}" for row in await of_token.order_by("id")]


@asynccontextmanager
async def _scene(url: str) -> AsyncIterator[_Scene]:
    settings = replace(settings_for(url), webhook_networks=NETWORKS)
    fast, slow, dead = Receiver(), Receiver(delay_seconds=0.02), Receiver()
    async with running_service(settings) as service, receiving(fast, slow):
        async with receiving(dead):
            pass  # its port is closed from now on
        world = World(service)
        person = await world.person()
        token = (await world.token(person, "name 0")).token
        made = {
            name: await hook(service, person, receiver)
            for name, receiver in (("fast", fast), ("slow", slow), ("dead", dead))
        }
        hooks = {name: one.webhook for name, one in made.items()}
        secrets = {name: one.secret for name, one in made.items()}
        yield _Scene(service, person, fast, slow, hooks, secrets, token)


def _first_of_each(receiver: Receiver) -> list[str]:
    return list(dict.fromkeys(one.id for one in receiver.got))


async def _arrived(scene: _Scene, receiver: Receiver, seconds: float = 60) -> None:
    async def has_all() -> bool:
        return len(_first_of_each(receiver)) >= scene.changes

    await until(has_all, seconds)


async def test_every_event_arrives_in_order_although_instances_are_killed(
    database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(11)
    async with _scene(database_url) as scene:
        workers = [_worker(tmp_path, database_url, number) for number in (1, 2)]
        with ExitStack() as running:
            for worker in workers:
                running.enter_context(worker)
            for _ in range(ROUNDS):
                kills = sorted(chance.sample(range(_CHANGES), 3))
                for number in range(_CHANGES):
                    await scene.change()
                    if number in kills:
                        await asyncio.sleep(chance.random() * 0.3)
                        one = chance.choice(workers)
                        one.kill9()
                        one.start()
                for receiver in (scene.fast, scene.slow):
                    await _arrived(scene, receiver)
        expected = await scene.expected()
        for name, receiver in (("fast", scene.fast), ("slow", scene.slow)):
            assert _first_of_each(receiver) == expected
            numbers = [expected.index(one.id) for one in receiver.got]
            # Only an event that is sent again comes a second time, before its followers.
            assert all(after - before in {0, 1} for before, after in pairwise(numbers))
            for received in receiver.got[-5:]:
                verified(scene.secrets[name], received)
        dead = await row_of(scene.hooks["dead"])
        assert dead.failures >= 1
        assert dead.waiting == scene.changes


async def _tell_one_more(scene: _Scene) -> None:
    """Make a change and wait for the slow receiver: a worker is up then."""
    before = len(scene.slow.got)
    await scene.change()

    async def is_told() -> bool:
        return len(scene.slow.got) > before

    await until(is_told)


@pytest.mark.parametrize("fault", ["early", "unleased"])
async def test_planted_faults_are_noticed(fault: str, postgres_url: str, tmp_path: Path) -> None:
    """An event noted before it is sent is lost by a kill; without a lease, events come twice."""
    chance = random.Random(11)
    async with _scene(postgres_url) as scene:
        workers = [_worker(tmp_path, postgres_url, number, fault) for number in (1, 2)]
        with ExitStack() as running:
            for worker in workers:
                running.enter_context(worker)
            await _tell_one_more(scene)
            is_wrong = False
            scene.slow.delay_seconds = 0.1
            for number in range(10 * _CHANGES):
                await scene.change()
                if fault == "early" and number % 10 == 9:
                    # Somewhere in the time that the workers need for two of these events.
                    await asyncio.sleep(chance.random())
                    for worker in workers:
                        worker.kill9()
                    for worker in workers:
                        worker.start()
                    await _tell_one_more(scene)
                expected = {one: at for at, one in enumerate(await scene.expected())}
                numbers = [expected[one.id] for one in scene.slow.got if one.id in expected]
                steps = [after - before for before, after in pairwise(numbers)]
                tolerated = {1} if fault == "unleased" else {0, 1}
                is_wrong = not tolerated.issuperset(steps)
                if is_wrong:
                    break
        assert is_wrong

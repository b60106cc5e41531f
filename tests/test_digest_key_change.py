"""The digest key is adopted and replaced under load without failing a check of a live token.

Two real instances, restarted one after the other while clients use both, on each database.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import httpx2

from server.catalogue import read_catalogue
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.gateways import HOST, Gateway
from tests.support.process import ServerProcess, tessera
from tests.support.soak import repeats

FIRST, SECOND = "1a" * 32, "2b" * 40
KEY = next(p.key for p in read_catalogue(None).permissions if p.key == "GET /api/v1/devices")
SLUG = "acme"
TOKENS = 300
CREATE = "... on CreateTokenPayload { secret }"


class Load:
    """Checks of live tokens at the running instances, until it is ended."""

    def __init__(self, person: Person, secrets: list[str]) -> None:
        self.person = person
        self.secrets = secrets
        self.serving: list[ServerProcess] = []
        self.failed: list[object] = []
        self.checked = 0
        self._ended = False

    async def check(self) -> None:
        for secret in cycle(list(self.secrets)):
            if self._ended:
                return
            for server in list(self.serving):
                await self._check_one(server, secret)
            # Still some hundred checks a second, which leave the instances a core to start on.
            await asyncio.sleep(0.01)

    async def create(self) -> None:
        """Create tokens at each instance; the other must find them at once."""
        while not self._ended:
            for server in list(self.serving):
                async with self._client(server) as http:
                    made = (
                        await Client(http)
                        .of(self.person)
                        .mutate("createToken", CREATE, name="n", permissions=[KEY])
                    )
                self.secrets.append(made["secret"])
                for other in list(self.serving):
                    await self._check_one(other, made["secret"])
            await asyncio.sleep(0.05)

    def end(self) -> None:
        self._ended = True

    def _client(self, server: ServerProcess) -> httpx2.AsyncClient:
        # Without `verify`, each would read all certificates: 36 ms of CPU, for plain HTTP.
        return httpx2.AsyncClient(base_url=server.url, timeout=20, verify=False)

    async def _check_one(self, server: ServerProcess, secret: str) -> None:
        async with self._client(server) as http:
            answer = await Gateway(http).ask(secret, host=HOST.format(slug=SLUG))
        self.checked += 1
        if answer.status_code != 200:
            self.failed.append((answer.status_code, answer.text))


def keyed(keys: str) -> Mapping[str, str]:
    return {"TESSERA_DIGEST_KEY": keys} if keys else {}


def command(url: str, *arguments: str, keys: str) -> str:
    done = tessera(*arguments, database_url=url, settings=keyed(keys))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert not any(key in done.stdout for key in keys.split(",") if key)
    return done.stdout


@contextmanager
def two_instances(folder: Path, url: str, keys: str) -> Iterator[list[ServerProcess]]:
    folders = [folder / name for name in ("one", "two")]
    for each in folders:
        each.mkdir(exist_ok=True)
    first, second = (
        ServerProcess(each, database_url=url, settings=keyed(keys)) for each in folders
    )
    with first, second:
        yield [first, second]


async def restarted(load: Load, folder: Path, url: str, keys: str) -> None:
    """Restart each instance with these keys while the other serves."""
    for place, old in enumerate(list(load.serving)):
        load.serving.remove(old)
        await asyncio.sleep(0.2)  # lets pending checks end
        await asyncio.to_thread(old.stop)
        new = ServerProcess(folder, database_url=url, settings=keyed(keys))
        await asyncio.to_thread(new.start)
        load.serving.insert(place, new)


async def changed(load: Load, folder: Path, url: str, keys: str) -> None:
    """The operator's steps, in the order that `tessera digest-key` prints."""
    said = await asyncio.to_thread(
        command, url, "digest-key", "rotate" if "," in keys else "set", keys=keys
    )
    assert "restart each instance" in said
    new = keys.split(",")[0]
    await restarted(load, folder, url, new)
    said = await asyncio.to_thread(command, url, "digest-key", "finish", keys=new)
    assert said.startswith("Renewed ")
    assert int(said.split()[1]) > TOKENS


async def test_no_check_fails_while_the_key_is_adopted_and_replaced(
    database_url: str, tmp_path: Path
) -> None:
    former, changes = changes_for(database_url)
    settings = replace(settings_for(database_url), digest_key=tuple(map(bytes.fromhex, former)))
    async with running_service(settings) as service:
        world = World(service)
        person = await world.person(await world.tenant(SLUG))
        made = [await world.token(person, permissions=[KEY]) for _ in range(TOKENS)]
    load = Load(person, [one.secret for one in made])
    with two_instances(tmp_path, database_url, ",".join(former)) as serving:
        load.serving = list(serving)
        tasks = [asyncio.create_task(work()) for work in (load.check, load.check, load.create)]
        try:
            for keys in changes:
                await changed(load, tmp_path, database_url, keys)
            load.end()
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            for server in load.serving:
                await asyncio.to_thread(server.stop)
    assert load.failed == []
    assert load.checked > 20
    assert len(load.secrets) > TOKENS + 5


def changes_for(database_url: str) -> tuple[list[str], list[str]]:
    """The first key and the changes; `make soak` runs all of them."""
    adopted, replaced = FIRST, f"{SECOND},{FIRST}"
    if repeats(ci=1, soak=2) == 2:
        return [], [adopted, replaced]
    return ([], [adopted]) if database_url.startswith("sqlite") else ([FIRST], [replaced])

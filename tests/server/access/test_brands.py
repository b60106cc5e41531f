"""The brands of token secrets: new secrets get the first, all listed brands are accepted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest

import models
from server.access.brands import require_listed
from server.access.principal import Operator
from server.app import create_app
from server.errors import Misconfigured
from server.operations import introspection_clients, rotation, tokens
from server.service import Service
from server.settings import Settings
from server.starting import running_service
from tests.support.factories import World
from tests.support.gateways import HOST, gateway
from tests.support.postgres import run_now
from tests.support.process import tessera

KEY = "GET /api/v1/devices"


def branded(settings: Settings, *brands: str) -> Settings:
    return replace(settings, token_brand=brands)


async def _make(settings: Settings, slug: str, count: int) -> list[tokens.Created]:
    """Create tokens of a new tenant called `slug`."""
    async with running_service(settings) as service:
        world = World(service)
        person = await world.person(await world.tenant(slug))
        return [await world.token(person, permissions=[KEY]) for _ in range(count)]


async def _revoke(settings: Settings, made: list[tokens.Created]) -> None:
    async with running_service(settings):
        for one in made:
            await models.Token.filter(tenant_id=one.token.tenant_id, id=one.token.id).update(
                revoked_at=models.now()
            )


async def _refusal(settings: Settings) -> str:
    with pytest.raises(Misconfigured) as refused:
        async with running_service(settings):
            pass
    return str(refused.value)


@asynccontextmanager
async def _asking(service: Service) -> AsyncIterator[tuple[httpx2.AsyncClient, dict[str, str]]]:
    """An in-process client, and an introspection client's credential."""
    app = create_app(service)
    made = await introspection_clients.create(Operator(), service, "orders")
    async with gateway(app).http as http:
        yield http, {"Authorization": f"Bearer {made.secret}"}
    await app.close()


async def test_new_secrets_get_the_first_brand_and_all_brands_are_accepted(
    settings: Settings,
) -> None:
    [old] = await _make(branded(settings, "tsr"), "globex", 1)
    [new] = await _make(branded(settings, "acme", "tsr"), "acme", 1)
    assert (old.secret[:4], new.secret[:5]) == ("tsr_", "acme_")
    for brands in (("acme", "tsr"), ("tsr", "acme")):
        async with running_service(branded(settings, *brands)) as service:
            app = create_app(service)
            for slug, secret in (("globex", old.secret), ("acme", new.secret)):
                answer = await gateway(app).ask(
                    secret, target="/api/v1/devices", host=HOST.format(slug=slug)
                )
                assert answer.status_code == 200, brands
            await app.close()
    async with (
        running_service(branded(settings, "acme", "tsr")) as service,
        _asking(service) as (http, credential),
    ):
        for secret in (old.secret, new.secret):
            answer = await http.post("/introspect", data={"token": secret}, headers=credential)
            assert answer.json()["active"] is True


async def test_start_is_refused_while_an_unlisted_brand_is_in_use(settings: Settings) -> None:
    """A start without it would end every token of that brand silently."""
    made = await _make(branded(settings, "tsr"), "acme", 3)
    await _make(branded(settings, "old", "tsr"), "globex", 1)
    told = await _refusal(branded(settings, "new", "old"))
    assert "3 live tokens of the brand `tsr`" in told
    assert "`old`" not in told
    told = await _refusal(branded(settings, "new"))
    assert "1 live tokens of the brand `old` and 3 live tokens of the brand `tsr`" in told
    await _revoke(branded(settings, "tsr", "old"), made)
    async with running_service(branded(settings, "new", "old")):
        pass


async def test_old_secret_of_a_rotation_keeps_its_brand_in_use(settings: Settings) -> None:
    both, new = branded(settings, "new", "tsr"), branded(settings, "new")
    [made] = await _make(branded(settings, "tsr"), "acme", 1)
    async with running_service(both) as service:
        owner = await models.Admin.get(tenant_id=made.token.tenant_id)
        person = await World(service).sign_in(owner)
        await rotation.rotate(person.principal, service, made.token.id)
    assert "1 live tokens of the brand `tsr`" in await _refusal(new)
    async with running_service(both):
        await rotation.end_rotation(person.principal, made.token.id, models.RotationPart.NEW)
    async with running_service(new):
        pass


async def test_brand_with_another_as_prefix_is_counted_apart(settings: Settings) -> None:
    await _make(branded(settings, "tsrx"), "acme", 2)
    async with running_service(branded(settings, "tsr", "tsrx")):
        pass
    async with running_service(branded(settings, "tsrx")):
        pass  # no token has the first brand, `tsr`
    assert "2 live tokens of the brand `tsrx`" in await _refusal(branded(settings, "tsr"))


async def test_tokens_are_counted_only_where_a_brand_is_missing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start reads no token unless it must: there may be a million."""

    def read(**_: object) -> None:
        raise AssertionError("tokens were read")

    monkeypatch.setattr(models.Token, "filter", read)
    await require_listed(("tsr",))
    await require_listed(("new", "tsr"))
    await World(service).tenant()
    with pytest.raises(AssertionError):
        await require_listed(("other",))


def test_serve_refuses_an_unlisted_brand_in_one_sentence(sqlite_url: str) -> None:
    async def made() -> None:
        await _make(Settings(sqlite_url), "acme", 2)

    run_now(made())
    refused = tessera(
        "serve", "--port", "0", database_url=sqlite_url, settings={"TESSERA_TOKEN_BRAND": "acme"}
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "tessera: TESSERA_TOKEN_BRAND must list each brand in use:"
        " the database holds 2 live tokens of the brand `tsr`."
    )

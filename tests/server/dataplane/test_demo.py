"""The demo API: a gateway and a backend in one process, by the rules of the shipped gateways."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

import models
from server.dataplane.demo import DemoApi
from server.operations import tokens
from server.service import Service
from tests.support.factories import World

HELD = "GET /api/v1/devices"
PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}


def http_of(demo: DemoApi, peer: str = "127.0.0.1") -> httpx2.AsyncClient:
    transport: Any = httpx2.ASGITransport(app=demo, client=(peer, 40000))
    return httpx2.AsyncClient(transport=transport, base_url="http://demo.test")


@pytest.mark.parametrize(
    ("peer", "header", "value", "address"),
    [
        ("198.51.100.1", "x-forwarded-for", "6.6.6.6", "198.51.100.1"),
        ("10.0.0.1", "x-forwarded-for", "6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "forwarded", "for=6.6.6.6, for=192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "forwarded", "for=unknown", "unknown"),
    ],
)
async def test_demo_takes_the_client_address_from_a_trusted_proxy(
    service: Service, world: World, peer: str, header: str, value: str, address: str
) -> None:
    networks = (ip_network("10.0.0.0/8"),)
    settings = replace(service.settings, trusted_proxies=networks, forwarded_header=header)
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    created = await tokens.create(person.principal, service, name="t", permissions=[HELD])
    demo = DemoApi(replace(service, settings=settings), f"{tenant.slug}.api.us.example.com")
    sent = {"Authorization": f"Bearer {created.secret}", header: value}
    async with http_of(demo, peer) as http:
        answer = await http.get("/api/v1/devices", headers=sent)
    assert (answer.status_code, answer.json()["permission"]) == (200, HELD)
    await demo.close()
    last = await models.TokenLastUse.get(tenant_id=tenant.id, id=created.token.id)
    assert last.last_used_from == address


@pytest.mark.parametrize(("passes", "status"), [(True, 204), (False, 401)])
async def test_preflight_passes_at_the_demo_where_the_settings_allow_it(
    service: Service, passes: bool, status: int
) -> None:
    settings = replace(service.settings, pass_preflight=passes)
    demo = DemoApi(replace(service, settings=settings), "demo.api.us.example.com")
    async with http_of(demo) as http:
        answer = await http.options("/api/v1/devices", headers=PREFLIGHT)
        assert answer.status_code == status
        assert (await http.get("/api/v1/devices", headers=PREFLIGHT)).status_code == 401
    await demo.close()


@pytest.mark.parametrize("name", ["X_HTTP_Method_Override", "X.Tessera.Tenant"])
async def test_header_in_another_spelling_is_refused_at_the_demo(
    service: Service, world: World, name: str
) -> None:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    created = await tokens.create(person.principal, service, name="t", permissions=[HELD])
    demo = DemoApi(service, f"{tenant.slug}.api.us.example.com")
    sent = {"Authorization": f"Bearer {created.secret}", name: "x"}
    async with http_of(demo) as http:
        answer = await http.get("/api/v1/devices", headers=sent)
    await demo.close()
    assert (answer.status_code, answer.json()["code"]) == (403, "HEADER_NOT_CANONICAL")

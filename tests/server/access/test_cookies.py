"""Cookies without `Secure` are set and read over plain HTTP on this machine only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

import httpx2
import pytest

import models
from server.access.cookies import DEVICE, SESSION
from server.app import create_app
from server.service import Service
from tests.support.factories import PASSWORD, Person, World

LOCAL_HOSTS = ("127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.1.2.3")
SECURE = {SESSION.secure_name, DEVICE.secure_name}
LOCAL = {SESSION.local_name, DEVICE.local_name}


@asynccontextmanager
async def asked(
    service: Service, host: str = "127.0.0.1:8000", peer: str = "127.0.0.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(service), client=(peer, 50_000))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://tessera.test", headers={"Host": host}
    ) as http:
        yield http


async def given(http: httpx2.AsyncClient, person: Person, **headers: str) -> set[str]:
    """The names of the cookies that signing in gives."""
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    body = {"tenant": tenant.slug, "email": person.admin.email, "password": PASSWORD}
    answer = await http.post("/session", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    http.cookies.clear()
    return {line.partition("=")[0] for line in answer.headers.get_list("set-cookie")}


async def accepted(http: httpx2.AsyncClient, person: Person, **headers: str) -> bool:
    """Whether the local cookie alone is a session."""
    cookie = {"Cookie": f"{SESSION.local_name}={person.session}"}
    return (await http.get("/session", headers=cookie | headers)).status_code == 200


@pytest.mark.parametrize("host", LOCAL_HOSTS)
async def test_loopback_page_gets_cookies_without_secure(
    service: Service, world: World, host: str
) -> None:
    person = await world.person()
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        async with asked(service, host, peer) as http:
            assert await given(http, person, Origin=f"http://{host}") == LOCAL
            assert await accepted(http, person)


@pytest.mark.parametrize(
    "host",
    ["console.example.com", "127.0.0.1.example.com", "10.0.0.1", "0.0.0.0", "localhost.", ""],
)
async def test_other_hosts_get_secure_cookies_and_only_those_are_read(
    service: Service, world: World, host: str
) -> None:
    person = await world.person()
    async with asked(service, host) as http:
        assert await given(http, person, Origin=f"http://{host}") == SECURE
        assert not await accepted(http, person)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Host": "console.example.com"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "proto=https"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_behind_a_proxy_on_this_machine_cookies_are_secure(
    service: Service, world: World, headers: dict[str, str]
) -> None:
    """A proxy may send a loopback `Host` for a page that the browser got over HTTPS."""
    person = await world.person()
    async with asked(service) as http:
        assert await given(http, person, Origin="http://127.0.0.1:8000", **headers) == SECURE
        assert not await accepted(http, person, **headers)


async def test_with_trusted_proxies_or_another_peer_cookies_are_secure(
    service: Service, world: World
) -> None:
    person = await world.person()
    settings = replace(service.settings, trusted_proxies=(ip_network("127.0.0.1"),))
    async with asked(replace(service, settings=settings)) as http:
        assert await given(http, person, Origin="http://127.0.0.1:8000") == SECURE
        assert not await accepted(http, person)
    async with asked(service, peer="192.0.2.1") as http:
        assert await given(http, person, Origin="http://127.0.0.1:8000") == SECURE
        assert not await accepted(http, person)


async def test_origin_must_be_the_loopback_address_itself(service: Service, world: World) -> None:
    person = await world.person()
    async with asked(service) as http:
        assert await given(http, person) == SECURE
        settings = replace(service.settings, cors_origins=("https://console.example.com",))
    async with asked(replace(service, settings=settings)) as http:
        assert await given(http, person, Origin="https://console.example.com") == SECURE


async def test_duplicate_local_cookie_is_ignored(service: Service, world: World) -> None:
    """A server on another port of this machine may have set one with a longer path."""
    person = await world.person()
    twice = f"{SESSION.local_name}={person.session}"
    async with asked(service) as http:
        answer = await http.get("/session", headers={"Cookie": f"{twice}; {twice}"})
        assert answer.status_code == 401


async def test_signing_out_clears_both_session_cookies_and_keeps_the_device(
    service: Service, world: World
) -> None:
    async with asked(service) as http:
        cookie = {"Cookie": f"{SESSION.local_name}={(await world.person()).session}"}
        answer = await http.delete("/session", headers=cookie)
    forgotten = {line.partition("=")[0] for line in answer.headers.get_list("set-cookie")}
    assert forgotten == {SESSION.secure_name, SESSION.local_name}


async def test_each_path_of_an_origin_has_cookies_of_its_own(
    service: Service, world: World
) -> None:
    """Two servers at one origin: neither takes, replaces or clears the other's session."""
    person = await world.person()
    origin = {"Origin": "https://intranet.example.com"}
    names = {}
    for path in ("", "/tessera", "/tessera/two", "/tessera-two"):
        url = f"https://intranet.example.com{path}"
        there = replace(service, settings=replace(service.settings, public_url=url))
        async with asked(there, "intranet.example.com") as http:
            names[path] = await given(http, person, **origin)
            for known in set().union(*names.values()):
                cookie = {"Cookie": f"{known}={person.session}"}
                is_own = known in names[path] and "session" in known
                answer = await http.get("/session", headers=cookie | origin)
                assert (answer.status_code == 200) is is_own
    assert names[""] == SECURE
    assert len(set().union(*names.values())) == 2 * len(names)
    async with asked(there, "intranet.example.com") as http:
        [own] = [name for name in names[path] if "session" in name]
        answer = await http.delete("/session", headers={"Cookie": f"{own}={person.session}"})
    cleared = {line.partition("=")[0] for line in answer.headers.get_list("set-cookie")}
    assert cleared == {own}

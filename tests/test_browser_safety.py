"""Protection against pages of other sites: cross-site requests, CORS, cookies and headers.

Here too: trust in headers about a request's origin. Not here: pages in a browser, and the start and
end of sessions.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from itertools import product
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.requests import Request
from starlette.routing import Route

import models
from server.access.authentication import client_address
from server.access.cookies import SESSION
from server.app import create_app
from server.service import Service
from server.settings import read_settings
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD, Person, World

OWN = "http://tessera.test"
FRIEND = "https://app.example"
FOE = "https://evil.example"
WHO = {"query": "{ viewer { role } }"}
MAKE = {"query": 'mutation { createToken(input: {name: "x"}) { __typename } }'}


@pytest.fixture
async def alone(sqlite_url: str) -> AsyncIterator[Service]:
    """The service on SQLite alone, with one foreign origin that may call it."""
    settings = replace(settings_for(sqlite_url), cors_origins=(FRIEND,))
    async with running_service(settings) as running:
        yield running


@pytest.fixture
async def person(alone: Service) -> Person:
    return await World(alone).person()


@pytest.fixture
async def browser(alone: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """Sends exactly a test's headers and keeps no cookies."""
    async with browser_of(alone) as http:
        yield http


@asynccontextmanager
async def browser_of(
    service: Service, peer: str = "127.0.0.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(service), client=(peer, 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url=OWN) as http:
        yield http


def cookie_of(person: Person) -> dict[str, str]:
    return {"cookie": f"{SESSION.secure_name}={person.session}"}


# Cross-site requests

SITES = (None, "same-origin", "none", "same-site", "cross-site", "", "Same-Origin", "x")
ORIGINS = (None, OWN, FRIEND, FOE, "null", "", f"{OWN}.evil.example", f"{OWN}:81", "http://[")


def is_let_through(site: str | None, origin: str | None) -> bool:
    """The rule: a configured origin passes, else `Sec-Fetch-Site` decides, else the origin."""
    if origin == FRIEND:
        return True
    if site is not None:
        return site in {"same-origin", "none"}
    return origin in {None, OWN}


CALLS: dict[str, tuple[str, str, Any, int]] = {
    "a query": ("POST", "/graphql", WHO, 200),
    "a query by its address": ("GET", f"/graphql?{urlencode(WHO)}", None, 200),
    "a change": ("POST", "/graphql", MAKE, 200),
    "who am I": ("GET", "/session", None, 200),
    "another password": (
        "PUT",
        "/password",
        {"currentPassword": "", "newPassword": 0},
        422,
    ),
}


@pytest.mark.parametrize(("method", "path", "body", "status"), CALLS.values(), ids=CALLS)
async def test_session_cookie_of_a_cross_site_request_is_ignored(
    browser: httpx2.AsyncClient,
    person: Person,
    method: str,
    path: str,
    body: Any,
    status: int,
) -> None:
    """Every combination of headers; a bearer, which browsers never add by themselves, always
    counts.

    Otherwise any page could change a signed-in visitor's tokens.
    """
    for site, origin in product(SITES, ORIGINS):
        said = {"sec-fetch-site": site, "origin": origin}
        headers = {name: value for name, value in said.items() if value is not None}
        by_cookie = await browser.request(
            method, path, json=body, headers=headers | cookie_of(person)
        )
        by_bearer = await browser.request(
            method, path, json=body, headers=headers | {"authorization": f"Bearer {person.session}"}
        )
        assert by_bearer.status_code == status, said
        if is_let_through(site, origin):
            assert by_cookie.status_code == status, said
        else:
            assert by_cookie.status_code == 403, said
            assert "CROSS_SITE" in by_cookie.text
            assert "data" not in by_cookie.json()


async def test_cross_site_requests_change_nothing(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    forged = cookie_of(person) | {"origin": FOE, "sec-fetch-site": "cross-site"}
    await browser.post("/graphql", json=MAKE, headers=forged)
    await browser.delete("/session", headers=forged)
    assert await models.Token.all().count() == 0
    assert await models.Session.all().count() == 1


async def test_cross_site_sign_in_and_password_change_are_refused(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    """A visitor signed in to an attacker's account would enter their data there."""
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    sign_in = {"tenant": tenant.slug, "email": person.admin.email, "password": PASSWORD}
    accept = {"invitation": "x", "password": PASSWORD}
    for headers in ({"origin": FOE}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        for path, body in (
            ("/session", sign_in),
            ("/invitation", accept),
            ("/invitation/details", {"invitation": "x"}),
        ):
            response = await browser.post(path, json=body, headers=headers)
            assert (response.status_code, response.json()["code"]) == (403, "CROSS_SITE")
            assert "set-cookie" not in response.headers
    own = await browser.post("/session", json=sign_in, headers={"origin": OWN})
    assert own.status_code == 201


FORMS = {
    "plain text": ("text/plain", b'{"query": "{ viewer { role } }", "a": "=b"}'),
    "a form": ("application/x-www-form-urlencoded", urlencode(WHO).encode()),
    "parts": ("multipart/form-data; boundary=x", b"--x--"),
    "no type": ("", b'{"query": "{ viewer { role } }"}'),
    "JSON after a plain type": ("text/plain; application/json", b'{"query": "{ __typename }"}'),
}


@pytest.mark.parametrize(("content_type", "body"), FORMS.values(), ids=FORMS)
async def test_content_types_of_html_forms_are_not_read(
    browser: httpx2.AsyncClient, person: Person, content_type: str, body: bytes
) -> None:
    """Second line of defence, for browsers that send neither `Origin` nor `Sec-Fetch-Site`."""
    for method, path in (("POST", "/graphql"), ("POST", "/session"), ("PUT", "/password")):
        response = await browser.request(
            method, path, content=body, headers=cookie_of(person) | {"content-type": content_type}
        )
        assert response.status_code == 415


async def test_only_the_cookie_or_one_bearer_is_a_credential(
    browser: httpx2.AsyncClient, person: Person, alone: Service
) -> None:
    secret = person.session
    token = await World(alone).token(person)
    assert (await browser.get("/session", headers=cookie_of(person))).status_code == 200
    tries: list[dict[str, str] | list[tuple[str, str]]] = [
        {"cookie": f"tessera_session={secret}"},
        {"cookie": f"__Secure-tessera_session={secret}"},
        {"cookie": f"{SESSION.secure_name.lower()}={secret}"},
        {"authorization": secret},
        {"authorization": f"Basic {secret}"},
        {"authorization": f"Bearer {secret}x"},
        {"authorization": f"Bearer {token.secret}"},
        {"x-api-key": secret},
        [("authorization", f"Bearer {secret}"), ("authorization", f"Bearer {secret}")],
        cookie_of(person) | {"authorization": "Bearer nonsense"},
    ]
    for headers in tries:
        assert (await browser.get("/session", headers=headers)).status_code == 401, headers
    for name in ("access_token", "session", SESSION.secure_name, "authorization"):
        response = await browser.get("/session", params={name: secret})
        assert response.status_code == 401


async def test_forwarded_host_does_not_change_this_sites_origin(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    for name in ("x-forwarded-host", "x-original-host", "forwarded"):
        value = "host=evil.example" if name == "forwarded" else "evil.example"
        headers = cookie_of(person) | {"origin": FOE, name: value}
        assert (await browser.get("/session", headers=headers)).status_code == 403


# CORS

STRANGE = (
    FOE, "null", "https://app.example.evil", "https://evil-app.example", "http://app.example",
    "https://app.example:444", "https://APP.EXAMPLE", "https://app.example/", "*", "https://",
    f"{FRIEND}, {FOE}",
)  # fmt: skip


async def test_configured_origin_may_send_a_session(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    asked = {
        "origin": FRIEND,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    preflight = await browser.options("/graphql", headers=asked)
    assert preflight.status_code == 200
    called = await browser.post(
        "/graphql", json=WHO, headers=cookie_of(person) | {"origin": FRIEND}
    )
    assert called.json() == {"data": {"viewer": {"role": "OWNER"}}}
    failed = await browser.post("/graphql", json=WHO, headers={"origin": FRIEND})
    assert failed.status_code == 401
    for response in (preflight, called, failed):
        assert response.headers["access-control-allow-origin"] == FRIEND
        assert response.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "names",
    [
        "authorization,content-type,sentry-trace,baggage",
        "authorization,traceparent,tracestate,baggage,b3",
        "content-type,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority",
        "x-datadog-trace-id,newrelic,elastic-apm-traceparent,request-id,request-context",
        "apollo-require-preflight,apollographql-client-name,apollographql-client-version",
        "x-apollo-operation-id, x-apollo-operation-name, graphql-client-name",
        "graphql-client-version,graphql-require-preflight,x-requested-with,x-request-id",
        "accept,accept-language,cache-control,content-language,pragma,x-correlation-id",
    ],
)
async def test_configured_origin_may_send_headers_of_client_libraries(
    browser: httpx2.AsyncClient, names: str
) -> None:
    asked = {
        "origin": FRIEND,
        "access-control-request-method": "POST",
        "access-control-request-headers": names,
    }
    preflight = await browser.options("/graphql", headers=asked)
    assert preflight.status_code == 200
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {name.strip() for name in names.split(",")} <= set(allowed)
    for other in ("x-forwarded-for", "x-tessera-tenant", "cookie", "*"):
        asked["access-control-request-headers"] = f"{names},{other}"
        assert (await browser.options("/graphql", headers=asked)).status_code == 400
        assert other not in allowed


@pytest.mark.parametrize("origin", STRANGE)
async def test_other_origins_may_not_read_an_answer(
    browser: httpx2.AsyncClient, person: Person, origin: str
) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await browser.options("/graphql", headers=asked)
    assert preflight.status_code == 400
    by_bearer = {"origin": origin, "authorization": f"Bearer {person.session}"}
    for response in (
        preflight,
        await browser.post("/graphql", json=WHO, headers=by_bearer),
        await browser.get("/session", headers=by_bearer),
        await browser.get("/healthz", headers=by_bearer),
        await browser.get("/graphiql", headers=cookie_of(person) | {"origin": origin}),
    ):
        assert "access-control-allow-origin" not in response.headers


async def test_configured_origin_can_read_a_server_error(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    """Provoked by a dropped table. Without CORS headers, the page would see a network error."""
    await models.Session.raw("DROP TABLE session")
    by_bearer = {"authorization": f"Bearer {person.session}"}
    for origin, allowed in ((FRIEND, FRIEND), (FOE, None)):
        for method, path in (("POST", "/graphql"), ("GET", "/session")):
            response = await browser.request(
                method, path, json=WHO, headers=by_bearer | {"origin": origin}
            )
            assert (response.status_code, response.json()["code"]) == (500, "INTERNAL")
            assert response.json()["requestId"] == response.headers["x-request-id"]
            assert response.headers.get("access-control-allow-origin") == allowed


async def test_cors_is_off_without_configured_origins(alone: Service, person: Person) -> None:
    settings = replace(alone.settings, cors_origins=())
    async with browser_of(replace(alone, settings=settings)) as http:
        asked = {"origin": FRIEND, "access-control-request-method": "POST"}
        for response in (
            await http.options("/graphql", headers=asked),
            await http.post("/graphql", json=WHO, headers={"origin": FRIEND}),
        ):
            assert not [name for name in response.headers if name.startswith("access-control")]
        by_cookie = await http.post(
            "/graphql", json=WHO, headers=cookie_of(person) | {"origin": FRIEND}
        )
        assert by_cookie.status_code == 403


# The cookies


def _cookies(response: httpx2.Response) -> dict[str, Morsel[str]]:
    lines = [SimpleCookie(line) for line in response.headers.get_list("set-cookie")]
    return {name: cookie for line in lines for name, cookie in line.items()}


async def test_cookie_is_http_only_secure_and_for_this_host(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    sign_in = {"tenant": tenant.slug, "email": person.admin.email, "password": PASSWORD}
    entered = await browser.post("/session", json=sign_in)
    left = await browser.delete(
        "/session", headers={"cookie": entered.headers["set-cookie"].split(";")[0]}
    )
    for response, seconds in ((entered, "43200"), (left, "0")):
        cookie = _cookies(response)["__Host-tessera_session"]
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert (cookie["samesite"].lower(), cookie["path"]) == ("lax", "/")
        assert cookie["domain"] == ""
        assert cookie["max-age"] == seconds
    device = _cookies(entered)["__Host-tessera_device"]
    assert (device["secure"], device["httponly"], device["domain"]) == (True, True, "")
    assert (device["samesite"].lower(), device["path"]) == ("strict", "/")
    assert device["max-age"] == str(365 * 86_400)
    assert _cookies(left).keys() == {"__Host-tessera_session"}
    assert entered.json().keys() == {"expiresAt"}
    assert (await browser.get("/session", headers=cookie_of(person))).status_code == 200
    browser.cookies.clear()

    bearer = await browser.post("/session", json=sign_in | {"transport": "bearer"})
    assert "set-cookie" not in bearer.headers


# Headers

FENCED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


async def test_every_answer_has_security_headers(
    alone: Service, browser: httpx2.AsyncClient, person: Person
) -> None:
    """On every route and on unknown paths, by every method, with and without a session."""
    routes = [route for route in create_app(alone).routes if isinstance(route, Route)]
    paths = {route.path.replace("{name}", "x.js") for route in routes}
    assert {"/graphql", "/session", "/graphiql", "/healthz"} <= paths
    for path in [*sorted(paths), "/no-such-thing"]:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            for headers in ({}, cookie_of(person), {"origin": FRIEND}):
                response = await browser.request(method, path, headers=headers)
                assert FENCED.items() <= dict(response.headers).items(), (method, path)
                assert len(response.headers["x-request-id"]) == 32
                assert "server" not in response.headers
                if response.headers.get("content-type", "").startswith("text/html"):
                    policy = response.headers["content-security-policy"]
                    assert "default-src 'none'" in policy
                    assert "frame-ancestors 'none'" in policy
        # The DELETE ended the session, so the next path needs a new one.
        person = await World(alone).sign_in(person.admin)


async def test_answers_about_a_tenant_are_not_cached(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    for method, path in (
        ("GET", "/session"), ("POST", "/session"), ("PUT", "/password"), ("POST", "/invitation"),
        ("POST", "/invitation/details"), ("GET", "/graphql"), ("POST", "/graphql"),
        ("GET", "/graphiql"), ("GET", "/sign-in"),
        ("GET", "/"), ("GET", f"/graphql?{urlencode(WHO)}"),
    ):  # fmt: skip
        for headers in ({}, cookie_of(person)):
            response = await browser.request(method, path, headers=headers)
            assert response.headers["cache-control"] == "no-store", (method, path)


async def test_no_answer_redirects_to_another_host(
    browser: httpx2.AsyncClient, person: Person
) -> None:
    for path in (
        "/", "/graphiql", "/graphql/", "/session/", "/sign-in/", "//evil.example/graphql/",
        "//evil.example", "/graphiql?next=//evil.example", "/sign-in?next=https://evil.example",
        "/%2f%2fevil.example/", "/\\evil.example/",
    ):  # fmt: skip
        for headers in ({}, cookie_of(person)):
            response = await browser.get(f"{OWN}{path}", headers=headers)
            location = response.headers.get("location", "/")
            assert location.startswith((f"{OWN}/", "/")), (path, location)
            assert not location.startswith(("//", "/\\")), (path, location)


# The client's address

FORWARDED: tuple[tuple[str, str, list[str], str], ...] = (
    # trusted proxies, peer, X-Forwarded-For headers, address
    ("", "203.0.113.7", [], "203.0.113.7"),
    ("", "203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
    ("", "127.0.0.1", ["198.51.100.1"], "127.0.0.1"),
    ("10.0.0.0/8", "203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
    ("10.0.0.0/8", "10.1.1.1", [], "10.1.1.1"),
    ("10.0.0.0/8", "10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
    ("10.0.0.0/8", "10.1.1.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.0/8", "10.1.1.1", ["6.6.6.6, 198.51.100.1, 10.2.2.2"], "198.51.100.1"),
    ("10.0.0.0/8", "10.1.1.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
    ("10.0.0.0/8", "10.1.1.1", ["10.3.3.3"], "10.3.3.3"),
    ("10.0.0.0/8", "10.1.1.1", ["6.6.6.6,,10.2.2.2"], "10.2.2.2"),
    ("10.0.0.0/8", "10.1.1.1", [""], "10.1.1.1"),
    ("10.0.0.0/8", "10.1.1.1", ["10.9.9.9, unknown"], "unknown"),
    ("fd00::/8, 10.0.0.0/8", "fd00::1", ["2001:db8::1, 10.0.0.1"], "2001:db8::1"),
    ("10.0.0.0/8", "10.1.1.1", ["198.51.100.1:4711, 10.2.2.2:80"], "198.51.100.1"),
    ("10.0.0.0/8", "10.1.1.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("10.0.0.0/8", "10.1.1.1", ["[2001:db8::1]"], "2001:db8::1"),
    ("10.0.0.0/8", "::ffff:10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
)


@pytest.mark.parametrize(("trusted", "peer", "headers", "address"), FORWARDED)
def test_only_trusted_proxies_set_the_client_address(
    trusted: str, peer: str, headers: list[str], address: str
) -> None:
    """Read from the right: addresses further left come from the client."""
    settings = read_settings({"TESSERA_TRUSTED_PROXIES": trusted})
    forwarded = [(b"x-forwarded-for", value.encode()) for value in headers]
    request = Request({"type": "http", "client": (peer, 1), "headers": forwarded})
    assert client_address(settings, request) == address


GUESSES = {
    "nobody is trusted": ("", "127.0.0.1", "198.51.100.{n}", 429),
    "the peer is trusted": ("127.0.0.1", "127.0.0.1", "198.51.100.{n}", 401),
    "the peer came to an IPv6 socket": ("127.0.0.1", "::ffff:127.0.0.1", "198.51.100.{n}", 401),
    "the client writes in front": ("127.0.0.1", "127.0.0.1", "198.51.100.{n}, 203.0.113.7", 429),
}


@pytest.mark.parametrize(("trusted", "peer", "forwarded", "status"), GUESSES.values(), ids=GUESSES)
async def test_forged_addresses_do_not_evade_the_throttle(
    alone: Service, trusted: str, peer: str, forwarded: str, status: int
) -> None:
    trusting = read_settings({"TESSERA_TRUSTED_PROXIES": trusted}).trusted_proxies
    settings = replace(alone.settings, trusted_proxies=trusting)
    guess = {"tenant": "nobody", "email": "nobody@acme.example", "password": "guess"}
    async with browser_of(replace(alone, settings=settings), peer) as http:
        for n in range(8):
            headers = {"x-forwarded-for": forwarded.format(n=n)}
            last = await http.post("/session", json=guess, headers=headers)
    assert last.status_code == status

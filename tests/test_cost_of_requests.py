"""No text in a request costs much more CPU time than a harmless one of the same length.

Headers, cookies, members of JSON and of forms, paths and query strings. The places come from the
routes and the code, so that a new header, member or route fails until it has a row. At each place
the nastiest text of the largest size may cost 5 times the harmless one, or 20 ms. Documents and
variables are in `test_cost_of_text`.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

import pytest

import models
from server.access import cookies
from server.app import App, create_app
from server.dataplane.originals import READERS
from server.service import Service
from server.web.body import MAX_BODY_BYTES
from tests.support.costs import (
    NASTY,
    ON_THE_WIRE,
    Sent,
    in_json,
    in_target,
    length_in_header,
    length_in_json,
    length_in_target,
    too_dear,
)
from tests.support.factories import World
from tests.support.process import ROOT

# The limits less the size of the surrounding text.
HEAD_SIZE, BODY_SIZE = 31_000, MAX_BODY_BYTES - 1_000
HEADERS = {
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "authorization", "content-encoding", "content-length", "content-type", "cookie", "expect",
    "forwarded", "github-public-key-identifier", "github-public-key-signature", "host",
    "if-none-match", "if-range", "origin", "range", "sec-fetch-site",
    "transfer-encoding", "user-agent", "via", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-method", "x-forwarded-uri", "x-original-method", "x-original-uri", "x-real-ip",
    "x-request-id",
}  # fmt: skip
COOKIES = [one for one in vars(cookies).values() if isinstance(one, cookies.Cookie)]
# The text's position in a header, besides alone.
VALUES = {
    "accept": ("application/json;%s", "a/b,%s"),
    "authorization": ("Bearer %s", "Basic %s"),
    # Also with an end that cannot match, since a failing expression backtracks.
    "content-type": (
        "application/json;%s", "application/json%s!", "application/x-www-form-urlencoded;%s",
    ),
    "cookie": tuple(
        form % name
        for one in COOKIES
        for name in (one.secure_name, one.local_name)
        for form in ('%s="%%s"', "a=%%s; %s=x")
    ),
    "forwarded": ('for="%s"',),
    "x-forwarded-uri": ("/%s", "/?%s", "/api/v1/%s"),
    "x-original-uri": ("/%s", "/?%s", "/api/v1/%s"),
}  # fmt: skip
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
USUAL = JSON | {
    "origin": "https://app.example.com",
    "x-original-method": "GET",
    "x-original-uri": "/x",
    "host": "a.api.us.example.com",
    "access-control-request-method": "GET",
}
_SIGN_IN = {"tenant": "acme", "email": "nobody@acme.example", "password": "wrong"}
# Every route that takes a body, with its members.
MEMBERS: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/session"): _SIGN_IN | {"transport": "cookie"},
    ("POST", "/invitation"): {"invitation": "x", "password": "x", "transport": "cookie"},
    ("POST", "/invitation/details"): {"invitation": "x"},
    ("PUT", "/password"): {"currentPassword": "x", "newPassword": "x"},
    ("POST", "/introspect"): {"token": "x", "token_type_hint": "x"},
    # GraphQL bodies are in `test_cost_of_text`.
    ("POST", "/graphql"): {},
    ("DELETE", "/session"): {},
    ("DELETE", "/token"): {},
    ("POST", "/revoke"): {"credentials": "x"},
    # Signed bodies: nothing of them is read before the signature is verified.
    ("POST", "/leaks/github"): {},
    ("POST", "/token/rotate"): {"idempotencyKey": "x"},
    ("POST", "/token/requests"): {"permission": "GET /api/v1/devices", "reason": "x"},
}
# GraphQL's query string.
PARAMETERS = {"query", "variables", "operationName", "extensions"}
# A sign-in takes as long as its password's hash, so fewer texts are tried there.
FOR_SIGN_IN = (
    *NASTY,
    ";",
    "a=;",
    "/",
    "a.",
    "(",
    "0",
    "10.0.0.1,",
    ';for="',
    "a;q=0.1,",
    "charset=utf-8;",
    "'a' ",
    "\xff",
)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the measured texts reach no database, or as a digest only."""
    return sqlite_url


@dataclass(frozen=True)
class Scene:
    """The service, and the headers of a signed-in admin and of a token's holder."""

    service: Service
    session: dict[str, str]
    token: dict[str, str]
    host: str

    def app(self, **settings: Any) -> App:
        """The application with pages of another origin, and further settings."""
        settings = {"cors_origins": ("https://app.example.com",)} | settings
        return create_app(
            replace(self.service, settings=replace(self.service.settings, **settings))
        )


@pytest.fixture
async def scene(service: Service, world: World) -> Scene:
    person = await world.person()
    secret = (await world.token(person)).secret
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    return Scene(
        service,
        {"authorization": f"Bearer {person.session}"},
        {"authorization": f"Bearer {secret}"},
        f"{tenant.slug}.api.us.example.com",
    )


# Headers and cookies


def headers_in(code: str) -> Iterator[str]:
    """Each header that `code` reads by its name."""
    for node in ast.walk(ast.parse(code)):
        named: list[ast.expr]
        match node:
            case ast.Call(func, arguments) if re.search(
                r"headers\.(get|getlist)$|^_original$", ast.unparse(func)
            ):
                named = arguments
            case ast.Subscript(read, name, ast.Load()) if ast.unparse(read).endswith("headers"):
                named = [name]
            case ast.Compare(left, _, [right]):
                is_name = ast.unparse(right).endswith("headers") or ast.unparse(left) == "name"
                named = [left, right] if is_name else []
            case _:
                continue
        # Others are defaults and values.
        for one in named if ast.unparse(node).startswith("_original") else named[:2]:
            if isinstance(one, ast.Constant) and isinstance(one.value, str | bytes):
                value = one.value
                text = value if isinstance(value, str) else value.decode()
                if re.fullmatch("[A-Za-z]+(-[A-Za-z]+)*", text) and text not in NO_HEADERS:
                    yield text.lower()


# Defaults of a missing header, members of other mappings, and headers of answers to this server.
NO_HEADERS = {"identity", "token", "variables", "extensions", "etag", "retry-after"}


def code_of_the_server() -> Iterator[str]:
    for file in sorted((ROOT / "server").rglob("*.py")):
        if "node_modules" not in file.parts:
            yield file.read_text()


def test_every_header_that_the_code_reads_has_a_row() -> None:
    found = {name for code in code_of_the_server() for name in headers_in(code)}
    assert len(found) > 15
    assert found - HEADERS == set()


def test_each_way_to_read_a_header_is_found() -> None:
    code = """
request.headers.get("X-A"), request.headers.getlist("x-b"), headers[b"x-c"], b"x-d" in headers
value = [value for name, value in listed if name == b"x-e"]
_original(headers, b"x-f", b"x-g", b"x-h")
"""
    assert sorted(headers_in(code)) == [f"x-{letter}" for letter in "abcdefgh"]


def test_cookies_are_found() -> None:
    assert cookies.SESSION in COOKIES
    assert cookies.DEVICE in COOKIES


async def dear_headers(app: App, asked: Sent, units: Any = ON_THE_WIRE) -> dict[str, Any]:
    """The texts in headers of `asked` that cost too much, by header and target."""
    found = {}
    for name in HEADERS:
        for value in ("%s", *VALUES.get(name, ())):

            def sent(text: str, name: str = name, value: str = value) -> Sent:
                return replace(asked, headers=asked.headers | {name: value.replace("%s", text)})

            dear = await too_dear(app, sent, HEAD_SIZE, length_in_header, units)
            found[f"{name}: {value} of {asked.method} {asked.target}"] = dear
    return {place: dear for place, dear in found.items() if dear}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"), ("GET", "/sign-in"), ("GET", "/session"), ("GET", "/graphql?query={a}"),
        ("GET", "/authorize"), ("GET", "/assets/hashed/x.js"), ("POST", "/graphql"),
        ("POST", "/session"), ("POST", "/introspect"), ("OPTIONS", "/graphql"), ("GET", "/token"),
        ("POST", "/leaks/github"),
    ],
)  # fmt: skip
async def test_unauthenticated_headers_take_linear_time(
    scene: Scene, method: str, target: str
) -> None:
    assert await dear_headers(scene.app(), Sent(method, target, USUAL, b"{}")) == {}


async def test_authenticated_headers_take_linear_time(scene: Scene) -> None:
    headers = JSON | scene.session
    body = b'{"query": "{ __typename }"}'
    pages = [Sent("GET", path, headers) for path in ("/session", "/")]
    check = Sent("GET", "/authorize", headers | {"x-original-method": "GET"})
    for asked in (*pages, check, Sent("POST", "/graphql", headers, body)):
        assert await dear_headers(scene.app(), asked, NASTY) == {}


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
async def test_proxy_headers_take_linear_time(scene: Scene, header: str) -> None:
    app = scene.app(trusted_proxies=(ip_network("127.0.0.0/8"),), forwarded_header=header)
    body = json.dumps(MEMBERS["POST", "/invitation"]).encode()
    for value in ("%s", *VALUES.get(header, ())):

        def sent(text: str, value: str = value) -> Sent:
            headers = JSON | {header: value.replace("%s", text)}
            return Sent("POST", "/invitation", headers, body)

        assert await too_dear(app, sent, HEAD_SIZE, length_in_header, ON_THE_WIRE) == {}, value


# Checks of a gateway


def check(scene: Scene, gateway: str, target: str) -> Sent:
    """The check of a gateway of that kind for a request to `target`."""
    headers = scene.token | {"host": scene.host}
    if gateway == "nginx":
        return Sent(
            "GET", "/authorize", headers | {"x-original-method": "GET", "x-original-uri": target}
        )
    if gateway == "envoy":
        return Sent("GET", f"/authorize{target}", headers)
    forwarded = {"method": "GET", "uri": target, "host": scene.host}
    return Sent(
        "GET", "/authorize", headers | {f"x-forwarded-{n}": v for n, v in forwarded.items()}
    )


@pytest.mark.parametrize("gateway", sorted(READERS))
async def test_headers_of_a_check_take_linear_time(scene: Scene, gateway: str) -> None:
    app = scene.app(gateway=gateway, trusted_proxies=(ip_network("127.0.0.0/8"),))
    try:
        assert await dear_headers(app, check(scene, gateway, "/api/v1/devices")) == {}
    finally:
        await app.close()


@pytest.mark.parametrize("gateway", sorted(READERS))
async def test_targets_of_a_check_take_linear_time(scene: Scene, gateway: str) -> None:
    app = scene.app(gateway=gateway)
    try:
        for size in (8_000, HEAD_SIZE):
            for start in ("/", "/?", "/api/v1/devices/", "/api/v1/devices?x="):

                def sent(text: str, start: str = start) -> Sent:
                    return check(scene, gateway, start + in_target(text))

                assert await too_dear(app, sent, size, length_in_target, ON_THE_WIRE) == {}, start
    finally:
        await app.close()


# Paths and query strings


# These with every text; the other routes with fewer, since they share the router.
PLACES = {"/%s", "/x?%s", "/authorize/%s", "/assets/hashed/%s", "/tokens/%s", "/graphql?query=%s"}
OF_GRAPHQL = {"/graphql?%s", "/graphql?query=%s", *(
    f"/graphql?query={{__typename}}&{name}=%s" for name in PARAMETERS - {"query"}
)}  # fmt: skip


async def dear_targets(
    scene: Scene, places: set[str], units: Any, headers: dict[str, str]
) -> dict[str, Any]:
    """The texts at `places` of a target that cost too much, by place."""
    app, found = scene.app(), {}
    for place in sorted(places):

        def sent(text: str, place: str = place) -> Sent:
            return Sent("GET", place.replace("%s", in_target(text)), headers)

        found[place] = await too_dear(app, sent, HEAD_SIZE, length_in_target, units)
    return {place: dear for place, dear in found.items() if dear}


async def test_unauthenticated_targets_take_linear_time(scene: Scene) -> None:
    paths: set[str] = {route.path for route in scene.app().routes}  # type: ignore[attr-defined]  # has one
    assert len(paths) > 10
    of_routes = {
        re.sub(r"\{\w+\}", "%s", path, count=1) if "{" in path else f"{path}?x=%s" for path in paths
    }
    assert await dear_targets(scene, PLACES, ON_THE_WIRE, {}) == {}
    assert await dear_targets(scene, of_routes - PLACES, NASTY, {}) == {}


async def test_authenticated_targets_take_linear_time(scene: Scene) -> None:
    assert await dear_targets(scene, PLACES | OF_GRAPHQL, NASTY, scene.session) == {}


# Members of JSON and of forms


async def test_every_route_that_takes_a_body_has_a_row(scene: Scene) -> None:
    found = set()
    for route in scene.app().routes:
        path: str = route.path  # type: ignore[attr-defined]  # a route with a path
        # A route without methods takes all and refuses unknown ones itself.
        methods = getattr(route, "methods", None) or ({"POST"} if path == "/graphql" else set())
        found |= {(method, path) for method in methods - {"HEAD", "GET"}}
    assert found == set(MEMBERS)


def members_in(code: str) -> Iterator[str]:
    """Each member of a body or a query string that `code` reads."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(ast.Name("text_fields"), [_, *named]):
                tuples = [one.elts for one in named if isinstance(one, ast.Tuple)]
                yield from (ast.literal_eval(one) for elements in tuples for one in elements)
            case ast.Call(ast.Attribute(ast.Name("members"), "get"), [ast.Constant(str(name))]):
                yield name


def test_every_member_that_the_code_reads_has_a_row() -> None:
    found = {name for code in code_of_the_server() for name in members_in(code)}
    rows = {name for members in MEMBERS.values() for name in members}
    assert found == (rows | PARAMETERS) - {*MEMBERS["POST", "/introspect"]}


def with_member(method: str, path: str, member: str, text: str, headers: dict[str, str]) -> Sent:
    given = MEMBERS[method, path] | {member: text}
    if path == "/introspect":
        form = "&".join(f"{name}={in_target(value)}" for name, value in given.items())
        return Sent(method, path, FORM | headers, form.encode())
    body = ", ".join(f'"{name}": {in_json(value)}' for name, value in given.items())
    return Sent(method, path, JSON | headers, f"{{{body}}}".encode())


@pytest.mark.parametrize(
    ("route", "member"), [(route, one) for route, members in MEMBERS.items() for one in members]
)
async def test_members_take_linear_time(scene: Scene, route: tuple[str, str], member: str) -> None:
    headers = scene.session if route == ("PUT", "/password") else {}
    headers = scene.token if route[1].startswith("/token/") else headers

    def sent(text: str) -> Sent:
        return with_member(*route, member, text, headers)

    length = length_in_target if route[1] == "/introspect" else length_in_json
    units = FOR_SIGN_IN if route == ("POST", "/session") else ON_THE_WIRE
    assert await too_dear(scene.app(), sent, BODY_SIZE, length, units) == {}

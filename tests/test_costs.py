"""No text that a stranger sends in an HTTP request costs more CPU than another of its size.

Here: each header that the server reads, targets, and the members of JSON bodies that need no
session. Not here: GraphQL's texts, which only people with a session send (`test_limits`).
"""

import ast
import json
from asyncio import Event
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import count
from time import process_time
from urllib.parse import quote, unquote

import pytest
from starlette.types import Message, Scope

import models
from server.app import App, create_app
from server.service import Service
from tests.factories import World
from tests.process import ROOT

# Within the limits of a head and of a stranger's body.
HEADER_SIZE, BODY_SIZE = 31_000, 60_000
# A cost of this much is allowed to any text; one beyond is compared with that of a harmless text.
FREE_SECONDS, MAX_RATIO = 0.02, 5
# What is repeated to fill a text: escapes, separators, marks that sort slowly, near misses.
UNITS = (
    "\\", '\\"', '"', "\\073", ";", "; ", ",", ", ", " ", "\t", "=", "a=", "a=;", "%", "%CC%95",
    "%CC%95%CC%96", "/", "/a", "/.", "..", "a.", "1.", ":", "[", "(", "{", "-", "_", "0", "+", "@",
    "a@", "10.0.0.1,", "127.0.0.1, ", "::1,", "for=", ';for="', ";for=127.0.0.1", "Bearer ", "q=0,",
    "a;q=0.1,", "gzip,", "*/*,", "application/json;", "charset=utf-8;", "0-1,", "1-2, 0-", "xn--",
    "'a' ", "&", "&a=", "\u00cc\u0095", "\u00ff",
)  # fmt: skip
# Of those only texts in UTF-8 can have.
WIDE_UNITS = (
    "\u0315\u0316",
    "\u0f73",
    "\uff9e\u0f73",
    "\ufdfa",
    "\u0130",
    "\u0390",
    "\U0001f600\u200d",
)
ALL = (*UNITS, *WIDE_UNITS)
HEADERS = {
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "authorization", "content-encoding", "content-length", "content-type", "cookie", "expect",
    "forwarded", "host", "if-none-match", "if-range", "origin", "range", "sec-fetch-site",
    "transfer-encoding", "user-agent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-method",
    "x-forwarded-uri", "x-original-method", "x-original-uri", "x-request-id",
}  # fmt: skip
ROUTES = {
    "GET": ("/", "/sign-in", "/session", "/graphql?query={a}", "/authorize", "/assets/hashed/x.js"),
    "POST": ("/graphql", "/session", "/introspect"),
    "OPTIONS": ("/graphql",),
}
_ADDRESSES = count()
BODIES = {
    ("POST", "/session"): ("tenant", "email", "password", "transport"),
    ("POST", "/invitation"): ("invitation", "password"),
}


@pytest.fixture
async def app(sqlite_url: str, service: Service) -> AsyncIterator[App]:
    settings = replace(service.settings, cors_origins=("https://app.example.com",))
    made = create_app(replace(service, settings=settings))
    yield made
    await made.close()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: what is measured reaches no database."""
    return sqlite_url


def names_in_the_code() -> Iterator[str]:
    """Each header's name in `headers.get(…)`, `headers.getlist(…)` and the gateways' readers."""
    for file in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called.endswith(("headers.get", "headers.getlist")) or called == "_original":
                for one in node.args if called == "_original" else node.args[:1]:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str | bytes):
                        name = one.value if isinstance(one.value, str) else one.value.decode()
                        yield name.lower()


def test_each_header_that_the_server_reads_is_among_those_that_are_tried() -> None:
    found = set(names_in_the_code())
    assert len(found) > 15
    assert found - HEADERS - {""} == set()


@dataclass(frozen=True)
class Sent:
    """A request, as the server hands it to the application."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    def scope(self) -> Scope:
        path, _, query = self.target.partition("?")
        # From another address each time: a throttle would make the same text cheap later.
        client = str(ip_address("127.0.0.1") + next(_ADDRESSES))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), text.encode("latin-1")) for name, text in self._lines()],
            "client": (client, 1),
            "server": ("127.0.0.1", 8000),
        }

    def _lines(self) -> list[tuple[str, str]]:
        return list(({"host": "tessera.test"} | self.headers).items())


async def seconds(app: App, sent: Sent) -> float:
    """CPU time of one request, which must not be a failure of the server."""
    scope, answered = sent.scope(), []
    messages: list[Message] = [{"type": "http.request", "body": sent.body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await Event().wait()  # the client stays
        return messages.pop()

    async def send(message: Message) -> None:
        answered.append(message)

    started = process_time()
    await app(scope, receive, send)
    took = process_time() - started
    # Pages that are not built are 503.
    assert answered[0]["status"] < 500 or b"not built" in answered[1]["body"]
    return took


async def dear(app: App, harmless: Sent, tried: dict[str, Sent]) -> list[str]:
    """Those that cost too much, compared with the same request with a harmless text."""
    least = min([await seconds(app, harmless) for _ in range(3)])
    allowed = max(FREE_SECONDS, MAX_RATIO * least)
    found = []
    for name, sent in tried.items():
        # The least of several if need be, since other processes share the machine.
        if await seconds(app, sent) > allowed and allowed < min(
            [await seconds(app, sent) for _ in range(4)]
        ):
            found.append(name)
    return found


def filled(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


def quoted(unit: str, size: int) -> str:
    """Text of whole units as a target holds it: escaped, unless it is an escape itself."""
    text = unit if unit.startswith("%") else quote(unit, safe="/.:=&;,()*'!@+-_")
    return text * (size // len(text))


@pytest.mark.parametrize("name", sorted(HEADERS))
async def test_no_header_is_dear(app: App, name: str) -> None:
    usual = {"content-type": "application/json", "origin": "https://app.example.com"}
    usual |= {"x-original-method": "GET", "x-original-uri": "/x", "host": "a.api.us.example.com"}
    usual |= {"access-control-request-method": "GET"}
    for method, targets in ROUTES.items():
        for target in targets:
            harmless = Sent(method, target, usual | {name: "a" * HEADER_SIZE}, b"{}")
            tried = {
                unit: replace(harmless, headers=usual | {name: filled(unit, HEADER_SIZE)})
                for unit in UNITS
            }
            assert await dear(app, harmless, tried) == [], target


@pytest.mark.parametrize("place", ["/{}", "/tokens/{}", "/assets/hashed/{}", "/graphql?query={}"])
async def test_no_target_is_dear(app: App, place: str) -> None:
    harmless = Sent("GET", place.format("a" * HEADER_SIZE), {})
    tried = {
        unit: replace(harmless, target=place.format(quoted(unit, HEADER_SIZE))) for unit in ALL
    }
    assert await dear(app, harmless, tried) == []


async def test_no_target_of_a_check_is_dear(app: App, world: World) -> None:
    person = await world.person()
    secret = (await world.token(person, "t")).secret
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    usual = {
        "authorization": f"Bearer {secret}",
        "host": f"{tenant.slug}.api.us.example.com",
        "x-original-method": "GET",
    }
    for size in (8_000, HEADER_SIZE):
        for start in ("/", "/api/v1/devices/", "/api/v1/devices?x="):
            harmless = Sent("GET", "/authorize", usual | {"x-original-uri": start + "a" * size})
            tried = {
                unit: replace(harmless, headers=usual | {"x-original-uri": start + text})
                for unit in ALL
                for text in [quoted(unit, size)]
            }
            assert await dear(app, harmless, tried) == [], start


@pytest.mark.parametrize(("route", "member"), [(r, m) for r, ms in BODIES.items() for m in ms])
async def test_no_member_of_a_body_is_dear(app: App, route: tuple[str, str], member: str) -> None:
    usual = {one: "x" for one in BODIES[route] if one != "transport"}

    def sent(unit: str) -> Sent:
        text = filled(unit, BODY_SIZE // len(unit[:1].encode()))
        body = json.dumps(usual | {member: text}, ensure_ascii=False).encode()
        return Sent(*route, {"content-type": "application/json"}, body)

    # Few of the plain ones: a sign-in takes as long as its password's hash.
    units = (*UNITS[::4], *WIDE_UNITS)
    assert await dear(app, sent("a"), {unit: sent(unit) for unit in units}) == []

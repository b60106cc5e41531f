"""No text that enters costs much more than a harmless one of the same length.

The places are read from the schema, from the routes and from the code that reads headers: a new one
without a row here fails. At each, the nastiest text of the largest size that is let in may cost at
most 5 times the CPU of the harmless one, or 20 ms. What is compared was measured in the same run.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from server.app import App, create_app, running_service
from server.console.routes import CONSOLE_PATHS
from server.graphql.documents import MAX_DOCUMENT_LENGTH
from server.graphql.schema import SCHEMA
from server.http import BODY_LIMIT, SIGNED_IN_BODY_LIMIT
from server.service import Service
from tests.conftest import settings_for
from tests.factories import World, token_id
from tests.process import ROOT

TIMES, SECONDS = 5, 0.02
TRIES = 5
# Of a request's whole header section.
HEADER_LIMIT = 32 * 1024 - 1024
HARMLESS = "ab"
# Repeated to the largest size.
NASTY = {
    "marks that sort": "\u0315\u0316",
    "marks on a letter": "e\u0301\u0315",
    "an error's words": "Value '",
    "an error's other words": "unknown field 'a'. Found: ",
    "quotation marks": '"',
    "backslashes": "\\",
    "brackets": "[{",
    "digits": "9",
    "right to left": "\u202e",
    "grows when folded": "\ufb03\u0390\u0130",
    "beyond the first plane": "\N{GRINNING FACE}\u200d",
    "like base64": "VG9rZW46",
    "spaces": " ",
    "controls": "\x01\x7f",
}
# Where no text belongs, little more is done than to say so.
FOR_MISTAKES = ("an error's words", "an error's other words")
# What a document is read from; the value in it is the same as a variable's.
FOR_DOCUMENTS = ("marks that sort", "quotation marks", "backslashes")
Ask = Callable[[str], Awaitable[httpx2.Response]]


@pytest.fixture
async def service(sqlite_url: str) -> AsyncIterator[Service]:
    async with running_service(settings_for(sqlite_url)) as running:
        yield running


@dataclass(frozen=True)
class Scene:
    """The application, a client of it, and what a signed-in person sends along."""

    app: App
    http: httpx2.AsyncClient
    headers: dict[str, str]
    token: str

    async def post(self, path: str, body: str, *, method: str = "POST") -> httpx2.Response:
        headers = self.headers | {"content-type": "application/json"}
        content = body.encode("utf-8", "surrogatepass")
        return await self.http.request(method, path, content=content, headers=headers)

    async def graphql(self, query: str, variables: str = "{}") -> httpx2.Response:
        return await self.post("/graphql", f'{{"query":{_quoted(query)},"variables":{variables}}}')


@pytest.fixture
async def scene(service: Service) -> AsyncIterator[Scene]:
    world = World(service)
    person = await world.person()
    token = token_id((await world.token(person)).token)
    app = create_app(service)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Scene(app, http, {"authorization": f"Bearer {person.session}"}, token)


def _quoted(text: str) -> str:
    """A text as JSON and GraphQL write it, and with as few escapes as may be."""
    return json.dumps(text, ensure_ascii=False)


def _in_json(text: str) -> int:
    return len(_quoted(text).encode()) - 2


def _in_document(text: str) -> int:
    return len(_quoted(text)) - 2


def _in_target(text: str) -> int:
    return len(quote(text))


async def too_dear(
    ask: Ask,
    size: int,
    *,
    length: Callable[[str], int] = _in_json,
    names: tuple[str, ...] = tuple(NASTY),
) -> dict[str, str]:
    """The nasty texts that cost too much, each with its seconds and those of the harmless one.

    length: what a text takes of the size, as it is written.
    """
    harmless = await _seconds(ask, HARMLESS * (size // length(HARMLESS)), enough=0)
    bound = max(TIMES * harmless, SECONDS)
    found = {}
    for name in names:
        spent = await _seconds(ask, NASTY[name] * (size // length(NASTY[name])), enough=bound)
        if spent > bound:
            found[name] = f"{spent:.3f} s beside {harmless:.3f} s"
    return found


async def _seconds(ask: Ask, text: str, *, enough: float) -> float:
    """The least CPU of a few tries, or the first that is little enough."""
    least = float("inf")
    for _ in range(TRIES if enough else 2):
        started = time.process_time()
        response = await ask(text)
        least = min(least, time.process_time() - started)
        assert response.status_code < 500, response.text
        # Nor is there doubt about what takes many times as long.
        if least <= enough or (enough and least > 20 * enough):
            break
    return least


# GraphQL

# Where an object type's field takes an argument: how to get to such an object.
PARENTS = {"Query": "%s", "Mutation": "%s", "Token": '{ token(id: "TOKEN") %s }'}
# Of introspection; the schema does not list it among the fields of the query type.
META = "query ($v: String!) { __type(name: $v) { name } }"


@dataclass(frozen=True)
class Place:
    """A place in the schema where a text may be put, whether it belongs there or not."""

    name: str
    kind: str
    field: str
    argument: str
    path: tuple[str, ...]
    of_type: GraphQLInputType
    parent: str

    @property
    def takes_text(self) -> bool:
        return get_named_type(self.of_type).name in {"String", "ID", "DateTime"}


def places() -> Iterator[Place]:
    """Every argument, and every field of an input object, of every field of the schema."""
    for type_name, of_type in SCHEMA._schema.type_map.items():
        if type_name.startswith("__") or not isinstance(of_type, GraphQLObjectType):
            continue
        for field_name, field in of_type.fields.items():
            for name, argument in field.args.items():
                kind = "mutation" if type_name == "Mutation" else "query"
                for path, inner in _inside(argument.type):
                    full = ".".join((type_name, field_name, name, *path))
                    yield Place(full, kind, field_name, name, path, inner, type_name)


def _inside(of_type: GraphQLInputType) -> Iterator[tuple[tuple[str, ...], GraphQLInputType]]:
    yield (), of_type
    named = get_named_type(of_type)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            for path, inner in _inside(field.type):
                yield (name, *path), inner


def _value(of_type: Any, path: tuple[str, ...], text: str, write: Callable[..., str]) -> str:
    """A literal of `of_type` with `text` at `path`, and something that fits everywhere else."""
    if is_non_null_type(of_type):
        return _value(of_type.of_type, path, text, write)
    if is_list_type(of_type):
        return f"[{_value(of_type.of_type, path, text, write)}]"
    if isinstance(of_type, GraphQLInputObjectType) and path:
        fields = {
            name: _value(field.type, path[1:], text, write) if name == path[0] else _fit(field.type)
            for name, field in of_type.fields.items()
            if name == path[0] or is_required_input_field(field)
        }
        return write(fields)
    return text


def _fit(of_type: Any) -> str:
    if is_list_type(of_type) or (is_non_null_type(of_type) and is_list_type(of_type.of_type)):
        return "[]"
    named = get_named_type(of_type)
    if isinstance(named, GraphQLEnumType):
        return json.dumps(next(iter(named.values)))
    return '"x"' if named.name in {"String", "ID"} else "1"


def _literal(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {_bare(value)}" for name, value in fields.items()) + "}"


def _bare(value: str) -> str:
    """An enum's value has no quotation marks in a document."""
    return value.strip('"') if re.fullmatch(r'"[A-Z_]+"', value) else value


def _json(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def _document(place: Place, token: str, given: str, variables: str = "") -> str:
    root = SCHEMA._schema.type_map[place.parent]
    assert isinstance(root, GraphQLObjectType)
    field = root.fields[place.field]
    others = "".join(
        f" {name}: {_bare(_fit(argument.type))}"
        for name, argument in field.args.items()
        if name != place.argument and is_required_argument(argument)
    )
    below = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    asked = f"{{ {place.field}({place.argument}: {given}{others}) {below} }}"
    return f"{place.kind} {variables} {PARENTS[place.parent] % asked}".replace("TOKEN", token)


async def test_no_literal_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for place in places():

        async def ask(text: str, place: Place = place) -> httpx2.Response:
            given = _value(_argument(place).type, place.path, _quoted(text), _literal)
            return await scene.graphql(_document(place, scene.token, given))

        names = FOR_DOCUMENTS if place.takes_text else FOR_MISTAKES
        size = MAX_DOCUMENT_LENGTH - 500
        found[place.name] = await too_dear(ask, size, length=_in_document, names=names)
    assert {name: dear for name, dear in found.items() if dear} == {}
    assert len(found) > 50


async def test_no_variable_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for place in places():
        of_type = _argument(place).type
        query = _document(place, scene.token, "$v", f"($v: {of_type})")

        async def ask(
            text: str, place: Place = place, of_type: Any = of_type, query: str = query
        ) -> httpx2.Response:
            given = _value(of_type, place.path, _quoted(text), _json)
            return await scene.graphql(query, f'{{"v": {given}}}')

        names = tuple(NASTY) if place.takes_text else FOR_MISTAKES
        found[place.name] = await too_dear(ask, SIGNED_IN_BODY_LIMIT - 1_000, names=names)
    assert {name: dear for name, dear in found.items() if dear} == {}
    assert len(found) > 50


def _argument(place: Place) -> GraphQLArgument:
    of_type = SCHEMA._schema.type_map[place.parent]
    assert isinstance(of_type, GraphQLObjectType)
    argument: GraphQLArgument = of_type.fields[place.field].args[place.argument]
    return argument


_SHORT = "{ __typename }"
# Where a document, or what stands beside it, holds a text that is no value.
AROUND: dict[str, tuple[str, Callable[[Scene, str], Awaitable[httpx2.Response]]]] = {
    "a document": ("document", lambda scene, text: scene.graphql(text)),
    "a field": ("document", lambda scene, text: scene.graphql(f"{{ {text} }}")),
    "a field of a field": (
        "document", lambda scene, text: scene.graphql(f"{{ viewer {{ {text} }} }}")
    ),
    "an alias": ("document", lambda scene, text: scene.graphql(f"{{ {text}: __typename }}")),
    "an argument": (
        "document", lambda scene, text: scene.graphql(f"{{ viewer({text}: 1) {{ id }} }}")
    ),
    "an enum's value": (
        "document",
        lambda scene, text: scene.graphql(f"{{ activity(kind: {text}) {{ __typename }} }}"),
    ),
    "a number": (
        "document",
        lambda scene, text: scene.graphql(f"{{ activity(first: {text}) {{ __typename }} }}"),
    ),
    "a fragment": ("document", lambda scene, text: scene.graphql(f"{{ ...{text} }}")),
    "a type": ("document", lambda scene, text: scene.graphql(f"{{ ... on {text} {{ a }} }}")),
    "a directive": ("document", lambda scene, text: scene.graphql(f"{{ __typename @{text} }}")),
    "an operation": ("document", lambda scene, text: scene.graphql(f"query {text} {_SHORT}")),
    "a variable": (
        "document", lambda scene, text: scene.graphql(f"query (${text}: Int) {_SHORT}")
    ),
    "a comment": ("document", lambda scene, text: scene.graphql(f"#{text}\n{_SHORT}")),
    "a block of text": (
        "document",
        lambda scene, text: scene.graphql(f'{{ tokens(search: """{text}""") {{ __typename }} }}'),
    ),
    "__type": ("body", lambda scene, text: scene.graphql(META, f'{{"v": {_quoted(text)}}}')),
    "a variable that is not asked for": (
        "body", lambda scene, text: scene.graphql(_SHORT, f"{{{_quoted(text)}: 1}}")
    ),
    "an unknown field of an input": (
        "body",
        lambda scene, text: scene.graphql(
            "mutation ($v: RenameTokenInput!) { renameToken(input: $v) { __typename } }",
            f'{{"v": {{"tokenId": "x", "name": "x", {_quoted(text)}: 1}}}}',
        ),
    ),
    "operationName": (
        "body",
        lambda scene, text: scene.post(
            "/graphql", f'{{"query": "{_SHORT}", "operationName": {_quoted(text)}}}'
        ),
    ),
    "extensions": (
        "body",
        lambda scene, text: scene.post(
            "/graphql", f'{{"query": "{_SHORT}", "extensions": {{"a": {_quoted(text)}}}}}'
        ),
    ),
    "an unknown member": (
        "body",
        lambda scene, text: scene.post("/graphql", f'{{"query": "{_SHORT}", {_quoted(text)}: 1}}'),
    ),
    "a body that is no JSON": ("body", lambda scene, text: scene.post("/graphql", text)),
}  # fmt: skip


async def test_no_text_around_values_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for name, (limit, around) in AROUND.items():

        async def ask(text: str, around: Any = around) -> httpx2.Response:
            return await around(scene, text)  # type: ignore[no-any-return]  # as AROUND says

        size = MAX_DOCUMENT_LENGTH - 100 if limit == "document" else SIGNED_IN_BODY_LIMIT - 1_000
        length = _in_json if limit == "body" else _in_document
        found[name] = await too_dear(ask, size, length=length)
    assert {name: dear for name, dear in found.items() if dear} == {}


def test_a_cost_that_grows_with_the_square_of_a_text_is_noticed() -> None:
    """By a search that begins anew at each place, as expressions that backtrack do."""
    backtracking = re.compile("(?<=Value ').*(?=' does not exist in)", re.DOTALL)

    async def ask(text: str) -> httpx2.Response:
        backtracking.sub("", text)
        return httpx2.Response(200)

    assert "an error's words" in asyncio.run(too_dear(ask, 16 * 1024))


# Members of JSON and of forms

_SIGN_IN = {"tenant": "acme", "email": "nobody@acme.example", "password": "wrong"}
# Every route, with the members that its body may have; GraphQL's are above.
MEMBERS: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/session"): _SIGN_IN | {"transport": "cookie"},
    ("POST", "/invitation"): {"invitation": "x", "password": "x"},
    ("PUT", "/password"): {"currentPassword": "x", "newPassword": "x"},
    ("POST", "/introspect"): {"token": "x", "token_type_hint": "x"},
    ("POST", "/graphql"): {},
    ("GET", "/session"): {},
    ("DELETE", "/session"): {},
}
# What is only read.
READ = {
    "/healthz", "/readyz", "/metrics", "/graphiql", "/sign-in", "/invitation", "/graphql",
    "/assets/hashed/{name}",
}  # fmt: skip


async def test_every_route_has_its_row(scene: Scene) -> None:
    for route in scene.app.routes:
        path: str = route.path  # type: ignore[attr-defined]  # a route with a path
        methods = set(getattr(route, "methods", None) or {"POST"}) - {"HEAD", "GET"}
        for method in methods:
            assert (method, path) in MEMBERS, f"{method} {path}"
        assert path in READ | {path for _, path in MEMBERS} or _is_page(path), path


def _is_page(path: str) -> bool:
    """The console's own: all are the same page."""
    return path in CONSOLE_PATHS


async def test_no_member_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for (method, path), members in MEMBERS.items():
        for member in members:
            whole = (method, path, member)

            async def ask(text: str, whole: tuple[str, str, str] = whole) -> httpx2.Response:
                method, path, member = whole
                given = MEMBERS[method, path] | {member: text}
                if path == "/introspect":
                    return await scene.http.post(path, data=given)
                body = json.dumps(given, ensure_ascii=False)
                return await scene.post(path, body, method=method)

            length = _in_target if path == "/introspect" else _in_json
            found[whole] = await too_dear(ask, BODY_LIMIT - 1_000, length=length)
    assert {name: dear for name, dear in found.items() if dear} == {}


# Headers

_READ_HEADER = re.compile(r"""headers(?:\.get|\.getlist)?[(\[]b?["']([a-z][a-z-]+)["']""")
HEADERS = {
    "accept", "accept-encoding", "access-control-request-method", "authorization",
    "content-encoding", "content-length", "content-type", "cookie", "host", "origin",
    "sec-fetch-site", "user-agent", "x-request-id", "x-forwarded-for",
    "forwarded", "x-original-method", "x-original-uri",
}  # fmt: skip
ROUTES = (("GET", "/session"), ("POST", "/graphql"), ("GET", "/"), ("GET", "/authorize"))
# A wrong session is a look-up: only where the header names no person does it matter less.
VALUES = {
    "authorization": ("%s", "Bearer %s", "Basic %s"),
    "cookie": ("%s", '__Host-tessera_session="%s"', "a=%s; __Host-tessera_session=x"),
    "accept": ("%s", "application/json;%s", "a/b,%s"),
    "x-original-uri": ("%s", "/%s", "/?%s", "/api/v1/%s"),
    "forwarded": ("%s", 'for="%s"'),
}


_ORIGINAL = {"x-original-method": "GET", "x-original-uri": "/api/v1/devices"}


def test_every_header_that_is_read_has_its_row() -> None:
    for file in sorted((ROOT / "server").rglob("*.py")):
        if "node_modules" not in file.parts:
            assert set(_READ_HEADER.findall(file.read_text())) <= HEADERS, file


async def test_no_header_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for header in sorted(HEADERS):
        for value in VALUES.get(header, ("%s",)):
            for method, path in ROUTES:
                whole = (header, value, method, path)

                async def ask(text: str, whole: tuple[str, ...] = whole) -> httpx2.Response:
                    header, value, method, path = whole
                    sent = scene.headers | _ORIGINAL | {header: value % text}
                    headers = [(name.encode(), value.encode()) for name, value in sent.items()]
                    return await scene.http.request(method, path, headers=headers)

                found[whole] = await too_dear(ask, HEADER_LIMIT)
    assert {name: dear for name, dear in found.items() if dear} == {}


# Paths and query strings


BEGINNINGS = ("/", "/authorize/", "/assets/hashed/", "/tokens/", "/x?")


async def test_no_path_or_query_string_costs_more_than_its_length(scene: Scene) -> None:
    found = {}
    for beginning in BEGINNINGS:

        async def ask(text: str, beginning: str = beginning) -> httpx2.Response:
            return await scene.http.get(f"{beginning}{quote(text)}", headers=scene.headers)

        found[beginning] = await too_dear(ask, HEADER_LIMIT, length=_in_target)
    for member in ("query", "variables", "operationName", "extensions", "x"):

        async def get(text: str, member: str = member) -> httpx2.Response:
            members = {"query": _SHORT} | {member: text}
            return await scene.http.get("/graphql", params=members, headers=scene.headers)

        found[member] = await too_dear(get, HEADER_LIMIT, length=_in_target)
    assert {name: dear for name, dear in found.items() if dear} == {}

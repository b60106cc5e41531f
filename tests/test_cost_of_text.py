"""No text in a GraphQL request costs much more CPU time than a harmless one of the same length.

The places come from the schema, so that a new argument or input field is tried without a row here.
At each place the nastiest text of the largest size may cost 5 times the harmless one, or 20 ms. The
rest of a request is in `test_cost_of_requests`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from server.app import App, create_app
from server.graphql.limits import MAX_DOCUMENT_LENGTH
from server.graphql.schema import CORE_SCHEMA
from server.operations import webhooks
from server.service import Service
from server.web.body import MAX_SIGNED_IN_BODY_BYTES
from tests.support.costs import NASTY, Sent, in_json, length_in_document, length_in_json, too_dear
from tests.support.factories import World, token_id

# Where the schema takes no text, the server only refuses it.
FOR_MISTAKES = ("an error's words", "an error's other words")
# Places of a literal in a document; its value is the same as a variable's.
FOR_DOCUMENTS = ("marks that sort", "quotation marks", "backslashes")
# The limits less the size of the surrounding text.
DOCUMENT_SIZE, BODY_SIZE = MAX_DOCUMENT_LENGTH - 500, MAX_SIGNED_IN_BODY_BYTES - 1_000


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: a text of this size is refused before any query."""
    return sqlite_url


@dataclass(frozen=True)
class Scene:
    """The application, and a signed-in admin."""

    app: App
    session: str
    token: str

    def post(self, body: str) -> Sent:
        headers = {"authorization": f"Bearer {self.session}", "content-type": "application/json"}
        return Sent("POST", "/graphql", headers, body.encode("utf-8", "surrogatepass"))

    def graphql(self, query: str, variables: str = "{}") -> Sent:
        return self.post(f'{{"query":{in_json(query)},"variables":{variables}}}')


@pytest.fixture
async def scene(service: Service, world: World) -> Scene:
    person = await world.person()
    token = token_id((await world.token(person)).token)
    await webhooks.create(person.principal, service, url="https://example.com", wanted=["*"])
    return Scene(create_app(service), person.session, token)


# For object types with arguments on their fields: the path to such an object.
PARENTS = {
    "Query": "%s",
    "Mutation": "%s",
    "Token": '{ token(id: "TOKEN") %s }',
    "TokenPolicyPreview": (
        "{ tokenPolicyPreview(policy: {maximumLifetimeDays: 30}) { ... on TokenPolicyPreview %s } }"
    ),
    "Webhook": "{ webhooks %s }",
    "RemovalPlan": '{ removalPlan(adminId: "TOKEN") %s }',
}
# Introspection, which the schema does not list among the fields of the query type.
META = "query ($v: String!) { __type(name: $v) { name } }"


@dataclass(frozen=True)
class Place:
    """A place in the schema for a text, of the right type or not."""

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
    for type_name, of_type in CORE_SCHEMA.type_map.items():
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
    """A literal of `of_type` with `text` at `path` and valid values elsewhere."""
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
    root = CORE_SCHEMA.type_map[place.parent]
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


async def test_literals_take_linear_time(scene: Scene) -> None:
    found = {}
    for place in places():

        def sent(text: str, place: Place = place) -> Sent:
            given = _value(_argument(place).type, place.path, in_json(text), _literal)
            return scene.graphql(_document(place, scene.token, given))

        names = FOR_DOCUMENTS if place.takes_text else FOR_MISTAKES
        found[place.name] = await too_dear(
            scene.app, sent, DOCUMENT_SIZE, length_in_document, names
        )
    assert {name: dear for name, dear in found.items() if dear} == {}
    assert len(found) > 50


async def test_variables_take_linear_time(scene: Scene) -> None:
    found = {}
    for place in places():
        of_type = _argument(place).type
        query = _document(place, scene.token, "$v", f"($v: {of_type})")

        def sent(
            text: str, place: Place = place, of_type: Any = of_type, query: str = query
        ) -> Sent:
            given = _value(of_type, place.path, in_json(text), _json)
            return scene.graphql(query, f'{{"v": {given}}}')

        names = tuple(NASTY) if place.takes_text else FOR_MISTAKES
        found[place.name] = await too_dear(scene.app, sent, BODY_SIZE, length_in_json, names)
    assert {name: dear for name, dear in found.items() if dear} == {}
    assert len(found) > 50


def _argument(place: Place) -> GraphQLArgument:
    of_type = CORE_SCHEMA.type_map[place.parent]
    assert isinstance(of_type, GraphQLObjectType)
    argument: GraphQLArgument = of_type.fields[place.field].args[place.argument]
    return argument


_SHORT = "{ __typename }"
# Texts in a request that are no values: in the document and beside it.
AROUND: dict[str, tuple[str, Callable[[Scene, str], Sent]]] = {
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
    "__type": ("body", lambda scene, text: scene.graphql(META, f'{{"v": {in_json(text)}}}')),
    "a variable that is not asked for": (
        "body", lambda scene, text: scene.graphql(_SHORT, f"{{{in_json(text)}: 1}}")
    ),
    "an unknown field of an input": (
        "body",
        lambda scene, text: scene.graphql(
            "mutation ($v: RenameTokenInput!) { renameToken(input: $v) { __typename } }",
            f'{{"v": {{"tokenId": "x", "name": "x", {in_json(text)}: 1}}}}',
        ),
    ),
    "operationName": (
        "body",
        lambda scene, text: scene.post(
            f'{{"query": "{_SHORT}", "operationName": {in_json(text)}}}'
        ),
    ),
    "extensions": (
        "body",
        lambda scene, text: scene.post(
            f'{{"query": "{_SHORT}", "extensions": {{"a": {in_json(text)}}}}}'
        ),
    ),
    "an unknown member": (
        "body",
        lambda scene, text: scene.post(f'{{"query": "{_SHORT}", {in_json(text)}: 1}}'),
    ),
    "a body that is no JSON": ("body", lambda scene, text: scene.post(text)),
}  # fmt: skip


async def test_other_texts_of_a_request_take_linear_time(scene: Scene) -> None:
    found = {}
    for name, (limit, around) in AROUND.items():

        def sent(text: str, around: Callable[[Scene, str], Sent] = around) -> Sent:
            return around(scene, text)

        is_body = limit == "body"
        size = BODY_SIZE if is_body else DOCUMENT_SIZE
        length = length_in_json if is_body else length_in_document
        found[name] = await too_dear(scene.app, sent, size, length)
    assert {name: dear for name, dear in found.items() if dear} == {}


async def test_quadratic_cost_is_found() -> None:
    """Planted as a search that restarts at each position, as backtracking expressions do."""
    backtracking = re.compile("(?<=Value ').*(?=' does not exist in)", re.DOTALL)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        backtracking.sub("", scope["path"])
        await PlainTextResponse("")(scope, receive, send)

    def sent(text: str) -> Sent:
        return Sent("GET", text)

    assert list(await too_dear(app, sent, 8_000, len, FOR_MISTAKES)) == ["an error's words"]

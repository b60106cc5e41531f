"""Random valid queries: the executor gives the same answer as graphql-core's, as it is sent."""

from dataclasses import dataclass, field
from random import Random

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from graphql.execution import Executor
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import models
from server.global_ids import encode_id
from server.graphql import fields as plain_fields
from server.graphql.documents import Documents
from server.graphql.errors import Rejected
from server.graphql.executor import PlainFieldExecutor
from server.graphql.schema import CORE_SCHEMA
from server.service import Service
from tests.server.graphql.test_executor import filled, run, text
from tests.support.factories import Person, World
from tests.support.soak import IS_SOAK, repeats

_MAX_DEPTH = 5
# Without one of these, a field is selected without arguments. Some of them are refused.
_ARGUMENTS = {
    "tokens": ["(first: 2)", "(last: 2)", "(first: 0)", '(after: "x")', "(orderBy: NAME)"],
    "activity": ["(first: 3)", "(first: 40)", "(last: 2)", "(kind: CREATED)", "(first: 101)"],
    "admins": ["(includeRemoved: true)", "(first: 1)"],
    "accessRequests": ["(first: 1)"],
    "token": ['(id: "%(token)s")', '(id: "%(admin)s")', '(id: "x")'],
    "tokenActivity": ['(tokenId: "%(token)s")', '(tokenId: "x")'],
    "node": ['(id: "%(token)s")', '(id: "%(admin)s")', '(id: "%(tenant)s")', '(id: "x")'],
    "nodes": ['(ids: ["%(admin)s", "x", "%(token)s", "%(admin)s"])', "(ids: [])"],
}
# Their values tell the time of the request.
_UNSTEADY = {"usage", "reminders", "tokenReminders"}
_CONDITIONS = ["@skip(if: true)", "@skip(if: $no)", "@include(if: $yes)", "@include(if: $no)"]


@dataclass
class _Writer:
    """Writes a document at random. Aliases are numbered, so that they do not conflict."""

    random: Random
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0

    def chance(self, one_of: int) -> bool:
        return self.random.randrange(one_of) == 0

    def document(self, ids: dict[str, str]) -> str:
        root = CORE_SCHEMA.query_type
        assert root is not None
        selected = self.selections(root, _MAX_DEPTH)
        whole = "\n".join([selected, *self.fragments])
        names = [name for name in ("yes", "no") if f"${name}" in whole]
        values = ", ".join(f"${name}: Boolean = {str(name == 'yes').lower()}" for name in names)
        return f"query {f'({values})' if values else ''} {whole}" % ids

    def selections(self, of_type: GraphQLNamedType, depth: int) -> str:
        count = self.random.randint(1, 4)
        return f"{{ {' '.join(self.one(of_type, depth) for _ in range(count))} }}"

    def one(self, of_type: GraphQLNamedType, depth: int) -> str:
        if depth > 1 and self.chance(6):
            return self.fragment(of_type, depth)
        if isinstance(of_type, GraphQLUnionType):
            return self.fragment(of_type, depth) if depth > 1 else "__typename"
        fields = self.fields(of_type, depth)
        name = self.random.choice(["__typename", *fields])
        if name == "__typename":
            return name
        arguments = self.arguments(name, fields[name])
        inner = get_named_type(fields[name].type)
        below = "" if is_leaf_type(inner) else self.selections(inner, depth - 1)
        if arguments or self.chance(4):
            self.aliases += 1
            name = f"a{self.aliases}: {name}"
        return f"{name}{arguments} {self.condition()} {below}"

    def arguments(self, name: str, of_field: GraphQLField) -> str:
        if of_field.args and name in _ARGUMENTS:
            is_required = any(map(is_required_argument, of_field.args.values()))
            if is_required or self.chance(2):
                return str(self.random.choice(_ARGUMENTS[name]))
        return ""

    def condition(self) -> str:
        return self.random.choice(_CONDITIONS) if self.chance(12) else ""

    def fields(self, of_type: GraphQLNamedType, depth: int) -> dict[str, GraphQLField]:
        assert isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType)
        return {
            name: one
            for name, one in of_type.fields.items()
            if name not in _UNSTEADY
            and (depth > 1 or is_leaf_type(get_named_type(one.type)))
            and (name in _ARGUMENTS or not any(map(is_required_argument, one.args.values())))
        }

    def fragment(self, of_type: GraphQLNamedType, depth: int) -> str:
        on: GraphQLNamedType = of_type
        if not isinstance(of_type, GraphQLObjectType):
            # Of an abstract type: any other is an object.
            possible = CORE_SCHEMA.get_possible_types(of_type)  # type: ignore[arg-type]
            on = self.random.choice(sorted(possible, key=lambda one: one.name))
        below = self.selections(on, depth - 1)
        if self.chance(2):
            return f"... on {on.name} {self.condition()} {below}"
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {on.name} {below}")
        return f"...{name} {self.condition()} {f'...{name}' if self.chance(3) else ''}"


@pytest.fixture
async def owner(world: World) -> Person:
    """One of a tenant with everything, in whose activity a token is missing."""
    owner = await filled(world)
    made = models.Activity.filter(tenant_id=owner.admin.tenant_id, kind=models.ActivityKind.CREATED)
    await made.limit(1).update(subject_id=models.new_id())
    return owner


@settings(
    max_examples=repeats(ci=60, soak=3_000),
    deadline=None,
    derandomize=not IS_SOAK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
async def test_random_queries_give_the_same_answers(
    service: Service, owner: Person, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # The second answer is read by compiled functions.
    monkeypatch.setattr(plain_fields, "MANY", 1)
    token = await models.Token.filter(tenant_id=owner.admin.tenant_id).order_by("id").first()
    assert token is not None
    ids = {
        "token": encode_id("Token", token.id),
        "admin": owner.id,
        "tenant": encode_id("Tenant", owner.admin.tenant_id),
    }
    query = _Writer(Random(seed)).document(ids)
    try:
        document = Documents(CORE_SCHEMA, introspection=True).read(query)
    except Rejected:
        assume(False)  # one in twenty: too many aliases, or types that conflict
    expected = await run(service, owner, query, Executor)
    for _ in range(2):
        given = await run(service, owner, query, PlainFieldExecutor, document)
        assert text(given) == text(expected), query

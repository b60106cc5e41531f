"""Authorization: the operations' rights on a golden page, and every root field as every role.

A new operation changes the golden page; a new root field without a rule here fails.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import models
from models import Role
from server.access.principal import Caller, Holder, IntrospectionClient, Operator, SignedInAdmin
from server.errors import Forbidden
from server.global_ids import encode_id
from server.graphql.schema import CORE_SCHEMA
from server.operations import admins
from server.roles import Right
from tests.support.factories import Client, Person, World, token_id
from tests.support.process import ROOT

_GOLDEN = Path(__file__).parent / "golden" / "authorization.txt"


def _operations() -> Iterator[tuple[str, Right]]:
    """Each public operation and the right that its first statement requires."""
    for file in sorted((ROOT / "server" / "operations").glob("[a-z]*.py")):
        for function in ast.parse(file.read_text()).body:
            if isinstance(function, ast.AsyncFunctionDef) and not function.name.startswith("_"):
                yield f"{file.stem}.{function.name}", _required(function)


def _required(function: ast.AsyncFunctionDef) -> Right:
    statements = [one for one in function.body if not _is_docstring(one)]
    match statements[0]:
        case ast.Expr(ast.Call(ast.Attribute(attr="require"), [ast.Attribute(attr=name)])):
            return Right[name]
    raise AssertionError(f"{function.name} does not require a right first")


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _page() -> str:
    """Lists by operation whether each role may, and each caller without a role."""
    everybody: dict[str, Caller] = {
        role.value: SignedInAdmin(UUID(int=1), UUID(int=2), role, UUID(int=3)) for role in Role
    }
    everybody["OPERATOR"] = Operator()
    everybody["CLIENT"] = IntrospectionClient(UUID(int=4))
    everybody["HOLDER"] = Holder(UUID(int=1), UUID(int=5))
    lines = [f"{'operation':30} {'right':20} {' '.join(f'{who:8}' for who in everybody)}"]
    for operation, right in _operations():
        marks = " ".join(f"{_mark(who, right):8}" for who in everybody.values())
        lines.append(f"{operation:30} {right.value:20} {marks}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _mark(who: Caller, right: Right) -> str:
    try:
        who.require(right)
    except Forbidden:
        return "-"
    return "yes"


def test_rights_equal_the_golden_page() -> None:
    """A changed right changes the golden page, so that a reviewer sees the difference."""
    assert _page() == _GOLDEN.read_text()


@dataclass(frozen=True)
class _Scene:
    """One tenant with a token and an admin to act on."""

    owner: Person
    admin: Person
    auditor: Person
    token: str
    secret: str
    other: str

    @classmethod
    async def make(cls, world: World) -> "_Scene":
        owner = await world.person()
        tenant = await models.Tenant.get(id=owner.admin.tenant_id)
        admin = await world.person(tenant, Role.ADMIN)
        auditor = await world.person(tenant, Role.AUDITOR)
        created = await world.token(owner)
        other = (await world.person(tenant, Role.AUDITOR)).id
        return cls(owner, admin, auditor, token_id(created.token), created.secret, other)


_ALL = set(Role)
_MANAGERS = {Role.OWNER, Role.ADMIN}
# Every root field: a document with the scene's ids, and the roles that may.
_RULES: dict[str, tuple[str, set[Role]]] = {
    "viewer": ("{ viewer { id } }", _ALL),
    "tenant": ("{ tenant { id } }", _ALL),
    "tenantApiUrl": ("{ tenantApiUrl }", _ALL),
    "tokens": ("{ tokens { edges { node { id permissions { key } } } } }", _ALL),
    "tokenCount": ("{ tokenCount(filter: {states: [ACTIVE]}) }", _ALL),
    "token": ('{ token(id: "%(token)s") { id } }', _ALL),
    "tokenActivity": ('{ tokenActivity(tokenId: "%(token)s") { edges { cursor } } }', _ALL),
    "activity": ("{ activity { edges { node { id } } } }", _ALL),
    "permissionCategories": ("{ permissionCategories { name } }", _ALL),
    "admins": ("{ admins { edges { node { id liveTokenCount } } } }", _ALL),
    "node": ('{ node(id: "%(token)s") { id } }', _ALL),
    "nodes": ('{ nodes(ids: ["%(token)s", "%(other)s"]) { id } }', _ALL),
    "createToken": (
        'mutation { createToken(input: {name: "x"}) { ... on CreateTokenPayload { secret } } }',
        _MANAGERS,
    ),
    "setPermissions": (
        'mutation { setPermissions(input: {tokenId: "%(token)s", permissions: []})'
        " { ... on SetPermissionsPayload { token { id } } } }",
        _MANAGERS,
    ),
    "editPermissions": (
        'mutation { editPermissions(input: {tokenId: "%(token)s", withdraw: ["GET /x"]})'
        " { ... on EditPermissionsPayload { token { id } } } }",
        _MANAGERS,
    ),
    "renameToken": (
        'mutation { renameToken(input: {tokenId: "%(token)s", name: "new"})'
        " { ... on RenameTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "describeToken": (
        'mutation { describeToken(input: {tokenId: "%(token)s", description: "new"})'
        " { ... on DescribeTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "setTokenExpiry": (
        'mutation { setTokenExpiry(input: {tokenId: "%(token)s", expiresAt: null})'
        " { ... on SetTokenExpiryPayload { token { id } } } }",
        _MANAGERS,
    ),
    "pauseToken": (
        'mutation { pauseToken(input: {tokenId: "%(token)s"})'
        " { ... on PauseTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "resumeToken": (
        'mutation { resumeToken(input: {tokenId: "%(token)s"})'
        " { ... on ResumeTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "setTokenNetworks": (
        'mutation { setTokenNetworks(input: {tokenId: "%(token)s", networks: ["192.0.2.0/24"]})'
        " { ... on SetTokenNetworksPayload { token { id } } } }",
        _MANAGERS,
    ),
    "setTokenRateLimit": (
        'mutation { setTokenRateLimit(input: {tokenId: "%(token)s", requestsPerHour: 7})'
        " { ... on SetTokenRateLimitPayload { token { id } } } }",
        _MANAGERS,
    ),
    "transferToken": (
        'mutation { transferToken(input: {tokenId: "%(token)s", toAdminId: null})'
        " { ... on TransferTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "rotateToken": (
        'mutation { rotateToken(input: {tokenId: "%(token)s", replace: true})'
        " { ... on RotateTokenPayload { secret } } }",
        _MANAGERS,
    ),
    "endRotation": (
        'mutation { endRotation(input: {tokenId: "%(token)s", keep: NEW})'
        " { ... on EndRotationPayload { token { id } } } }",
        _MANAGERS,
    ),
    "revokeToken": (
        'mutation { revokeToken(input: {tokenId: "%(token)s"})'
        " { ... on RevokeTokenPayload { token { id } } } }",
        _MANAGERS,
    ),
    "revokeTokens": (
        'mutation { revokeTokens(input: {filter: {search: "no such"}, expectedCount: 0})'
        " { ... on RevokeTokensPayload { revokedTokenCount } } }",
        _MANAGERS,
    ),
    "addAdmin": (
        'mutation { addAdmin(input: {email: "new@example.com", name: "New", role: AUDITOR})'
        " { ... on AddAdminPayload { invitation } } }",
        _MANAGERS,
    ),
    "renewInvitation": (
        'mutation { renewInvitation(input: {adminId: "%(other)s"})'
        " { __typename ... on RenewInvitationPayload { invitation } } }",
        _MANAGERS,
    ),
    "setAdminRole": (
        'mutation { setAdminRole(input: {adminId: "%(other)s", role: ADMIN})'
        " { ... on SetAdminRolePayload { admin { role } } } }",
        _MANAGERS,
    ),
    "transferOwnership": (
        'mutation { transferOwnership(input: {adminId: "%(other)s"})'
        " { ... on TransferOwnershipPayload { owner { id } } } }",
        {Role.OWNER},
    ),
    "removeAdmin": (
        'mutation { removeAdmin(input: {adminId: "%(other)s"})'
        " { ... on RemoveAdminPayload { revokedTokenCount } } }",
        _MANAGERS,
    ),
}


def test_every_root_field_has_a_rule() -> None:
    core = CORE_SCHEMA
    assert core.query_type
    assert core.mutation_type
    assert set(_RULES) == {*core.query_type.fields, *core.mutation_type.fields}


def _document(name: str, scene: _Scene) -> str:
    return _RULES[name][0] % {"token": scene.token, "other": scene.other}


@pytest.mark.parametrize("name", _RULES)
async def test_root_field_is_allowed_exactly_to_its_roles(
    name: str, client: Client, world: World
) -> None:
    scene = await _Scene.make(world)
    # Least privilege first, so that no earlier role has already made the change.
    for person in (scene.auditor, scene.admin, scene.owner):
        body = (await client.of(person).graphql(_document(name, scene))).json()
        if person.admin.role in _RULES[name][1]:
            assert "errors" not in body, (person.admin.role, body)
            if name not in {"revokeToken", "addAdmin", "removeAdmin"} or person is scene.admin:
                assert all(body["data"].values()), (person.admin.role, body)
        else:
            codes = [error["extensions"]["code"] for error in body["errors"]]
            assert (codes, body["data"]) == (["FORBIDDEN"], None), person.admin.role


@pytest.mark.parametrize("name", [name for name, (_, roles) in _RULES.items() if roles != _ALL])
async def test_forbidden_mutation_changes_nothing(name: str, client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    before = await _everything()
    for person in (scene.auditor, scene.admin):
        if person.admin.role not in _RULES[name][1]:
            await client.of(person).graphql(_document(name, scene))
            assert await _everything() == before


async def _everything() -> dict[str, list[dict[str, Any]]]:
    rows = (models.Token, models.TokenPermission, models.Activity, models.Admin, models.Invitation)
    return {row.__name__: await row.all().order_by("id").values() for row in rows}


async def test_unauthenticated_request_gets_the_same_401_for_every_document(
    client: Client, world: World
) -> None:
    """The answer shows nothing of the schema, and not even that a document is malformed."""
    scene = await _Scene.make(world)
    documents = [_document(name, scene) for name in _RULES]
    documents += ["{ nope }", "{", "", "{ __schema { types { name } } }", "x" * 100_000]
    bodies = set()
    for document in documents:
        response = await client.graphql(document)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(response.content)
    assert len(bodies) == 1
    assert b'"code":"UNAUTHENTICATED"' in bodies.pop()


async def test_api_token_secret_is_no_session(client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    stranger = await client.graphql("{ viewer { id } }")
    for name in _RULES:
        response = await client.graphql(
            _document(name, scene), Authorization=f"Bearer {scene.secret}"
        )
        assert (response.status_code, response.content) == (401, stranger.content)


async def test_removed_admin_is_unauthenticated_at_once(client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    removed = client.of(scene.admin)
    assert (await removed.data("{ viewer { name } }"))["viewer"]
    await admins.remove(scene.owner.principal, scene.admin.admin.id)
    for name in _RULES:
        assert (await removed.graphql(_document(name, scene))).status_code == 401


async def test_changed_role_counts_from_the_next_request_on(client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    create = _document("createToken", scene)
    person = client.of(scene.auditor)
    assert (await person.graphql(create)).json()["data"] is None
    await admins.set_role(scene.owner.principal, scene.auditor.admin.id, Role.ADMIN)
    assert (await person.graphql(create)).json()["data"]["createToken"]["secret"]
    await admins.set_role(scene.owner.principal, scene.auditor.admin.id, Role.AUDITOR)
    assert (await person.graphql(create)).json()["data"] is None


async def test_former_owner_becomes_an_admin(client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    await admins.transfer_ownership(scene.owner.principal, scene.admin.admin.id)
    again = await client.of(scene.owner).graphql(_document("transferOwnership", scene))
    assert again.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert encode_id("Admin", scene.admin.admin.id) == scene.admin.id
    role = (await client.of(scene.admin).data("{ viewer { role } }"))["viewer"]["role"]
    assert role == "OWNER"

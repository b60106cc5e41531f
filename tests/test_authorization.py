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
from server.access.principal import (
    Caller,
    Holder,
    IntrospectionClient,
    Operator,
    SignedInAdmin,
    TenantOperator,
)
from server.errors import Forbidden
from server.global_ids import encode_id
from server.graphql.schema import CORE_SCHEMA
from server.operations import admins, webhooks
from server.operations import holder as holders
from server.roles import Right
from tests.architecture.source import Function
from tests.support.factories import Client, Person, World, token_id
from tests.support.process import ROOT

_GOLDEN = Path(__file__).parent / "golden" / "authorization.txt"


def _operations() -> Iterator[tuple[str, Right]]:
    """Each public operation and the right that its first statement requires."""
    for file in sorted((ROOT / "server" / "operations").glob("[a-z]*.py")):
        for function in ast.parse(file.read_text()).body:
            if isinstance(function, Function) and not function.name.startswith("_"):
                yield f"{file.stem}.{function.name}", _required(function)


def _required(function: Function) -> Right:
    statements = [one for one in function.body if not _is_docstring(one)]
    match statements[0]:
        case ast.Expr(ast.Call(ast.Attribute(attr="require"), [ast.Attribute(attr=name)])):
            return Right[name]
    raise AssertionError(f"{function.name} does not require a right first")


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _page() -> str:
    """Lists by operation whether each role may, and each caller without a role."""
    everybody: dict[str, list[Caller]] = {
        role.value: [SignedInAdmin(UUID(int=1), UUID(int=2), role, UUID(int=3))] for role in Role
    }
    everybody["OPERATOR"] = [Operator(), TenantOperator(UUID(int=1))]
    everybody["CLIENT"] = [IntrospectionClient(UUID(int=4))]
    everybody["HOLDER"] = [Holder(UUID(int=1), UUID(int=5))]
    lines = [f"{'operation':30} {'right':20} {' '.join(f'{who:8}' for who in everybody)}"]
    for operation, right in _operations():
        marks = " ".join(f"{_mark(whos, right):8}" for whos in everybody.values())
        lines.append(f"{operation:30} {right.value:20} {marks}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _mark(whos: list[Caller], right: Right) -> str:
    """Whether one of them may: the operator is two, one of them within a tenant."""
    return "yes" if any(_may(who, right) for who in whos) else "-"


def _may(who: Caller, right: Right) -> bool:
    try:
        who.require(right)
    except Forbidden:
        return False
    return True


def test_rights_equal_the_golden_page() -> None:
    """A changed right changes the golden page, so that a reviewer sees the difference."""
    assert _page() == _GOLDEN.read_text()


@dataclass(frozen=True)
class _Scene:
    """One tenant with a token, an admin and a webhook to act on."""

    owner: Person
    admin: Person
    auditor: Person
    token: str
    secret: str
    other: str
    request: str
    webhook: str
    version: str

    @classmethod
    async def make(cls, world: World) -> "_Scene":
        owner = await world.person()
        tenant = await models.Tenant.get(id=owner.admin.tenant_id)
        admin = await world.person(tenant, Role.ADMIN)
        auditor = await world.person(tenant, Role.AUDITOR)
        created = await world.token(owner)
        other = (await world.person(tenant, Role.AUDITOR)).id
        hook = await webhooks.create(
            owner.principal, world.service, url="https://example.com", wanted=["token.revoked"]
        )
        webhook = encode_id("Webhook", hook.webhook.id)
        holder = Holder(owner.admin.tenant_id, created.token.id)
        asked, _ = await holders.request_access(holder, world.service, "GET /api/v1/tags", "Why")
        request = encode_id("AccessRequest", asked.id)
        token = token_id(created.token)
        version = await world.notice(owner)
        return cls(owner, admin, auditor, token, created.secret, other, request, webhook, version)


_ALL = set(Role)
_MANAGERS = {Role.OWNER, Role.ADMIN}
# Every root field: a document with the scene's ids, and the roles that may.
_RULES: dict[str, tuple[str, set[Role]]] = {
    "viewer": ("{ viewer { id } }", _ALL),
    "tenant": ("{ tenant { id tokenPolicy { maximumLifetimeDays isApplied } } }", _ALL),
    "tenantApiUrl": ("{ tenantApiUrl }", _ALL),
    "tokens": ("{ tokens { edges { node { id permissions { key } } } } }", _ALL),
    "tokenCount": ("{ tokenCount(filter: {states: [ACTIVE]}) }", _ALL),
    "tokenPolicyPreview": (
        "{ tokenPolicyPreview(policy: {maximumLifetimeDays: 30})"
        " { ... on TokenPolicyPreview { version tokens { edges { cursor } } } } }",
        {Role.OWNER},
    ),
    "tokenReminders": ("{ tokenReminders { overdueRotations { id } } }", _ALL),
    "token": ('{ token(id: "%(token)s") { id } }', _ALL),
    "tokenActivity": ('{ tokenActivity(tokenId: "%(token)s") { edges { cursor } } }', _ALL),
    "activity": ("{ activity { edges { node { id } } } }", _ALL),
    "explain": (
        '{ explain(tokenId: "%(token)s", method: "GET", url: "/x", address: "::1") { code } }',
        _ALL,
    ),
    "previewPermissions": (
        '{ previewPermissions(tokenId: "%(token)s", permissions: []) { wouldDeny { of } } }',
        _ALL,
    ),
    "permissionCategories": ("{ permissionCategories { name } }", _ALL),
    "admins": ("{ admins { edges { node { id liveTokenCount } } } }", _ALL),
    "accessRequests": ("{ accessRequests { edges { node { id state } } } }", _ALL),
    "openAccessRequestCount": ("{ openAccessRequestCount }", _ALL),
    "grantAccessRequest": (
        'mutation { grantAccessRequest(input: {requestId: "%(request)s"})'
        " { ... on GrantAccessRequestPayload { accessRequest { id } } } }",
        _MANAGERS,
    ),
    "declineAccessRequest": (
        'mutation { declineAccessRequest(input: {requestId: "%(request)s", reason: "No"})'
        " { ... on DeclineAccessRequestPayload { accessRequest { id } } } }",
        _MANAGERS,
    ),
    "removalPlan": (
        '{ removalPlan(adminId: "%(other)s") { version tokens { edges { cursor } } } }',
        _MANAGERS,
    ),
    "sessions": ("{ sessions { signedInAt isCurrent } }", _ALL),
    "catalogueVersions": (
        "{ catalogueVersions { edges { node { id tokensAffected affectedTokens { name } } } } }",
        _ALL,
    ),
    "catalogueNotices": ("{ catalogueNotices { id number isDismissed } }", _ALL),
    "recipes": ("{ recipes { slug permissions { why } } }", _ALL),
    "webhooks": ("{ webhooks { id url deliveries { edges { cursor } } } }", _ALL),
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
    "setHolderMayRotate": (
        'mutation { setHolderMayRotate(input: {tokenId: "%(token)s", holderMayRotate: true})'
        " { ... on SetHolderMayRotatePayload { token { id } } } }",
        _MANAGERS,
    ),
    "dismissCatalogueNotice": (
        'mutation { dismissCatalogueNotice(input: {versionId: "%(version)s"})'
        " { ... on DismissCatalogueNoticePayload { version { isDismissed } } } }",
        _MANAGERS,
    ),
    "setTokenPolicy": (
        "mutation { setTokenPolicy(input: {policy: {maximumLifetimeDays: 30}})"
        " { ... on SetTokenPolicyPayload { tokenPolicy { revision } } } }",
        {Role.OWNER},
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
    "startTrial": (
        'mutation { startTrial(input: {tokenId: "%(token)s", permissions: []})'
        " { __typename ... on StartTrialPayload { token { id } } } }",
        _MANAGERS,
    ),
    "enforceTrial": (
        'mutation { enforceTrial(input: {tokenId: "%(token)s"})'
        " { __typename ... on EnforceTrialPayload { token { id } } } }",
        _MANAGERS,
    ),
    "dropTrial": (
        'mutation { dropTrial(input: {tokenId: "%(token)s"})'
        " { ... on DropTrialPayload { token { id } } } }",
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
    "createWebhook": (
        'mutation { createWebhook(input: {url: "https://example.com", events: ["*"]})'
        " { ... on CreateWebhookPayload { secret } } }",
        _MANAGERS,
    ),
    "setWebhook": (
        'mutation { setWebhook(input: {webhookId: "%(webhook)s", events: ["token.created"]})'
        " { ... on SetWebhookPayload { webhook { id } } } }",
        _MANAGERS,
    ),
    "testWebhook": (
        'mutation { testWebhook(input: {webhookId: "%(webhook)s"})'
        " { ... on TestWebhookPayload { webhook { id } } } }",
        _MANAGERS,
    ),
    "replayWebhook": (
        'mutation { replayWebhook(input: {webhookId: "%(webhook)s", since: "2026-01-01T00:00:00Z"})'
        " { ... on ReplayWebhookPayload { webhook { id } } } }",
        _MANAGERS,
    ),
    "removeWebhook": (
        'mutation { removeWebhook(input: {webhookId: "%(webhook)s"})'
        " { ... on RemoveWebhookPayload { webhookId } } }",
        _MANAGERS,
    ),
    "endOtherSessions": (
        "mutation { endOtherSessions(input: {})"
        " { ... on EndOtherSessionsPayload { endedSessionCount } } }",
        _ALL,
    ),
}


def test_every_root_field_has_a_rule() -> None:
    core = CORE_SCHEMA
    assert core.query_type
    assert core.mutation_type
    assert set(_RULES) == {*core.query_type.fields, *core.mutation_type.fields}


def _document(name: str, scene: _Scene) -> str:
    ids = {
        "token": scene.token,
        "other": scene.other,
        "request": scene.request,
        "webhook": scene.webhook,
        "version": scene.version,
    }
    return _RULES[name][0] % ids


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
            once = {"revokeToken", "addAdmin", "removeAdmin", "removeWebhook"}
            once |= {"grantAccessRequest", "declineAccessRequest"}
            if name not in once or person is scene.admin:
                assert all(body["data"].values()), (person.admin.role, body)
        else:
            codes = [error["extensions"]["code"] for error in body["errors"]]
            assert codes == ["FORBIDDEN"], person.admin.role
            assert body["data"] in (None, {name: None}), person.admin.role


@pytest.mark.parametrize("name", [name for name, (_, roles) in _RULES.items() if roles != _ALL])
async def test_forbidden_mutation_changes_nothing(name: str, client: Client, world: World) -> None:
    scene = await _Scene.make(world)
    before = await _everything()
    for person in (scene.auditor, scene.admin):
        if person.admin.role not in _RULES[name][1]:
            await client.of(person).graphql(_document(name, scene))
            assert await _everything() == before


async def _everything() -> dict[str, list[dict[str, Any]]]:
    rows = (
        *(models.Token, models.TokenPermission, models.Activity, models.Admin, models.Invitation),
        *(models.TokenPolicy, models.TokenTrial, models.Webhook, models.WebhookEvent),
        *(models.TokenPolicy, models.Webhook, models.WebhookEvent, models.AccessRequest),
        *(models.TokenPolicy, models.Webhook, models.WebhookEvent, models.CatalogueNotice),
    )
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

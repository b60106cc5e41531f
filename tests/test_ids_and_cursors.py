"""Every id and cursor that the schema takes: own, foreign, absent, of another type, malformed.

The places come from the schema, so that a new one fails until it has a rule. A foreign id gets byte
for byte the answer of an absent one. A cursor is a position and names no row: one of a foreign row
gets the answer of an absent row at the same position.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from graphql import GraphQLInputObjectType, GraphQLNamedType, get_named_type

import models
from models import Role
from server.global_ids import encode_id
from server.graphql.schema import CORE_SCHEMA
from server.operations import webhooks
from server.paging import encode_cursor
from tests.support.factories import Client, Person, World, token_id

_NODE = "{ id __typename }"
_TOKEN_RESULT = "{ __typename ... on Problem { code message } }"
_OWN_TOKEN = "the caller's own token"
# Every place that takes an id: the document, the id's path in the variables, and its type.
_ID_RULES: dict[str, tuple[str, Any, str]] = {
    "tokens.filter.ownerId": (
        "query ($v: TokenFilter) { tokens(filter: $v) { edges { node { id } } } }",
        {"ownerId": ""},
        "Admin",
    ),
    "tokens.filter.createdById": (
        "query ($v: TokenFilter) { tokens(filter: $v) { edges { node { id } } } }",
        {"createdById": ""},
        "Admin",
    ),
    "tokenCount.filter.ownerId": (
        "query ($v: TokenFilter) { tokenCount(filter: $v) }",
        {"ownerId": ""},
        "Admin",
    ),
    "tokenCount.filter.createdById": (
        "query ($v: TokenFilter) { tokenCount(filter: $v) }",
        {"createdById": ""},
        "Admin",
    ),
    "revokeTokens.input.filter.ownerId": (
        "mutation ($v: TokenFilter!) {"
        f" revokeTokens(input: {{filter: $v, expectedCount: 0}}) {_TOKEN_RESULT} }}",
        {"ownerId": ""},
        "Admin",
    ),
    "revokeTokens.input.filter.createdById": (
        "mutation ($v: TokenFilter!) {"
        f" revokeTokens(input: {{filter: $v, expectedCount: 0}}) {_TOKEN_RESULT} }}",
        {"createdById": ""},
        "Admin",
    ),
    "tokens.filter.ids": (
        "query ($v: TokenFilter) { tokens(filter: $v) { edges { node { id } } } }",
        {"ids": ""},
        "Token",
    ),
    "tokenCount.filter.ids": (
        "query ($v: TokenFilter) { tokenCount(filter: $v) }",
        {"ids": ""},
        "Token",
    ),
    "revokeTokens.input.filter.ids": (
        "mutation ($v: TokenFilter!) {"
        f" revokeTokens(input: {{filter: $v, expectedCount: 0}}) {_TOKEN_RESULT} }}",
        {"ids": ""},
        "Token",
    ),
    "token.id": (f"query ($v: ID!) {{ token(id: $v) {_NODE} }}", None, "Token"),
    "tokenActivity.tokenId": (
        "query ($v: ID!) { tokenActivity(tokenId: $v) { edges { node { id } } } }",
        None,
        "Token",
    ),
    "explain.tokenId": (
        'query ($v: ID!) { explain(tokenId: $v, method: "GET", url: "/", address: "::1")'
        " { decision } }",
        None,
        "Token",
    ),
    "previewPermissions.tokenId": (
        "query ($v: ID!) { previewPermissions(tokenId: $v, permissions: []) { since } }",
        None,
        "Token",
    ),
    "activity.filter.actorId": (
        "query ($v: ActivityFilter) { activity(filter: $v) { edges { node { id } } } }",
        {"actorId": ""},
        "Admin",
    ),
    "activity.filter.subjectId": (
        "query ($v: ActivityFilter) { activity(filter: $v) { edges { node { id } } } }",
        {"subjectId": ""},
        "Token",
    ),
    "node.id": (f"query ($v: ID!) {{ node(id: $v) {_NODE} }}", None, "Token"),
    "nodes.ids": (f"query ($v: ID!) {{ nodes(ids: [$v]) {_NODE} }}", None, "Token"),
    "setPermissions.input.tokenId": (
        f"mutation ($v: SetPermissionsInput!) {{ setPermissions(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "permissions": ["GET /api/v1/tags"]},
        "Token",
    ),
    "editPermissions.input.tokenId": (
        f"mutation ($v: EditPermissionsInput!) {{ editPermissions(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "grant": ["GET /api/v1/tags"]},
        "Token",
    ),
    "renameToken.input.tokenId": (
        f"mutation ($v: RenameTokenInput!) {{ renameToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "name": "changed"},
        "Token",
    ),
    "describeToken.input.tokenId": (
        f"mutation ($v: DescribeTokenInput!) {{ describeToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "description": "changed"},
        "Token",
    ),
    "setTokenExpiry.input.tokenId": (
        f"mutation ($v: SetTokenExpiryInput!) {{ setTokenExpiry(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "expiresAt": "2031-01-01T00:00:00Z"},
        "Token",
    ),
    "pauseToken.input.tokenId": (
        f"mutation ($v: PauseTokenInput!) {{ pauseToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "resumeToken.input.tokenId": (
        f"mutation ($v: ResumeTokenInput!) {{ resumeToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "setTokenNetworks.input.tokenId": (
        f"mutation ($v: SetTokenNetworksInput!) {{ setTokenNetworks(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "networks": ["192.0.2.0/24"]},
        "Token",
    ),
    "setTokenRateLimit.input.tokenId": (
        f"mutation ($v: SetTokenRateLimitInput!)"
        f" {{ setTokenRateLimit(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "requestsPerHour": 7},
        "Token",
    ),
    "setHolderMayRotate.input.tokenId": (
        f"mutation ($v: SetHolderMayRotateInput!)"
        f" {{ setHolderMayRotate(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "holderMayRotate": True},
        "Token",
    ),
    "transferToken.input.tokenId": (
        f"mutation ($v: TransferTokenInput!) {{ transferToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "toAdminId": None},
        "Token",
    ),
    "transferToken.input.toAdminId": (
        f"mutation ($v: TransferTokenInput!) {{ transferToken(input: $v) {_TOKEN_RESULT} }}",
        {"toAdminId": "", "tokenId": _OWN_TOKEN},
        "Admin",
    ),
    "rotateToken.input.tokenId": (
        f"mutation ($v: RotateTokenInput!) {{ rotateToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "endRotation.input.tokenId": (
        f"mutation ($v: EndRotationInput!) {{ endRotation(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "keep": "NEW"},
        "Token",
    ),
    "startTrial.input.tokenId": (
        f"mutation ($v: StartTrialInput!) {{ startTrial(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": "", "permissions": []},
        "Token",
    ),
    "enforceTrial.input.tokenId": (
        f"mutation ($v: EnforceTrialInput!) {{ enforceTrial(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "dropTrial.input.tokenId": (
        f"mutation ($v: DropTrialInput!) {{ dropTrial(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "revokeToken.input.tokenId": (
        f"mutation ($v: RevokeTokenInput!) {{ revokeToken(input: $v) {_TOKEN_RESULT} }}",
        {"tokenId": ""},
        "Token",
    ),
    "renewInvitation.input.adminId": (
        f"mutation ($v: RenewInvitationInput!) {{ renewInvitation(input: $v) {_TOKEN_RESULT} }}",
        {"adminId": ""},
        "Admin",
    ),
    "setAdminRole.input.adminId": (
        f"mutation ($v: SetAdminRoleInput!) {{ setAdminRole(input: $v) {_TOKEN_RESULT} }}",
        {"adminId": "", "role": "ADMIN"},
        "Admin",
    ),
    "transferOwnership.input.adminId": (
        f"mutation ($v: TransferOwnershipInput!)"
        f" {{ transferOwnership(input: $v) {_TOKEN_RESULT} }}",
        {"adminId": ""},
        "Admin",
    ),
    "removeAdmin.input.adminId": (
        f"mutation ($v: RemoveAdminInput!) {{ removeAdmin(input: $v) {_TOKEN_RESULT} }}",
        {"adminId": ""},
        "Admin",
    ),
    "removeAdmin.input.plan.tokenId": (
        "mutation ($v: RemovalChoiceInput!, $mate: ID!) {"
        f" removeAdmin(input: {{adminId: $mate, plan: [$v]}}) {_TOKEN_RESULT} }}",
        {"tokenId": "", "action": "REVOKE"},
        "Token",
    ),
    "removeAdmin.input.plan.toAdminId": (
        "mutation ($v: RemovalChoiceInput!, $mate: ID!) {"
        f" removeAdmin(input: {{adminId: $mate, plan: [$v]}}) {_TOKEN_RESULT} }}",
        {"toAdminId": "", "action": "TRANSFER", "tokenId": _OWN_TOKEN},
        "Admin",
    ),
    "removeAdmin.input.others.toAdminId": (
        "mutation ($v: RemovalDefaultInput!, $mate: ID!) {"
        f" removeAdmin(input: {{adminId: $mate, others: $v}}) {_TOKEN_RESULT} }}",
        {"toAdminId": "", "action": "TRANSFER"},
        "Admin",
    ),
    "removalPlan.adminId": (
        "query ($v: ID!) { removalPlan(adminId: $v) { version } }",
        None,
        "Admin",
    ),
    "grantAccessRequest.input.requestId": (
        "mutation ($v: GrantAccessRequestInput!)"
        f" {{ grantAccessRequest(input: $v) {_TOKEN_RESULT} }}",
        {"requestId": ""},
        "AccessRequest",
    ),
    "declineAccessRequest.input.requestId": (
        "mutation ($v: DeclineAccessRequestInput!)"
        f" {{ declineAccessRequest(input: $v) {_TOKEN_RESULT} }}",
        {"requestId": "", "reason": "No"},
        "AccessRequest",
    ),
    "dismissCatalogueNotice.input.versionId": (
        "mutation ($v: DismissCatalogueNoticeInput!)"
        f" {{ dismissCatalogueNotice(input: $v) {_TOKEN_RESULT} }}",
        {"versionId": ""},
        "CatalogueVersion",
    ),
    "setWebhook.input.webhookId": (
        f"mutation ($v: SetWebhookInput!) {{ setWebhook(input: $v) {_TOKEN_RESULT} }}",
        {"webhookId": "", "events": ["token.revoked"]},
        "Webhook",
    ),
    "testWebhook.input.webhookId": (
        f"mutation ($v: TestWebhookInput!) {{ testWebhook(input: $v) {_TOKEN_RESULT} }}",
        {"webhookId": ""},
        "Webhook",
    ),
    "replayWebhook.input.webhookId": (
        f"mutation ($v: ReplayWebhookInput!) {{ replayWebhook(input: $v) {_TOKEN_RESULT} }}",
        {"webhookId": "", "since": "2026-01-01T00:00:00Z"},
        "Webhook",
    ),
    "removeWebhook.input.webhookId": (
        f"mutation ($v: RemoveWebhookInput!) {{ removeWebhook(input: $v) {_TOKEN_RESULT} }}",
        {"webhookId": ""},
        "Webhook",
    ),
}
_EDGES = "{ edges { cursor } pageInfo { hasNextPage hasPreviousPage } }"
# Every place that takes a cursor: the document, and the connection whose cursors it takes.
_CURSOR_RULES: dict[str, tuple[str, str]] = {
    "tokens.after": (f"query ($v: String) {{ tokens(after: $v) {_EDGES} }}", "tokens"),
    "tokens.before": (f"query ($v: String) {{ tokens(last: 9, before: $v) {_EDGES} }}", "tokens"),
    "tokenActivity.after": (
        f"query ($v: String, $own: ID!) {{ tokenActivity(tokenId: $own, after: $v) {_EDGES} }}",
        "activity",
    ),
    "activity.before": (
        f"query ($v: String) {{ activity(last: 9, before: $v) {_EDGES} }}",
        "activity",
    ),
    "activity.after": (f"query ($v: String) {{ activity(after: $v) {_EDGES} }}", "activity"),
    "admins.after": (f"query ($v: String) {{ admins(after: $v) {_EDGES} }}", "admins"),
    "TokenPolicyPreview.tokens.after": (
        "query ($v: String) { tokenPolicyPreview(policy: {maximumLifetimeDays: 30})"
        f" {{ ... on TokenPolicyPreview {{ tokens(after: $v) {_EDGES} }} }} }}",
        "policy-tokens",
    ),
    "RemovalPlan.tokens.after": (
        "query ($v: String, $mate: ID!)"
        f" {{ removalPlan(adminId: $mate) {{ tokens(after: $v) {_EDGES} }} }}",
        "removalPlan",
    ),
    "accessRequests.after": (
        f"query ($v: String) {{ accessRequests(after: $v) {_EDGES} }}",
        "access-requests",
    ),
    "Token.accessRequests.after": (
        "query ($v: String, $own: ID!)"
        f" {{ token(id: $own) {{ accessRequests(after: $v) {_EDGES} }} }}",
        "access-requests",
    ),
    "Token.activity.after": (
        f"query ($v: String, $own: ID!) {{ token(id: $own) {{ activity(after: $v) {_EDGES} }} }}",
        "activity",
    ),
    "catalogueVersions.after": (
        f"query ($v: String) {{ catalogueVersions(after: $v) {_EDGES} }}",
        "catalogueVersions",
    ),
    "Webhook.deliveries.after": (
        f"query ($v: String) {{ webhooks {{ deliveries(after: $v) {_EDGES} }} }}",
        "deliveries",
    ),
}
_MALFORMED = [
    "",
    " ",
    "=",
    "====",
    "abc",
    "VG9rZW4",
    "VG9rZW46",
    "VG9rZW46MDFhMjBhMzE3YmFkNzA5YQ",
    "VG9rZW46Z2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2c",
    "Token:1",
    "\0",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "é" * 64,
    "' OR 1=1 --",
    "../../../etc/passwd",
    "%00",
    "A" * 10_000,
]


def _places() -> Iterator[tuple[str, str]]:
    """Each argument and input field of the schema by path, and the name of its type."""
    core = CORE_SCHEMA
    for type_name, of_type in core.type_map.items():
        if type_name.startswith("__") or not hasattr(of_type, "fields"):
            continue
        is_root = of_type in (core.query_type, core.mutation_type)
        for field_name, field in of_type.fields.items():
            for argument_name, argument in getattr(field, "args", {}).items():
                prefix = "" if is_root else f"{type_name}."
                path = f"{prefix}{field_name}.{argument_name}"
                yield from _leaves(path, get_named_type(argument.type))


def _leaves(path: str, of_type: GraphQLNamedType) -> Iterator[tuple[str, str]]:
    if isinstance(of_type, GraphQLInputObjectType):
        for name, field in of_type.fields.items():
            yield from _leaves(f"{path}.{name}", get_named_type(field.type))
    else:
        yield path, of_type.name


def test_every_place_that_takes_an_id_has_a_rule() -> None:
    assert {path for path, of_type in _places() if of_type == "ID"} == set(_ID_RULES)


def test_every_place_that_takes_a_cursor_has_a_rule() -> None:
    cursors = {path for path, _ in _places() if path.split(".")[-1] in {"after", "before"}}
    # The parts of the catalogue begin after a category's name.
    assert cursors - {"permissionCategories.after"} == set(_CURSOR_RULES)


class _Two:
    """Two equal tenants, each with an owner and an admin. Every person has a token."""

    def __init__(self, own: Person, mate: Person, foreign: Person, stranger: Person) -> None:
        self.own, self.mate, self.foreign, self.stranger = own, mate, foreign, stranger
        self.own_token = self.foreign_token = UUID(int=0)
        self.own_webhook = self.foreign_webhook = UUID(int=0)
        self.own_request = self.foreign_request = UUID(int=0)
        self.own_version = self.foreign_version = ""

    @classmethod
    async def make(cls, world: World) -> "_Two":
        people = []
        for _ in range(2):
            owner = await world.person()
            tenant = await models.Tenant.get(id=owner.admin.tenant_id)
            people += [owner, await world.person(tenant, Role.ADMIN)]
        two = cls(*people)
        two.own_token = (await world.token(two.mate)).token.id
        two.foreign_token = (await world.token(two.stranger)).token.id
        two.own_webhook, two.foreign_webhook = [
            (
                await webhooks.create(
                    person.principal, world.service, url="https://example.com", wanted=["*"]
                )
            ).webhook.id
            for person in (two.own, two.foreign)
        ]
        two.own_request, two.foreign_request = [
            (
                await models.AccessRequest.create(
                    tenant_id=person.admin.tenant_id,
                    token_id=token,
                    key="GET /api/v1/tags",
                    reason="Why",
                    address="::1",
                )
            ).id
            for person, token in ((two.own, two.own_token), (two.foreign, two.foreign_token))
        ]
        for other in (two.own, two.foreign):
            await world.token(other)
        two.own_version = await world.notice(two.own)
        two.foreign_version = await world.notice(two.foreign)
        return two

    def id_of(self, kind: str, whose: str) -> str:
        if kind == "Token":
            return token_id(self.own_token if whose == "own" else self.foreign_token)
        if kind == "AccessRequest":
            return encode_id(kind, self.own_request if whose == "own" else self.foreign_request)
        if kind == "Webhook":
            return encode_id(kind, self.own_webhook if whose == "own" else self.foreign_webhook)
        if kind == "CatalogueVersion":
            return self.own_version if whose == "own" else self.foreign_version
        return (self.mate if whose == "own" else self.stranger).id


async def _ask(
    client: Client, two: _Two, rule: tuple[str, Any, str], value: str
) -> httpx2.Response:
    document, shape, _ = rule
    variables = value if shape is None else shape | {next(iter(shape)): value}
    if isinstance(variables, dict) and variables.get("tokenId") == _OWN_TOKEN:
        variables["tokenId"] = two.id_of("Token", "own")
    return await client.of(two.own).graphql(document, {"v": variables} | _more(document, two))


def _more(document: str, two: _Two) -> dict[str, str]:
    """The variables beside the one that the rule is about."""
    known = {"own": token_id(two.own_token), "mate": two.mate.id}
    return {name: value for name, value in known.items() if f"${name}:" in document}


def _answer(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {k: v for k, v in response.headers.items() if k != "x-request-id"}
    return response.status_code, response.content, headers


async def _rows_of(person: Person) -> list[Any]:
    rows = (
        *(models.Token, models.TokenPermission, models.Activity, models.Admin, models.Session),
        *(models.Webhook, models.WebhookEvent, models.AccessRequest),
        *(models.Webhook, models.WebhookEvent, models.CatalogueNotice),
    )
    tenant_id = person.admin.tenant_id
    return [await row.filter(tenant_id=tenant_id).order_by("id").values() for row in rows]


@pytest.mark.parametrize("place", _ID_RULES)
async def test_foreign_id_gets_the_answer_of_an_absent_one(
    place: str, client: Client, world: World
) -> None:
    rule = _ID_RULES[place]
    two = await _Two.make(world)
    before = await _rows_of(two.foreign), await _rows_of(two.own)
    absent = await _ask(client, two, rule, encode_id(rule[2], models.new_id()))
    foreign = await _ask(client, two, rule, two.id_of(rule[2], "foreign"))
    assert _answer(foreign) == _answer(absent)
    assert foreign.status_code == 200
    for wrong in (*_MALFORMED, encode_id("Session", models.new_id()), two.id_of(*_OTHER[rule[2]])):
        response = await _ask(client, two, rule, wrong)
        if place not in {"node.id", "nodes.ids"}:
            assert _answer(response) == _answer(absent), wrong
        assert response.status_code == 200
        assert "errors" not in response.json()
    assert (await _rows_of(two.foreign), await _rows_of(two.own)) == before
    own = await _ask(client, two, rule, two.id_of(rule[2], "own"))
    assert own.status_code == 200
    assert own.content != absent.content


_OTHER = {
    "Token": ("Admin", "own"),
    "Admin": ("Token", "own"),
    "Webhook": ("Token", "own"),
    "AccessRequest": ("Token", "own"),
    "CatalogueVersion": ("Token", "own"),
}


async def test_node_of_every_type_is_found_by_its_own_tenant_only(
    client: Client, world: World
) -> None:
    two = await _Two.make(world)
    await models.WebhookDelivery.create(
        tenant_id=two.foreign.admin.tenant_id,
        webhook_id=two.foreign_webhook,
        event_id="evt_1",
        type="token.created",
        attempt=1,
        outcome=models.DeliveryOutcome.TIMED_OUT,
        milliseconds=20_000,
    )
    data = await client.of(two.foreign).data(
        "{ viewer { id } tenant { id } activity { edges { node { id __typename } } }"
        " tokens { edges { node { id } } } accessRequests { edges { node { id } } }"
        " webhooks { id deliveries { edges { node { id } } } } }"
    )
    [webhook] = data["webhooks"]
    ids = [
        webhook["id"],
        webhook["deliveries"]["edges"][0]["node"]["id"],
        data["viewer"]["id"],
        data["tenant"]["id"],
        data["tokens"]["edges"][0]["node"]["id"],
        data["activity"]["edges"][0]["node"]["id"],
        data["accessRequests"]["edges"][0]["node"]["id"],
    ]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await client.of(two.foreign).data(query, ids=ids))["nodes"] == [{"id": i} for i in ids]
    assert (await client.of(two.own).data(query, ids=ids))["nodes"] == [None] * 7


@pytest.mark.parametrize("place", _CURSOR_RULES)
async def test_cursor_is_a_position_in_its_own_connection(
    place: str, client: Client, world: World
) -> None:
    document, connection = _CURSOR_RULES[place]
    two = await _Two.make(world)
    own_token = token_id(two.own_token)

    async def ask(cursor: str) -> httpx2.Response:
        variables = {"v": cursor} | _more(document, two)
        return await client.of(two.own).graphql(document, variables)

    foreign = await ask(encode_cursor(connection, two.foreign_token))
    absent = await ask(encode_cursor(connection, UUID(int=two.foreign_token.int ^ 1)))
    assert _answer(foreign) == _answer(absent)
    assert "errors" not in foreign.json()
    own = await ask(encode_cursor(connection, two.own_token))
    assert "errors" not in own.json()
    others = {"tokens", "activity", "admins", "deliveries", "catalogueVersions"} - {connection}
    wrong = [encode_cursor(other, two.own_token) for other in others]
    for cursor in (*wrong, own_token, *_MALFORMED):
        response = await ask(cursor)
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "BAD_CURSOR", cursor
        assert response.status_code == 200
        if len(cursor) > 2:
            assert cursor not in error["message"]

"""The published schema is current, fully described, and keeps the contract."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    parse,
    print_ast,
    validate,
)

from server.graphql.schema import CORE_SCHEMA, sdl
from tests.support.process import ROOT

_EXAMPLES = sorted((ROOT / "server/console/web/src/graphiql/examples").glob("*.graphql"))


def test_schema_file_is_current() -> None:
    """`make schema` rewrites it."""
    assert (ROOT / "schema.graphql").read_text() == sdl()


def _described() -> Iterator[tuple[str, Any]]:
    """Every element of our schema that can have a description."""
    for name, of_type in CORE_SCHEMA.type_map.items():
        if name.startswith("__") or name in {"String", "ID", "Int", "Boolean", "Float"}:
            continue
        yield name, of_type
        if isinstance(of_type, GraphQLEnumType):
            yield from ((f"{name}.{value}", of_type.values[value]) for value in of_type.values)
        for field_name, field in getattr(of_type, "fields", {}).items():
            yield f"{name}.{field_name}", field
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name})", argument


def test_every_element_has_a_description() -> None:
    described = dict(_described())
    assert len(described) > 200
    assert [name for name, part in described.items() if not part.description] == []


def test_no_default_is_null() -> None:
    assert "= null" not in sdl()


_CONTRACT = """
interface Node { id: ID! }
interface Problem { code: ProblemCode! message: String! }
type Tenant implements Node { id: ID! slug: String! name: String! region: String! apiUrl: String
  tokenPolicy: TokenPolicy! }
type Admin implements Node { id: ID! email: String! name: String! role: Role! createdAt: DateTime! }
enum Role { OWNER ADMIN AUDITOR }
type Permission {
  key: String! name: String! method: HTTPMethod! path: String! category: PermissionCategory!
}
type PermissionCategory { name: String! permissions: [Permission!]! }
type Token implements Node {
  id: ID! name: String! description: String! hint: String! revision: Int!
  permissions: [Permission!]! createdAt: DateTime! createdBy: Admin lastUsedAt: DateTime
  revokedAt: DateTime state: TokenState! owner: Admin isOwnedByOrganisation: Boolean!
  expiresAt: DateTime pausedAt: DateTime networks: [String!]! requestsPerHour: Int
  holderMayRotate: Boolean! rotation: Rotation trial: Trial
  followedCategories: [String!]! recipe: TokenRecipe
  activity(first: Int, after: String): TokenActivityConnection!
}
interface Activity { id: ID! occurredAt: DateTime! actor: Admin token: Token }
interface TokenActivity implements Activity {
  id: ID! occurredAt: DateTime! actor: Admin token: Token!
}
type TokenCreated implements TokenActivity & Node { id: ID! occurredAt: DateTime! token: Token! }
type TokenNameChanged implements TokenActivity & Node { previousName: String! name: String! }
type TokenDescriptionChanged implements TokenActivity & Node { id: ID! }
type TokenPermissionsEdited implements TokenActivity & Node {
  granted: [Permission!]! withdrawn: [Permission!]!
}
type TokenPermissionsGrew implements TokenActivity & Node {
  granted: [Permission!]! categories: [String!]!
}
type CatalogueChanged implements Activity & Node { version: CatalogueVersion tokensAffected: Int! }
type CatalogueVersion implements Node {
  adoptedAt: DateTime! added: [Permission!]! removed: [Permission!]!
  renamed: [CatalogueRename!]! moved: [CatalogueMove!]! tokensAffected: Int
}
type Recipe {
  slug: String! name: String! vendor: String! version: Int! description: String!
  permissions: [RecipePermission!]!
}
type RecipePermission { permission: Permission! why: String! }
type TokenRecipe {
  slug: String! version: Int! recipe: Recipe missing: [Permission!]! beyond: [Permission!]!
}
type TokenPolicySet implements Activity & Node {
  previousPolicy: TokenPolicyValues! policy: TokenPolicyValues! effectiveFrom: DateTime!
}
type TokenPolicy {
  defaultLifetimeDays: Int maximumLifetimeDays: Int pauseUnusedAfterDays: Int networks: [String!]!
  effectiveFrom: DateTime
}
type TokenPolicyPreview {
  endedTokenCount: Int! shortenedTokenCount: Int! pausedTokenCount: Int! effectiveFrom: DateTime!
  version: String! tokens(first: Int, after: String): TokenPolicyEffectConnection!
}
type TokenRevoked implements TokenActivity & Node { reason: RevocationReason! foundAt: String }
type Rotation {
  state: RotationState! startedAt: DateTime! startedBy: Admin newHint: String! oldHint: String!
  pickedUpAt: DateTime pickedUpFrom: String oldSecretEndsAt: DateTime latestBy: DateTime
  oldSecretUses: [SecretUse!]!
}
enum RotationState { PENDING DRAINING }
type Trial {
  permissions: [Permission!]! startedAt: DateTime! until: DateTime! wouldHaveDenied: Int!
  byPermission: [TrialDenials!]!
}
enum TokenState { ACTIVE PAUSED EXPIRED REVOKED }
enum RevocationReason { REVOKED CREATOR_REMOVED COMPROMISED SUPERSEDED POLICY SELF }
input TokenFilter {
  states: [TokenState!] ownerId: ID isOwnedByOrganisation: Boolean createdById: ID
  unusedSince: DateTime createdBefore: DateTime expiresBefore: DateTime permission: String
  search: String ids: [ID!] neverUsed: Boolean
}
enum TokenOrder { NEWEST OLDEST NAME LAST_USED LEAST_RECENTLY_USED EXPIRES_SOONEST }
type TokenConnection { edges: [TokenEdge!]! pageInfo: PageInfo! }
type TokenEdge { node: Token! cursor: String! }
type TokenActivityConnection { edges: [TokenActivityEdge!]! pageInfo: PageInfo! }
type TokenActivityEdge { node: Activity! cursor: String! }
type AdminConnection { edges: [AdminEdge!]! pageInfo: PageInfo! }
type AdminEdge { node: Admin! cursor: String! }
type PageInfo {
  hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
}
type Query {
  viewer: Admin!
  tenant: Tenant!
  tenantApiUrl: String
  tokens(
    first: Int, after: String, last: Int, before: String, search: String, filter: TokenFilter
    orderBy: TokenOrder
  ): TokenConnection!
  tokenCount(filter: TokenFilter): Int!
  tokenPolicyPreview(
    policy: TokenPolicyInput!, effectiveFrom: DateTime
  ): TokenPolicyPreviewResult!
  tokenReminders: TokenReminders!
  token(id: ID!): Token
  tokenActivity(tokenId: ID!, first: Int, after: String): TokenActivityConnection
  activity(first: Int, after: String): TokenActivityConnection!
  permissionCategories(first: Int, after: String): [PermissionCategory!]!
  admins(first: Int, after: String): AdminConnection!
  catalogueVersions(first: Int, after: String): CatalogueVersionConnection!
  catalogueNotices: [CatalogueVersion!]!
  recipes: [Recipe!]!
  sessions: [Session!]!
  webhooks: [Webhook!]!
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
}
type Mutation {
  createToken(input: CreateTokenInput!): CreateTokenResult!
  setPermissions(input: SetPermissionsInput!): SetPermissionsResult!
  editPermissions(input: EditPermissionsInput!): EditPermissionsResult!
  renameToken(input: RenameTokenInput!): RenameTokenResult!
  describeToken(input: DescribeTokenInput!): DescribeTokenResult!
  revokeToken(input: RevokeTokenInput!): RevokeTokenResult!
  revokeTokens(input: RevokeTokensInput!): RevokeTokensResult!
  setTokenExpiry(input: SetTokenExpiryInput!): SetTokenExpiryResult!
  pauseToken(input: PauseTokenInput!): PauseTokenResult!
  resumeToken(input: ResumeTokenInput!): ResumeTokenResult!
  setTokenNetworks(input: SetTokenNetworksInput!): SetTokenNetworksResult!
  setTokenRateLimit(input: SetTokenRateLimitInput!): SetTokenRateLimitResult!
  setHolderMayRotate(input: SetHolderMayRotateInput!): SetHolderMayRotateResult!
  setTokenPolicy(input: SetTokenPolicyInput!): SetTokenPolicyResult!
  transferToken(input: TransferTokenInput!): TransferTokenResult!
  rotateToken(input: RotateTokenInput!): RotateTokenResult!
  endRotation(input: EndRotationInput!): EndRotationResult!
  startTrial(input: StartTrialInput!): StartTrialResult!
  enforceTrial(input: EnforceTrialInput!): EnforceTrialResult!
  dropTrial(input: DropTrialInput!): DropTrialResult!
  addAdmin(input: AddAdminInput!): AddAdminResult!
  setAdminRole(input: SetAdminRoleInput!): SetAdminRoleResult!
  transferOwnership(input: TransferOwnershipInput!): TransferOwnershipResult!
  removeAdmin(input: RemoveAdminInput!): RemoveAdminResult!
  dismissCatalogueNotice(input: DismissCatalogueNoticeInput!): DismissCatalogueNoticeResult!
  createWebhook(input: CreateWebhookInput!): CreateWebhookResult!
  setWebhook(input: SetWebhookInput!): SetWebhookResult!
  testWebhook(input: TestWebhookInput!): TestWebhookResult!
  replayWebhook(input: ReplayWebhookInput!): ReplayWebhookResult!
  removeWebhook(input: RemoveWebhookInput!): RemoveWebhookResult!
  endOtherSessions(input: EndOtherSessionsInput!): EndOtherSessionsResult!
}
type Session {
  signedInAt: DateTime! lastSeenAt: DateTime! expiresAt: DateTime! isCurrent: Boolean!
  address: String userAgent: String
}
input EndOtherSessionsInput { signedInBefore: DateTime }
type EndOtherSessionsPayload { endedSessionCount: Int! }
input CreateWebhookInput { url: String! events: [String!]! }
type CreateWebhookPayload { webhook: Webhook! secret: String! }
input ReplayWebhookInput { webhookId: ID! since: DateTime! }
type Webhook implements Node {
  id: ID! url: String! events: [String!]! state: WebhookState! createdBy: Admin
  deliveries(first: Int, after: String): WebhookDeliveryConnection!
}
enum WebhookState { ACTIVE PAUSED }
input CreateTokenInput {
  name: String! description: String permissions: [String!] idempotencyKey: String
  expiresAt: DateTime networks: [String!] requestsPerHour: Int isOwnedByOrganisation: Boolean
  holderMayRotate: Boolean followCategories: [String!] recipe: String
}
input SetTokenPolicyInput { policy: TokenPolicyInput! effectiveFrom: DateTime ifVersion: String }
union SetTokenPolicyResult = SetTokenPolicyPayload | InvalidInput | TokenPolicyConflict
type CreateTokenPayload { token: Token! secret: String! }
input RotateTokenInput {
  tokenId: ID! idempotencyKey: String drainSeconds: Int latestBy: DateTime compromised: Boolean
  replace: Boolean ifRevision: Int
}
type RotateTokenPayload { token: Token! secret: String! }
union CreateTokenResult = CreateTokenPayload | InvalidInput | SecretAlreadyShown
input SetPermissionsInput {
  tokenId: ID! permissions: [String!]! ifRevision: Int followCategories: [String!] recipe: String
}
input EditPermissionsInput {
  tokenId: ID! grant: [String!] withdraw: [String!] ifRevision: Int follow: [String!]
  unfollow: [String!] recipe: String
}
union EditPermissionsResult =
  EditPermissionsPayload | InvalidInput | NotFound | RevisionConflict
type EditPermissionsPayload { token: Token! }
input RenameTokenInput { tokenId: ID! name: String! ifRevision: Int }
input DescribeTokenInput { tokenId: ID! description: String! ifRevision: Int }
input RevokeTokenInput { tokenId: ID! reason: RevocationReason }
input RevokeTokensInput { filter: TokenFilter! expectedCount: Int! reason: RevocationReason }
type RevokeTokensPayload { revokedTokenCount: Int! }
union RevokeTokensResult = RevokeTokensPayload | CountChanged | InvalidInput
type CountChanged implements Problem { count: Int! }
input RemoveAdminInput { adminId: ID! }
type RemoveAdminPayload { adminId: ID! revokedTokenCount: Int! }
input AddAdminInput { email: String! name: String! role: Role! }
type AddAdminPayload { admin: Admin! invitation: String! expiresAt: DateTime! }
type InvalidInput implements Problem { field: String! }
type RevisionConflict implements Problem { token: Token! }
type SecretAlreadyShown implements Problem { token: Token! }
type NotFound implements Problem { code: ProblemCode! message: String! }
type LastOwner implements Problem { code: ProblemCode! message: String! }
"""


def test_schema_keeps_the_contract() -> None:
    """Each name of the contract exists with its type, arguments and interfaces."""
    served = build_schema(sdl())
    for definition in parse(_CONTRACT).definitions:
        promised: Any = definition
        name = promised.name.value
        given: Any = served.get_type(name)
        assert given is not None, name
        for interface in getattr(promised, "interfaces", None) or ():
            assert interface.name.value in {i.name for i in given.interfaces}, name
        for value in getattr(promised, "values", None) or ():
            assert value.name.value in given.values, name
        for member in getattr(promised, "types", None) or ():
            assert member.name.value in {one.name for one in given.types}, name
        for field in getattr(promised, "fields", None) or ():
            _assert_same_field(name, field, given.fields[field.name.value])


def _assert_same_field(name: str, promised: Any, given: Any) -> None:
    place = f"{name}.{promised.name.value}"
    assert str(given.type) == print_ast(promised.type), place
    for argument in getattr(promised, "arguments", None) or ():
        assert str(given.args[argument.name.value].type) == print_ast(argument.type), place


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda path: path.stem)
def test_graphiqls_examples_are_valid(example: Any) -> None:
    assert validate(CORE_SCHEMA, parse(example.read_text())) == []


def test_each_mutation_of_a_token_has_an_example() -> None:
    mutations = CORE_SCHEMA.mutation_type
    assert mutations
    of_tokens = {
        name
        for name, field in mutations.fields.items()
        if "tokenId" in get_named_type(field.args["input"].type).fields
    }
    assert len(of_tokens) > 10
    operations = [
        operation
        for example in _EXAMPLES
        for operation in parse(example.read_text()).definitions
        if isinstance(operation, OperationDefinitionNode)
    ]
    roots = [root for operation in operations for root in operation.selection_set.selections]
    shown = {root.name.value for root in roots if isinstance(root, FieldNode)}
    assert of_tokens | {"createToken", "revokeTokens", "tokens", "tokenCount"} <= shown


def test_each_example_is_offered() -> None:
    offered = (ROOT / "server/console/web/src/graphiql/examples.ts").read_text()
    assert [one.name for one in _EXAMPLES if f'"./examples/{one.name}?raw"' not in offered] == []

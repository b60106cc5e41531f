"""The documented flow of an API-tokens page, from the first sign-in to the last revocation.

Ten steps, each as a front-end would take it, over HTTP alone.
"""

from typing import Any

import httpx2
import pytest

import models
from models import Role
from server.settings import Settings, read_settings
from tests.conftest import settings_for
from tests.support.citus import citus_url
from tests.support.factories import PASSWORD, Client, World
from tests.support.postgres import run_now
from tests.support.row_security import let_tests_reach_all, secure

_CREATE = """
mutation ($input: CreateTokenInput!) {
  createToken(input: $input) {
    ... on CreateTokenPayload { secret token { id name description hint permissions { key } } }
    ... on Problem { code message }
  }
}"""
_SET_PERMISSIONS = """
mutation ($input: SetPermissionsInput!) {
  setPermissions(input: $input) {
    ... on SetPermissionsPayload { token { revision permissions { key } } }
    ... on Problem { code message }
    ... on RevisionConflict { token { revision permissions { key } } }
  }
}"""
_RENAME = """
mutation ($input: RenameTokenInput!) {
  renameToken(input: $input) {
    ... on RenameTokenPayload { token { name revision } } ... on Problem { code message }
  }
}"""
_REVOKE = """
mutation ($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    ... on RevokeTokenPayload { token { revokedAt } } ... on Problem { code message }
  }
}"""
_REMOVE = """
mutation ($input: RemoveAdminInput!) {
  removeAdmin(input: $input) {
    ... on RemoveAdminPayload { revokedTokenCount } ... on Problem { message }
  }
}"""
_LIST = "{ tokens { edges { node { id name } } } }"
_ACTIVITY = """
query ($id: ID!) {
  tokenActivity(tokenId: $id) { edges { node {
    __typename actor { name }
    ... on TokenNameChanged { previousName name }
    ... on TokenPermissionsEdited { granted { key } withdrawn { key } }
    ... on TokenRevoked { reason }
  } } }
}"""
_API_URL = "https://acme.api.eu.example.com"
# Every field of every object that is reachable from a token.
_EVERYTHING = """
query ($id: ID!) {
  viewer { id email name role createdAt invitationPending liveTokenCount }
  tenant { id slug name region apiUrl }
  tenantApiUrl
  token(id: $id) { ...Everything activity(first: 9) { edges { cursor node { ...Happened } } } }
  tokens(first: 9) { edges { cursor node { ...Everything } } pageInfo { startCursor endCursor } }
  activity(first: 9) { edges { node { ...Happened } } }
  tokenActivity(tokenId: $id, first: 9) { edges { node { ...Happened } } }
  node(id: $id) { id ...Everything }
  nodes(ids: [$id]) { id ...Everything }
  admins { edges { node { id email name } } }
}
fragment Everything on Token {
  id name description hint revision createdAt lastUsedAt revokedAt
  permissions { key name method path retired category { name } } createdBy { id name email }
}
fragment Happened on TokenActivity {
  __typename id occurredAt actor { id name } token { id name hint }
  ... on TokenNameChanged { previousName name }
  ... on TokenDescriptionChanged { previousDescription description }
  ... on TokenPermissionsEdited { granted { key } withdrawn { key } }
  ... on TokenRevoked { reason }
}"""


# Citus has no row-level security.
_KINDS = ["sqlite", "postgres", *([] if citus_url() else ["row-level security"])]


@pytest.fixture(params=_KINDS)
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Each kind of database, and PostgreSQL with row-level security too."""
    if request.param != "row-level security":
        return settings_for(request.getfixturevalue(f"{request.param}_url"))
    let_tests_reach_all(monkeypatch)
    url = run_now(secure(request.getfixturevalue("postgres_url")))
    return read_settings({"TESSERA_DATABASE_URL": url})


@pytest.fixture
async def page(client: Client, world: World) -> "_Page":
    """Step 1, access settings: the owner signs in."""
    owner = await world.person(await world.tenant("acme", region="eu"), name="Olive Owner")
    signed_in = await client.http.post(
        "/session",
        json={
            "tenant": "acme",
            "email": owner.admin.email,
            "password": PASSWORD,
            "transport": "bearer",
        },
    )
    assert signed_in.status_code == 201
    return _Page(client.http, signed_in.json()["session"])


class _Page:
    """A front-end with one session."""

    def __init__(self, http: httpx2.AsyncClient, session: str) -> None:
        self.client = Client(http, session)

    async def ask(self, query: str, **variables: Any) -> Any:
        return await self.client.data(query, **variables)

    async def change(self, mutation: str, **values: Any) -> Any:
        data = await self.ask(mutation, input=values)
        return next(iter(data.values()))


async def test_documented_flow(page: _Page, world: World) -> None:
    # There is no API URL before the first token.
    assert await page.ask("{ tenantApiUrl tenant { name apiUrl } }") == {
        "tenantApiUrl": None,
        "tenant": {"name": "Acme", "apiUrl": None},
    }
    token = await _add_a_token(page)
    chosen = await _choose_permissions(page)
    skipped = (await page.change(_CREATE, name="No permissions yet"))["token"]["name"]
    await _save_permissions(page, token, chosen)
    await _see_the_api_url(page)
    await _view_and_edit(page, token, chosen)
    await _rename(page, token)
    await _read_the_activity(page, token, chosen)
    await _revoke(page, token, skipped)
    await _remove_an_admin(page, world, skipped)


async def _add_a_token(page: _Page) -> str:
    """Steps 2 and 3: add a token; its secret is shown once, and no field shows it again."""
    created = await page.change(_CREATE, name="Inventory sync", description="Nightly export")
    token, secret = created["token"], created["secret"]
    assert (token["name"], token["description"]) == ("Inventory sync", "Nightly export")
    assert token["permissions"] == []
    everything = await page.client.graphql(_EVERYTHING, {"id": token["id"]})
    assert "errors" not in everything.json()
    assert everything.text.count("Inventory sync") >= 4
    assert secret not in everything.text
    assert secret[10:30] not in everything.text
    assert token["hint"] == f"{secret[:10]}…"
    return str(token["id"])


async def _choose_permissions(page: _Page) -> list[str]:
    """Step 4: the grid of permissions. The second token of the flow skips it."""
    categories = (await page.ask("{ permissionCategories { name permissions { key } } }"))[
        "permissionCategories"
    ]
    assert (len(categories), sum(len(c["permissions"]) for c in categories)) == (15, 121)
    devices = next(c for c in categories if c["name"] == "Device Information")
    return [permission["key"] for permission in devices["permissions"]][:2]


async def _save_permissions(page: _Page, token: str, chosen: list[str]) -> None:
    """Step 5."""
    saved = await page.change(_SET_PERMISSIONS, tokenId=token, permissions=chosen, ifRevision=1)
    assert saved["token"] == {"revision": 2, "permissions": [{"key": key} for key in chosen]}


async def _see_the_api_url(page: _Page) -> None:
    """Step 6: from the first token on, the API URL is shown."""
    assert (await page.ask("{ tenantApiUrl tenant { apiUrl } }")) == {
        "tenantApiUrl": _API_URL,
        "tenant": {"apiUrl": _API_URL},
    }


async def _view_and_edit(page: _Page, token: str, chosen: list[str]) -> None:
    """Step 7: an edit of an older revision is a conflict."""
    viewed = await page.ask(
        "query ($id: ID!) { token(id: $id) { name permissions { key } createdBy { name } } }",
        id=token,
    )
    assert viewed["token"]["permissions"] == [{"key": key} for key in chosen]
    assert viewed["token"]["createdBy"] == {"name": "Olive Owner"}
    edit = {"tokenId": token, "permissions": chosen[:1], "ifRevision": 2}
    assert (await page.change(_SET_PERMISSIONS, **edit))["token"]["revision"] == 3
    conflict = await page.change(_SET_PERMISSIONS, **edit | {"permissions": []})
    assert conflict["code"] == "REVISION_CONFLICT"
    assert conflict["token"]["permissions"] == [{"key": chosen[0]}]


async def _rename(page: _Page, token: str) -> None:
    """Step 8, its first half."""
    renamed = await page.change(_RENAME, tokenId=token, name="Inventory sync (EU)")
    assert renamed["token"] == {"name": "Inventory sync (EU)", "revision": 4}


async def _read_the_activity(page: _Page, token: str, chosen: list[str]) -> None:
    """Step 8, its second half: created, permissions edited, name changed."""
    actor = {"name": "Olive Owner"}
    assert await _happened(page, token) == [
        {
            "__typename": "TokenNameChanged",
            "actor": actor,
            "previousName": "Inventory sync",
            "name": "Inventory sync (EU)",
        },
        {
            "__typename": "TokenPermissionsEdited",
            "actor": actor,
            "granted": [],
            "withdrawn": [{"key": chosen[1]}],
        },
        {
            "__typename": "TokenPermissionsEdited",
            "actor": actor,
            "granted": [{"key": key} for key in chosen],
            "withdrawn": [],
        },
        {"__typename": "TokenCreated", "actor": actor},
    ]


async def _revoke(page: _Page, token: str, skipped: str) -> None:
    """Step 9: gone from the list, and its activity stays readable. The API URL stays too."""
    assert (await page.change(_REVOKE, tokenId=token))["token"]["revokedAt"]
    assert (await page.change(_REVOKE, tokenId=token))["code"] == "NOT_FOUND"
    assert await _listed(page) == [skipped]
    revoked = (await _happened(page, token))[0]
    assert (revoked["__typename"], revoked["reason"]) == ("TokenRevoked", "REVOKED")
    assert (await page.ask("{ tenantApiUrl }")) == {"tenantApiUrl": _API_URL}


async def _remove_an_admin(page: _Page, world: World, skipped: str) -> None:
    """Step 10: the admin's tokens are revoked and their session ends."""
    tenant = await models.Tenant.get(slug="acme")
    leaving = await world.person(tenant, Role.ADMIN)
    theirs = _Page(page.client.http, leaving.session)
    await theirs.change(_CREATE, name="Left behind")
    assert await _listed(page) == ["Left behind", skipped]
    removed = await page.change(_REMOVE, adminId=leaving.id)
    assert removed == {"revokedTokenCount": 1}
    assert await _listed(page) == [skipped]
    assert (await theirs.client.graphql(_LIST)).status_code == 401


async def _happened(page: _Page, token: str) -> list[Any]:
    edges = (await page.ask(_ACTIVITY, id=token))["tokenActivity"]["edges"]
    return [edge["node"] for edge in edges]


async def _listed(page: _Page) -> list[str]:
    return [edge["node"]["name"] for edge in (await page.ask(_LIST))["tokens"]["edges"]]

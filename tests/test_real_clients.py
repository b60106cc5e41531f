"""Third-party clients: two compilers accept the schema, and one library manages a token.

`graphql_over_http` tests the protocol itself.
"""

import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport
from graphql import build_schema

from server.graphql.schema import sdl
from tests.support import node
from tests.support.command import tessera_here
from tests.support.process import ROOT, ServerProcess

_EMAIL, _PASSWORD = "ada@example.com", "seven purple otters dance"
_BAD_CURSOR = gql('{ tokens(after: "x") { edges { cursor } } }')


def _workplace(name: str, folder: Path) -> Path:
    """A compiler's own folder, with the schema and the packages."""
    node.install()
    workplace = folder / name
    shutil.copytree(node.FOLDER / name, workplace)
    shutil.copy(ROOT / "schema.graphql", workplace)
    (workplace / "node_modules").symlink_to(node.FOLDER / "node_modules")
    return workplace


def test_relay_compiler_accepts_the_schema_and_a_page(tmp_path: Path) -> None:
    workplace = _workplace("relay", tmp_path)
    (workplace / "artifacts").mkdir()
    done = node.run("node_modules/relay-compiler/cli.js", "--repersist", folder=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = {file.name for file in (workplace / "artifacts").iterdir()}
    assert {
        "TokensPageQuery.graphql.ts",
        "TokensPagePaginationQuery.graphql.ts",
        "TokensPageRowQuery.graphql.ts",
        "TokensPageActivityQuery.graphql.ts",
        "TokensPageCreateMutation.graphql.ts",
    } <= compiled


def test_graphql_codegen_accepts_the_schema_and_a_page(tmp_path: Path) -> None:
    workplace = _workplace("codegen", tmp_path)
    done = node.run(
        "node_modules/@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.json", folder=workplace
    )
    assert done.returncode == 0, done.stdout + done.stderr
    generated = (workplace / "generated" / "graphql.ts").read_text()
    for name in ("TokensPageQuery", "CreateTokenMutation", "RemoveAdminMutation"):
        assert f"export type {name} = " in generated


_CREATE = gql(
    "mutation ($input: CreateTokenInput!) { createToken(input: $input) { __typename"
    " ... on CreateTokenPayload { secret token { id revision } }"
    " ... on InvalidInput { field message } } }"
)
_LIST = gql("{ tokens(first: 10) { edges { node { id name permissions { key } } } } }")
_RENAME = gql(
    "mutation ($input: RenameTokenInput!) { renameToken(input: $input) { __typename"
    " ... on RenameTokenPayload { token { name revision } } } }"
)
_DESCRIBE = gql(
    "mutation ($input: DescribeTokenInput!) { describeToken(input: $input) { __typename"
    " ... on DescribeTokenPayload { token { description revision } } } }"
)
_GRANT = gql(
    "mutation ($input: SetPermissionsInput!) { setPermissions(input: $input) { __typename"
    " ... on SetPermissionsPayload { token { permissions { key } revision } } } }"
)
_ACTIVITY = gql(
    "query ($id: ID!) { tokenActivity(tokenId: $id) { edges { node { __typename } } } }"
)
_REVOKE = gql("mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { __typename } }")


def test_gql_creates_changes_and_revokes_a_token(tmp_path: Path, database_url: str) -> None:
    made = tessera_here(
        *("tenant", "create", "acme", "--name", "Acme", "--owner-name", "Ada"),
        *("--owner-email", _EMAIL, "--password-stdin"),
        database_url=database_url,
        stdin=f"{_PASSWORD}\n",
    )
    assert made.returncode == 0, made.stderr
    with ServerProcess(tmp_path, database_url=database_url) as server:
        _live(server.url)


def _live(url: str) -> None:
    transport = HTTPXTransport(
        f"{url}/graphql", headers={"Authorization": f"Bearer {_session(url)}"}
    )
    client = Client(transport=transport, fetch_schema_from_transport=True)
    with client as session:
        # The client reads the schema from the server and validates each document.
        assert client.schema
        assert set(client.schema.type_map) == set(build_schema(sdl()).type_map)

        def change(document: GraphQLRequest, **values: Any) -> Any:
            document.variable_values = {"input": values}
            return next(iter(session.execute(document).values()))

        created = change(_CREATE, name="CI")
        token = created["token"]["id"]
        listed = session.execute(_LIST)["tokens"]["edges"]
        assert listed == [{"node": {"id": token, "name": "CI", "permissions": []}}]
        assert change(_RENAME, tokenId=token, name="CD")["token"] == {"name": "CD", "revision": 2}
        assert change(_DESCRIBE, tokenId=token, description="d")["token"]["revision"] == 3
        granted = change(_GRANT, tokenId=token, permissions=["GET /api/v1/tags"])["token"]
        assert granted == {"permissions": [{"key": "GET /api/v1/tags"}], "revision": 4}
        assert change(_REVOKE, tokenId=token)["__typename"] == "RevokeTokenPayload"
        assert change(_REVOKE, tokenId=token)["__typename"] == "NotFound"
        _ACTIVITY.variable_values = {"id": token}
        happened = session.execute(_ACTIVITY)["tokenActivity"]["edges"]
        assert [edge["node"]["__typename"] for edge in happened] == [
            "TokenRevoked",
            "TokenPermissionsEdited",
            "TokenDescriptionChanged",
            "TokenNameChanged",
            "TokenCreated",
        ]
        assert session.execute(_LIST)["tokens"]["edges"] == []
        with pytest.raises(TransportQueryError) as refused:
            session.execute(_BAD_CURSOR)
        assert (refused.value.errors or [])[0]["extensions"]["code"] == "BAD_CURSOR"


def _session(url: str) -> str:
    answer = httpx2.post(
        f"{url}/session",
        json={"tenant": "acme", "email": _EMAIL, "password": _PASSWORD, "transport": "bearer"},
    )
    session: str = answer.json()["session"]
    return session

"""`tessera token`: an operator sees and stops tokens at the command line."""

import json
import os
import pty
import re
import subprocess
from select import select
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from server.cli.commands import operator
from tests.server.cli.test_tenants import sign_in
from tests.support.command import create_tenant, misused, refused, run, tessera_here
from tests.support.process import ROOT, TESSERA, ServerProcess, tessera_environment

_CREATE = """
mutation ($input: CreateTokenInput!) {
  createToken(input: $input) { ... on CreateTokenPayload { secret token { id } } }
}"""
_ACTIVITY = """
query ($id: ID!) {
  tokenActivity(tokenId: $id) {
    edges { node { kind: __typename actorKind actorName ... on TokenRevoked { reason } } }
  }
}"""
_LIVE, _REVOKED, _PAUSED = (200, None), (401, "TOKEN_REVOKED"), (401, "TOKEN_PAUSED")


class _Tenant:
    """A tenant of the served database, with its owner's session."""

    def __init__(self, server: ServerProcess, url: str, slug: str) -> None:
        create_tenant(url, slug)
        self._server = server
        self.slug = slug
        self._session = sign_in(server, slug)["session"]

    def graphql(self, query: str, variables: dict[str, Any]) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {
            "Authorization": f"Bearer {self._session}",
            "Content-Type": "application/json",
        }
        with urlopen(Request(f"{self._server.url}/graphql", body, headers)) as answer:
            return json.load(answer)["data"]

    def token(self, name: str, **more: Any) -> "_Token":
        made = self.graphql(_CREATE, {"input": {"name": name, **more}})["createToken"]
        return _Token(made["token"]["id"], made["secret"])

    def activity(self, token: "_Token") -> list[tuple[str, ...]]:
        """The kinds with their actors; that of a revocation with its reason too."""
        edges = self.graphql(_ACTIVITY, {"id": token.id})["tokenActivity"]["edges"]
        nodes = [edge["node"] for edge in edges]
        return [tuple(node.values()) for node in nodes]


class _Token(NamedTuple):
    id: str
    secret: str


@pytest.fixture
def tenant(server: ServerProcess, served_url: str, request: pytest.FixtureRequest) -> _Tenant:
    """A tenant of the test's own."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    return _Tenant(server, served_url, slug)


def _asked(server: ServerProcess, secret: str) -> tuple[int, str | None]:
    """Whether the secret opens its holder's door, and the reason if not."""
    request = Request(f"{server.url}/token", headers={"Authorization": f"Bearer {secret}"})
    try:
        with urlopen(request) as answer:
            return answer.status, None
    except HTTPError as error:
        return error.code, json.load(error)["code"]


def test_token_is_stopped_by_its_id_and_the_activity_tells(
    server: ServerProcess, served_url: str, tenant: _Tenant
) -> None:
    token, other = tenant.token("Inventory sync"), tenant.token("Other")
    named = [token.id, "--tenant", tenant.slug]
    assert run(served_url, "token", "pause", *named) == "Paused token Inventory sync.\n"
    assert _asked(server, token.secret) == _PAUSED
    assert run(served_url, "token", "resume", *named) == "Resumed token Inventory sync.\n"
    assert _asked(server, token.secret) == _LIVE
    assert run(served_url, "token", "revoke", *named) == "Revoked token Inventory sync.\n"
    assert _asked(server, token.secret) == _REVOKED
    assert _asked(server, other.secret) == _LIVE
    actor = ("OPERATOR", operator().name)
    assert tenant.activity(token) == [
        ("TokenRevoked", *actor, "REVOKED"),
        ("TokenResumed", *actor),
        ("TokenPaused", *actor),
        ("TokenCreated", "ADMIN", "Ada"),
    ]
    assert refused(served_url, "token", "revoke", *named) == "tessera: Not found.\n"


def test_token_is_stopped_by_its_secret_which_no_output_repeats(
    server: ServerProcess, served_url: str, tenant: _Tenant
) -> None:
    token = tenant.token("Leaked")
    said = ""
    for command, outcome in (("pause", _PAUSED), ("resume", _LIVE), ("revoke", _REVOKED)):
        by_secret = ["token", command, "--secret-stdin"]
        said += run(served_url, *by_secret, stdin=f"  {token.secret}\r\n")
        assert _asked(server, token.secret) == outcome
    assert said == "Paused token Leaked.\nResumed token Leaked.\nRevoked token Leaked.\n"
    shown = run(served_url, "token", "show", "--secret-stdin", stdin=token.secret)
    assert re.search(r"^State +REVOKED$", shown, re.MULTILINE)
    assert token.secret not in shown + server.log()


def test_revocation_says_that_the_secret_leaked(served_url: str, tenant: _Tenant) -> None:
    token = tenant.token("Leaked")
    by_secret = ["token", "revoke", "--secret-stdin", "--compromised"]
    assert run(served_url, *by_secret, stdin=token.secret) == "Revoked token Leaked.\n"
    actor = ("OPERATOR", operator().name)
    assert tenant.activity(token)[0] == ("TokenRevoked", *actor, "COMPROMISED")


def _read_until(terminal: int, text: str) -> str:
    said = ""
    while text not in said:
        assert select([terminal], [], [], 30)[0], said
        said += os.read(terminal, 4096).decode()
    return said


def test_secret_is_asked_for_at_a_terminal_and_not_echoed(
    server: ServerProcess, served_url: str, tenant: _Tenant
) -> None:
    token = tenant.token("Typed")
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*TESSERA, "token", "pause", "--secret-stdin"],
        stdin=end,
        stdout=end,
        stderr=end,
        env=tessera_environment(served_url),
        cwd=ROOT,
        start_new_session=True,
    ) as command:
        os.close(end)
        said = _read_until(terminal, "The secret: ")
        os.write(terminal, f"{token.secret}\n".encode())
        said += _read_until(terminal, "Paused token Typed.")
        assert command.wait(30) == 0
    os.close(terminal)
    assert token.secret not in said
    assert _asked(server, token.secret) == _PAUSED


def test_token_is_shown_with_its_conditions(served_url: str, tenant: _Tenant) -> None:
    key = "GET /api/v1/devices"
    token = tenant.token(
        "Conditions",
        permissions=[key],
        networks=["192.0.2.0/24"],
        requestsPerHour=7,
        expiresAt="2999-01-02T03:04:00Z",
        isOwnedByOrganisation=True,
    )
    shown = run(served_url, "token", "show", token.id, "--tenant", tenant.slug)
    lines = dict(re.findall(r"^(\w[\w ]*?) {2,}(.+)$", shown, re.MULTILINE))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", lines.pop("Created"))
    assert lines == {
        "Token": token.id,
        "Tenant": tenant.slug,
        "Name": "Conditions",
        "State": "ACTIVE",
        "Owner": "the organisation",
        "Hint": f"{token.secret[:10]}…",
        "Expires": "2999-01-02 03:04",
        "Last used": "never",
        "Networks": "192.0.2.0/24",
        "Limit": "7 an hour",
        "Rotation": "none",
        "Permissions": key,
    }


def test_tokens_are_listed_in_pages(served_url: str, tenant: _Tenant) -> None:
    made = [tenant.token(f"No. {number}") for number in range(102)]
    run(served_url, "token", "pause", made[7].id, "--tenant", tenant.slug)
    run(served_url, "token", "revoke", made[8].id, "--tenant", tenant.slug)
    heading, *rows = run(served_url, "token", "list", "--tenant", tenant.slug).splitlines()
    assert heading.split("  ")[0].strip() == "TOKEN"
    live = [one.id for one in reversed(made) if one is not made[8]]
    assert [row.split()[0] for row in rows] == live
    paused = next(row for row in rows if made[7].id in row)
    assert paused.split()[1] == "PAUSED"
    assert paused.endswith("  No. 7")
    searched = run(served_url, "token", "list", "--tenant", tenant.slug, "--search", "no. 101")
    assert [row.split()[0] for row in searched.splitlines()[1:]] == [made[101].id]


def test_replaced_secret_changes_nothing(
    server: ServerProcess, served_url: str, tenant: _Tenant
) -> None:
    """It may lie about for long: a finder must not stop the token's new secret."""
    token = tenant.token("Rotated")
    rotated = tenant.graphql(
        "mutation ($input: RotateTokenInput!) { rotateToken(input: $input) {"
        " ... on RotateTokenPayload { secret } } }",
        {"input": {"tokenId": token.id, "compromised": True}},
    )["rotateToken"]["secret"]
    for command in ("revoke", "pause", "resume"):
        said = tessera_here(
            "token", command, "--secret-stdin", database_url=served_url, stdin=token.secret
        )
        assert (said.returncode, token.id in said.stderr) == (1, True)
    assert _asked(server, rotated) == _LIVE
    shown = run(served_url, "token", "show", "--secret-stdin", stdin=token.secret)
    assert f"{rotated[:10]}…, of the secret that replaced this one" in shown


def test_unknown_and_foreign_tokens_are_not_found(served_url: str, tenant: _Tenant) -> None:
    create_tenant(served_url, "another")
    token = tenant.token("Own")
    for command in ("show", "revoke", "pause", "resume"):
        for named in ([token.id, "--tenant", "another"], ["x", "--tenant", tenant.slug]):
            assert refused(served_url, "token", command, *named) == "tessera: Not found.\n"
        for secret in ("", "nonsense", f"{token.secret}x", f"tsr_{'a' * 49}", "x" * 100_000):
            by_secret = ["token", command, "--secret-stdin"]
            assert refused(served_url, *by_secret, stdin=secret) == "tessera: Not found.\n"
    assert refused(served_url, "token", "list", "--tenant", "nobody") == "tessera: Not found.\n"


def test_token_is_named_in_one_way() -> None:
    for command in ("show", "revoke", "pause", "resume"):
        for named in (
            [],
            ["x"],
            ["--tenant", "acme"],
            ["x", "--secret-stdin"],
            ["--tenant", "acme", "--secret-stdin"],
            ["x", "--tenant", "acme", "--secret-stdin"],
        ):
            assert "Name a TOKEN and its --tenant" in misused("token", command, *named)

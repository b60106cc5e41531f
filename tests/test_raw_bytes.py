"""Raw bytes over a socket never cause a 5xx, and the server keeps running.

Malformed HTTP, malformed JSON, hostile texts in every place for text, and random bytes, against a
real server process on both databases. Not here: the answers to well-formed requests.
"""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import GraphQLInputObjectType, get_named_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.graphql.schema import CORE_SCHEMA
from tests.conftest import TEMPLATE
from tests.support.command import tessera_here
from tests.support.factories import PASSWORD
from tests.support.postgres import PostgresServer
from tests.support.process import LOOPBACK, ServerProcess, answer_of
from tests.support.soak import repeats

ROUTES = {
    "/graphql": "POST",
    "/session": "POST",
    "/invitation": "POST",
    "/invitation/details": "POST",
    "/password": "PUT",
    "/graphiql": "GET",
    "/sign-in": "GET",
    "/introspect": "POST",
    "/token": "GET",
    "/token/requests": "POST",
    "/revoke": "POST",
    "/leaks/github": "POST",
    "/authorize": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/metrics": "GET",
    "/assets/hashed/x.js": "GET",
    "/": "GET",
    "/no-such-thing": "GET",
}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
# Except uvicorn's error when it answers a request after malformed bytes behind it have closed the
# connection (uvloop's `_ensure_alive`).
_FAILED = re.compile(
    r'unexpected error|Traceback|"status":5|Exception in ASGI application(?!.*_ensure_alive)'
)
_ANSWER_SECONDS = 60


@dataclass
class Target:
    """A server process, and an owner's session."""

    server: ServerProcess
    session: str
    http: httpx2.Client
    judged: int = 0

    def send(self, raw: bytes) -> list[int]:
        """Sends bytes and shuts down writing; returns the statuses of all answers."""
        with socket.create_connection((LOOPBACK, self.server.port), _ANSWER_SECONDS) as sock:
            received = b""
            try:
                sock.sendall(raw)
                if not _closes(raw):
                    sock.shutdown(socket.SHUT_WR)
                while chunk := sock.recv(65536):
                    received += chunk
            except ConnectionError:
                pass  # the server closed the connection
        return [int(status) for status in _STATUS.findall(received)]

    def ask(self, method: str, path: str, body: bytes = b"", *headers: str | bytes) -> int:
        """The status of one complete request of the owner."""
        [status] = self.send(self.request(method, path, body, *headers))
        return status

    def request(self, method: str, path: str, body: bytes = b"", *headers: str | bytes) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {LOOPBACK}:{self.server.port}",
            f"Authorization: Bearer {self.session}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
        ]
        raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
        return b"\r\n".join([*raw, b"", body])

    def graphql(self, query: str, variables: dict[str, Any]) -> Any:
        """The answer to a whole GraphQL request, variables escaped to ASCII."""
        response = self.http.post(
            "/graphql",
            content=json.dumps({"query": query, "variables": variables}),
            headers={
                "Authorization": f"Bearer {self.session}",
                "Content-Type": "application/json",
            },
        )
        assert response.status_code < 500, response.text
        return response.json()

    def check(self) -> None:
        """It runs, and has neither answered 5xx nor logged an error since the last check."""
        assert answer_of(self.server.port, "/healthz") == 200
        log = self.server.log()
        news, self.judged = log[self.judged :], len(log)
        assert [line for line in news.splitlines() if _FAILED.search(line)] == []


def _closes(raw: bytes) -> bool:
    """Whether the server closes the connection by itself, so that no half-close cuts its answer."""
    return b"\r\n\r\n" in raw and b"Connection: close" in raw


@pytest.fixture(scope="module")
def target(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """On SQLite, for requests that reach no database."""
    folder = tmp_path_factory.mktemp("raw-bytes")
    shutil.copy(migrated_file, folder / "tessera.db")
    yield from _target(folder, f"sqlite://{folder / 'tessera.db'}")


@pytest.fixture(scope="module")
def postgres_target(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    url = postgres.create_database_now(template=TEMPLATE)
    yield from _target(tmp_path_factory.mktemp("raw-bytes"), url)
    postgres.drop_database_now(url)


@pytest.fixture(params=["target", "postgres_target"], ids=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest) -> Target:
    """On both databases, for texts: they accept different characters."""
    target: Target = request.getfixturevalue(request.param)
    return target


def _target(folder: Path, url: str) -> Iterator[Target]:
    owner = ["--owner-email", "owner@acme.example", "--owner-name", "Owner"]
    made = tessera_here(
        *("tenant", "create", "acme", "--name", "Acme", *owner, "--password-stdin"),
        database_url=url,
        stdin=f"{PASSWORD}\n",
    )
    assert made.returncode == 0, made.stderr
    with ServerProcess(folder, database_url=url) as server:
        sign_in = {"tenant": "acme", "email": "owner@acme.example", "password": PASSWORD}
        with httpx2.Client(base_url=server.url, verify=False) as http:
            response = http.post("/session", json=sign_in | {"transport": "bearer"})
            target = Target(server, response.json()["session"], http)
            yield target
            # Once more over all of its log: also lines that came after a test's own look.
            target.judged = 0
            target.check()


# Bodies

BODIES = {
    "nothing": b"",
    "null": b"null",
    "number": b"3",
    "text": b'"x"',
    "list": b"[]",
    "object": b"{}",
    "bad UTF-8": b'{"query":"\xff\xfe"}',
    "Latin-1": '{"query":"é"}'.encode("latin-1"),
    "UTF-16": '{"query":"{__typename}"}'.encode("utf-16"),
    "marked UTF-8": b"\xef\xbb\xbf{}",
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "30,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "30,000 deep and cut off": b'{"a":' * 10_000,
    "5,000 digits": b"9" * 5_000,
    "5,000 digits inside": b'{"query":"{__typename}","variables":{"a":' + b"9" * 5_000 + b"}}",
    "huge exponent": b'{"query":"{__typename}","variables":{"a":1e99999}}',
    "lone surrogate": b'{"query":"\\ud800","tenant":"\\ud800","invitation":"\\udfff"}',
    "lone surrogate in a name": b'{"\\ud800":1}',
    "NUL": b"\0" * 100,
    "NUL in a name": b'{"\\u0000":1}',
    "one name often": b'{"query":"{__typename}"' + b',"query":"{__typename}"' * 1_000 + b"}",
    "many names": b"{" + b",".join(b'"n%d":0' % n for n in range(5_000)) + b"}",
    "of wrong types": b'{"query":{},"tenant":[],"email":{},"password":0,"invitation":null,'
    b'"currentPassword":true,"newPassword":[]}',
    "too long": b'{"query":"' + b"x" * 1_100_000 + b'"}',
    "not JSON at all": bytes(range(256)),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_causes_a_server_error(target: Target, body: bytes) -> None:
    for path, method in ROUTES.items():
        assert target.ask(method, path, body) < 500
        assert target.ask("POST", path, body, "Accept: application/graphql-response+json") < 500
    target.check()


# Texts

TEXTS = {
    "NUL": "\0",
    "NUL inside": "a\0b",
    "lone surrogate": "\ud800",
    "lone surrogate inside": "a\udfffb",
    "not a character": "\uffff\U0010ffff",
    "controls": "".join(map(chr, range(32))),
    "right to left": "\u202eabc",
    "long": "ab" * 10_000,
    "long in UTF-8": "\N{GRINNING FACE}" * 5_000,
    "for a query": "'; DROP TABLE token; --",
    "for a pattern": "%_\\",
    "marks": "e" + "\u0301" * 3_000,
    "grows when folded": "\ufb03\u0390\u0130" * 1_000,
    "nothing": "",
    "an id": "VG9rZW46MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA",
    "an id with NUL": "VG9rZW46AAAAAA",
}
_MUTATIONS = {
    "createToken": (
        *("name", "description", "permissions", "idempotencyKey", "networks"),
        *("followCategories", "recipe"),
    ),
    "setPermissions": ("tokenId", "permissions", "followCategories", "recipe"),
    "editPermissions": ("tokenId", "grant", "withdraw", "follow", "unfollow", "recipe"),
    "renameToken": ("tokenId", "name"),
    "describeToken": ("tokenId", "description"),
    "setTokenExpiry": ("tokenId", "expiresAt"),
    "pauseToken": ("tokenId",),
    "resumeToken": ("tokenId",),
    "setTokenNetworks": ("tokenId", "networks"),
    "setTokenRateLimit": ("tokenId",),
    "transferToken": ("tokenId", "toAdminId"),
    "setHolderMayRotate": ("tokenId",),
    "setTokenPolicy": ("ifVersion", "effectiveFrom"),
    "rotateToken": ("tokenId", "idempotencyKey", "latestBy"),
    "endRotation": ("tokenId", "keep"),
    "startTrial": ("tokenId", "permissions"),
    "enforceTrial": ("tokenId",),
    "dropTrial": ("tokenId",),
    "grantAccessRequest": ("requestId",),
    "declineAccessRequest": ("requestId", "reason"),
    "revokeToken": ("tokenId",),
    "revokeTokens": (),
    "addAdmin": ("email", "name"),
    "renewInvitation": ("adminId",),
    "setAdminRole": ("adminId", "role"),
    "transferOwnership": ("adminId",),
    "removeAdmin": ("adminId", "ifVersion"),
    "dismissCatalogueNotice": ("versionId",),
    "createWebhook": ("url", "events"),
    "setWebhook": ("webhookId", "url", "events"),
    "testWebhook": ("webhookId",),
    "replayWebhook": ("webhookId", "since"),
    "removeWebhook": ("webhookId",),
}
_LISTS = {
    *("permissions", "grant", "withdraw", "networks", "events"),
    *("followCategories", "follow", "unfollow"),
}
_NEEDED: dict[str, dict[str, Any]] = {
    "createToken": {"name": "x"},
    "setPermissions": {"tokenId": "x", "permissions": []},
    "editPermissions": {"tokenId": "x"},
    "renameToken": {"tokenId": "x", "name": "x"},
    "describeToken": {"tokenId": "x", "description": "x"},
    "setTokenExpiry": {"tokenId": "x", "expiresAt": None},
    "setTokenNetworks": {"tokenId": "x", "networks": []},
    "setTokenRateLimit": {"tokenId": "x", "requestsPerHour": None},
    "transferToken": {"tokenId": "x", "toAdminId": None},
    "setHolderMayRotate": {"tokenId": "x", "holderMayRotate": True},
    "setTokenPolicy": {"policy": {}, "effectiveFrom": "2027-01-01T00:00:00Z"},
    "rotateToken": {"tokenId": "x"},
    "endRotation": {"tokenId": "x", "keep": "NEW"},
    "startTrial": {"tokenId": "x", "permissions": []},
    "addAdmin": {"email": "x@example.com", "name": "x", "role": "ADMIN"},
    "setAdminRole": {"adminId": "x", "role": "ADMIN"},
    "removeAdmin": {"adminId": "x"},
    "declineAccessRequest": {"requestId": "x", "reason": "x"},
    "createWebhook": {"url": "https://example.com", "events": ["x"]},
    "setWebhook": {"webhookId": "x"},
    "replayWebhook": {"webhookId": "x", "since": "2026-01-01T00:00:00Z"},
}
_QUERIES = {
    "part of the catalogue": "query($t: String) { permissionCategories(after: $t) { name } }",
    "search": "query($t: String) { tokens(search: $t) { edges { node { id } } } }",
    "search of a filter": "query($t: String)"
    " { tokens(filter: {search: $t}, orderBy: NAME) { edges { node { id } } } }",
    "permission": "query($t: String)"
    " { tokens(filter: {permission: $t}) { edges { node { id } } } }",
    "owner": "query($t: ID) { tokens(filter: {ownerId: $t}) { edges { node { id } } } }",
    "creator": "query($t: ID) { tokenCount(filter: {createdById: $t}) }",
    "ids": "query($t: ID!) { tokenCount(filter: {ids: [$t, $t]}) }",
    "after a name": "query($t: String)"
    " { tokens(after: $t, orderBy: NAME) { edges { node { id } } } }",
    "after": "query($t: String) { tokens(after: $t) { edges { node { id } } } }",
    "before": "query($t: String) { tokens(before: $t) { edges { node { id } } } }",
    "activity": "query($t: String) { activity(after: $t) { edges { node { id } } } }",
    "activity before": "query($t: String) { activity(before: $t) { edges { node { id } } } }",
    "actor": "query($t: ID) { activity(filter: {actorId: $t}) { edges { node { id } } } }",
    "subject": "query($t: ID) { activity(filter: {subjectId: $t}) { edges { node { id } } } }",
    "versions": "query($t: String) { catalogueVersions(after: $t) { edges { node { id } } } }",
    "admins": "query($t: String) { admins(after: $t) { edges { node { id } } } }",
    "token": "query($t: ID!) { token(id: $t) { id } }",
    "access requests": "query($t: String) { accessRequests(after: $t) { edges { cursor } } }",
    "removal": "query($t: ID!) { removalPlan(adminId: $t) { version } }",
    "tokenActivity": "query($t: ID!) { tokenActivity(tokenId: $t) { pageInfo { endCursor } } }",
    "tokenActivity after": 'query($t: String) { tokenActivity(tokenId: "x", after: $t)'
    " { pageInfo { endCursor } } }",
    "explain": 'query($t: ID!) { explain(tokenId: $t, method: "GET", url: "/",'
    ' address: "::1") { code } }',
    "explain a method": 'query($t: String!) { explain(tokenId: "x", method: $t, url: "/",'
    ' address: "::1") { code } }',
    "explain a URL": 'query($t: String!) { explain(tokenId: "x", method: "GET", url: $t,'
    ' address: "::1") { code } }',
    "explain an address": 'query($t: String!) { explain(tokenId: "x", method: "GET", url: "/",'
    " address: $t) { code } }",
    "preview": "query($t: ID!) { previewPermissions(tokenId: $t, permissions: []) { since } }",
    "preview permissions": 'query($t: String!) { previewPermissions(tokenId: "x",'
    " permissions: [$t]) { since } }",
    "networks of a policy": "query($t: String!)"
    " { tokenPolicyPreview(policy: {networks: [$t]}) { __typename } }",
    "tokens of a policy": "query($t: String) { tokenPolicyPreview(policy: {maximumLifetimeDays: 1})"
    " { ... on TokenPolicyPreview { tokens(after: $t) { edges { cursor } } } } }",
    "node": "query($t: ID!) { node(id: $t) { id } }",
    "nodes": "query($t: ID!) { nodes(ids: [$t, $t]) { id } }",
    "type": "query($t: String!) { __type(name: $t) { name } }",
}


def graphql_requests(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A request for every place of the schema that takes a text, with this one."""
    for query in _QUERIES.values():
        yield query, {"t": text}
    for name, fields in _MUTATIONS.items():
        input_type = f"{name[0].upper()}{name[1:]}Input"
        query = f"mutation($i: {input_type}!) {{ {name}(input: $i) {{ __typename }} }}"
        for one in fields:
            value = [text] if one in _LISTS else text
            yield query, {"i": _NEEDED.get(name, {}) | {one: value}}


def test_requests_cover_every_text_of_the_schema() -> None:
    def takes_text(of_type: Any) -> bool:
        return get_named_type(of_type).name in {"String", "ID"}

    assert CORE_SCHEMA.query_type
    assert CORE_SCHEMA.mutation_type
    for name, root_field in CORE_SCHEMA.query_type.fields.items():
        for argument_name, argument in root_field.args.items():
            asked = re.compile(rf"{name}\([^)]*{argument_name}: \[?\$t")
            found = any(asked.search(query) for query in _QUERIES.values())
            assert found or not takes_text(argument.type), f"{name}.{argument_name}"
    for name, root_field in CORE_SCHEMA.mutation_type.fields.items():
        input_type = get_named_type(root_field.args["input"].type)
        assert isinstance(input_type, GraphQLInputObjectType)
        texts = {one for one, field in input_type.fields.items() if takes_text(field.type)}
        assert texts <= set(_MUTATIONS.get(name, ())), name


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_in_graphql_causes_a_server_error(either: Target, text: str) -> None:
    for query, variables in graphql_requests(text):
        answer = either.graphql(query, variables)
        assert not {"INTERNAL", "UNAVAILABLE"} & {
            error["extensions"]["code"] for error in answer.get("errors", [])
        }, query
    either.check()


def test_no_escape_in_a_literal_causes_a_server_error(either: Target) -> None:
    for literal in (
        '"\\u0000"', '"\\uD800"', '"\\u{D800}"', '"\\u{110000}"', '"\\uD83D\\uDE00"',
        '"\\uDE00\\uD83D"', '"\\u{}"', '"\\uZZZZ"', '"""\\""" """', '"\0"', "9" * 10_000,
        "-9" * 100, "1e999", "[" * 200, "{" * 200, "null", "$x", '"' + "a" * 50_000 + '"',
    ):  # fmt: skip
        for query in (
            f"{{ tokens(search: {literal}) {{ edges {{ node {{ id }} }} }} }}",
            f"{{ node(id: {literal}) {{ id }} }}",
            f"mutation {{ createToken(input: {{name: {literal}}}) {{ __typename }} }}",
            f"query($v: String = {literal}) {{ tokens(search: $v) {{ __typename }} }}",
        ):
            answer = either.graphql(query, {})
            assert "INTERNAL" not in json.dumps(answer)
    either.check()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_in_sessions_and_passwords_causes_a_server_error(either: Target, text: str) -> None:
    sign_in = {"tenant": "acme", "email": "nobody@acme.example", "password": "x"}
    requests: list[tuple[str, str, dict[str, str]]] = [
        *(("POST", "/session", sign_in | {name: text}) for name in (*sign_in, "transport", text)),
        ("POST", "/invitation", {"invitation": text, "password": PASSWORD}),
        ("POST", "/invitation", {"invitation": "x", "password": text}),
        ("POST", "/invitation", {"invitation": "x", "password": "x", "transport": text}),
        ("POST", "/invitation/details", {"invitation": text}),
        ("PUT", "/password", {"currentPassword": text, "newPassword": PASSWORD}),
        ("PUT", "/password", {"currentPassword": "x", "newPassword": text}),
    ]
    for method, path, body in requests:
        assert 400 <= either.ask(method, path, json.dumps(body).encode()) < 500
    either.check()


# HTTP

_GET = "GET / HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "nothing": b"",
    "line ends": b"\r\n" * 100,
    "NUL": b"\0" * 1_000,
    "no version": b"GET /\r\n\r\n",
    "version 0.9": b"GET / HTTP/0.9\r\n\r\n",
    "version 1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "version 9.9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "long method": b"A" * 70_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "odd method": b"G\xc3\x89T / HTTP/1.1\r\nHost: x\r\n\r\n",
    "long target": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /graphql HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "line feeds alone": b"GET / HTTP/1.1\nHost: x\n\n",
    "huge header": _GET.encode() + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": _GET.encode() + b"X: a\r\n" * 10_000 + b"\r\n",
    "folded header": _GET.encode() + b"X: a\r\n b\r\n\r\n",
    "no colon": _GET.encode() + b"nonsense\r\n\r\n",
    "space before the colon": _GET.encode() + b"X : a\r\n\r\n",
    "no name": _GET.encode() + b": a\r\n\r\n",
    "NUL in a header": _GET.encode() + b"X: a\0b\r\n\r\n",
    "two lengths": b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "negative length": b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: "
    + b"9" * 40
    + b"\r\n\r\n",
    "signed length": b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
    "length and chunks": b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunked twice": b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked"
    b"\r\n\r\n0\r\n\r\n",
    "unknown coding": b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\nabc",
    "bad chunk": b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "huge chunk": b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "chunk without an end": b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
    b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
    "trailers": b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nTrailer: Host\r\n\r\n2;a=b\r\n{}\r\n0\r\nHost: y\r\n\r\n",
    "expects to continue": b"POST /session HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "expects more": b"POST /session HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/2 over an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings"
    b"\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_no_malformed_request_causes_a_server_error(target: Target, raw: bytes) -> None:
    assert all(status < 500 for status in target.send(raw))
    target.check()


TARGETS = (
    "/%", "/%z", "/%zz", "/%00", "/%ff", "/%ed%a0%80", "/%2e%2e/%2e%2e/etc/passwd", "/../../x",
    "//", "///", "//evil.example", "//evil.example/graphql/", "/graphql/", "/graphql%2f",
    "/graphql%00", "/session/", "/graphiql/", "/assets/hashed/", "/assets/hashed/%00.js",
    "/assets/hashed/..%2f..%2fapp.py", "/assets/hashed/%2e%2e", "/assets/hashed/" + "a" * 5_000,
    "/assets/hashed/%ff.js", "/assets/hashed/a.js%00.css", "*", "http://evil.example/graphql",
    "http://[/", "http:///", "?", "/?", "/#", "/graphql?query", "/graphql?query=", "/graphql?%",
    "/graphql?query=%", "/graphql?query=%ff", "/graphql?query=%ed%a0%80", "/graphql?query=%00",
    "/graphql?query={__typename}&variables=%00", "/graphql?query={__typename}&variables=%ff",
    "/graphql?query={__typename}&variables=" + "[" * 5_000,
    "/graphql?query={__typename}&variables=" + "9" * 5_000,
    "/graphql?query={__typename}&operationName=%00", "/graphql?" + "a=b&" * 5_000,
    "/graphql?query={__typename};x", "/graphql?" + "&" * 5_000, "/graphql?query=" + "%7b" * 9_000,
    "/sign-in?next=//evil.example", "/sign-in?next=%00", "/healthz?" + "%" * 1_000,
)  # fmt: skip


@pytest.mark.parametrize("path", TARGETS)
def test_no_target_causes_a_server_error(target: Target, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        assert all(status < 500 for status in target.send(target.request(method, path)))
    target.check()


HEADERS: tuple[str | bytes, ...] = (
    "Host: [", "Host: ", "Host: a b", b"Host: \xff", "Host: x:99999", "Host: " + "a" * 5_000,
    "Origin: http://[", "Origin: null", "Origin: ", "Origin: http://[::1", "Origin: //",
    b"Origin: \xff", "Origin: http://x:99999", "Sec-Fetch-Site: ", b"Sec-Fetch-Site: \xff",
    "Cookie: __Host-tessera_session=", "Cookie: __Host-tessera_session=" + "A" * 64,
    b"Cookie: __Host-tessera_session=\xff", 'Cookie: __Host-tessera_session="\\777"',
    "Cookie: " + "a=b; " * 5_000, "Cookie: =", "Cookie: ;;;=;", "Authorization: ",
    "Authorization: Bearer", "Authorization: Bearer \t", b"Authorization: Bearer \xff",
    "Authorization: Basic Og==", "Authorization: Bearer " + "A" * 64,
    b"Authorization: Bearer " + "é".encode() * 32, "Authorization: Bearer " + "A" * 20_000,
    "Accept: ", "Accept: ;q=", "Accept: */*;q=nan", "Accept: */*;q=1e999", "Accept: " + "," * 9_000,
    b"Accept: \xff", "Content-Type: ", "Content-Type: ;", b"Content-Type: \xff",
    "Content-Type: application/json; charset=" + "x" * 5_000, "Content-Encoding: gzip",
    "X-Forwarded-For: ", "X-Forwarded-For: " + "," * 5_000, b"X-Forwarded-For: \xff, 127.0.0.1",
    "X-Forwarded-For: 1.2.3.4.5, [::1", "X-Forwarded-Proto: x", "Forwarded: for=\"",
    b"X-Original-URI: /\xff", "X-Original-URI: ", "X-Original-Method: GET", "X-Request-Id: \t",
    "Range: bytes=9-1", "Range: bytes=0-0,1-1,2-2", "Range: x=1-2", "Range: bytes=" + "0-0," * 900,
    "If-None-Match: \"", "If-Modified-Since: never", "If-Range: x", "Accept-Encoding: gzip;q=x",
    "Accept-Encoding: " + "," * 5_000, "Access-Control-Request-Method: \"",
)  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header[:30]!r} {len(header)}")
def test_no_header_causes_a_server_error(target: Target, header: str | bytes) -> None:
    raw = header if isinstance(header, bytes) else header.encode()
    for path, method in ROUTES.items():
        for replaced in (True, False):
            whole = target.request(method, path, b"{}")
            if replaced:
                name = raw.partition(b":")[0]
                whole = re.sub(rb"\r\n" + re.escape(name) + rb":[^\r]*", b"", whole)
            whole = whole.replace(b"\r\n", b"\r\n" + raw + b"\r\n", 1)
            assert all(status < 500 for status in target.send(whole)), path
    target.check()


def test_forged_cookie_with_a_malformed_origin_causes_no_server_error(
    target: Target,
) -> None:
    cookie = "Cookie: __Host-tessera_session=" + "A" * 64
    for origin in ("http://[", "http://[::1", "http://[x]", "null", "http://a]b"):
        for path, method in ROUTES.items():
            whole = target.request(method, path, b"{}", cookie, f"Origin: {origin}")
            whole = whole.replace(b"Authorization: Bearer", b"X-Nothing:")
            assert all(status < 500 for status in target.send(whole)), (path, origin)
    target.check()


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    query = target.request("POST", "/graphql", b'{"query":"{__typename}"}')
    going_on = query.replace(b"Connection: close", b"Connection: keep-alive")
    assert target.send(going_on * 30 + query) == [200] * 31
    assert target.send(going_on * 5 + b"nonsense\r\n\r\nConnection: close")[-1] == 400
    target.check()


def test_no_truncated_request_causes_a_server_error(target: Target) -> None:
    whole = target.request("POST", "/graphql", b'{"query":"{__typename}"}')
    whole = whole.replace(b"Connection: close\r\n", b"")
    for end in range(0, len(whole), 3):
        assert all(status < 500 for status in target.send(whole[:end]))
    target.check()


# Random input

_WORDS = st.sampled_from(
    [b"GET ", b"POST ", b"/graphql", b"/session", b" HTTP/1.1\r\n", b"\r\n", b"Host: x\r\n", b"{",
     b"}", b'"query":', b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b"\xff", b"\0",
     b"Content-Type: application/json\r\n", b"Cookie: __Host-tessera_session=", b"%", b": "]
)  # fmt: skip
_BYTES = st.lists(_WORDS | st.binary(max_size=20), max_size=40).map(b"".join)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
_MEMBERS = st.sampled_from(
    ["query", "variables", "operationName", "extensions", "tenant", "email", "password",
     "transport", "invitation", "currentPassword", "newPassword"]
)  # fmt: skip
_FUZZ = settings(
    max_examples=repeats(ci=60, soak=2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@_FUZZ
@given(raw=_BYTES)
def test_no_random_bytes_cause_a_server_error(target: Target, raw: bytes) -> None:
    assert all(status < 500 for status in target.send(raw))


@_FUZZ
@given(
    route=st.sampled_from(list(ROUTES)), cut=st.tuples(st.floats(0, 1), st.floats(0, 1)), raw=_BYTES
)
def test_no_damaged_request_causes_a_server_error(
    target: Target, route: str, cut: tuple[float, float], raw: bytes
) -> None:
    whole = target.request(ROUTES[route], route, b'{"query":"{__typename}"}')
    start, end = sorted(int(place * len(whole)) for place in cut)
    damaged = (whole[:start] + raw + whole[end:]).replace(b"Connection: close", b"Connection: x")
    assert all(status < 500 for status in target.send(damaged))


@_FUZZ
@given(route=st.sampled_from(list(ROUTES)), body=st.binary(max_size=200) | _JSON.map(json.dumps))
def test_no_random_body_causes_a_server_error(
    target: Target, route: str, body: bytes | str
) -> None:
    raw = body if isinstance(body, bytes) else body.encode()
    assert target.ask(ROUTES[route], route, raw) < 500


@_FUZZ
@given(
    route=st.sampled_from(["/graphql", "/session", "/invitation", "/password"]),
    members=st.dictionaries(_MEMBERS, _JSON, max_size=5),
)
def test_no_random_members_cause_a_server_error(
    either: Target, route: str, members: dict[str, Any]
) -> None:
    assert either.ask(ROUTES[route], route, json.dumps(members).encode()) < 500


@_FUZZ
@given(text=st.text(max_size=60), place=st.integers(0, 1_000))
def test_no_random_text_in_graphql_causes_a_server_error(
    either: Target, text: str, place: int
) -> None:
    requests = list(graphql_requests(text))
    answer = either.graphql(*requests[place % len(requests)])
    assert "INTERNAL" not in json.dumps(answer.get("errors", []))


def test_server_ran_throughout_without_errors(either: Target) -> None:
    """Runs last: checks the log of all tests above."""
    either.judged = 0
    either.check()
    assert either.ask("POST", "/graphql", b'{"query":"{ viewer { role } }"}') == 200

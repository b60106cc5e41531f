"""GraphQL over HTTP: the specification's audits, WebSockets and media types."""

import json
from collections import Counter
from typing import Any

import httpx2
import pytest

from server.app import create_app
from server.service import Service
from tests.support import node
from tests.support.factories import PASSWORD, Client
from tests.support.graphql_http import JSON, TYPENAME, codes, post
from tests.support.process import ServerProcess

NEWER = "application/graphql-response+json"


def test_every_audit_of_graphql_http_passes(server: ServerProcess) -> None:
    """All MUST, SHOULD and MAY audits of the working group's reference implementation."""
    session = httpx2.post(
        f"{server.url}/session",
        json={
            "tenant": "acme",
            "email": "owner@acme.example",
            "password": PASSWORD,
            "transport": "bearer",
        },
    ).json()["session"]
    done = node.run("audits.mjs", f"{server.url}/graphql", session)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert Counter(result["name"].split()[0] for result in results) == {
        "MUST": 13,
        "SHOULD": 23,
        "MAY": 25,
    }


def test_websocket_upgrade_is_refused(server: ServerProcess) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
    }
    for path in ("/graphql", "/graphiql", "/session", "/"):
        response = httpx2.get(f"{server.url}{path}", headers=upgrade)
        assert response.status_code != 101
        assert "upgrade" not in response.headers


async def test_websocket_is_closed_without_being_accepted(alone: Service) -> None:
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [],
        "subprotocols": ["graphql-transport-ws"],
    }
    await create_app(alone)(scope, receive, send)
    assert sent == ["websocket.close"]


# Media types

CONTENT_TYPES: dict[str | None, int] = {
    "application/json": 200,
    "Application/JSON": 200,
    "application/json;charset=utf-8": 200,
    "application/json; charset=UTF-8": 200,
    'application/json ; charset = "utf-8"': 200,
    None: 415,
    "": 415,
    "application/json, text/plain": 415,
    "application/json; charset=utf-16": 415,
    "application/json; charset=latin1": 415,
    "application/json; charset=utf-8; charset=utf-7": 415,
    "application/json; boundary=x": 415,
    "application/jsonp": 415,
    "application/json+x": 415,
    "xapplication/json": 415,
    "application /json": 415,
    "text/plain": 415,
    "text/plain; application/json": 415,
    "text/plain;charset=utf-8;application/json": 415,
    "text/json": 415,
    "application/x-www-form-urlencoded": 415,
    "application/x-www-form-urlencoded; application/json": 415,
    "multipart/form-data; boundary=application/json": 415,
    "application/graphql": 415,
    "application/graphql+json": 415,
    "application/graphql-response+json": 415,
    "*/*": 415,
}


@pytest.mark.parametrize(("content_type", "status"), CONTENT_TYPES.items())
async def test_only_json_in_utf8_is_read(
    owner: Client, content_type: str | None, status: int
) -> None:
    """An HTML form of another site can send similar content types."""
    response = await post(owner, json.dumps(TYPENAME).encode(), content_type=content_type)
    assert response.status_code == status
    if status == 415:
        assert codes(response) == ["UNSUPPORTED_MEDIA_TYPE"]


async def test_two_content_types_are_refused(owner: Client) -> None:
    for pair in (("application/json", "text/plain"), ("application/json", "application/json")):
        headers = [("content-type", one) for one in pair] + list(owner.headers.items())
        response = await owner.http.post("/graphql", content=b"{}", headers=headers)
        assert response.status_code == 415


async def test_compressed_bodies_are_refused_unread(owner: Client) -> None:
    for coding in ("gzip", "deflate", "br", "identity, gzip", "zstd"):
        response = await post(owner, b"\x1f\x8b", content_encoding=coding)
        assert (response.status_code, codes(response)) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


ACCEPTED: dict[str | None, str | None] = {
    None: JSON,
    "": JSON,
    "*/*": JSON,
    "application/*": JSON,
    "application/json": JSON,
    "Application/JSON": JSON,
    "application/json; charset=utf-8": JSON,
    "text/html, application/json;q=0.9, */*;q=0.8": JSON,
    "text/html,application/xhtml+xml,*/*;q=0.8": JSON,
    f"{NEWER};q=0, */*": JSON,
    NEWER: NEWER,
    f"{NEWER}; charset=utf-8": NEWER,
    f"{NEWER}, {JSON};q=0.9": NEWER,
    f"{JSON};q=0.9, {NEWER}": NEWER,
    f"{JSON};q=0, {NEWER}": NEWER,
    "text/html": None,
    "text/*": None,
    "application/xml": None,
    "application/jsonp": None,
    "application/json; charset=utf-16": None,
    "application/json;q=0": None,
    "application/json;q=0, */*": None,
    "*/*;q=0": None,
    "text/plain; application/json": None,
    ",": None,
}


@pytest.mark.parametrize(("accept", "answered"), ACCEPTED.items())
async def test_answer_has_a_media_type_that_the_client_accepts(
    owner: Client, accept: str | None, answered: str | None
) -> None:
    request = owner.http.build_request("POST", "/graphql", json=TYPENAME, headers=owner.headers)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await owner.http.send(request)
    if answered is None:
        assert response.status_code == 406
        assert response.headers["content-type"] == "application/problem+json"
    else:
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{answered}; charset=utf-8"
        assert "Accept" in response.headers["vary"]


async def test_refused_document_has_another_status_in_the_newer_media_type(owner: Client) -> None:
    for query, new_status in {"{": 400, "{ nope }": 400, "{ __typename }": 200}.items():
        old = await owner.graphql(query, None, accept=JSON)
        new = await owner.graphql(query, None, accept=NEWER)
        assert (old.status_code, new.status_code) == (200, new_status)
        assert old.json() == new.json()


async def test_answers_are_not_cached(owner: Client) -> None:
    for response in (await owner.graphql("{ __typename }"), await owner.graphql("{")):
        assert response.headers["cache-control"] == "no-store"

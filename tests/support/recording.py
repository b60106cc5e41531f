"""A server's answers and the secrets sent to it, and the requests in which holders lose secrets.

Here: rotations by admin and holder, and reports of leaked secrets, well-formed and not, also while
a table is missing. `tests.test_canary` sends the other requests, and searches.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.collector import Collector
from tests.support.leaks import KEY_ID, Origin
from tests.support.mail_server import MailServer
from tests.support.process import ServerProcess
from tests.support.waiting import wait_until
from tests.support.webhooks import ThreadedReceiver

_CREATE = """mutation($i: CreateTokenInput!) { createToken(input: $i) {
    ... on CreateTokenPayload { secret token { id } } } }"""
_ROTATE = """mutation($i: RotateTokenInput!) { rotateToken(input: $i) {
    __typename ... on RotateTokenPayload { secret } } }"""


@dataclass
class Recording:
    """A server, the secrets sent to it, and all its answers."""

    server: ServerProcess
    http: httpx2.Client
    origin: Origin
    receiver: ThreadedReceiver
    mail: MailServer
    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, int, bytes]] = field(default_factory=list)
    session: str = ""
    token_id: str = ""
    rotated_id: str = ""
    dumps: dict[str, bytes] = field(default_factory=dict)
    spans: Collector = field(init=False)

    def ask(
        self, method: str, path: str, what: str = "", *, as_owner: bool = True, **more: Any
    ) -> httpx2.Response:
        """Sends one request and keeps the answer. `headers` may replace the credentials."""
        owner = {"authorization": f"Bearer {self.session}"} if self.session and as_owner else {}
        headers = owner | more.pop("headers", {})
        response = self.http.request(method, path, headers=headers, **more)
        head = repr(response.headers.raw).encode()
        what = f"{method} {path[:40]} {what}"
        self.answers.append((what, response.status_code, head + response.content))
        return response

    def graphql(self, query: str, variables: Any = None, **members: Any) -> httpx2.Response:
        body = {"query": query, "variables": variables} | members
        return self.ask("POST", "/graphql", query, json=body)

    def show(self, method: str, path: str, **more: Any) -> Any:
        """A request whose answer shows a secret; that answer is not kept."""
        response = self.ask(method, path, **more)
        del self.answers[-1]
        assert response.status_code in {200, 201}, response.text
        return response.json()

    def create_token(self, name: str, **given: Any) -> str:
        """The id of a token whose secret is kept as `name`."""
        body = {"query": _CREATE, "variables": {"i": {"name": "h"} | given}}
        made = self.show("POST", "/graphql", json=body)["data"]["createToken"]
        self.secrets[name] = made["secret"]
        return str(made["token"]["id"])

    def state(self, token_id: str) -> str:
        query = f'{{ token(id: "{token_id}") {{ state }} }}'
        return str(self.graphql(query).json()["data"]["token"]["state"])

    def wait_for_end(self, token_id: str) -> None:
        wait_until(lambda: self.state(token_id) == "REVOKED")


OF_HOLDER, ROTATED_BY_HOLDER = "a holder's secret", "a secret that a holder was given"
COMPROMISED, LEAKED = "a secret in place of a compromised one", "a secret on the web"
URL = "https://github.com/octocat/hello/blob/main/config"


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def rotate_and_report(recording: Recording) -> None:
    """Every secret in its proper place: rotated by its holder and by an admin, and reported."""
    secrets = recording.secrets
    token_id = recording.create_token(OF_HOLDER, holderMayRotate=True)
    mine: dict[str, Any] = {"headers": bearer(secrets[OF_HOLDER]), "as_owner": False}
    shown = recording.show("POST", "/token/rotate", json={"idempotencyKey": "k"}, **mine)
    secrets[ROTATED_BY_HOLDER] = shown["secret"]
    assert recording.ask("POST", "/token/rotate", **mine).status_code == 409
    rotate = {"tokenId": token_id, "compromised": True}
    body = {"query": _ROTATE, "variables": {"i": rotate}}
    shown = recording.show("POST", "/graphql", json=body)["data"]["rotateToken"]
    secrets[COMPROMISED] = shown["secret"]
    revoke = {"credentials": [secrets[COMPROMISED], secrets[OF_HOLDER]]}
    assert recording.ask("POST", "/revoke", as_owner=False, json=revoke).status_code == 202
    recording.wait_for_end(token_id)
    token_id = recording.create_token(LEAKED)
    for url in (f"{URL}?token={secrets[LEAKED]}", URL):
        answer = report(recording, secrets[LEAKED], url=url, source="content")
        assert answer.json()[0]["label"] == "true_positive"
    assert recording.state(token_id) == "REVOKED"


def report(recording: Recording, secret: str, sign: bool = True, **more: str) -> httpx2.Response:
    """A report of the origin, or one whose signature is of another body."""
    content = json.dumps([{"token": secret, "type": "t"} | more]).encode()
    return report_body(recording, content, signed=content if sign else b"x")


def report_body(recording: Recording, content: bytes, signed: bytes) -> httpx2.Response:
    headers = {
        "Github-Public-Key-Identifier": KEY_ID,
        "Github-Public-Key-Signature": recording.origin.sign(signed),
    }
    return recording.ask("POST", "/leaks/github", as_owner=False, headers=headers, content=content)


def misplace_at_holders_doors(recording: Recording, secret: str, *, may_end: bool) -> None:
    """In every member and header of `/token/…` and `/leaks/github`.

    may_end: whether reports may end the token of the secret.
    """
    mine: dict[str, Any] = {"headers": bearer(recording.secrets[LATEST]), "as_owner": False}
    for body in (
        {"idempotencyKey": [secret]}, {"drainSeconds": secret}, {secret: secret}, [secret], secret,
        {"idempotencyKey": f"{secret}\a"}, {"idempotencyKey": secret, "drainSeconds": -1},
    ):  # fmt: skip
        recording.ask("POST", "/token/rotate", json=body, **mine)
    recording.ask("POST", "/token/rotate", content=f'{{"{secret}": ', **mine)
    permission = {"permission": "GET /api/v1/devices"}
    for asked in (
        # A reason is data, too: its holder reads it again.
        permission | {"reason": f"{secret}\a"}, permission | {"reason": f"With {secret},\a please"},
        {"permission": secret, "reason": "x"}, {"permission": [secret], "reason": "x"},
        {"permission": f"GET /{secret}", "reason": "x"}, permission | {"reason": "x", secret: "x"},
    ):  # fmt: skip
        recording.ask("POST", "/token/requests", json=asked, **mine)
    for content in (f'{{"{secret}": ', json.dumps([[secret]]), json.dumps([{secret: secret}])):
        report_body(recording, content.encode(), signed=content.encode())
    report(recording, secret, sign=False)
    for key_id, signature in ((secret, "AAAA"), (KEY_ID, secret)):
        headers = {
            "Github-Public-Key-Identifier": key_id,
            "Github-Public-Key-Signature": signature,
        }
        recording.ask("POST", "/leaks/github", as_owner=False, headers=headers, content=b"[]")
    if may_end:
        report(recording, secret, url=secret, source=secret)


LATEST = "the secret that is rotated while tables are missing"


def rotate_within(recording: Recording, secret: str, *, may_end: bool) -> None:
    """Rotations and reports without a table: a secret is made, and shown to nobody.

    Where it succeeds in spite of that, the new secret takes the place of `LATEST`.
    """
    for how in ({"compromised": True}, {"idempotencyKey": f"{secret}y", "replace": True}):
        asked = {"tokenId": recording.rotated_id} | how
        body = {"query": _ROTATE, "variables": {"i": asked}}
        answer = recording.ask("POST", "/graphql", "rotateToken", json=body)
        data = (answer.json().get("data") or {}).get("rotateToken") or {}
        _keep_shown(recording, data.get("secret"))
    own: dict[str, Any] = {"headers": bearer(recording.secrets[LATEST]), "as_owner": False}
    answer = recording.ask("POST", "/token/rotate", json={"idempotencyKey": f"{secret}z"}, **own)
    _keep_shown(recording, answer.json().get("secret"))
    if may_end:
        body = {"credentials": [secret]}
        recording.ask("POST", "/revoke", as_owner=False, json=body)
        report(recording, secret, url=URL)


def _keep_shown(recording: Recording, secret: str | None) -> None:
    """Leave the answer that shows the secret out of the search."""
    if secret is not None:
        recording.secrets[LATEST] = secret
        del recording.answers[-1]

"""`POST /leaks/github` and its like: signed reports of a secret scanner end tokens."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from server.app import create_app
from server.leaks.envelope import MAX_FINDINGS, clean_url
from server.operations import tokens
from server.token_format import new_token_secret
from tests.support.factories import Client, World, token_id
from tests.support.leaks import KEY_ID, Case, at

URL = "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt"
UNKNOWN = new_token_secret("tsr")


def finding(secret: str, **more: Any) -> dict[str, Any]:
    """A finding as GitHub documents it."""
    return {"token": secret, "type": "tessera_api_token", "url": URL, "source": "content"} | more


def body_of(*findings: Any) -> bytes:
    return json.dumps(list(findings)).encode()


def label(secret: str, of_it: str) -> dict[str, str]:
    digest = sha256(secret.encode()).hexdigest()
    return {"token_hash": digest, "token_type": "tessera_api_token", "label": of_it}


async def test_documented_report_ends_the_token(case: Case, client: Client) -> None:
    answer = await case.report(body_of(finding(case.secret), finding(UNKNOWN)))
    assert answer.status_code == 200, answer.text
    assert answer.json() == [label(case.secret, "true_positive"), label(UNKNOWN, "false_positive")]
    assert case.secret not in answer.text
    [ended] = await case.trail()
    assert ended.details == {"reason": "COMPROMISED", "foundAt": URL, "source": "content"}
    shown = await client.of(case.person).data(
        "query ($id: ID!) { tokenActivity(tokenId: $id, first: 1) { edges { node {"
        " actor { id } ... on TokenRevoked { reason foundAt } } } } }",
        id=token_id(case.token),
    )
    assert shown["tokenActivity"]["edges"] == [
        {"node": {"actor": None, "reason": "COMPROMISED", "foundAt": URL}}
    ]


async def test_report_may_come_again(case: Case) -> None:
    body = body_of(finding(case.secret), finding(case.secret, url="", source="COMMIT"))
    for _ in range(2):
        answer = await case.report(body)
        assert answer.json() == [label(case.secret, "true_positive")] * 2
    assert len(await case.trail()) == 1


async def test_secret_of_a_revoked_token_is_a_true_one(case: Case) -> None:
    await tokens.revoke(case.person.principal, case.token.id)
    answer = await case.report(body_of(finding(case.secret)))
    assert answer.json() == [label(case.secret, "true_positive")]
    assert [one.details for one in await case.trail()] == [{"reason": "REVOKED"}]


async def test_secrets_of_several_tenants_are_ended(case: Case, world: World) -> None:
    theirs = await world.token(await world.person())
    await case.report(body_of(finding(case.secret), finding(theirs.secret)))
    assert not await case.is_live()
    assert not await case.is_live(theirs.token)


def _flipped(body: bytes, place: int) -> bytes:
    return bytes(byte ^ (1 if at == place else 0) for at, byte in enumerate(body))


async def test_changed_body_is_refused(case: Case) -> None:
    body = body_of(finding(case.secret))
    signature = case.origin.sign(body)
    changed = [_flipped(body, place) for place in range(0, len(body), 17)]
    # The same JSON, written in another way.
    changed += [json.dumps(json.loads(body), separators=(",", ":")).encode(), body + b"\n", b""]
    for one in changed:
        answer = await case.report(one, signature)
        assert (answer.status_code, answer.json()["code"]) == (403, "SIGNATURE_WRONG")
    assert await case.is_live()
    assert (await case.report(body, signature)).status_code == 200


async def test_changed_signature_is_refused(case: Case) -> None:
    body = body_of(finding(case.secret))
    right = b64decode(case.origin.sign(body))
    wrong = [_flipped(right, place) for place in range(len(right))]
    wrong += [right[:-1], right + b"\0", bytes(72), b"\x30\x06\x02\x01\x00\x02\x01\x00"]
    for one in wrong:
        answer = await case.report(body, b64encode(one).decode())
        assert answer.status_code == 403
        assert answer.json()["code"] in {"SIGNATURE_WRONG", "SIGNATURE_MISSING"}
    assert await case.is_live()


async def test_unknown_key_is_refused(case: Case) -> None:
    answer = await case.report(body_of(finding(case.secret)), key_id="0" * 64)
    assert (answer.status_code, answer.json()["code"]) == (403, "KEY_UNKNOWN")
    assert await case.is_live()


@pytest.mark.parametrize("name", ["Github-Public-Key-Identifier", "Github-Public-Key-Signature"])
async def test_each_header_must_come_once_and_well_formed(case: Case, name: str) -> None:
    body = body_of(finding(case.secret))
    right = {
        "Github-Public-Key-Identifier": KEY_ID,
        "Github-Public-Key-Signature": case.origin.sign(body),
    }
    others = [(one, value) for one, value in right.items() if one != name]
    wrong: list[list[tuple[str, str]]] = [[], [(name, right[name])] * 2]
    wrong += [[(name, value)] for value in ("", " ", "a b", "x" * 5_000, "====", "\x7f")]
    for headers in wrong:
        answer = await case.http.post("/leaks/github", content=body, headers=others + headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "SIGNATURE_MISSING"), headers
    assert case.origin.asked == []


async def test_body_is_not_parsed_before_its_signature_is_verified(case: Case) -> None:
    for body in (b"{", b"[" * 100_000, b"\xff"):
        answer = await case.report(body, case.origin.sign(b"another body"))
        assert (answer.status_code, answer.json()["code"]) == (403, "SIGNATURE_WRONG")
        assert (await case.report(body)).json()["code"] == "BAD_JSON"


@pytest.mark.parametrize(
    "value",
    [
        None, {}, "x", 3, ["x"], [None], [[]], [{}], [{"token": "x"}], [{"type": "x"}],
        [finding("x", token=1)], [finding("x", token=None)], [finding("x", type={})],
        [finding("x", type="x" * 201)], [finding("x")] * (MAX_FINDINGS + 1),
    ],
)  # fmt: skip
async def test_signed_nonsense_is_a_coded_error(case: Case, value: Any) -> None:
    answer = await case.report(json.dumps(value).encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_INPUT")


async def test_limits_of_a_report(case: Case) -> None:
    many = body_of(
        *[finding(f"{number}") for number in range(MAX_FINDINGS - 1)], finding(case.secret)
    )
    assert len(many) > 64 * 1024
    answer = await case.report(many)
    assert answer.status_code == 200
    assert [one["label"] for one in answer.json()][-2:] == ["false_positive", "true_positive"]
    assert (await case.report(b" " * (1024 * 1024 + 1))).status_code == 413


async def test_members_of_a_later_protocol_are_ignored(case: Case) -> None:
    assert (await case.report(body_of(finding(case.secret, score=1)))).status_code == 200
    assert not await case.is_live()


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"url": ""}, {"source": "content"}),
        ({"url": "javascript:alert(1)"}, {"source": "content"}),
        ({"url": None, "source": None}, {}),
        ({"url": 3, "source": ["x"]}, {}),
        ({"source": "Pull_Request_Title"}, {"foundAt": URL, "source": "pull_request_title"}),
        ({"source": "x" * 51}, {"foundAt": URL}),
        ({"source": "<b>"}, {"foundAt": URL}),
    ],
)
async def test_place_is_kept_as_far_as_it_is_usable(
    case: Case, told: dict[str, Any], kept: dict[str, str]
) -> None:
    assert (await case.report(body_of(finding(case.secret, **told)))).status_code == 200
    [ended] = await case.trail()
    assert ended.details == {"reason": "COMPROMISED"} | kept


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a/b", "//a/b", "https://", "https:///x", "https://a b", "https://a/\n",
        "https://a/é", "https://user:pass@a/b", "https://user@a/", "https://[x]/", "https://a/\0",
        "https://a/" + "x" * 2_000, "https://a/?q=SECRET", "javascript:https://a", " https://a",
    ],
)  # fmt: skip
def test_unusable_url_is_dropped(url: str) -> None:
    assert clean_url(url.replace("SECRET", UNKNOWN), UNKNOWN) is None


@pytest.mark.parametrize("url", [URL, "http://a.example/x?y=1#L1", "https://a/" + "x" * 1_900])
def test_usable_url_is_kept(url: str) -> None:
    assert clean_url(url, UNKNOWN) == url


async def test_another_origin_has_a_route_and_headers_of_its_own(case: Case) -> None:
    body = body_of(finding(case.secret))
    named = {
        "GOSST-PUBLIC-KEY-IDENTIFIER": KEY_ID,
        "GOSST-PUBLIC-KEY-SIGNATURE": case.origin.sign(body),
    }
    as_github = await case.report(body, path="/leaks/depsdev")
    assert as_github.json()["code"] == "SIGNATURE_MISSING"
    assert (await case.http.post("/leaks/github", content=body, headers=named)).status_code == 403
    assert await case.is_live()
    answer = await case.http.post("/leaks/depsdev", content=body, headers=named)
    assert answer.status_code == 200
    assert not await case.is_live()


async def test_route_that_is_off_is_not_there(case: Case) -> None:
    settings = replace(case.service.settings, leak_keys_url=None)
    app = create_app(replace(case.service, settings=settings))
    async with at(app, "203.0.113.7") as http:
        answer = await http.post("/leaks/github")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    await app.close()


async def test_unreachable_origin_is_an_outage(case: Case) -> None:
    case.origin.status = 500
    answer = await case.report(body_of(finding(case.secret)))
    assert (answer.status_code, answer.json()["code"]) == (503, "KEYS_UNAVAILABLE")
    assert await case.is_live()


async def test_report_that_fails_halfway_may_come_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(finding(case.secret))

    async def fail(*_asked: Any) -> bool:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("server.leaks.routes.end_leaked", fail)
        assert (await case.report(body)).json()["code"] == "UNAVAILABLE"
    assert (await case.report(body)).status_code == 200
    assert await case.trail()

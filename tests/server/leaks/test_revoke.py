"""`POST /revoke`: the holder of a secret ends it, and learns nothing by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

import models
from server import database
from server.access import attempts
from server.app import create_app
from server.errors import Busy, RateLimited
from server.leaks import ending
from server.leaks.ending import Reports
from server.leaks.routes import MAX_CREDENTIALS, MAX_REQUESTS_AN_HOUR
from server.operations import conditions, tokens
from server.token_format import new_token_secret
from tests.support.factories import World
from tests.support.leaks import HERE, Case, at
from tests.support.waiting import until

UNKNOWN = new_token_secret("tsr")


@asynccontextmanager
async def _held_back(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Any]]:
    """Within it no reported secret is looked up. Gives those that were, once it is left."""
    may_go, looked_up = asyncio.Event(), []
    original = ending.end_leaked

    async def wait(digests: Any, address: str) -> bool:
        await may_go.wait()
        looked_up.append(digests)
        return await original(digests, address)

    monkeypatch.setattr(ending, "end_leaked", wait)
    try:
        yield looked_up
    finally:
        may_go.set()


async def test_reported_secret_is_ended_as_compromised(case: Case) -> None:
    answer = await case.revoke({"credentials": ["x", case.secret, UNKNOWN]})
    assert (answer.status_code, answer.content) == (202, b"")
    await until(case.has_ended)
    [ended] = await case.trail()
    assert ended.kind is models.ActivityKind.REVOKED
    assert ended.details == {"reason": "COMPROMISED"}
    assert (ended.actor_kind, ended.actor_id) == (models.ActorKind.HOLDER, case.token.id)
    assert ended.address == HERE


async def test_answer_is_the_same_for_known_and_unknown_secrets(case: Case) -> None:
    answers = [
        await case.revoke({"credentials": [text]})
        for text in (case.secret, UNKNOWN, "x", "", "\0é", case.secret)
    ]
    assert {(one.status_code, one.content) for one in answers} == {(202, b"")}
    heads = {
        tuple((name, value) for name, value in one.headers.items() if name != "x-request-id")
        for one in answers
    }
    assert len(heads) == 1


async def test_answer_waits_for_no_secret_to_be_looked_up(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its time tells nothing: the work before it is the same for every text."""
    async with _held_back(monkeypatch) as looked_up:
        for text in (case.secret, UNKNOWN):
            assert (await case.revoke({"credentials": [text]})).status_code == 202
        assert looked_up == []
        assert await case.is_live()
    await until(case.has_ended)


async def test_what_waits_is_ended_before_the_instance_ends(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _held_back(monkeypatch):
        await case.revoke({"credentials": [case.secret]})
    await case.app.close()
    assert not await case.is_live()


async def test_paused_and_expired_tokens_are_ended_too(case: Case, world: World) -> None:
    paused, expired = await world.token(case.person), await world.token(case.person)
    await conditions.pause(case.person.principal, paused.token.id)
    ended = models.now() - timedelta(seconds=1)
    await models.TokenSecret.filter(token_id=expired.token.id).update(expires_at=ended)
    await case.revoke({"credentials": [paused.secret, expired.secret]})
    await case.app.close()
    assert not await case.is_live(paused.token)
    assert not await case.is_live(expired.token)
    assert await case.is_live()


async def test_retired_secret_ends_nothing(case: Case) -> None:
    """The old secret of a rotation may lie about for long; the token has another one by then."""
    past = models.now() - timedelta(seconds=1)
    await models.TokenSecret.filter(token_id=case.token.id).update(retires_at=past)
    await case.revoke({"credentials": [case.secret]})
    await case.app.close()
    assert await case.is_live()


async def test_revoked_token_keeps_its_activity(case: Case) -> None:
    await tokens.revoke(case.person.principal, case.token.id)
    await case.revoke({"credentials": [case.secret]})
    await case.app.close()
    assert [one.details["reason"] for one in await case.trail()] == ["REVOKED"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"null", b"[]", b'"x"', b"{}", b'{"credentials": null}',
        b'{"credentials": []}', b'{"credentials": "x"}', b'{"credentials": [1]}',
        b'{"credentials": ["x"], "more": 1}', b'{"credentials": ["\\ud800"]}',
        b'{"credentials": [' + b",".join([b'"x"'] * (MAX_CREDENTIALS + 1)) + b"]}",
    ],
)  # fmt: skip
async def test_malformed_body_is_refused_without_quoting_it(case: Case, body: bytes) -> None:
    answer = await case.http.post(
        "/revoke", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_INPUT")
    assert answer.json()["field"] == "credentials"


async def test_limits_of_the_body(case: Case) -> None:
    many = [new_token_secret("tsr") for _ in range(MAX_CREDENTIALS)]
    assert (await case.revoke({"credentials": many})).status_code == 202
    assert (await case.revoke({"credentials": ["x" * 65_536]})).status_code == 413
    form = await case.http.post("/revoke", data={"credentials": case.secret})
    assert form.status_code == 415


async def test_request_with_a_credential_is_refused(case: Case) -> None:
    """A secret in the wrong place: it would be taken for the sender's own."""
    for value in (f"Bearer {case.secret}", f"Bearer {case.person.session}", "x", ""):
        answer = await case.revoke({"credentials": [case.secret]}, Authorization=value)
        assert (answer.status_code, answer.json()["code"]) == (403, "CREDENTIAL_NOT_WANTED")
    assert await case.is_live()


async def test_an_address_may_ask_sixty_times_an_hour(case: Case) -> None:
    """Counted for all instances together."""
    other = create_app(case.service)
    body = {"credentials": ["x"]}
    async with at(other, "203.0.113.7") as elsewhere:
        for http in (case.http, elsewhere) * (MAX_REQUESTS_AN_HOUR // 2):
            assert (await http.post("/revoke", json=body)).status_code == 202
        for http in (case.http, elsewhere):
            answer = await http.post("/revoke", json={"credentials": [case.secret]})
            assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
            assert 3_500 < int(answer.headers["retry-after"]) <= 3_600
    async with at(other, "203.0.113.8") as another:
        assert (await another.post("/revoke", json=body)).status_code == 202
    await other.close()
    assert await case.is_live()


async def test_the_hour_ends(case: Case) -> None:
    budget = attempts.of_reports(case.service.digest_key, "2001:db8::1", 1)
    await attempts.spend(budget)
    # The same subscriber.
    again = attempts.of_reports(case.service.digest_key, "2001:db8::2", 1)
    with pytest.raises(RateLimited):
        await attempts.spend(again)
    row = await models.AttemptCounter.get(tenant_id=attempts.NO_TENANT)
    assert ip_network(attempts.network_of("2001:db8::1")).num_addresses == 1 << 64
    assert (row.failures, row.under_way) == (1, 0)
    assert row.failed_at
    row.failed_at -= attempts.FORGOTTEN_AFTER + timedelta(seconds=1)
    await row.write("failed_at")
    await attempts.spend(again)


async def test_concurrent_requests_are_counted_one_by_one(case: Case) -> None:
    budget = attempts.of_reports(case.service.digest_key, "203.0.113.9", 5)
    results = await asyncio.gather(
        *(attempts.spend(budget) for _ in range(12)), return_exceptions=True
    )
    assert sum(one is None for one in results) == 5


async def test_full_queue_takes_nothing_more(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _held_back(monkeypatch) as looked_up:
        reports = Reports(max_waiting=2)
        reports.put([(b"a",), (b"b",)], "::1")
        for more in ([(b"c",)], [(b"c",), (b"d",)]):
            with pytest.raises(Busy):
                reports.put(more, "::1")
    await reports.close()
    assert looked_up == [(b"a",), (b"b",)]
    reports.put([(b"c",)], "::1")
    await reports.close()
    assert looked_up[2:] == [(b"c",)]


async def test_outage_delays_what_waits(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    original, tries = ending.end_leaked, 0

    async def fail_first(digests: Any, address: str) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError
        return await original(digests, address)

    monkeypatch.setattr(ending, "end_leaked", fail_first)
    monkeypatch.setattr(ending, "_AGAIN_AFTER_SECONDS", 0.01)
    assert database.is_unavailable(ConnectionError())
    await case.revoke({"credentials": [case.secret]})
    await until(case.has_ended)
    assert tries == 2


async def test_an_error_ends_the_work_on_one_secret_alone(
    case: Case, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = ending.end_leaked
    fails = iter((True, False))

    async def fail_once(digests: Any, address: str) -> bool:
        if next(fails):
            raise LookupError
        return await original(digests, address)

    monkeypatch.setattr(ending, "end_leaked", fail_once)
    await case.revoke({"credentials": [UNKNOWN, case.secret]})
    await until(case.has_ended)
    assert UNKNOWN not in caplog.text
    assert "could not be ended" in caplog.text

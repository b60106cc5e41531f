"""The keys of an origin: cached, fetched seldom, and never more than a little of anything."""

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1

from server.leaks import keys
from server.leaks.keys import MAX_KEYS, KeysUnavailable, SigningKeys, is_signed
from tests.support.leaks import KEY_ID, Origin, document, listed, other_key


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def found_by(origin: Origin, clock: Clock) -> SigningKeys:
    return SigningKeys(origin.url, clock)


async def test_keys_are_fetched_once_in_half_an_hour(origin: Origin) -> None:
    clock = Clock()
    source = found_by(origin, clock)
    for seconds in (0, 1_000, 799):
        clock.now += seconds
        key = await source.find(KEY_ID)
        assert key
        assert is_signed(key, origin.signer_signature(b"x"), b"x")
    assert origin.asked == [""]
    clock.now += 2
    assert await source.find(KEY_ID)
    assert await source.find(KEY_ID)
    assert origin.asked == ["", '"1"']


async def test_new_keys_replace_the_old_ones(origin: Origin) -> None:
    clock = Clock()
    source = found_by(origin, clock)
    assert await source.find(KEY_ID)
    origin.document, origin.etag = document(listed("new", origin.signer)), '"2"'
    clock.now += 61
    assert await source.find("new")
    assert await source.find(KEY_ID) is None


async def test_unknown_key_is_looked_for_once_a_minute(origin: Origin) -> None:
    clock = Clock()
    source = found_by(origin, clock)
    for number in range(20):
        assert await source.find(f"unknown {number}") is None
    assert len(origin.asked) == 1
    clock.now += 61
    await asyncio.gather(*(source.find(f"unknown {number}") for number in range(20)))
    assert len(origin.asked) == 2


async def test_old_keys_serve_for_a_day_while_the_origin_fails(origin: Origin) -> None:
    clock = Clock()
    source = found_by(origin, clock)
    assert await source.find(KEY_ID)
    origin.status = 500
    clock.now += 23 * 3_600
    assert await source.find(KEY_ID)
    clock.now += 3_601
    with pytest.raises(KeysUnavailable):
        await source.find(KEY_ID)
    origin.status = 200
    clock.now += 61
    assert await source.find(KEY_ID)


_REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("a redirect", {"status": 302, "more_headers": "Location: /other\r\n"}),
    ("no success", {"status": 404}),
    ("no content", {"document": b""}),
    ("no JSON", {"document": b"<html>"}),
    ("another JSON", {"document": b"[]"}),
    ("no list", {"document": b'{"public_keys": {}}'}),
    ("too many", {"document": json.dumps({"public_keys": [{}] * (MAX_KEYS + 1)}).encode()}),
    ("too long", {"document": b'{"public_keys": []' + b" " * 65_536 + b"}"}),
    ("compressed", {"document": b"\x1f\x8b", "more_headers": "Content-Encoding: gzip\r\n"}),
    ("not modified before anything was there", {"status": 304, "document": b""}),
]


@pytest.mark.parametrize(("name", "change"), _REFUSED, ids=[name for name, _ in _REFUSED])
async def test_unusable_answer_gives_no_keys(
    origin: Origin, name: str, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for attribute, value in change.items():
        setattr(origin, attribute, value)
    with pytest.raises(KeysUnavailable):
        await found_by(origin, Clock()).find(KEY_ID)
    assert len(origin.asked) == 1
    assert "could not be fetched" in caplog.text, name


async def test_slow_origin_is_given_up(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_FETCH_SECONDS", 0.1)
    origin.delay_seconds = 0.5
    with pytest.raises(KeysUnavailable):
        await found_by(origin, Clock()).find(KEY_ID)
    await asyncio.sleep(0.6)  # until the origin has ended too


async def test_origin_that_does_not_listen_gives_no_keys() -> None:
    with pytest.raises(KeysUnavailable):
        await SigningKeys("http://127.0.0.1:1/keys").find(KEY_ID)


async def test_entries_that_are_no_p256_key_are_skipped(origin: Origin) -> None:
    right = listed(KEY_ID, origin.signer)
    wrong = [
        listed("p384", other_key(SECP384R1())),
        right | {"key_identifier": 3},
        right | {"key_identifier": ""},
        right | {"key_identifier": "x" * 129},
        {"key_identifier": "none"},
        {"key_identifier": "no text", "key": 3},
        {"key_identifier": "no PEM", "key": "x"},
        {"key_identifier": "cut", "key": right["key"][:60]},
        {"key_identifier": "long", "key": right["key"] + " " * 2_048},
        3,
        None,
    ]
    origin.document = json.dumps({"public_keys": [*wrong, right]}).encode()
    source = found_by(origin, Clock())
    assert await source.find(KEY_ID)
    for entry in wrong:
        key_id = entry.get("key_identifier") if isinstance(entry, dict) else None
        assert not isinstance(key_id, str) or await source.find(key_id) is None

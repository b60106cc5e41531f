"""Secrets: their format and digests, and that altered ones are rejected."""

import hmac
import re
import string
from collections.abc import Iterator
from secrets import token_bytes
from uuid import uuid4
from zlib import crc32

import pytest

from server.token_format import (
    DigestKey,
    is_token_secret,
    new_tenant_secret,
    new_token_secret,
    tenant_of,
    token_hint,
)

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def test_secret_is_its_brand_and_49_base62_characters() -> None:
    for _ in range(200):
        assert re.fullmatch(r"tsr_[0-9A-Za-z]{49}", new_token_secret("tsr"))


def test_last_six_characters_are_the_crc_of_the_rest() -> None:
    secret = new_token_secret("acme")
    number = 0
    for character in secret[-6:]:
        number = number * 62 + _BASE62.index(character)
    assert number == crc32(secret[:-6].encode())


def test_secrets_differ() -> None:
    assert len({new_token_secret("tsr") for _ in range(1000)}) == 1000


def _altered(secret: str) -> Iterator[str]:
    """Every truncation, extension, case swap and change of one character."""
    yield from (secret[:length] for length in range(len(secret)))
    yield from (secret + character for character in _BASE62 + " \n\0=")
    for place, original in enumerate(secret):
        before, after = secret[:place], secret[place + 1 :]
        for character in _BASE62 + "_-é":
            if character != original:
                yield before + character + after
        yield before + after
    yield from (secret.swapcase(), secret.upper(), f" {secret}", f"Bearer {secret}")


def test_altered_secret_is_malformed() -> None:
    secret = new_token_secret("tsr")
    altered = list(_altered(secret))
    assert is_token_secret(("tsr",), secret)
    assert len(altered) > 3000
    assert [text for text in altered if is_token_secret(("tsr",), text)] == []


def test_secret_of_an_unlisted_brand_is_malformed() -> None:
    assert not is_token_secret(("tsr",), new_token_secret("acme"))
    assert not is_token_secret(("tsr", "ac", "acmes"), new_token_secret("acme"))


def test_secret_of_any_listed_brand_is_well_formed() -> None:
    for brand in ("acme", "tsr"):
        assert is_token_secret(("acme", "tsr"), new_token_secret(brand))


def test_digest_is_the_hmac_of_purpose_and_secret() -> None:
    for length in (1, 32, 64, 65, 200):
        key = token_bytes(length)
        expected = hmac.digest(key, b"token\0secret", "sha256")
        assert DigestKey(key).digest("token", "secret") == expected


def test_hint_shows_the_beginning_only() -> None:
    secret = new_token_secret("tsr")
    assert token_hint(secret) == f"{secret[:10]}…"


def test_session_secret_names_its_tenant() -> None:
    tenant_id = uuid4()
    assert tenant_of(new_tenant_secret(tenant_id)) == tenant_id


@pytest.mark.parametrize(
    "text", ["", "x", "=" * 64, "é" * 64, "+" * 64, "\0" * 64, "A" * 63, "A" * 65, "A" * 100_000]
)
def test_malformed_session_secret_names_no_tenant(text: str) -> None:
    assert tenant_of(text) is None


def test_digest_depends_on_key_purpose_and_secret() -> None:
    digests = {
        DigestKey(key).digest(purpose, secret)
        for key in (b"one", b"two")
        for purpose in ("token", "session")
        for secret in ("a", "b")
    }
    assert len(digests) == 8
    assert all(len(digest) == 32 for digest in digests)


def test_repr_hides_the_key() -> None:
    assert "very secret" not in repr(DigestKey(b"very secret"))

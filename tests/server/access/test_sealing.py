"""Sealed secrets open in their own place alone, and after the key was replaced."""

from secrets import token_bytes

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from server.access.sealing import CannotOpen, needs_sealing_anew, open_sealed, seal
from server.token_format import DigestKey

_KEYS = [bytes([number]) * 32 for number in range(3)]


def test_sealed_secret_opens_again_and_is_sealed_differently_each_time() -> None:
    key, secret = DigestKey(_KEYS[0]), token_bytes(32)
    sealed = [seal(key, 0, b"p", b"here", secret) for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert all(secret not in one for one in sealed)
    assert [open_sealed(key, b"p", b"here", one) for one in sealed] == [secret, secret]


def test_it_opens_for_no_other_purpose_place_or_key_and_not_when_altered() -> None:
    key = DigestKey(_KEYS[0])
    sealed = seal(key, 0, b"p", b"here", b"secret")
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for other, purpose, place, content in [
        (key, b"q", b"here", sealed),
        (key, b"p", b"there", sealed),
        (DigestKey(_KEYS[1]), b"p", b"here", sealed),
        (key, b"p", b"here", altered),
        (key, b"p", b"here", b"\x01" + sealed[1:]),
    ]:
        with pytest.raises(CannotOpen):
            open_sealed(other, purpose, place, content)


def test_secret_of_a_former_key_opens_and_is_to_be_sealed_anew() -> None:
    old, new = DigestKey(_KEYS[0]), DigestKey(*_KEYS)
    sealed = seal(old, 0, b"p", b"here", b"secret")
    assert open_sealed(new, b"p", b"here", sealed) == b"secret"
    assert needs_sealing_anew(new, sealed)
    renewed = seal(new, new.generation, b"p", b"here", b"secret")
    assert not needs_sealing_anew(new, renewed)
    with pytest.raises(CannotOpen):
        open_sealed(old, b"p", b"here", renewed)


def test_key_is_derived_by_hkdf() -> None:
    expanded = HKDFExpand(SHA256(), 32, b"derived key\0p").derive(_KEYS[1])
    assert DigestKey(*_KEYS).derived(b"p", 1) == expanded

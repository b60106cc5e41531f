"""Passwords: what may be one, and that hashes are checked with equal care for everybody."""

import pytest
from passlib.hash import argon2

from server.errors import InvalidInput
from server.passwords import check_new_password, hash_password, needs_rehash, verify_password

_ABOUT = ["ada.lovelace@example.com", "Ada Lovelace", "acme", "Acme Incorporated"]


async def test_a_hash_is_argon2id_with_owasps_parameters_and_its_own_salt() -> None:
    one, other = await hash_password("p" * 20), await hash_password("p" * 20)
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other


async def test_only_the_password_itself_is_verified() -> None:
    password_hash = await hash_password("correct horse battery staple")
    assert await verify_password("correct horse battery staple", password_hash)
    for wrong in ("", "correct horse battery stapl", "Correct horse battery staple", "x" * 10_000):
        assert not await verify_password(wrong, password_hash)


async def test_one_text_is_one_password_however_it_was_typed() -> None:
    composed = "caf\N{LATIN SMALL LETTER E WITH ACUTE} au lait et croissants"
    decomposed = "cafe\N{COMBINING ACUTE ACCENT} au lait et croissants"
    assert await verify_password(decomposed, await hash_password(composed))


@pytest.mark.parametrize("password_hash", [None, "", "nonsense", "$argon2id$v=19$broken", "\0"])
async def test_without_a_sound_hash_nothing_is_right(password_hash: str | None) -> None:
    assert not await verify_password("nobody has this password", password_hash)
    assert not await verify_password("", password_hash)


async def test_a_password_with_a_null_is_refused_or_kept_whole() -> None:
    password_hash = await hash_password("before")
    assert not await verify_password("before\0after", password_hash)


async def test_an_old_hash_is_noticed() -> None:
    old = argon2.using(type="ID", memory_cost=64, rounds=1, parallelism=1).hash("whatever it was")
    assert needs_rehash(old)
    assert not needs_rehash(await hash_password("whatever it was"))


@pytest.mark.parametrize(
    "password",
    [
        "x7#kQ9!mZ2$vL5p",
        "seven purple otters dance",
        "mountain bike 42",
        "orange piano ladder",
        "пять фиолетовых выдр танцуют",
        "👾" * 3 + "wgq7 bdlp zk3m",
    ],
)
async def test_long_passwords_that_are_hard_to_guess_will_do(password: str) -> None:
    await check_new_password(password, "password", _ABOUT)


_TOO_EASY = [
    "passwordpassword",
    "aaaaaaaaaaaaaaaaaaaa",
    "123456789012345678",
    "qwertyuiopasdfghjkl",
    "abcabcabcabcabcabc",
    "ada.lovelace@example.com",
    "Ada LovelaceAda Lovelace",
    "acmeacmeacmeacmeacme",
    "tesseratesseratessera",
    # From lists of what people choose when they have to choose something long.
    "1q2w3e4r5t6y7u8i",
    "zaq12wsxcde34rfv",
    "Summer2026Summer2026",
]


@pytest.mark.parametrize("password", ["", "x", "x7#kQ9!mZ2$vL5", "y" * 257, *_TOO_EASY])
async def test_short_and_easily_guessed_passwords_are_refused_unquoted(password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await check_new_password(password, "password", _ABOUT)
    assert refusal.value.field == "password"
    if len(password) > 1:
        assert password not in refusal.value.message

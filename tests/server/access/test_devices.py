"""Device cookies are signed by this server, each for one account and one password."""

import pytest

from server.access.devices import MAX_ACCOUNTS, find_device, remember_device
from server.service import Service
from server.token_format import DigestKey
from tests.support.factories import World

OTHER_KEY = DigestKey(b"another key of 32 bytes, at least")


async def test_device_is_valid_for_one_account_and_password(service: Service, world: World) -> None:
    key = service.digest_key
    admin, other = (await world.person()).admin, (await world.person()).admin
    cookie = remember_device(key, admin, "")
    device = find_device(key, admin, cookie)
    assert device
    assert find_device(key, other, cookie) is None
    assert find_device(key, None, cookie) is None
    assert find_device(OTHER_KEY, admin, cookie) is None
    assert find_device(key, admin, remember_device(key, admin, "")) != device
    changing = DigestKey(b"k" * 32, b"l" * 32, is_changing=True)
    before = remember_device(DigestKey(b"k" * 32), admin, "")
    assert find_device(changing, admin, before)
    assert find_device(DigestKey(b"k" * 32, b"l" * 32), admin, before) is None
    assert find_device(changing, admin, remember_device(changing, admin, ""))
    admin.password_hash = "another one"
    assert find_device(key, admin, cookie) is None


async def test_cookie_holds_the_devices_of_a_few_accounts(service: Service, world: World) -> None:
    key, cookie = service.digest_key, ""
    people = [(await world.person()).admin for _ in range(MAX_ACCOUNTS + 1)]
    for admin in people:
        cookie = remember_device(key, admin, cookie)
    assert [find_device(key, admin, cookie) is not None for admin in people] == [
        False,
        *[True] * MAX_ACCOUNTS,
    ]
    again = remember_device(key, people[1], cookie, find_device(key, people[1], cookie))
    assert sorted(again.split(".")) == sorted(cookie.split("."))
    assert len(cookie) < 200


@pytest.mark.parametrize("cookie", ["", "x", ".", "é" * 43, "A" * 43, "A" * 64_000, "A.B", "\0"])
async def test_cookie_without_a_valid_signature_is_no_device(
    service: Service, world: World, cookie: str
) -> None:
    admin = (await world.person()).admin
    assert find_device(service.digest_key, admin, cookie) is None
    made = remember_device(service.digest_key, admin, cookie)
    assert find_device(service.digest_key, admin, made)
    assert len(made) < 200


async def test_altered_device_is_rejected(service: Service, world: World) -> None:
    key, admin = service.digest_key, (await world.person()).admin
    cookie = remember_device(key, admin, "")
    for at in (0, 10, 21, 30, 41):
        changed = "A" if cookie[at] != "A" else "B"
        assert find_device(key, admin, cookie[:at] + changed + cookie[at + 1 :]) is None

"""Attempts to sign in: guessing is slow, and nobody locks anybody out."""

import asyncio
from datetime import timedelta

import pytest

import models
from server.access import attempts, sessions
from server.errors import TooManyAttempts, WrongPassword
from server.service import Service
from tests.factories import PASSWORD, Client, Person, World


class Guesser:
    """Somebody at an address who tries passwords on an account."""

    def __init__(self, service: Service, slug: str, person: Person, address: str) -> None:
        self.service = service
        self.slug = slug
        self.email = person.admin.email
        self.address = address

    async def tries(self, password: str = "a wrong guess") -> str | int:
        """What came of it: `in`, `wrong`, or the seconds to wait."""
        try:
            await sessions.sign_in(
                self.service,
                tenant=self.slug,
                email=self.email,
                password=password,
                address=self.address,
            )
        except WrongPassword:
            return "wrong"
        except TooManyAttempts as refused:
            return refused.retry_after_seconds
        return "in"


async def guesser(service: Service, person: Person, address: str = "198.51.100.1") -> Guesser:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    return Guesser(service, tenant.slug, person, address)


async def pass_time(seconds: float) -> None:
    """As if that much time had passed since every attempt."""
    by = timedelta(seconds=seconds)
    for row in await models.SignInAttempt.all():
        row.updated_at -= by
        row.blocked_until = row.blocked_until and row.blocked_until - by
        await row.write("updated_at", "blocked_until")


async def test_each_wrong_guess_makes_the_next_wait_longer_up_to_a_minute(
    service: Service, world: World
) -> None:
    guess = await guesser(service, await world.person())
    waits: list[int] = []
    for _ in range(26):
        result = await guess.tries()
        if isinstance(result, int):
            waits.append(result)
            await pass_time(result)
        else:
            assert result == "wrong"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_while_waiting_even_the_right_password_is_not_looked_at(
    service: Service, world: World
) -> None:
    guess = await guesser(service, await world.person())
    while await guess.tries() == "wrong":
        pass
    assert isinstance(await guess.tries(PASSWORD), int)
    await pass_time(60)
    assert await guess.tries(PASSWORD) == "in"


async def test_asking_while_waiting_does_not_make_it_longer(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    while await guess.tries() == "wrong":
        pass
    first = await guess.tries()
    assert isinstance(first, int)
    for _ in range(20):
        again = await guess.tries()
        assert isinstance(again, int)
        assert again <= first


async def test_an_attempt_counts_before_the_password_is_looked_at(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guesses that are sent at once do not all slip through before the first has failed."""
    person = await world.person()
    guess = await guesser(service, person)
    seen: list[int] = []

    async def look(_password: str, _password_hash: str | None) -> bool:
        rows = await models.SignInAttempt.filter(tenant_id=person.admin.tenant_id)
        seen.append(max(row.failures for row in rows))
        return False

    monkeypatch.setattr(sessions, "verify_password", look)
    for _ in range(3):
        await guess.tries()
    assert seen == [1, 2, 3]


async def test_guesses_at_once_are_counted_one_by_one(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    results = await asyncio.gather(*(guess.tries() for _ in range(20)))
    # The sixth is the last before a wait of a second, which a slow machine may live to see end.
    assert 6 <= results.count("wrong") <= 9


async def test_signing_in_forgets_what_failed_before(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    for _ in range(4):
        assert await guess.tries() == "wrong"
    assert await guess.tries(PASSWORD) == "in"
    for _ in range(5):
        assert await guess.tries() == "wrong"


async def test_a_stranger_cannot_lock_an_admin_out(service: Service, world: World) -> None:
    """From where the admin has signed in before they sign in at once, whatever strangers do."""
    person = await world.person()
    at_home = await guesser(service, person, "192.0.2.1")
    assert await at_home.tries(PASSWORD) == "in"
    for number in range(40):
        await (await guesser(service, person, f"198.51.100.{number}")).tries()
    assert isinstance(await (await guesser(service, person, "198.51.100.99")).tries(), int)
    assert await at_home.tries(PASSWORD) == "in"


async def test_from_a_new_place_an_admin_under_attack_waits_half_a_minute_at_most(
    service: Service, world: World
) -> None:
    person = await world.person()
    for number in range(30):
        await (await guesser(service, person, f"198.51.100.{number}")).tries()
        await pass_time(30)
    last = await guesser(service, person, "198.51.100.200")
    await last.tries()
    travelling = await guesser(service, person, "203.0.113.9")
    wait = await travelling.tries(PASSWORD)
    assert isinstance(wait, int)
    assert wait <= 30
    await pass_time(wait)
    assert await travelling.tries(PASSWORD) == "in"


async def test_one_address_cannot_try_many_accounts(service: Service, world: World) -> None:
    first = await world.person()
    tenant = await models.Tenant.get(id=first.admin.tenant_id)
    results = []
    for number in range(40):
        guess = Guesser(service, tenant.slug, first, "198.51.100.1")
        guess.email = f"somebody-{number}@example.com"
        results.append(await guess.tries())
    assert results[:30] == ["wrong"] * 30
    assert isinstance(results[-1], int)
    elsewhere = await guesser(service, first, "198.51.100.2")
    assert await elsewhere.tries(PASSWORD) == "in"


async def test_a_subscriber_has_one_ipv6_network_and_not_2_to_the_64_addresses(
    service: Service, world: World
) -> None:
    person = await world.person()
    for number in range(1, 7):
        last = await (await guesser(service, person, f"2001:db8:1:1::{number:x}")).tries()
    assert last == "wrong"
    assert isinstance(await (await guesser(service, person, "2001:db8:1:1:ffff::1")).tries(), int)
    assert await (await guesser(service, person, "2001:db8:1:2::1")).tries() == "wrong"


async def test_failures_are_forgotten_after_an_hour(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    while await guess.tries() == "wrong":
        pass
    await pass_time(3601)
    for _ in range(5):
        assert await guess.tries() == "wrong"


async def test_who_has_to_wait_is_told_how_long(client: Client, world: World) -> None:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    body = {"tenant": tenant.slug, "email": person.admin.email, "password": "a wrong guess"}
    while (answer := await client.http.post("/session", json=body)).status_code == 401:
        pass
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    unknown = body | {"email": "nobody@example.com"}
    for _ in range(6):
        answer = await client.http.post("/session", json=unknown)
    # Unknown people are counted just the same: their waiting tells nothing.
    assert answer.status_code == 401
    assert (await client.http.post("/session", json=unknown)).status_code == 429


async def test_old_attempts_are_cleared_away(service: Service, world: World) -> None:
    person = await world.person()
    await (await guesser(service, person)).tries()
    await pass_time(31 * 86_400)
    await attempts.count(service.digest_key, person.admin.tenant_id, "x@example.com", "192.0.2.9")
    assert await models.SignInAttempt.all().count() == 3

"""Sign-in throttling: guesses are delayed, and an attacker cannot lock an account's owner out."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from passlib.hash import argon2
from tortoise.context import require_context

import models
from models import Role
from server.access import attempts, sessions
from server.database import transaction
from server.errors import Busy, NotFound, TooManyAttempts, WrongPassword
from server.operations import admins
from server.passwords import hashing
from server.service import Service
from server.token_format import DigestKey
from tests.support.factories import PASSWORD, Client, Person, World

HOME, STRANGE = "192.0.2.1", "198.51.100.1"


@dataclass
class Guesser:
    """A client at an address that tries passwords on an account."""

    service: Service
    slug: str
    email: str
    address: str = STRANGE
    device: str = ""

    async def tries(self, password: str = "a wrong guess") -> str | int:
        """Try to sign in; returns `in`, `wrong`, `busy` or the seconds to wait."""
        try:
            signed_in = await sessions.sign_in(
                self.service,
                tenant=self.slug,
                email=self.email,
                password=password,
                address=self.address,
                device=self.device,
            )
        except WrongPassword:
            return "wrong"
        except Busy:
            return "busy"
        except TooManyAttempts as refused:
            return refused.retry_after_seconds
        self.device = self.device and signed_in.device
        return "in"

    def at(self, address: str) -> "Guesser":
        return replace(self, address=address)

    async def until_refused(self) -> int:
        while not isinstance(result := await self.tries(), int):
            assert result == "wrong"
        return result


async def guesser(service: Service, person: Person, address: str = STRANGE) -> Guesser:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    return Guesser(service, tenant.slug, person.admin.email, address)


async def remembered(service: Service, person: Person, address: str = HOME) -> Guesser:
    """A browser with the cookie of an earlier sign-in."""
    at_home = await guesser(service, person, address)
    signed_in = await sessions.sign_in(
        service, tenant=at_home.slug, email=at_home.email, password=PASSWORD, address=address
    )
    return replace(at_home, device=signed_in.device)


async def pass_time(seconds: float) -> None:
    """Move every counted attempt this far into the past."""
    by = timedelta(seconds=seconds)
    for row in await models.AttemptCounter.all():
        row.started_at -= by
        row.failed_at = row.failed_at and row.failed_at - by
        await row.write("started_at", "failed_at")


async def has_failed(guess: Guesser, **failures: int) -> None:
    """Count failed attempts as of now, by address, account and origin."""
    counted = attempts.of_stranger(
        guess.service.digest_key, guess.slug, guess.email, guess.address, knows_address=False
    )
    at = models.now()
    for subject, name in zip(counted.subjects, ("here", "anywhere", "origin"), strict=True):
        if name in failures:
            await models.AttemptCounter.filter(subject=subject.digest).delete()
            await models.AttemptCounter.create(
                tenant_id=counted.tenant_id,
                subject=subject.digest,
                failures=failures[name],
                failed_at=at,
                started_at=at,
            )


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with little memory, for hundreds of guesses."""
    quick = argon2.using(type="ID", memory_cost=64, rounds=1, parallelism=1)
    monkeypatch.setattr(hashing, "_argon2id", quick)
    monkeypatch.setattr(hashing, "_dummy", [quick.hash("of no account")])


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


async def test_right_password_is_not_checked_while_waiting(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    await guess.until_refused()
    assert isinstance(await guess.tries(PASSWORD), int)
    await pass_time(60)
    assert await guess.tries(PASSWORD) == "in"


async def test_a_refused_attempt_writes_nothing(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess = await guesser(service, await world.person())
    first = await guess.until_refused()
    before = await models.AttemptCounter.all().order_by("id").values()
    connection = require_context().db()
    writes: list[str] = []
    for name in ("execute_insert", "execute_many"):
        monkeypatch.setattr(connection, name, lambda *args: writes.append(args[0]))
    for _ in range(20):
        again = await guess.tries()
        assert isinstance(again, int)
        assert again <= first
    assert await models.AttemptCounter.all().order_by("id").values() == before
    assert writes == []


async def test_attempt_is_counted_before_the_password_is_checked(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess = await guesser(service, await world.person())
    seen: list[list[tuple[int, int]]] = []

    async def look(_turn: hashing.Turn, _password: str, _password_hash: str | None) -> bool:
        rows = await models.AttemptCounter.filter(tenant_id=attempts.NO_TENANT)
        seen.append([(row.failures, row.under_way) for row in rows])
        return False

    monkeypatch.setattr(hashing.Turn, "verify", look)
    for _ in range(3):
        await guess.tries()
    assert seen == [[(failed, 1)] * 3 for failed in (0, 1, 2)]


async def test_concurrent_guesses_are_counted_one_by_one(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    results = await asyncio.gather(*(guess.tries() for _ in range(20)))
    # The sixth guess starts a wait of one second, which may end during this test on a slow machine.
    assert 6 <= results.count("wrong") <= 9
    assert "busy" not in results


async def test_twenty_right_sign_ins_at_once_all_succeed(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    assert await asyncio.gather(*(guess.tries(PASSWORD) for _ in range(20))) == ["in"] * 20


async def test_pending_attempts_are_no_failures_but_use_up_the_free_tries(
    service: Service, world: World
) -> None:
    """Instances do not see each other's queues, so rows hold the pending attempts."""
    key, trying, most = service.digest_key, 0, 0

    async def try_once(*, succeeds: bool) -> None:
        nonlocal trying, most
        counted = attempts.of_stranger(key, "acme", "a@example.com", HOME, knows_address=False)
        async with attempts.under_way(counted) as attempt:
            trying += 1
            most = max(most, trying)
            await asyncio.sleep(0.02)
            trying -= 1
            if not succeeds:
                raise WrongPassword
            async with transaction():
                await attempt.succeeded()

    await asyncio.gather(*(try_once(succeeds=True) for _ in range(20)))
    assert 1 < most <= 6
    outcomes = await asyncio.gather(
        *(try_once(succeeds=False) for _ in range(20)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(WrongPassword) == 6
    assert {type(outcome) for outcome in outcomes} == {WrongPassword, TooManyAttempts}


async def test_abandoned_attempt_becomes_a_failure(service: Service) -> None:
    counted = attempts.of_stranger(
        service.digest_key, "acme", "a@example.com", HOME, knows_address=False
    )
    for _ in range(12):
        await attempts._begin(counted)
        await pass_time(100)
    await attempts._begin(counted)
    await pass_time(31)
    with pytest.raises(TooManyAttempts):
        await attempts.look(counted)


async def test_signing_in_clears_earlier_failures(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    for _ in range(4):
        assert await guess.tries() == "wrong"
    assert await guess.tries(PASSWORD) == "in"
    for _ in range(5):
        assert await guess.tries() == "wrong"


async def test_known_browser_is_never_locked_out_by_others(service: Service, world: World) -> None:
    """Neither guesses from other addresses nor from its own address delay it."""
    person = await world.person()
    browser = await remembered(service, person)
    stranger = replace(browser, device="")
    await stranger.until_refused()
    await has_failed(stranger, anywhere=200, origin=200)
    assert await browser.tries(PASSWORD) == "in"
    assert await browser.at("203.0.113.9").tries(PASSWORD) == "in"
    assert isinstance(await stranger.tries(PASSWORD), int)


async def test_stolen_device_cookie_guesses_no_faster(service: Service, world: World) -> None:
    browser = await remembered(service, await world.person())
    waits = []
    for number in range(25):
        result = await browser.at(f"10.0.0.{number}").tries()
        if isinstance(result, int):
            waits.append(result)
            await pass_time(result)
    assert waits == [1, 2, 4, 8, 16, 32, 60]


async def test_password_change_forgets_known_browsers_and_addresses(
    service: Service, world: World
) -> None:
    person = await world.person()
    browser = await remembered(service, person)
    new = "nine copper lanterns flicker"
    device = await sessions.change_password(
        service, person.principal, current=PASSWORD, new=new, device=browser.device
    )
    assert not await models.KnownAddress.exists()
    stranger = replace(browser, device="")
    await stranger.until_refused()
    assert isinstance(await browser.tries(new), int)
    assert await replace(browser, device=device).tries(new) == "in"


async def test_a_removed_admins_addresses_are_forgotten(service: Service, world: World) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    leaving = await world.person(tenant, Role.ADMIN)
    await remembered(service, owner)
    await remembered(service, leaving)
    await admins.remove(owner.principal, leaving.admin.id)
    assert [row.admin_id for row in await models.KnownAddress.all()] == [owner.admin.id]


async def test_guesses_from_elsewhere_do_not_delay_a_known_address(
    service: Service, world: World
) -> None:
    """Scripts keep no cookie, so their address has to do."""
    at_home = await guesser(service, await world.person(), HOME)
    assert await at_home.tries(PASSWORD) == "in"
    await has_failed(at_home.at(STRANGE), anywhere=200)
    assert isinstance(await at_home.at("203.0.113.9").tries(PASSWORD), int)
    assert await at_home.tries(PASSWORD) == "in"


async def test_guesses_from_ten_addresses_do_not_lock_the_account(
    service: Service, world: World
) -> None:
    """Each address waits a minute between guesses; the account waits five seconds at most."""
    guess = await guesser(service, await world.person())
    attackers = [guess.at(f"10.0.0.{n}") for n in range(10)]
    for attacker in attackers:
        await has_failed(attacker, here=20)
    await has_failed(guess, anywhere=200)
    await pass_time(61)
    entered, guessed = 0, 0
    for number in range(24):
        for attacker in attackers:
            guessed += await attacker.tries() == "wrong"
        result = await guess.at(f"203.0.113.{number}").tries(PASSWORD)
        assert result == "in" or int(result) <= 5
        if result == "in":
            entered += 1
            await has_failed(guess, anywhere=200)
        await pass_time(5)
    assert guessed >= 10
    assert entered >= 2


async def test_one_address_cannot_try_many_accounts(service: Service, world: World) -> None:
    first = await guesser(service, await world.person())
    results = [
        await replace(first, email=f"person-{number}@nowhere.example").tries()
        for number in range(40)
    ]
    assert results[:30] == ["wrong"] * 30
    assert isinstance(results[-1], int)
    assert await first.at("198.51.100.2").tries(PASSWORD) == "in"


@pytest.mark.parametrize("spread", ["one address", "many addresses", "many accounts"])
async def test_unknown_accounts_are_throttled_as_known_ones(
    service: Service, world: World, spread: str
) -> None:
    """The answers and their order do not depend on whether tenant or e-mail address exist."""
    known = await guesser(service, await world.person())
    subjects = [
        known,
        replace(known, email="nobody@example.com"),
        replace(known, slug="no-such-tenant"),
        replace(known, slug="another-one", email="nobody@example.com"),
    ]
    stories = []
    for number, guess in enumerate(subjects):
        story = []
        if spread == "many addresses":
            await has_failed(guess, anywhere=97)
        for step in range({"one address": 10, "many addresses": 8, "many accounts": 36}[spread]):
            address = f"10.{number}.{step if spread == 'many addresses' else 0}.1"
            email = guess.email if spread != "many accounts" or step < 5 else f"x{step}@b.example"
            story.append(await replace(guess, email=email, address=address).tries())
        stories.append(story)
    assert {type(result) for result in stories[0]} == {str, int}
    assert [list(map(type, story)) for story in stories] == [list(map(type, stories[0]))] * 4


async def test_ipv6_addresses_of_one_network_count_as_one(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    for number in range(1, 7):
        assert await guess.at(f"2001:db8:1:1::{number:x}").tries() == "wrong"
    assert isinstance(await guess.at("2001:db8:1:1:ffff::1").tries(), int)
    assert await guess.at("2001:db8:1:2::1").tries() == "wrong"


async def test_failures_are_forgotten_after_an_hour(service: Service, world: World) -> None:
    guess = await guesser(service, await world.person())
    await guess.until_refused()
    await pass_time(3601)
    for _ in range(5):
        assert await guess.tries() == "wrong"


async def test_refusal_says_how_long_to_wait(client: Client, world: World) -> None:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    body = {"tenant": tenant.slug, "email": person.admin.email, "password": "a wrong guess"}
    answers = []
    for other in ({}, {"email": "nobody@example.com"}, {"tenant": "unknown"}):
        while (answer := await client.http.post("/session", json=body | other)).status_code == 401:
            pass
        answers.append(answer)
        await pass_time(60)
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_ATTEMPTS")
        assert answer.headers["retry-after"] == "1"
    assert len({tuple(sorted(a.headers.keys() - {"x-request-id"})) for a in answers}) == 1


def test_guesses_at_unknown_accounts_make_a_bounded_number_of_rows() -> None:
    key = DigestKey(b"k" * 32)
    strangers = [
        attempts.of_stranger(
            key, f"t{n}", f"a{n}@b.example", f"10.0.{n >> 8}.{n & 255}", knows_address=False
        )
        for n in range(2_000)
    ]
    assert {counted.tenant_id for counted in strangers} == {attempts.NO_TENANT}
    kinds: set[str] = set()
    for counted in strangers:
        for subject in counted.subjects:
            kind, number = subject.digest.decode().split(" ")
            kinds.add(kind)
            assert int(number) < attempts.BUCKETS
    assert len(kinds) == 3


async def test_unknown_invitations_are_counted_by_address_and_open_ones_each(
    service: Service, world: World
) -> None:
    person = await world.person()
    async with transaction():
        invited = await sessions.invite(service, person.admin)
    outcomes = []
    for _ in range(32):
        try:
            await sessions.accept_invitation(
                service, invitation="x", password=PASSWORD, address=HOME
            )
        except (NotFound, TooManyAttempts) as refused:
            outcomes.append(type(refused))
    assert outcomes == [NotFound] * 31 + [TooManyAttempts]
    await sessions.accept_invitation(
        service, invitation=invited.secret, password="nine copper lanterns flicker", address=HOME
    )


async def test_wrong_current_passwords_are_counted_by_account(
    service: Service, world: World
) -> None:
    person = await world.person()
    new = "nine copper lanterns flicker"
    outcomes = []
    for _ in range(7):
        try:
            await sessions.change_password(service, person.principal, current="wrong", new=new)
        except (WrongPassword, TooManyAttempts) as refused:
            outcomes.append(type(refused))
    assert outcomes == [WrongPassword] * 6 + [TooManyAttempts]
    # They do not count against signing in.
    assert await (await guesser(service, person)).tries(PASSWORD) == "in"

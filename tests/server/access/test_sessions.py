"""When sessions end, and which rows signing in writes.

The tests move the rows' times into the past instead of waiting.
"""

from datetime import timedelta

import pytest

import models
from server.access import sessions
from server.errors import Unauthenticated, WrongPassword
from server.passwords import hash_password, hashing, needs_rehash
from server.service import Service
from tests.support.factories import PASSWORD, Person, World


async def sign_in(service: Service, person: Person, password: str = PASSWORD) -> str:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    signed_in = await sessions.sign_in(
        service,
        tenant=tenant.slug,
        email=person.admin.email,
        password=password,
        address="192.0.2.1",
    )
    return signed_in.secret


async def grow_old(person: Person, *, idle: timedelta, age: timedelta) -> None:
    """Set the session's last use to `idle` ago and its start to `age` ago."""
    at = models.now()
    await models.Session.filter(tenant_id=person.admin.tenant_id).update(
        last_seen_at=at - idle, expires_at=at - age + timedelta(hours=12)
    )


@pytest.mark.parametrize(
    ("idle", "age", "alive"),
    [
        (timedelta(minutes=59), timedelta(hours=11), True),
        (timedelta(minutes=60), timedelta(hours=1), False),
        (timedelta(), timedelta(hours=11, minutes=59), True),
        (timedelta(), timedelta(hours=12), False),
    ],
)
async def test_a_session_ends_after_an_hour_idle_and_after_twelve_hours(
    service: Service, world: World, idle: timedelta, age: timedelta, alive: bool
) -> None:
    person = await world.person()
    await grow_old(person, idle=idle, age=age)
    if alive:
        assert (await sessions.principal_of(service, person.session)).admin_id == person.admin.id
        return
    with pytest.raises(Unauthenticated):
        await sessions.principal_of(service, person.session)


async def test_use_resets_the_idle_time_but_not_the_maximum_age(
    service: Service, world: World
) -> None:
    person = await world.person()
    await grow_old(person, idle=timedelta(minutes=59), age=timedelta(hours=5))
    before = (await models.Session.get(tenant_id=person.admin.tenant_id)).expires_at
    await sessions.principal_of(service, person.session)
    session = await models.Session.get(tenant_id=person.admin.tenant_id)
    assert models.now() - session.last_seen_at < timedelta(minutes=1)
    assert session.expires_at == before


async def test_session_secret_is_stored_as_a_digest_only(service: Service, world: World) -> None:
    person = await world.person()
    secret = await sign_in(service, person)
    rows = await models.Session.filter(tenant_id=person.admin.tenant_id)
    assert service.digest_key.digest("session", secret) in {bytes(row.digest) for row in rows}
    assert len(secret) >= 43
    assert not any(secret in repr(vars(row)) for row in rows)
    assert secret not in repr(await sessions.principal_of(service, secret))


async def test_other_secrets_are_no_session(service: Service, world: World) -> None:
    person = await world.person()
    secret = await sign_in(service, person)
    for other in (secret[:-1], secret + "A", secret.swapcase(), secret[::-1], "", "é", "\0"):
        with pytest.raises(Unauthenticated):
            await sessions.principal_of(service, other)


async def test_signing_in_replaces_an_outdated_password_hash(
    service: Service, world: World
) -> None:
    person = await world.person()
    old = person.admin.password_hash
    assert old is not None
    assert needs_rehash(old)
    with pytest.raises(WrongPassword):
        await sign_in(service, person, "another password altogether")
    assert (await models.Admin.get(id=person.admin.id)).password_hash == old
    await sign_in(service, person)
    new = (await models.Admin.get(id=person.admin.id)).password_hash
    assert new is not None
    assert not needs_rehash(new)
    await sign_in(service, person)
    assert (await models.Admin.get(id=person.admin.id)).password_hash == new


async def test_unknown_account_costs_as_many_hashes_as_a_known_one(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quicker answer would reveal which accounts exist."""
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    await models.Admin.filter(id=person.admin.id).update(
        password_hash=await hash_password(PASSWORD, "a test")
    )
    verified: list[str] = []
    verify = hashing._verify

    def counted(password: str, password_hash: str) -> bool:
        verified.append(password_hash.rsplit("$", 2)[0])
        return verify(password, password_hash)

    monkeypatch.setattr(hashing, "_verify", counted)
    for slug, email in (
        (tenant.slug, person.admin.email),
        (tenant.slug, "nobody@example.com"),
        ("nobody", person.admin.email),
        ("no slug at all", "no e-mail"),
    ):
        with pytest.raises(WrongPassword):
            await sessions.sign_in(
                service, tenant=slug, email=email, password="wrong", address="192.0.2.2"
            )
    # One each, with the same parameters.
    assert len(verified) == 4
    assert len(set(verified)) == 1

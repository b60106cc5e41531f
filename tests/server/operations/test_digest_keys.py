"""Adopting and replacing the digest key: every secret keeps working, and wrong keys are refused.

`tests.test_digest_key_change` does it while instances serve.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tortoise.fields import BinaryField

import models
from models import KeyState
from server.access import mails
from server.access.digest_keys import KeyReplaced, digest_key, generation_to_keep
from server.access.principal import Operator
from server.access.sessions import accept_invitation, invite, principal_of
from server.access.webhook_secrets import opened_secret
from server.app import create_app
from server.database import transaction
from server.decisions.rotation_requests import RotationRequest
from server.errors import Misconfigured, SecretAlreadyShown
from server.operations import digest_keys, introspection_clients, rotation, tokens, webhooks
from server.operations.digest_keys import _RENEWED
from server.operations.webhooks import CreatedWebhook
from server.outbound.signing import shown_secret
from server.service import Service
from server.settings import Settings, read_settings
from server.starting import running_service
from server.token_format import DigestKey
from tests.support.factories import PASSWORD, Person, World
from tests.support.gateways import HOST, gateway
from tests.support.mail_server import MailServer

FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in range(1, 4))
KEY = "GET /api/v1/devices"


@pytest.fixture
def settings(database_url: str) -> Settings:
    """With a mail server, so that invitations are kept for it. Nothing is sent."""
    mail = MailServer().settings
    return read_settings({"TESSERA_DATABASE_URL": database_url, **mail})


def keyed(settings: Settings, *keys: bytes) -> Settings:
    return replace(settings, digest_key=keys)


async def instance(service: Service, *keys: bytes) -> Service:
    """Another instance, started on the same database with these keys."""
    settings = keyed(service.settings, *keys)
    return replace(service, settings=settings, digest_key=await digest_key(settings))


async def announced(service: Service, *keys: bytes) -> bool:
    return await digest_keys.announce(Operator(), keyed(service.settings, *keys))


async def finished(service: Service, *keys: bytes) -> int:
    return await digest_keys.finish(Operator(), keyed(service.settings, *keys))


async def refusal(
    service: Service, *keys: bytes, of: Callable[..., Awaitable[Any]] = instance
) -> str:
    """The sentence with which an instance, or a command, refuses these keys."""
    with pytest.raises(Misconfigured) as refused:
        await of(service, *keys)
    return str(refused.value)


class Held:
    """Secrets of which the database has the digests only, and two that it keeps sealed."""

    def __init__(
        self, person: Person, token: str, invitation: str, credential: str, webhook: CreatedWebhook
    ) -> None:
        self.person = person
        self.webhook = webhook
        self.token = token
        self.invitation = invitation
        self.credential = credential


async def hold(service: Service, name: str) -> Held:
    """Create one secret of each kind with `service`, for a tenant called `name`."""
    world = World(service)
    person = await world.person(await world.tenant(name))
    made = await world.token(person, permissions=[KEY], idempotency_key=name)
    async with transaction():
        generation = await generation_to_keep(service.digest_key)
        await models.Session.filter(tenant_id=person.admin.tenant_id).update(
            digest=service.digest_key.digest("session", person.session, generation)
        )
        invitation = (await invite(service, person.admin)).secret
    credential = await introspection_clients.create(Operator(), service, name)
    webhook = await webhooks.create(
        person.principal, service, url="https://example.com", wanted=["token.leaked"]
    )
    return Held(person, made.secret, invitation, credential.secret, webhook)


async def works(service: Service, held: Held) -> None:
    """Whether every secret still works, except the invitation, which works once."""
    assert (await principal_of(service, held.person.session)).admin_id == held.person.admin.id
    tenant = await models.Tenant.get(id=held.person.admin.tenant_id)
    app = create_app(service)
    asked = gateway(app)
    answer = await asked.ask(held.token, host=HOST.format(slug=tenant.slug))
    assert answer.status_code == 200
    answer = await asked.http.post(
        "/introspect",
        data={"token": held.token},
        headers={"Authorization": f"Bearer {held.credential}"},
    )
    assert answer.json()["active"] is True
    await app.close()
    row = await models.Webhook.get(tenant_id=tenant.id, id=held.webhook.webhook.id)
    assert shown_secret(opened_secret(service.digest_key, row)) == held.webhook.secret
    mail = await models.Mail.get(tenant_id=tenant.id)
    assert mails.opened_secret(service.digest_key, mail) == held.invitation
    with pytest.raises(SecretAlreadyShown):
        await tokens.create(
            held.person.principal, service, name="again", idempotency_key=tenant.slug
        )


async def test_adopted_key_leaves_the_database(service: Service) -> None:
    before = await hold(service, "before")
    assert await announced(service, FIRST)
    # Instances with and without the setting serve together and read each other's digests.
    old, new = await instance(service), await instance(service, FIRST)
    held = [before, await hold(old, "old"), await hold(new, "new")]
    for each in (service, old, new):
        for one in held:
            await works(each, one)
    assert await finished(service, FIRST) == 7 * len(held)
    held.append(await hold(new, "late"))
    for each in (new, await instance(service, FIRST)):
        for one in held:
            await works(each, one)
    assert not (await instance(service, FIRST)).digest_key.is_changing
    for one in held:
        await accept_invitation(
            new, invitation=one.invitation, password=PASSWORD + "!", address="192.0.2.1"
        )
    rows = await digest_keys.every(Operator())
    assert [(row.key, row.state) for row in rows] == [
        (None, KeyState.FORMER),
        (None, KeyState.CURRENT),
    ]
    assert "must be set" in await refusal(service)


@pytest.fixture
async def with_first(settings: Settings) -> AsyncIterator[Service]:
    """The service on a database that was first served with a key from the settings."""
    async with running_service(keyed(settings, FIRST)) as running:
        yield running


async def test_key_can_be_replaced_repeatedly(with_first: Service) -> None:
    held = [await hold(with_first, "first")]
    for new, old in ((SECOND, FIRST), (THIRD, SECOND)):
        assert await announced(with_first, new, old)
        service = await instance(with_first, new)
        held.append(await hold(service, f"by-{new[0]}"))
        await works(service, held[-1])
        assert await finished(with_first, new) == 7 * len(held)
        service = await instance(with_first, new)
        held.append(await hold(service, f"under-{new[0]}"))
        for one in held:
            await works(service, one)
        assert "former key" in await refusal(with_first, old)
    rows = await digest_keys.every(Operator())
    stored = b"|".join(
        bytes(part or b"") for row in rows for part in (row.key, row.sealed, row.fingerprint)
    )
    assert len(stored) > 5 * 32
    assert not [key for key in (FIRST, SECOND, THIRD) if key in stored]


async def test_wrong_keys_are_refused(with_first: Service) -> None:
    for wrong in ((SECOND,), (SECOND, FIRST), (FIRST, SECOND)):
        told = await refusal(with_first, *wrong)
        assert "is not the key of this database" in told
        assert not any(key.hex() in told for key in wrong)
    assert "must be set" in await refusal(with_first)
    assert "the current one" in await refusal(with_first, SECOND, of=announced)
    assert "is not the key" in await refusal(with_first, SECOND, THIRD, of=announced)
    assert "No replacement" in await refusal(with_first, FIRST, of=finished)
    assert not await announced(with_first, FIRST)


async def test_announced_key_can_be_withdrawn(
    with_first: Service,
) -> None:
    held = await hold(with_first, "acme")
    assert await announced(with_first, THIRD, FIRST)
    mistaken = await instance(with_first, THIRD)
    await works(mistaken, held)
    assert await announced(with_first, SECOND, FIRST)
    assert "is not the key" in await refusal(with_first, THIRD)
    assert "is not the key" in await refusal(with_first, THIRD, of=finished)
    await finished(with_first, SECOND)
    await works(await instance(with_first, SECOND), held)
    await keeps_nothing(mistaken, held)


async def keeps_nothing(service: Service, held: Held) -> None:
    with pytest.raises(KeyReplaced):
        await tokens.create(held.person.principal, service, name="lost")


async def test_instance_with_an_outdated_key_stores_no_digest(
    service: Service,
) -> None:
    held = await hold(service, "acme")
    await announced(service, FIRST)
    await finished(service, FIRST)
    await keeps_nothing(service, held)
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        body = {"tenant": "acme", "email": held.person.admin.email, "password": PASSWORD}
        assert (await http.post("/session", json=body)).status_code == 503


async def test_finishing_may_be_interrupted_and_run_twice_at_once(service: Service) -> None:
    held = [await hold(service, f"acme-{number}") for number in range(4)]
    await announced(service, FIRST)
    finishing = asyncio.create_task(finished(service, FIRST))
    await asyncio.sleep(0.02)
    finishing.cancel()
    await asyncio.gather(finishing, return_exceptions=True)
    ends = await asyncio.gather(
        *(finished(service, FIRST) for _ in range(2)), return_exceptions=True
    )
    assert [end for end in ends if not isinstance(end, int | Misconfigured)] == []
    last = await instance(service, FIRST)
    assert not last.digest_key.is_changing
    for one in held:
        await works(last, one)


async def test_rotation_goes_on_while_the_key_is_replaced(service: Service) -> None:
    person = await World(service).person(await World(service).tenant("acme"))
    made = await tokens.create(person.principal, service, name="t", permissions=[KEY])

    async def rotated(by: Service) -> str:
        """The answer to a request that is sent again and again: its key is known."""
        again = await rotation.rotate(
            person.principal, by, made.token.id, RotationRequest(idempotency_key="k")
        )
        return again.secret

    await rotated(service)
    await announced(service, FIRST)
    await rotated(await instance(service, FIRST))
    await finished(service, FIRST)
    last = await instance(service, FIRST)
    new = await rotated(last)
    app = create_app(last)
    for secret in (made.secret, new):
        answer = await gateway(app).ask(secret, host=HOST.format(slug="acme"))
        assert answer.status_code == 200
    await app.close()


def test_every_stored_digest_is_renewed() -> None:
    """A new column with a digest of a secret has to be renewed too, or listed here."""
    forgotten = {
        "attempt_counter.subject",  # attempt counters start again
        "known_address.digest",  # known addresses start again
        "token_secret.grants",  # no digest of a secret
        "token_secret.trial",
        "token_permission.fingerprint",
        "access_request.fingerprint",
        "catalogue_version.affected",
        "catalogue_version.fingerprint",
        "catalogue_version.operations",
        "token_policy.spread_bounds",
        "installation_key.fingerprint",
        "installation_key.key",
        "installation_key.sealed",
    }
    kept = {
        f"{row._meta.db_table}.{name}"
        for row in (getattr(models, name) for name in models.__all__)
        if hasattr(row, "_meta")
        for name, field in row._meta.fields_map.items()
        if isinstance(field, BinaryField)
    }
    renewed = {f"{row._meta.db_table}.{column}" for row, column in _RENEWED}
    renewed |= {"gateway.digest", "token_secret.digest", "webhook.secret", "mail.secret"}
    in_hexadecimal = {"token.idempotency_key", "token_rotation.idempotency_key"}
    assert kept - forgotten == renewed - in_hexadecimal


def test_renewed_digest_equals_a_fresh_one() -> None:
    first = DigestKey(FIRST).digest("token", "secret")
    changing = DigestKey(FIRST, SECOND, is_changing=True)
    assert changing.digests("token", "secret") == (first, changing.renewed(first))
    second = DigestKey(FIRST, SECOND).digest("token", "secret")
    assert (changing.renewed(first), changing.renewed(second)) == (second, None)
    third = DigestKey(FIRST, SECOND, THIRD)
    assert third.renewed(second) == third.digest("token", "secret")
    assert third.renewed(first) is None
    assert third.digests("token", "secret") == (third.digest("token", "secret"),)
    assert len({first, second, third.digest("token", "secret")}) == 3

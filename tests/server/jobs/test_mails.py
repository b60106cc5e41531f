"""E-mail reaches its admins by a real mail server: once each, later after a failure, or not at all.

What a mail holds is written with the change, and is gone once the mail is sent or given up.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

import models
from models import MailKind, RefusalReason, Role
from server.access import mails as outbox
from server.access.principal import Operator
from server.access.sessions import accept_invitation
from server.jobs import Mails, mail_queue, reminders
from server.operations import admins, rotation, tokens
from server.service import Service
from server.settings import Settings, read_settings
from server.starting import running_service
from tests.support import row_security
from tests.support.factories import PASSWORD, Person, World, token_id
from tests.support.mail_server import CONSOLE, SENDER, Letter, MailServer
from tests.support.waiting import until

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_LEASE = timedelta(seconds=60)
_GUEST = "grace@example.com"


@pytest.fixture
def server() -> MailServer:
    """A mail server that is not there yet."""
    return MailServer()


@pytest.fixture
def settings(database_url: str, server: MailServer) -> Settings:
    url = row_security.url_to_serve(database_url)
    return read_settings({"TESSERA_DATABASE_URL": url, **server.settings})


@asynccontextmanager
async def _sending(service: Service) -> AsyncIterator[None]:
    """The e-mail of one instance, which looks often."""
    mails = Mails(service, look_every_seconds=0.02)
    mails.start()
    try:
        yield
    finally:
        await mails.close()


async def _rows(person: Person) -> list[models.Mail]:
    return await models.Mail.filter(tenant_id=person.admin.tenant_id).order_by("id")


async def _make_due(person: Person) -> None:
    waiting = models.Mail.filter(tenant_id=person.admin.tenant_id, due_at__isnull=False)
    await waiting.update(due_at=models.now() - _HOUR)


async def _all_done(person: Person) -> None:
    async def done() -> bool:
        return all(row.due_at is None for row in await _rows(person))

    await until(done)


async def _deliver(service: Service, person: Person, server: MailServer) -> list[Letter]:
    """The waiting mails that are sent now, due or not."""
    before = len(server.letters)
    await _make_due(person)
    with server.running():
        async with _sending(service):
            await _all_done(person)
    return server.letters[before:]


async def _invite(service: Service, person: Person, email: str = _GUEST) -> admins.Invited:
    return await admins.add(person.principal, service, email=email, name="Grace", role=Role.ADMIN)


async def test_invitation_arrives_and_its_link_works(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    invited = await _invite(service, person)
    [waiting] = await _rows(person)
    assert invited.invitation.encode() not in bytes(waiting.secret or b"")
    [letter] = await _deliver(service, person, server)
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    assert (letter.sender, letter.recipients) == (SENDER, [_GUEST])
    assert letter.message["Subject"] == f"Invitation to the API tokens of {tenant.name}"
    assert letter.message["From"] == f"Tessera <{SENDER}>"
    assert tenant.slug in letter.text
    assert letter.invitation == invited.invitation
    await accept_invitation(
        service, invitation=letter.invitation, password=PASSWORD, address="192.0.2.1"
    )
    [sent] = await _rows(person)
    assert (sent.secret, sent.reminders, sent.due_at) == (None, None, None)


async def test_only_the_open_invitation_is_sent(
    service: Service, world: World, server: MailServer
) -> None:
    """Neither one that was renewed, nor one that ended with its inviter or was accepted."""
    person = await world.person()
    first = await _invite(service, person)
    renewed = await admins.renew_invitation(person.principal, service, first.admin.id)
    colleague = await world.person(
        await models.Tenant.get(id=person.admin.tenant_id), Role.ADMIN, email="c@example.com"
    )
    await _invite(service, colleague, "of-colleague@example.com")
    await admins.remove(person.principal, colleague.admin.id)
    accepted = await _invite(service, person, "accepted@example.com")
    await accept_invitation(
        service, invitation=accepted.invitation, password=PASSWORD, address="192.0.2.1"
    )
    removed = await _invite(service, person, "removed@example.com")
    await admins.remove(person.principal, removed.admin.id)
    kept = [row for row in await _rows(person) if row.secret is not None]
    assert [row.admin_id for row in kept] == [first.admin.id]
    [letter] = await _deliver(service, person, server)
    assert (letter.recipients, letter.invitation) == ([_GUEST], renewed.invitation)


async def test_expired_invitation_is_given_up(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    await _invite(service, person)
    own = models.Mail.filter(tenant_id=person.admin.tenant_id)
    await own.update(expires_at=models.now() - _HOUR)
    assert await _deliver(service, person, server) == []
    assert [row.secret for row in await _rows(person)] == [None]


async def test_operator_sends_a_link_for_another_password(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    again = await admins.invite_again(Operator(), service, tenant.slug, person.admin.email)
    [letter] = await _deliver(service, person, server)
    assert letter.message["Subject"] == f"Set a new password for the API tokens of {tenant.name}"
    assert letter.invitation == again.invitation


async def test_mail_waits_for_a_server_that_is_away(
    service: Service, world: World, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    person = await world.person()
    invited = await _invite(service, person)
    async with _sending(service):

        async def has_failed() -> bool:
            return [row.failures for row in await _rows(person)] == [1]

        await until(has_failed)
    [row] = await _rows(person)
    assert row.due_at is not None
    assert timedelta() < row.due_at - models.now() < _HOUR
    assert row.lease_holder is None
    assert [one.invitation for one in await _deliver(service, person, server)] == [
        invited.invitation
    ]
    assert [one.getMessage() for one in caplog.records if one.name == "tessera.mail"] == [
        "an e-mail could not be sent, and is tried again"
    ]


async def test_waits_grow_and_end_with_the_mail(service: Service, world: World) -> None:
    person = await world.person()
    await _invite(service, person)
    key = person.admin.tenant_id, (await _rows(person))[0].admin_id, MailKind.INVITATION
    waits = []
    for _ in range(9):
        await _make_due(person)
        taken = await mail_queue.take(key, models.new_id(), _LEASE)
        at = models.now()
        await mail_queue.put_off(taken)
        waits += [row.due_at - at for row in await _rows(person) if row.due_at]
    plain = [*mail_queue.WAITS, mail_queue.WAITS[-1], mail_queue.WAITS[-1]]
    assert all(
        0.79 * wait < actual < 1.21 * wait for actual, wait in zip(waits, plain, strict=True)
    )
    own = models.Mail.filter(tenant_id=person.admin.tenant_id)
    end = models.now() + timedelta(minutes=5)
    await own.update(expires_at=end)
    await _make_due(person)
    await mail_queue.put_off(await mail_queue.take(key, models.new_id(), _LEASE))
    assert [row.due_at for row in await _rows(person)] == [end]


async def test_refused_recipient_is_given_up_and_the_log_has_the_reason_alone(
    service: Service, world: World, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    person = await world.person()
    invited = await _invite(service, person)
    server.refusal = f"550 there is no {_GUEST}"
    assert await _deliver(service, person, server) == []
    [row] = await _rows(person)
    assert (row.secret, row.due_at, row.failures) == (None, None, 0)
    [line] = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert line.getMessage() == "an e-mail was refused, and is given up"
    assert vars(line)["detail"] == f"INVITATION {row.id}: recipient 550"
    # The server that receives the e-mail may log it, as it does here.
    own = [str(vars(one)) for one in caplog.records if one.name.startswith("tessera")]
    assert _GUEST not in str(own)
    assert invited.invitation not in str(own)


@pytest.mark.parametrize("email", ['a"b,c@example.com', "grace>@example.com", "zoë@example.com"])
async def test_address_that_no_header_can_hold_harms_no_other_mail(
    email: str, service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    await _invite(service, person, email)
    await _invite(service, person)
    letters = await _deliver(service, person, server)
    assert [one.recipients for one in letters] == [[_GUEST]]


async def test_address_beyond_ascii_gets_its_mail_by_a_server_that_takes_it(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    await _invite(service, person, "zoë@bücher.example")
    await _make_due(person)
    with server.running(enable_SMTPUTF8=True):
        async with _sending(service):
            await _all_done(person)
    [letter] = server.letters
    assert letter.recipients == ["zoë@xn--bcher-kva.example"]
    assert letter.message["To"] == "zoë@xn--bcher-kva.example"
    assert letter.invitation


async def test_mail_of_an_instance_that_died_is_sent_by_another_once_its_lease_ends(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    invited = await _invite(service, person)
    key = person.admin.tenant_id, invited.admin.id, MailKind.INVITATION
    [taken] = await mail_queue.take(key, models.new_id(), _LEASE)
    assert await mail_queue.take(key, models.new_id(), _LEASE) == []
    assert await mail_queue.due(10) == []
    own = models.Mail.filter(tenant_id=person.admin.tenant_id)
    await own.update(leased_until=models.now() - _HOUR)
    [letter] = await _deliver(service, person, server)
    assert letter.invitation == invited.invitation
    # The first instance comes back: it holds no lease, and changes nothing.
    await mail_queue.put_off([taken])
    assert [(row.due_at, row.failures) for row in await _rows(person)] == [(None, 0)]


async def test_two_instances_send_each_mail_once(
    service: Service, world: World, server: MailServer
) -> None:
    person = await world.person()
    guests = [f"guest-{number}@example.com" for number in range(12)]
    for email in guests:
        await _invite(service, person, email)
    with server.running():
        async with _sending(service), _sending(service):
            await _all_done(person)
    assert sorted(one.recipients[0] for one in server.letters) == sorted(guests)


async def test_invitations_of_a_day_are_bounded(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_INVITATIONS", 2)
    person = await world.person()
    invited = [await _invite(service, person, f"guest-{n}@example.com") for n in range(3)]
    assert [one.is_mailed for one in invited] == [True, True, False]
    assert len(await _rows(person)) == 2
    own = models.Mail.filter(tenant_id=person.admin.tenant_id)
    await own.update(created_at=models.now() - _DAY - _HOUR)
    await _invite(service, person)
    assert len(await _rows(person)) == 3


async def test_without_a_mail_server_nothing_is_kept(settings: Settings) -> None:
    silent = replace(settings, smtp_url=None)
    async with running_service(silent) as service:
        world = World(service)
        person = await world.person()
        assert not (await _invite(service, person)).is_mailed
        assert await _rows(person) == []


class _Reminded:
    """A tenant with an owner, an admin and an auditor, and the reminders of it."""

    def __init__(self, service: Service, world: World, server: MailServer) -> None:
        self.service, self.world, self.server = service, world, server

    async def fill(self) -> "_Reminded":
        self.owner = await self.world.person(name="Ada", email="ada@example.com")
        tenant = await models.Tenant.get(id=self.owner.admin.tenant_id)
        self.admin = await self.world.person(tenant, Role.ADMIN, email="grace@example.com")
        self.auditor = await self.world.person(tenant, Role.AUDITOR, email="eve@example.com")
        await _invite(self.service, self.owner, "invited@example.com")
        await models.Mail.filter(tenant_id=tenant.id).delete()
        return self

    async def token(self, person: Person, name: str, ends_in: timedelta | None) -> models.Token:
        token = (await self.world.token(person, name)).token
        await self.change(
            token,
            expires_at=None if ends_in is None else models.now() + ends_in,
            created_at=models.now() - 300 * _DAY,
        )
        return token

    async def change(self, token: models.Token, **columns: object) -> None:
        await models.Token.filter(tenant_id=token.tenant_id, id=token.id).update(**columns)

    async def remind(self) -> None:
        async for _ in reminders.remind_all(by_mail=True):
            pass

    async def news(self) -> dict[str, Letter]:
        """The letters that the job's next run leads to, by recipient: one each at most."""
        await self.remind()
        letters = await _deliver(self.service, self.owner, self.server)
        by_recipient = {one.recipients[0]: one for one in letters}
        assert len(by_recipient) == len(letters)
        return by_recipient


@pytest.fixture
async def reminded(service: Service, world: World, server: MailServer) -> _Reminded:
    return await _Reminded(service, world, server).fill()


async def test_reminders_reach_those_who_may_act_once_each(reminded: _Reminded) -> None:
    """A token's owner; of the organisation's, and of an auditor's, the owner and the admins."""
    own = await reminded.token(reminded.admin, "CI “deploy”", 7 * _DAY - _HOUR)
    shared = await reminded.token(reminded.owner, "Exports", _DAY - _HOUR)
    await reminded.change(shared, owner_id=None)
    of_auditor = await reminded.token(reminded.owner, "Reports", -_HOUR)
    await reminded.change(of_auditor, owner_id=reminded.auditor.admin.id)
    news = await reminded.news()
    assert news.keys() == {"ada@example.com", "grace@example.com"}
    to_owner, to_admin = news["ada@example.com"], news["grace@example.com"]
    assert to_owner.text.startswith("Hello Ada,\n")
    assert "CI" not in to_owner.text
    for letter in (to_owner, to_admin):
        assert "- Exports: ends on" in letter.text
        assert "- Reports: ended on" in letter.text
        assert f"{CONSOLE}/tokens/{token_id(shared)}\n" in letter.text
    assert f"- CI “deploy”: ends on {own_day(7)}" in to_admin.text
    assert f"{CONSOLE}/tokens/{token_id(own)}\n" in to_admin.text
    assert to_admin.message["Subject"].startswith("3 reminders about API tokens of Tenant-")
    assert await reminded.news() == {}


def own_day(days: int) -> str:
    at = models.now() + days * _DAY - _HOUR
    return f"{at.day} {at:%B %Y}"


async def test_rotation_and_retired_secret_are_told_of(reminded: _Reminded) -> None:
    token = await reminded.token(reminded.owner, "Rotated", None)
    await rotation.rotate(reminded.owner.principal, reminded.service, token.id)
    of_tenant = models.TokenRotation.filter(tenant_id=token.tenant_id)
    await of_tenant.update(created_at=models.now() - 7 * _DAY - _HOUR)
    other = await reminded.token(reminded.owner, "Retired", None)
    await models.TokenRefusal.create(
        tenant_id=other.tenant_id,
        token_id=other.id,
        method="GET",
        path="/api",
        reason=RefusalReason.SECRET_RETIRED,
        address="192.0.2.1",
        user_agent="x",
        request_id="x",
    )
    letter = (await reminded.news())["ada@example.com"]
    assert "- Rotated: rotated on" in letter.text
    assert "- Retired: last on" in letter.text
    assert await reminded.news() == {}


async def test_what_is_no_longer_true_when_it_is_sent_is_not_told(reminded: _Reminded) -> None:
    revoked = await reminded.token(reminded.owner, "Revoked", 7 * _DAY - _HOUR)
    moved = await reminded.token(reminded.owner, "Moved", 7 * _DAY - _HOUR)
    used = await reminded.token(reminded.owner, "Used by now", None)
    await rotation.rotate(reminded.owner.principal, reminded.service, used.id)
    of_tenant = models.TokenRotation.filter(tenant_id=used.tenant_id)
    await of_tenant.update(created_at=models.now() - 7 * _DAY - _HOUR)
    await reminded.remind()
    assert len(await _rows(reminded.owner)) == 2
    await of_tenant.update(picked_up_at=models.now())
    await tokens.revoke(reminded.owner.principal, revoked.id)
    await reminded.change(moved, expires_at=models.now() + 300 * _DAY)
    assert await reminded.news() == {}
    one = await reminded.token(reminded.owner, "x" * 100, 7 * _DAY - _HOUR)
    letter = (await reminded.news())["ada@example.com"]
    assert letter.message["Subject"] == f"API token “{'x' * 100}” ends on {own_day(7)}"
    await tokens.revoke(reminded.owner.principal, one.id)
    removed = await reminded.token(reminded.admin, "Of a removed one", _DAY - _HOUR)
    await reminded.remind()
    await reminded.change(removed, owner_id=None)
    await admins.remove(reminded.owner.principal, reminded.admin.admin.id)
    assert await reminded.news() == {}


async def test_mail_lists_fifty_and_counts_the_others(
    reminded: _Reminded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_NOTES", 2)
    for number in range(5):
        await reminded.token(reminded.owner, f"token {number}", 7 * _DAY - _HOUR)
    await reminded.remind()
    [row] = await _rows(reminded.owner)
    assert row.due_at is not None
    # The next full hour: all reminders of an hour are one mail.
    assert (row.due_at.minute, row.due_at.second, row.due_at.microsecond) == (0, 0, 0)
    letter = (await reminded.news())["ada@example.com"]
    assert letter.text.count("\n- token ") == 2
    assert "\n3 more are not listed here" in letter.text
    monkeypatch.setattr(outbox, "MAX_WAITING", 0)
    await reminded.token(reminded.owner, "one more", 7 * _DAY - _HOUR)
    assert await reminded.news() == {}

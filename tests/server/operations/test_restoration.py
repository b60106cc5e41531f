"""A restored database: refused until the operator tells which revocations it lacks."""

import json
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import models
from models import ActivityKind, RevocationReason
from server import database
from server.access.events import body_of, events_in
from server.access.principal import Holder, Operator
from server.access.revocation_journal import journal
from server.database import Restored, transaction
from server.decisions.rotation_requests import RotationRequest
from server.errors import Misconfigured
from server.export.lines import Names, line
from server.operations import holder, restoration, rotation, tokens
from server.service import Service
from server.settings import Settings
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World

_OPERATOR = Operator("ada")


async def _rows(person: Person, kind: ActivityKind) -> list[models.Activity]:
    return await models.Activity.filter(tenant_id=person.admin.tenant_id, kind=kind).order_by("id")


def _read(file: Path) -> bytes:
    return file.read_bytes()


async def _of_journal(_person: Person, file: Path) -> bytes:
    return _read(file)


async def _of_export(person: Person, _file: Path) -> bytes:
    rows = await models.Activity.filter(tenant_id=person.admin.tenant_id).order_by("id")
    return b"".join([line(row, Names({})) for row in rows])


async def _of_webhook(person: Person, _file: Path) -> bytes:
    events = events_in(await _rows(person, ActivityKind.REVOKED), {})
    return b"".join(body_of(event).encode() + b"\n" for event in events)


async def _forget(token: models.Token) -> None:
    """As a backup from before the token was revoked knows it."""
    own = models.Token.filter(tenant_id=token.tenant_id, id=token.id)
    await own.update(revoked_at=None)
    secrets = models.TokenSecret.filter(tenant_id=token.tenant_id, token_id=token.id)
    await secrets.update(closed_by=None)
    trail = models.Activity.filter(tenant_id=token.tenant_id, subject_id=token.id)
    await trail.filter(kind=ActivityKind.REVOKED).delete()


async def _is_live(token: models.Token) -> bool:
    return (await models.Token.get(tenant_id=token.tenant_id, id=token.id)).is_live


@pytest.mark.parametrize("source", [_of_journal, _of_export, _of_webhook])
async def test_every_record_of_revocations_revokes_what_the_database_lacks(
    world: World, tmp_path: Path, source: Callable[[Person, Path], Awaitable[bytes]]
) -> None:
    person, other = await world.person(), await world.person()
    made = [(await world.token(person, f"token {number}")).token for number in range(4)]
    theirs = (await world.token(other)).token
    file = tmp_path / "revocations.ndjson"
    with journal(file):
        await tokens.revoke(person.principal, made[0].id)
        await tokens.revoke(person.principal, made[1].id, RevocationReason.COMPROMISED)
        await tokens.revoke(person.principal, made[2].id)
    lines = (await source(person, file)).splitlines()
    for token in made[:2]:
        await _forget(token)
    counts = await restoration.replay(_OPERATOR, [b"no line", *lines])
    assert (counts["revoked"], counts["unreadable"]) == (2, 1)
    assert [await _is_live(token) for token in [*made, theirs]] == [False] * 3 + [True] * 2
    told = (await _rows(person, ActivityKind.REVOKED))[-2:]
    assert {(row.subject_id, row.actor_name, row.details["reason"]) for row in told} == {
        (made[0].id, "ada", "REVOKED"),
        (made[1].id, "ada", "COMPROMISED"),
    }
    again = await restoration.replay(_OPERATOR, lines)
    assert (again["revoked"], again["unreadable"]) == (0, 0)
    assert again["known"] >= 3


async def test_token_whose_compromised_secret_was_replaced_since_is_revoked(
    world: World, tmp_path: Path
) -> None:
    """The restored database knows the compromised secret alone."""
    person = await world.person()
    token = (await world.token(person)).token
    file = tmp_path / "revocations.ndjson"
    with journal(file):
        request = RotationRequest(compromised=True)
        await rotation.rotate(person.principal, world.service, token.id, request)
        await rotation.rotate(
            person.principal, world.service, (await world.token(person)).token.id, RotationRequest()
        )
    lines = file.read_bytes().splitlines()
    assert len(lines) == 1
    assert (await restoration.replay(_OPERATOR, lines))["known"] == 1
    assert await _is_live(token)
    for row in await _rows(person, ActivityKind.ROTATION_STARTED):
        await row.delete()
    assert (await restoration.replay(_OPERATOR, lines))["revoked"] == 1
    assert not await _is_live(token)


async def test_journal_has_each_acknowledged_revocation_and_no_other(
    world: World, tmp_path: Path
) -> None:
    person = await world.person()
    ids = [(await world.token(person, f"token {number}")).token.id for number in range(3)]
    file = tmp_path / "revocations.ndjson"
    with journal(file):
        with suppress(ZeroDivisionError):
            async with transaction():
                await tokens.revoke(person.principal, ids[0])
                raise ZeroDivisionError
        await tokens.rename(person.principal, ids[0], "another name")
        assert not file.read_bytes()
        await tokens.revoke(person.principal, ids[1])
        assert len(file.read_bytes().splitlines()) == 1
        await holder.revoke(Holder(person.admin.tenant_id, ids[2]))
    rows = await _rows(person, ActivityKind.REVOKED)
    shown = [json.loads(text) for text in file.read_bytes().splitlines()]
    assert [(one["id"], one["sequence"]) for one in shown] == [
        (str(row.id), row.sequence) for row in rows
    ]
    assert {one["tenantId"] for one in shown} == {str(person.admin.tenant_id)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await tokens.revoke(person.principal, ids[0])
    assert len(file.read_bytes().splitlines()) == 2


async def test_line_that_a_crash_cut_off_spoils_no_other(world: World, tmp_path: Path) -> None:
    person = await world.person()
    token = (await world.token(person)).token
    file = tmp_path / "revocations.ndjson"
    file.write_bytes(b'{"tenantId": "0')
    with journal(file):
        await tokens.revoke(person.principal, token.id)
    await _forget(token)
    counts = await restoration.replay(_OPERATOR, file.read_bytes().splitlines())
    assert (counts["revoked"], counts["unreadable"]) == (1, 1)


async def test_marked_database_is_refused_until_it_is_accepted_without_its_sessions(
    service: Service, world: World, client: Client
) -> None:
    person = await world.person()
    await restoration.require_settled(_OPERATOR, service.settings)
    assert (await client.http.get("/readyz")).status_code == 200
    await restoration.mark(_OPERATOR)
    with pytest.raises(Restored, match="tessera restored"):
        await restoration.require_settled(_OPERATOR, service.settings)
    unready = await client.http.get("/readyz")
    assert (unready.status_code, "was restored" in unready.json()["detail"]) == (503, True)
    assert await restoration.accept(_OPERATOR) == 1
    await restoration.require_settled(_OPERATOR, service.settings)
    assert (await client.http.get("/readyz")).status_code == 200
    assert (await client.of(person).graphql("{ viewer { id } }")).status_code == 401
    [ended] = await _rows(person, ActivityKind.SESSIONS_ENDED)
    assert (ended.actor_name, ended.subject_id) == ("ada", person.admin.id)


async def test_database_that_lacks_a_revocation_of_the_journal_is_refused(
    service: Service, world: World, tmp_path: Path
) -> None:
    """However it was restored."""
    person = await world.person()
    token = (await world.token(person)).token
    file = tmp_path / "revocations.ndjson"
    settings = replace(service.settings, revocations_file=file)
    await restoration.require_settled(_OPERATOR, settings)
    with journal(file):
        await tokens.revoke(person.principal, token.id)
    await restoration.require_settled(_OPERATOR, settings)
    await _forget(token)
    with pytest.raises(Restored):
        await restoration.require_settled(_OPERATOR, settings)
    await restoration.replay(_OPERATOR, file.read_bytes().splitlines())
    await restoration.accept(_OPERATOR)
    await restoration.require_settled(_OPERATOR, settings)


async def test_journal_that_cannot_be_written_is_told_at_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    wanted = replace(settings, revocations_file=tmp_path / "missing" / "file")
    with pytest.raises(Misconfigured, match="TESSERA_REVOCATIONS_FILE cannot be written: No such"):
        async with running_service(wanted):
            pass


async def test_postgres_database_elsewhere_is_refused(postgres_url: str) -> None:
    """A dump in another database, which a standby that was promoted is not."""
    async with database.connected(settings_for(postgres_url)):
        await database.require_settled()
        await database.require_settled()
        await database.connection().execute_query(
            "UPDATE installation_state SET place = '7/7' WHERE place LIKE '%/%'"
        )
        for _ in range(2):
            with pytest.raises(Restored):
                await database.require_settled()
        await database.accept_restored()
        await database.require_settled()

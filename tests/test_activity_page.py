"""The golden page of activity: each mutation, route, command and job, and the kinds that it leaves.

Each is carried out, and the page is what its activity then says: an operation without a line here
fails, and so does one whose activity is missing, or not its own.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import httpx2
import pytest
from starlette.routing import Route

import models
from models import Role
from server.access.principal import Operator
from server.app import App, create_app
from server.catalogue.reader import catalogue_of
from server.database import transaction
from server.decisions import pick_ups, policy_dates
from server.export.lines import Names, line
from server.global_ids import encode_id
from server.graphql.schema import CORE_SCHEMA
from server.jobs import jobs_of
from server.operations import (
    admins,
    catalogue_versions,
    conditions,
    digest_keys,
    introspection_clients,
    operators,
    restoration,
    tenant_deletion,
    tenants,
    tokens,
    webhooks,
)
from server.service import Service
from tests.support.command import every_command
from tests.support.factories import PASSWORD, Client, Person, World, digest_of, token_id
from tests.support.leaks import (
    HERE,
    KEY_ID,
    Case,
    Origin,
    at,
    document,
    listed,
)
from tests.support.tcp_server import tcp_server
from tests.support.waiting import until

_GOLDEN = Path(__file__).parent / "golden" / "activity.txt"
_END = object()
_NEW = "nine purple otters dance here"
_KEY = "GET /api/v1/devices"
# Operations that change nothing that a tenant or an operator would ask about, and why.
_WITHOUT = {
    "POST /graphql": "each mutation has its line",
    "POST /introspect": "reads",
    "POST /invitation/details": "reads",
    "serve": "serves; a demo tenant is made by the operation of `tenant create`",
    "migrate": "changes tables, and no tenant's rows; the log of the database names it",
    "distribute": "changes where rows are kept, and no row; the log of the database names it",
    "row-security": "changes tables, and no row; the log of the database names it",
    "backup": "reads",
    "restore": "replaces the database, with all activity, by another one",
    "catalogue check": "reads",
    "schema": "reads",
    "activity": "reads",
    "tenant list": "reads",
    "token list": "reads",
    "token show": "reads",
    "explain": "reads",
    "gateway list": "reads",
    "digest-key status": "reads",
    "job retention, daily": "deletes what is older than it is kept, and counts it in the metrics",
    "job retention, hourly": "deletes what is older than it is kept, and counts it in the metrics",
    "job revoked tokens": "deletes what belongs to tokens that were revoked long ago",
    "job deleted tenants": "deletes what was written late of a deleted tenant",
    "job reminders": "changes nothing; the events and e-mails that it sends are no activity",
}


@dataclass
class Scene:
    """A tenant with an owner, an admin, an invited colleague, a token and a webhook.

    And the reporter of a leak.
    """

    case: Case
    world: World
    client: Client
    owner: Person
    admin: Person
    invited: admins.Invited
    slug: str
    token: str
    secret: str
    row: models.Token
    webhook: str

    @classmethod
    async def make(cls, case: Case, world: World) -> "Scene":
        owner = case.person
        tenant = await models.Tenant.get(id=owner.admin.tenant_id)
        admin = await world.person(tenant, Role.ADMIN)
        invited = await admins.add(
            owner.principal, world.service, email="i@example.com", name="I", role=Role.AUDITOR
        )
        row, secret = case.token, case.secret
        hook = await webhooks.create(
            owner.principal, world.service, url="https://example.com", wanted=["token.created"]
        )
        client, webhook = Client(case.http), encode_id("Webhook", hook.webhook.id)
        whose = case, world, client, owner, admin, invited, tenant.slug
        return cls(*whose, token_id(row), secret, row, webhook)

    async def mutate(self, mutation: str, /, **fields: Any) -> Any:
        result = await self.client.of(self.owner).mutate(mutation, **fields)
        assert result["__typename"].endswith("Payload"), result
        return result

    async def send(self, method: str, path: str, status: int, **more: Any) -> httpx2.Response:
        answer = await self.client.http.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer


_Act = Callable[[Scene], Awaitable[Any]]


def _mutation(mutation: str, /, **fields: Any) -> _Act:
    """A mutation; `token`, `admin`, `invited` and `webhook` stand for the ids of the scene's."""

    async def act(scene: Scene) -> None:
        ids = {
            "admin": scene.admin.id,
            "invited": _id(scene.invited.admin),
            "token": scene.token,
            "webhook": scene.webhook,
        }
        given = {
            key: ids.get(value, value) if isinstance(value, str) else value
            for key, value in fields.items()
        }
        await scene.mutate(mutation, **given)

    return act


def _id(admin: models.Admin) -> str:
    return encode_id("Admin", admin.id)


async def _ask_first(scene: Scene) -> None:
    sent = {"permission": _KEY, "reason": "Why"}
    await scene.send("POST", "/token/requests", 201, headers=_holder(scene), json=sent)


def _deciding(mutation: str, /, **fields: Any) -> _Act:
    """A mutation of the only access request."""

    async def act(scene: Scene) -> None:
        asked = await models.AccessRequest.get(tenant_id=scene.row.tenant_id)
        await scene.mutate(mutation, requestId=encode_id("AccessRequest", asked.id), **fields)

    return act


async def _pause_first(scene: Scene) -> None:
    await scene.mutate("pauseToken", tokenId=scene.token)


async def _rotate_first(scene: Scene) -> None:
    await scene.mutate("rotateToken", tokenId=scene.token)


async def _hold_first(scene: Scene) -> None:
    await scene.mutate("editPermissions", tokenId=scene.token, grant=[_KEY])


async def _try_first(scene: Scene) -> None:
    await _hold_first(scene)
    await scene.mutate("startTrial", tokenId=scene.token, permissions=[])


async def _try_for_too_long(scene: Scene) -> None:
    await _try_first(scene)
    own = models.TokenTrial.filter(tenant_id=scene.row.tenant_id, id=scene.row.id)
    await own.update(until=models.now() - timedelta(days=1))


async def _sign_in(scene: Scene) -> None:
    await scene.send("POST", "/session", 201, json=_credentials(scene, PASSWORD))


async def _fail_to_sign_in(scene: Scene) -> None:
    await scene.send("POST", "/session", 401, json=_credentials(scene, "wrong otters dance"))


def _credentials(scene: Scene, password: str) -> dict[str, str]:
    return {"tenant": scene.slug, "email": scene.owner.admin.email, "password": password}


async def _sign_out(scene: Scene) -> None:
    headers = scene.client.of(scene.owner).headers
    await scene.send("DELETE", "/session", 204, headers=headers)


async def _set_password(scene: Scene) -> None:
    headers = scene.client.of(scene.owner).headers
    sent = {"currentPassword": PASSWORD, "newPassword": _NEW}
    await scene.send("PUT", "/password", 204, headers=headers, json=sent)


async def _sign_in_elsewhere(scene: Scene) -> None:
    await _sign_in(scene)
    await _sign_in(scene)


async def _end_other_sessions(scene: Scene) -> None:
    data = await scene.client.of(scene.owner).data(
        "mutation { endOtherSessions(input: {}) { __typename } }"
    )
    assert data["endOtherSessions"]["__typename"] == "EndOtherSessionsPayload"


async def _accept(scene: Scene) -> None:
    sent = {"invitation": scene.invited.invitation, "password": _NEW}
    await scene.send("POST", "/invitation", 204, json=sent)


async def _accept_and_sign_in(scene: Scene) -> None:
    sent = {"invitation": scene.invited.invitation, "password": _NEW, "transport": "cookie"}
    await scene.send("POST", "/invitation", 201, json=sent)


def _holder(scene: Scene) -> dict[str, str]:
    return {"Authorization": f"Bearer {scene.secret}"}


async def _end_own_token(scene: Scene) -> None:
    await scene.send("DELETE", "/token", 204, headers=_holder(scene))


async def _may_rotate(scene: Scene) -> None:
    own = models.Token.filter(tenant_id=scene.row.tenant_id, id=scene.row.id)
    await own.update(holder_may_rotate=True)


async def _rotate_own_token(scene: Scene) -> None:
    await scene.send("POST", "/token/rotate", 201, headers=_holder(scene))


async def _report(scene: Scene) -> None:
    await scene.case.revoke({"credentials": [scene.secret]})
    await until(scene.case.has_ended)


async def _scan(scene: Scene) -> None:
    found = {"token": scene.secret, "type": "tessera_api_token", "url": "", "source": "content"}
    assert (await scene.case.report(json.dumps([found]).encode())).status_code == 200


async def _use_new_secret(scene: Scene) -> None:
    """As the wire notes it; `test_pick_ups` sends a check."""
    noted = pick_ups.PickUps()
    tenant, token = str(scene.row.tenant_id), str(scene.row.id)
    noted.note(tenant, token, (await digest_of(scene.row),), "192.0.2.1")
    await noted.close()


async def _remove_inviter(scene: Scene) -> None:
    """Of an admin who has a session and a token, and has renewed an invitation."""
    renewing = scene.admin.principal
    await admins.renew_invitation(renewing, scene.world.service, scene.invited.admin.id)
    await scene.world.token(scene.admin)


_OPERATOR = Operator("ada")


async def _pause_at_command_line(scene: Scene) -> None:
    await conditions.pause(await operators.enter(_OPERATOR, scene.slug), scene.row.id)


async def _resume_at_command_line(scene: Scene) -> None:
    await conditions.resume(await operators.enter(_OPERATOR, scene.slug), scene.row.id)


async def _revoke_at_command_line(scene: Scene) -> None:
    await tokens.revoke(await operators.enter(_OPERATOR, scene.slug), scene.row.id)


async def _erase(scene: Scene) -> None:
    await admins.erase(_OPERATOR, scene.slug, scene.admin.admin.email)


async def _remove_admin(scene: Scene) -> None:
    await admins.remove(scene.owner.principal, scene.admin.admin.id)


async def _create_tenant(_scene: Scene) -> None:
    await tenants.create(
        _OPERATOR,
        slug="other",
        name="Other",
        owner_email="o@example.com",
        owner_name="O",
        owner_password=PASSWORD,
    )


async def _limit_tenant(scene: Scene) -> None:
    await tenants.set_limit(_OPERATOR, scene.slug, 77)


async def _rename_tenant(scene: Scene) -> None:
    await tenants.rename(_OPERATOR, scene.slug, "Another name")


async def _suspend(scene: Scene) -> None:
    await tenants.suspend(_OPERATOR, scene.slug)


async def _resume(scene: Scene) -> None:
    await tenants.resume(_OPERATOR, scene.slug)


async def _delete_tenant(scene: Scene) -> None:
    suspended = await tenants.suspend(_OPERATOR, scene.slug)
    await tenant_deletion.begin(_OPERATOR, suspended)
    await tenant_deletion.delete(_OPERATOR, suspended)


async def _replay(scene: Scene) -> None:
    lines = [line(row, Names({})) for row in await models.Activity.all()]
    subject = {"kind": "TOKEN", "id": scene.token}
    revoked = {"kind": "REVOKED", "sequence": 99, "subject": subject, "details": {}}
    await restoration.replay(_OPERATOR, [*lines, json.dumps(revoked).encode()])
    await restoration.accept(_OPERATOR)


async def _invite_again(scene: Scene) -> None:
    email = scene.owner.admin.email
    await admins.invite_again(_OPERATOR, scene.world.service, scene.slug, email)


async def _create_client(scene: Scene) -> None:
    await introspection_clients.create(_OPERATOR, scene.world.service, "gate")


async def _revoke_client(_scene: Scene) -> None:
    await introspection_clients.revoke(_OPERATOR, "gate")


def _with_new_key(service: Service) -> Any:
    return replace(service.settings, digest_key=(bytes(range(32)),))


async def _announce(scene: Scene) -> None:
    assert await digest_keys.announce(_OPERATOR, _with_new_key(scene.world.service))


async def _finish(scene: Scene) -> None:
    await digest_keys.finish(_OPERATOR, _with_new_key(scene.world.service))


def _policy(**values: Any) -> _Act:
    return _mutation("setTokenPolicy", policy=values)


async def _policy_of_many_tokens(scene: Scene) -> None:
    """Of so many that the dates are left to the job."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(policy_dates, "AT_ONCE", 1)
        await _policy(maximumLifetimeDays=30)(scene)


async def _dismiss_notice(scene: Scene) -> None:
    version = await scene.world.notice(scene.owner)
    await scene.mutate("dismissCatalogueNotice", versionId=version)


async def _adopt_another(scene: Scene) -> None:
    """A document with fewer operations, and then the one that is served."""
    document = {"openapi": "3.1.0", "info": {"title": "T"}, "paths": {"/a": {"get": {}}}}
    for one in (catalogue_of(document), scene.world.service.catalogue):
        await catalogue_versions.adopt(_OPERATOR, one, accepts_removals=True)


async def _follow_and_adopt(scene: Scene) -> None:
    category = scene.world.service.catalogue.categories[0].name
    await scene.mutate("editPermissions", tokenId=scene.token, follow=[category])
    await models.TokenPermission.filter(
        tenant_id=scene.row.tenant_id, token_id=scene.row.id
    ).delete()
    await _adopt_another(scene)


async def _leave_unused(scene: Scene) -> None:
    """For longer than the policy allows, which has begun."""
    await _policy(pauseUnusedAfterDays=30)(scene)
    of_tenant, old = {"tenant_id": scene.row.tenant_id}, models.now() - timedelta(days=31)
    await models.TokenPolicy.filter(**of_tenant).update(pauses_from=old)
    await models.Token.filter(**of_tenant, id=scene.row.id).update(created_at=old)


async def _drain(scene: Scene) -> None:
    """Rotate, use the new secret, and let the time of the old one pass."""
    await _rotate_first(scene)
    await _use_new_secret(scene)
    own = models.TokenRotation.filter(tenant_id=scene.row.tenant_id, id=scene.row.id)
    await own.update(picked_up_at=models.now() - timedelta(days=1))


def _job(name: str) -> _Act:
    """All portions of a job."""

    async def act(scene: Scene) -> None:
        [job] = [one for one in jobs_of(scene.world.service.settings) if one.name == name]
        jobs = jobs_of(scene.world.service.settings)
        [job] = [one for one in jobs if one.name == name]
        async with aclosing(job.portions()) as portions:
            is_ended = False
            while not is_ended:
                async with transaction():
                    is_ended = await anext(portions, _END) is _END

    return act


async def _nothing(_scene: Scene) -> None: ...


# The steps before, without a line, and the act itself.
_ACTS: dict[str, tuple[_Act, _Act]] = {
    "createToken": (_nothing, _mutation("createToken", name="x")),
    "setPermissions": (
        _nothing, _mutation("setPermissions", tokenId="token", permissions=[_KEY]),
    ),
    "editPermissions": (_nothing, _mutation("editPermissions", tokenId="token", grant=[_KEY])),
    "renameToken": (_nothing, _mutation("renameToken", tokenId="token", name="new")),
    "describeToken": (_nothing, _mutation("describeToken", tokenId="token", description="new")),
    "grantAccessRequest": (_ask_first, _deciding("grantAccessRequest")),
    "declineAccessRequest": (_ask_first, _deciding("declineAccessRequest", reason="No")),
    "revokeToken": (_nothing, _mutation("revokeToken", tokenId="token")),
    "revokeTokens": (_nothing, _mutation("revokeTokens", filter={}, expectedCount=1)),
    "setTokenExpiry": (
        _nothing, _mutation("setTokenExpiry", tokenId="token", expiresAt="2031-01-01T00:00:00Z"),
    ),
    "pauseToken": (_nothing, _mutation("pauseToken", tokenId="token")),
    "resumeToken": (_pause_first, _mutation("resumeToken", tokenId="token")),
    "setTokenNetworks": (
        _nothing, _mutation("setTokenNetworks", tokenId="token", networks=["192.0.2.0/24"]),
    ),
    "setTokenRateLimit": (
        _nothing, _mutation("setTokenRateLimit", tokenId="token", requestsPerHour=7),
    ),
    "transferToken": (_nothing, _mutation("transferToken", tokenId="token", toAdminId="admin")),
    "setHolderMayRotate": (
        _nothing, _mutation("setHolderMayRotate", tokenId="token", holderMayRotate=True),
    ),
    "setTokenPolicy": (_nothing, _policy(maximumLifetimeDays=30)),
    "dismissCatalogueNotice": (_nothing, _dismiss_notice),
    "rotateToken": (_nothing, _mutation("rotateToken", tokenId="token")),
    "endRotation": (_rotate_first, _mutation("endRotation", tokenId="token", keep="NEW")),
    "startTrial": (_hold_first, _mutation("startTrial", tokenId="token", permissions=[])),
    "enforceTrial": (_try_first, _mutation("enforceTrial", tokenId="token")),
    "dropTrial": (_try_first, _mutation("dropTrial", tokenId="token")),
    "addAdmin": (
        _nothing, _mutation("addAdmin", email="new@example.com", name="N", role="ADMIN"),
    ),
    "renewInvitation": (_nothing, _mutation("renewInvitation", adminId="invited")),
    "setAdminRole": (_nothing, _mutation("setAdminRole", adminId="admin", role="AUDITOR")),
    "transferOwnership": (_nothing, _mutation("transferOwnership", adminId="admin")),
    "removeAdmin": (_remove_inviter, _mutation("removeAdmin", adminId="admin")),
    "createWebhook": (
        _nothing, _mutation("createWebhook", url="https://example.com", events=["*"]),
    ),
    "setWebhook": (_nothing, _mutation("setWebhook", webhookId="webhook", events=["*"])),
    "testWebhook": (_nothing, _mutation("testWebhook", webhookId="webhook")),
    "replayWebhook": (
        _nothing, _mutation("replayWebhook", webhookId="webhook", since="2026-01-01T00:00:00Z"),
    ),
    "removeWebhook": (_nothing, _mutation("removeWebhook", webhookId="webhook")),
    "endOtherSessions": (_sign_in_elsewhere, _end_other_sessions),
    "POST /session": (_nothing, _sign_in),
    "POST /session, refused": (_nothing, _fail_to_sign_in),
    "DELETE /session": (_nothing, _sign_out),
    "POST /invitation": (_nothing, _accept),
    "POST /invitation, signs in": (_nothing, _accept_and_sign_in),
    "PUT /password": (_nothing, _set_password),
    "DELETE /token": (_nothing, _end_own_token),
    "POST /token/rotate": (_may_rotate, _rotate_own_token),
    "POST /token/requests": (_nothing, _ask_first),
    "POST /revoke": (_nothing, _report),
    "POST /leaks/github": (_nothing, _scan),
    "/authorize, a new secret": (_rotate_first, _use_new_secret),
    "job token policy": (_policy_of_many_tokens, _job("token policy")),
    "job unused tokens": (_leave_unused, _job("unused tokens")),
    "job rotations": (_drain, _job("rotations")),
    "job trials": (_try_for_too_long, _job("trials")),
    "job catalogue notices": (_adopt_another, _job("catalogue notices")),
    "job followed categories": (_follow_and_adopt, _job("followed categories")),
    "tenant create": (_nothing, _create_tenant),
    "tenant limit": (_nothing, _limit_tenant),
    "tenant rename": (_nothing, _rename_tenant),
    "tenant suspend": (_nothing, _suspend),
    "tenant resume": (_suspend, _resume),
    "tenant delete": (_nothing, _delete_tenant),
    "restored": (_nothing, _replay),
    "admin invite": (_nothing, _invite_again),
    "admin erase": (_remove_admin, _erase),
    "token pause": (_nothing, _pause_at_command_line),
    "token resume": (_pause_first, _resume_at_command_line),
    "token revoke": (_nothing, _revoke_at_command_line),
    "gateway create": (_nothing, _create_client),
    "gateway revoke": (_create_client, _revoke_client),
    "digest-key set": (_nothing, _announce),
    "digest-key rotate": (_nothing, _announce),
    "digest-key finish": (_announce, _finish),
}  # fmt: skip


@pytest.fixture
async def scene(service: Service, world: World) -> AsyncIterator[Scene]:
    origin, person = Origin(), await world.person()
    made = await world.token(person)
    async with tcp_server(origin.serve) as origin.port:
        origin.document = document(listed(KEY_ID, origin.signer))
        app = create_app(
            replace(service, settings=replace(service.settings, leak_keys_url=origin.url))
        )
        async with at(app, HERE) as http:
            case = Case(app, http, origin, service, person, made.token, made.secret)
            yield await Scene.make(case, world)
        await app.close()


def _lines() -> dict[str, str]:
    """The golden page: each act and its kinds."""
    lines = [line.partition("  ") for line in _GOLDEN.read_text().splitlines()]
    return {act: said.strip() for act, _, said in lines}


async def test_every_mutation_route_command_and_job_has_its_line(scene: Scene) -> None:
    named = {act.partition(",")[0] for act in _ACTS if not act.startswith("/authorize")}
    assert CORE_SCHEMA.mutation_type
    there = {*CORE_SCHEMA.mutation_type.fields, *_routes(scene.case.app), *_commands()}
    there |= {f"job {one.name}" for one in jobs_of(scene.world.service.settings)}
    assert named | _WITHOUT.keys() == there
    assert not named & _WITHOUT.keys()
    assert _lines().keys() == _ACTS.keys() | _WITHOUT.keys()
    assert {act: _lines()[act] for act in _WITHOUT} == {
        act: f"none: {why}" for act, why in _WITHOUT.items()
    }


def _routes(app: App) -> Iterator[str]:
    """Each route that does not only read, with its method."""
    for route in app.routes:
        assert isinstance(route, Route)
        # GraphQL answers any method itself.
        methods = route.methods or {"POST"}
        yield from (f"{way} {route.path}" for way in methods - {"GET", "HEAD", "OPTIONS"})


def _commands() -> Iterator[str]:
    for words, command in every_command():
        if not isinstance(command, click.Group):
            yield " ".join(words)


@pytest.mark.parametrize("act", _ACTS)
async def test_what_is_done_leaves_its_activity(scene: Scene, act: str) -> None:
    before, what = _ACTS[act]
    await before(scene)
    seen = {row.id for row in await models.Activity.all()}
    await what(scene)
    rows = await models.Activity.exclude(id__in=seen).order_by("tenant_id", "id")
    assert ", ".join(map(_shown, rows)) == _lines()[act]


def _shown(row: models.Activity) -> str:
    whose = "" if row.tenant_id.int else "installation: "
    by = f"{row.actor_kind.value.lower()} → {row.subject_kind.value.lower()}"
    return f"{whose}{row.kind.value} ({by})"

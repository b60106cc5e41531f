"""A token's conditions and owner: who may set them, and their effect on the wire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

import models
from models import ActivityKind, Role
from server import database
from server.access.principal import Holder, IntrospectionClient
from server.app import App, create_app
from server.conditions import Conditions, clean_networks
from server.decisions.rotation_requests import RotationRequest
from server.errors import InvalidInput, NotFound, RevisionConflict, RotationNotAllowed
from server.operations import admins, conditions, holder, tokens
from server.operations.introspection import introspect
from server.service import Service
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway
from tests.support.rotations import after, in_ms

KEY = "GET /api/v1/devices"


@dataclass
class Case:
    """A token that holds one permission, its owner, and a gateway that asks about it."""

    app: App
    gateway: Gateway
    service: Service
    person: Person
    tenant: models.Tenant
    token: models.Token
    secret: str

    async def ask(self) -> tuple[int, str]:
        """The status and code of a check from 203.0.113.7."""
        answer = await self.gateway.ask(
            self.secret,
            host=f"{self.tenant.slug}.api.us.example.com",
            headers={"X-Forwarded-For": "203.0.113.7"},
        )
        return answer.status_code, answer.headers.get("x-tessera-code", "")

    async def is_active(self) -> bool:
        """Whether introspection calls the secret active."""
        return bool(
            await introspect(IntrospectionClient(models.new_id()), self.service, self.secret)
        )


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
    app = create_app(service)
    async with gateway(app, "nginx").http as http:
        yield Case(app, Gateway(http, "nginx"), service, person, tenant, made.token, made.secret)
    await app.close()


async def activity(token: models.Token) -> list[tuple[ActivityKind, dict[str, object]]]:
    rows = models.Activity.filter(tenant_id=token.tenant_id, subject_id=token.id).order_by("id")
    return [(row.kind, row.details) for row in await rows][1:]


async def test_token_is_refused_from_its_expiry_on_and_revived_by_a_later_one(case: Case) -> None:
    principal, token = case.person.principal, case.token
    soon = await in_ms(3000)
    changed = await conditions.set_expiry(principal, token.id, soon)
    cut = soon.replace(microsecond=soon.microsecond // 1000 * 1000)
    assert (changed.expires_at, changed.revision) == (cut, 2)
    assert await case.ask() == (200, "")
    assert await case.is_active()
    await after(soon)
    assert await case.ask() == (401, "TOKEN_EXPIRED")
    assert not await case.is_active()
    assert await conditions.states(principal, [changed]) == ["EXPIRED"]
    later = await conditions.set_expiry(principal, token.id, soon + timedelta(days=1))
    assert await case.ask() == (200, "")
    assert await conditions.states(principal, [later]) == ["ACTIVE"]
    await conditions.set_expiry(principal, token.id, None)
    assert await case.ask() == (200, "")
    texts = [cut.isoformat(), (cut + timedelta(days=1)).isoformat()]
    assert await activity(token) == [
        (ActivityKind.EXPIRY_SET, {"previousExpiresAt": None, "expiresAt": texts[0]}),
        (ActivityKind.EXPIRY_SET, {"previousExpiresAt": texts[0], "expiresAt": texts[1]}),
        (ActivityKind.EXPIRY_SET, {"previousExpiresAt": texts[1], "expiresAt": None}),
    ]


@pytest.mark.parametrize("seconds", [0, -1, -3600])
async def test_expiry_in_the_past_is_refused(case: Case, seconds: int) -> None:
    at = await database.database_now() + timedelta(seconds=seconds)
    with pytest.raises(InvalidInput, match="in the future") as refused:
        await conditions.set_expiry(case.person.principal, case.token.id, at)
    assert refused.value.field == "expiresAt"
    with pytest.raises(InvalidInput, match="in the future"):
        await tokens.create(
            case.person.principal, case.service, name="x", conditions=Conditions(expires_at=at)
        )
    assert await case.ask() == (200, "")


async def test_paused_token_is_refused_until_it_is_resumed(case: Case) -> None:
    principal, token = case.person.principal, case.token
    paused = await conditions.pause(principal, token.id)
    assert await case.ask() == (401, "TOKEN_PAUSED")
    assert not await case.is_active()
    assert await conditions.states(principal, [paused]) == ["PAUSED"]
    again = await conditions.pause(principal, token.id)
    assert (again.paused_at, again.revision) == (paused.paused_at, paused.revision)
    resumed = await conditions.resume(principal, token.id)
    assert (resumed.paused_at, resumed.revision) == (None, 3)
    assert await case.ask() == (200, "")
    assert await activity(token) == [(ActivityKind.PAUSED, {}), (ActivityKind.RESUMED, {})]


async def test_token_is_accepted_from_its_networks_alone(case: Case) -> None:
    principal, token = case.person.principal, case.token
    await conditions.set_networks(principal, token.id, ["198.51.100.0/24", "2001:db8::/32"])
    assert await case.ask() == (403, "ADDRESS_NOT_ALLOWED")
    # Introspection does not know where the request came from.
    assert await case.is_active()
    both = ["198.51.100.0/24", "203.0.113.7"]
    changed = await conditions.set_networks(principal, token.id, both)
    assert changed.networks == "198.51.100.0/24,203.0.113.7/32"
    assert await case.ask() == (200, "")
    await models.Tenant.filter(id=case.tenant.id).update(networks="198.51.100.0/24")
    assert await case.ask() == (403, "ADDRESS_NOT_ALLOWED")
    await models.Tenant.filter(id=case.tenant.id).update(networks=None)
    assert (await conditions.set_networks(principal, token.id, [])).networks is None
    assert await case.ask() == (200, "")
    assert [kind for kind, _ in await activity(token)] == [ActivityKind.NETWORKS_SET] * 3


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("", "Entry 2 is no network"),
        ("203.0.113.7/24", r"the network is 203\.0\.113\.0/24"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("203.0.113.0/33", "Entry 2 is no network"),
        ("example.com", "Entry 2 is no network"),
        ("tsr_" + "0" * 49, "Entry 2 is no network"),
        ("fe80::1%eth0/64", "Entry 2 is no network"),
        ("1.2.3.4," * 1000, "Entry 2 is no network"),
        ("٣.0.0.0/8", "Entry 2 is no network"),
    ],
)
async def test_text_that_is_no_network_is_refused_by_its_place(entry: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        clean_networks(["192.0.2.0/24", entry])
    assert refused.value.field == "networks"
    assert not entry or entry not in refused.value.message


def test_networks_are_kept_in_one_spelling() -> None:
    given = ["192.0.2.1", "2001:DB8:0::/32", "::ffff:198.51.100.0/120", "192.0.2.1/32"]
    assert clean_networks(given) == "192.0.2.1/32,2001:db8::/32,198.51.100.0/24"
    assert clean_networks([f"192.0.2.{n}" for n in range(50)])
    with pytest.raises(InvalidInput, match="at most 50"):
        clean_networks([f"192.0.2.{n}" for n in range(51)])


async def test_token_has_a_limit_of_its_own(case: Case) -> None:
    principal, token = case.person.principal, case.token
    await conditions.set_rate_limit(principal, token.id, 2)
    host = f"{case.tenant.slug}.api.us.example.com"
    answer = await case.gateway.ask(case.secret, host=host)
    assert answer.headers["ratelimit-policy"] == '"token-hour";q=2;w=3600, "hour";q=10000;w=3600'
    assert answer.headers["ratelimit"].startswith('"token-hour";r=1;t=')
    assert await case.ask() == (200, "")
    assert await case.ask() == (403, "RATE_LIMITED")  # nginx: 429 in a header
    for refused in (0, -1, 2_000_000_000):
        with pytest.raises(InvalidInput, match="requests an hour"):
            await conditions.set_rate_limit(principal, token.id, refused)
    await conditions.set_rate_limit(principal, token.id, None)
    assert await case.ask() == (200, "")
    assert [kind for kind, _ in await activity(token)] == [ActivityKind.RATE_LIMIT_SET] * 2


async def test_answer_tells_when_the_token_expires(case: Case) -> None:
    at = datetime(2031, 2, 3, 4, 5, 6, 7_000, tzinfo=UTC)
    await conditions.set_expiry(case.person.principal, case.token.id, at)
    answer = await case.gateway.ask(case.secret, host=f"{case.tenant.slug}.api.us.example.com")
    assert answer.headers["x-tessera-token-expires-at"] == "2031-02-03T04:05:06.007Z"


async def test_transferred_token_goes_with_its_new_owner(case: Case, world: World) -> None:
    owner = case.person
    leaver = await world.person(case.tenant, Role.ADMIN)
    with pytest.raises(NotFound):
        await conditions.transfer(owner.principal, case.token.id, (await world.person()).admin.id)
    moved = await conditions.transfer(owner.principal, case.token.id, leaver.admin.id)
    assert moved.owner_id == leaver.admin.id
    kept = (await tokens.create(leaver.principal, case.service, name="k")).token
    await conditions.transfer(leaver.principal, kept.id, None)
    ours = await tokens.create(
        leaver.principal, case.service, name="o", is_owned_by_organisation=True
    )
    assert await admins.count_live_tokens(owner.principal, [leaver.admin.id]) == {
        leaver.admin.id: 1
    }
    assert (await admins.remove(owner.principal, leaver.admin.id)).revoked == 1
    assert await case.ask() == (401, "TOKEN_REVOKED")
    for one in (kept, ours.token):
        row = await models.Token.get(tenant_id=one.tenant_id, id=one.id)
        assert (row.is_live, row.owner_id) == (True, None)


async def test_new_token_takes_its_conditions(case: Case) -> None:
    at = datetime(2031, 1, 1, tzinfo=UTC)
    given = Conditions(at, ["203.0.113.0/24"], 7, holder_may_rotate=True)
    made = await tokens.create(
        case.person.principal, case.service, name="n", permissions=[KEY], conditions=given
    )
    token = made.token
    assert (token.expires_at, token.networks, token.requests_per_hour) == (
        at, "203.0.113.0/24", 7
    )  # fmt: skip
    assert token.holder_may_rotate
    secret = await models.TokenSecret.get(tenant_id=token.tenant_id, token_id=token.id)
    assert (secret.expires_at, secret.networks, secret.requests_per_hour) == (
        at, "203.0.113.0/24", 7
    )  # fmt: skip


async def test_holder_may_rotate_as_long_as_an_admin_allows_it(case: Case) -> None:
    principal, token = case.person.principal, case.token
    own = Holder(token.tenant_id, token.id)
    for allowed in (True, True, False, False):
        changed = await conditions.set_holder_may_rotate(principal, token.id, allowed)
        assert changed.holder_may_rotate is allowed
        if allowed:
            request = RotationRequest(replace=True)
            assert (await holder.rotate(own, case.service, request)).secret
        else:
            with pytest.raises(RotationNotAllowed):
                await holder.rotate(own, case.service, RotationRequest(replace=True))
    kind = ActivityKind.HOLDER_MAY_ROTATE_SET
    changes = [details for one, details in await activity(token) if one is kind]
    assert changes == [{"holderMayRotate": True}, {"holderMayRotate": False}]


async def test_stale_revision_changes_nothing(case: Case) -> None:
    principal, token_id = case.person.principal, case.token.id
    at = datetime(2031, 1, 1, tzinfo=UTC)
    for change in (
        conditions.set_expiry(principal, token_id, at, 9),
        conditions.pause(principal, token_id, 9),
        conditions.resume(principal, token_id, 9),
        conditions.set_networks(principal, token_id, ["192.0.2.1"], 9),
        conditions.set_rate_limit(principal, token_id, 5, 9),
        conditions.set_holder_may_rotate(principal, token_id, True, 9),
        conditions.transfer(principal, token_id, None, 9),
    ):
        with pytest.raises(RevisionConflict):
            await change
    assert await activity(case.token) == []
    assert await case.ask() == (200, "")


async def test_revoked_token_takes_no_conditions(case: Case) -> None:
    principal, token_id = case.person.principal, case.token.id
    await tokens.revoke(principal, token_id)
    for change in (
        conditions.set_expiry(principal, token_id, None),
        conditions.pause(principal, token_id),
        conditions.resume(principal, token_id),
        conditions.set_networks(principal, token_id, []),
        conditions.set_rate_limit(principal, token_id, None),
        conditions.set_holder_may_rotate(principal, token_id, True),
        conditions.transfer(principal, token_id, None),
    ):
        with pytest.raises(NotFound):
            await change
    assert await case.ask() == (401, "TOKEN_REVOKED")

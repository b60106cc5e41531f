"""Removed admins stay for the activity, and are not there for anything else."""

import pytest

import models
from models import ActivityKind, AdminState, Role
from server.access.principal import Operator
from server.access.sessions import accept_invitation, principal_of, sign_in
from server.errors import InvalidInput, NotFound, Unauthenticated, WrongPassword
from server.operations import activity, admins, conditions, tenants, tokens
from server.operations.admins import ERASED
from server.paging import PageRequest
from tests.support.factories import PASSWORD, Client, Person, World

_ALL, _OPERATOR = PageRequest(100), Operator("ada")
_NEW = "seven green badgers sing"


async def _left(world: World) -> tuple[Person, Person, str]:
    """An owner, an admin whom the owner has removed, and their tenant's slug."""
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    gone = await world.person(tenant, Role.ADMIN, name="Grace Gone", email="grace@example.com")
    await world.token(gone, "theirs")
    await admins.remove(owner.principal, gone.admin.id)
    return owner, gone, tenant.slug


async def test_removed_admin_is_not_there(world: World) -> None:
    owner, gone, slug = await _left(world)
    with pytest.raises(Unauthenticated):
        await principal_of(world.service, gone.session)
    with pytest.raises(WrongPassword):
        await sign_in(
            world.service, tenant=slug, email="grace@example.com", password=PASSWORD, address="::1"
        )
    for change in (
        admins.remove(owner.principal, gone.admin.id),
        admins.set_role(owner.principal, gone.admin.id, Role.AUDITOR),
        admins.transfer_ownership(owner.principal, gone.admin.id),
        admins.renew_invitation(owner.principal, world.service, gone.admin.id),
        admins.invite_again(_OPERATOR, world.service, slug, "grace@example.com"),
    ):
        with pytest.raises(NotFound):
            await change
    kept = (await world.token(owner)).token
    with pytest.raises(NotFound):
        await conditions.transfer(owner.principal, kept.id, gone.admin.id)
    with pytest.raises(Unauthenticated):
        await tokens.rename(gone.principal, kept.id, "taken over")
    [size] = await tenants.every(_OPERATOR)
    assert size.admins == 1
    assert [row.id for row in (await admins.search(owner.principal, _ALL)).rows] == [owner.admin.id]


async def test_removed_address_is_free_also_twice(world: World) -> None:
    owner, gone, _ = await _left(world)
    again = await admins.add(
        owner.principal, world.service, email="grace@example.com", name="B", role=Role.ADMIN
    )
    await admins.remove(owner.principal, again.admin.id)
    third = await admins.add(
        owner.principal, world.service, email="grace@example.com", name="C", role=Role.ADMIN
    )
    assert len({gone.admin.id, again.admin.id, third.admin.id}) == 3
    with pytest.raises(InvalidInput):
        await admins.add(
            owner.principal, world.service, email="grace@example.com", name="D", role=Role.ADMIN
        )


async def test_a_session_that_outlived_the_removal_opens_nothing(world: World) -> None:
    """As one that a sign-in under way would leave."""
    _, gone, _ = await _left(world)
    left = await world.sign_in(gone.admin)
    with pytest.raises(Unauthenticated):
        await principal_of(world.service, left.session)


async def test_list_and_activity_name_the_removed(client: Client, world: World) -> None:
    owner, gone, _ = await _left(world)
    invited = await admins.add(
        owner.principal, world.service, email="i@example.com", name="I", role=Role.ADMIN
    )
    query = """query ($removed: Boolean, $id: ID!) {
        admins(includeRemoved: $removed) { edges { node { name email state removedAt } } }
        node(id: $id) { ... on Admin { state } }
        activity(first: 100) { edges { node { __typename actor { name } } } } }"""
    data = await client.of(owner).data(query, removed=True, id=gone.id)
    listed = {edge["node"]["name"]: edge["node"] for edge in data["admins"]["edges"]}
    assert {name: one["state"] for name, one in listed.items()} == {
        owner.admin.name: "ACTIVE", "Grace Gone": "REMOVED", "I": "INVITED",
    }  # fmt: skip
    assert listed["Grace Gone"]["email"] == "grace@example.com"
    assert [bool(one["removedAt"]) for one in listed.values()].count(True) == 1
    created = [edge["node"] for edge in data["activity"]["edges"]][-1]
    assert created == {"__typename": "TokenCreated", "actor": {"name": "Grace Gone"}}
    assert data["node"] == {"state": "REMOVED"}
    for removed in (None, False):
        shown = await client.of(owner).data(query, removed=removed, id=invited.admin.id.hex)
        assert len(shown["admins"]["edges"]) == 2


async def test_invitations_end_with_those_who_made_them(world: World) -> None:
    """An admin who renewed a colleague's invitation, and kept it, has nothing left of it."""
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    leaving = await world.person(tenant, Role.ADMIN)
    by_owner, renewed = [
        await admins.add(
            owner.principal, world.service, email=f"{name}@example.com", name=name, role=Role.ADMIN
        )
        for name in ("kept", "renewed")
    ]
    again = await admins.renew_invitation(leaving.principal, world.service, renewed.admin.id)
    made = await admins.add(
        leaving.principal, world.service, email="made@example.com", name="M", role=Role.ADMIN
    )
    await admins.remove(owner.principal, leaving.admin.id)
    for ended in (again, made):
        with pytest.raises(NotFound):
            await accept_invitation(
                world.service, invitation=ended.invitation, password=_NEW, address="::1"
            )
    await accept_invitation(
        world.service, invitation=by_owner.invitation, password=_NEW, address="::1"
    )
    rows = (await activity.of_tenant(owner.principal, _ALL)).rows
    ended_ones = {row.subject_id for row in rows if row.kind is ActivityKind.INVITATION_ENDED}
    assert ended_ones == {renewed.admin.id, made.admin.id}
    renewals = [row for row in rows if row.kind is ActivityKind.INVITATION_RENEWED]
    assert [(row.actor_id, row.subject_id) for row in renewals] == [
        (leaving.admin.id, renewed.admin.id)
    ]
    # They are still invited, and can be again.
    await admins.renew_invitation(owner.principal, world.service, renewed.admin.id)


async def test_erasing_leaves_the_trail_whole_and_no_name(client: Client, world: World) -> None:
    owner, gone, slug = await _left(world)
    before = (await activity.of_tenant(owner.principal, _ALL)).rows
    for wrong in ("nobody@example.com", owner.admin.email):
        with pytest.raises(NotFound):
            await admins.erase(_OPERATOR, slug, wrong)
    assert await admins.erase(_OPERATOR, slug, " Grace@Example.com ") == 1
    with pytest.raises(NotFound):
        await admins.erase(_OPERATOR, slug, "grace@example.com")
    row = await models.Admin.get(tenant_id=owner.admin.tenant_id, id=gone.admin.id)
    assert (row.name, row.address, row.state) == (ERASED, ERASED, AdminState.REMOVED)
    after = (await activity.of_tenant(owner.principal, _ALL)).rows
    assert [one.id for one in after][1:] == [one.id for one in before]
    assert after[0].kind is ActivityKind.ADMIN_ERASED
    admins_now = [vars(one) for one in await models.Admin.all()]
    kept = str([*after, *admins_now]).lower()
    assert "grace" not in kept
    data = await client.of(owner).data(
        "query ($id: ID!) { activity(filter: {actorId: $id}) { edges { node { actorName } } } }",
        id=gone.id,
    )
    assert {edge["node"]["actorName"] for edge in data["activity"]["edges"]} == {ERASED}


async def test_owner_who_is_there_is_not_erased(world: World) -> None:
    owner = await world.person(email="owner@example.com")
    slug = (await models.Tenant.get(id=owner.admin.tenant_id)).slug
    with pytest.raises(NotFound):
        await admins.erase(_OPERATOR, slug, "owner@example.com")

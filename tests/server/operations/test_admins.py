"""Operations on admins, and the effects of removing one."""

import pytest

import models
from models import Role
from server.access.principal import Operator
from server.access.sessions import accept_invitation, principal_of
from server.errors import InvalidInput, LastOwner, NotFound, OwnAccount, Unauthenticated
from server.operations import activity, admins, tenants, tokens
from server.paging import PageRequest
from tests.support.factories import Client, Person, World, complete, token_id

_ALL = PageRequest(100)
_PASSWORD = "nine copper lanterns flicker"


async def _colleague(world: World, owner: Person, role: Role = Role.ADMIN) -> Person:
    return await world.person(await models.Tenant.get(id=owner.admin.tenant_id), role)


async def test_an_invited_admin_accepts_once_and_signs_in(client: Client, world: World) -> None:
    owner = await world.person()
    added = await admins.add(
        owner.principal, world.service, email=" Ada@Example.com ", name="Ada", role=Role.ADMIN
    )
    assert added.admin.email == "ada@example.com"
    assert added.invitation not in repr(added)
    password = "nine copper lanterns flicker"
    invitation = {"invitation": added.invitation, "password": password}
    assert (await client.http.post("/invitation", json=invitation)).status_code == 204
    assert (await client.http.post("/invitation", json=invitation)).status_code == 422
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    who = {"tenant": tenant.slug, "email": "ADA@example.com", "password": password}
    assert (await client.http.post("/session", json=who)).status_code == 201


async def test_new_invitation_replaces_the_old_one(client: Client, world: World) -> None:
    owner = await world.person()
    added = await admins.add(
        owner.principal, world.service, email="ada@example.com", name="Ada", role=Role.ADMIN
    )
    renewed = await admins.renew_invitation(owner.principal, world.service, added.admin.id)
    assert renewed.admin.id == added.admin.id
    assert renewed.expires_at >= added.expires_at
    assert renewed.invitation not in repr(renewed)
    password = "nine copper lanterns flicker"
    for invitation, status in ((added.invitation, 422), (renewed.invitation, 204)):
        accept = {"invitation": invitation, "password": password}
        assert (await client.http.post("/invitation", json=accept)).status_code == status


async def test_active_admin_is_not_invited_again_by_an_admin(client: Client, world: World) -> None:
    """With such an invitation an admin could sign in as the owner."""
    owner = await world.person()
    admin = await _colleague(world, owner)
    for person in (owner, admin):
        with pytest.raises(InvalidInput) as refused:
            await admins.renew_invitation(admin.principal, world.service, person.admin.id)
        assert refused.value.field == "adminId"
    assert await models.Invitation.all().count() == 0


@pytest.mark.parametrize(
    ("email", "again"),
    [
        ("a@example.com", "A@EXAMPLE.COM"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@xn--bcher-kva.example", "A@BÜCHER.example"),
    ],
)
async def test_address_belongs_to_one_admin_of_a_tenant(
    email: str, again: str, world: World
) -> None:
    owner, elsewhere = await world.person(), await world.person()
    for person in (owner, elsewhere):
        await admins.add(person.principal, world.service, email=email, name="A", role=Role.AUDITOR)
    with pytest.raises(InvalidInput) as refused:
        await admins.add(owner.principal, world.service, email=again, name="B", role=Role.ADMIN)
    assert refused.value.field == "email"
    assert len((await admins.search(owner.principal, _ALL)).rows) == 2


async def test_owner_role_is_given_by_transfer_only(world: World) -> None:
    owner = await world.person()
    colleague = await _colleague(world, owner)
    with pytest.raises(InvalidInput):
        await admins.add(
            owner.principal, world.service, email="a@example.com", name="A", role=Role.OWNER
        )
    with pytest.raises(InvalidInput):
        await admins.set_role(owner.principal, colleague.admin.id, Role.OWNER)
    with pytest.raises(LastOwner):
        await admins.set_role(colleague.principal, owner.admin.id, Role.ADMIN)
    heir, former = await admins.transfer_ownership(owner.principal, colleague.admin.id)
    assert (heir.id, heir.role) == (colleague.admin.id, Role.OWNER)
    assert (former.id, former.role) == (owner.admin.id, Role.ADMIN)
    roles = [row.role for row in (await admins.search(owner.principal, _ALL)).rows]
    assert sorted(role.value for role in roles) == ["ADMIN", "OWNER"]


async def test_ownership_goes_only_to_an_active_admin(world: World) -> None:
    owner = await world.person()
    invited = await admins.add(
        owner.principal, world.service, email="a@example.com", name="A", role=Role.ADMIN
    )
    for heir in (invited.admin.id, owner.admin.id):
        with pytest.raises(InvalidInput) as refused:
            await admins.transfer_ownership(owner.principal, heir)
        assert refused.value.field == "adminId"


async def test_removing_an_admin_ends_their_tokens_sessions_and_invitation(world: World) -> None:
    owner = await world.person()
    leaving = await _colleague(world, owner)
    theirs = [(await world.token(leaving, f"token {n}")).token for n in range(3)]
    await tokens.revoke(owner.principal, theirs[0].id)
    kept = (await world.token(owner, "kept")).token
    assert await admins.count_live_tokens(
        owner.principal, [leaving.admin.id, owner.admin.id, models.new_id()]
    ) == {leaving.admin.id: 2, owner.admin.id: 1}
    assert (await admins.remove(owner.principal, leaving.admin.id)).revoked == 2
    live = (await tokens.search(owner.principal, _ALL)).rows
    assert [row.id for row in live] == [kept.id]
    with pytest.raises(Unauthenticated):
        await principal_of(world.service, leaving.session)
    with pytest.raises(Unauthenticated):
        await world.token(leaving)
    reasons = {
        token.id: (await activity.of_token(owner.principal, token.id, _ALL)).rows[0].details
        for token in theirs
    }
    assert [reasons[token.id]["reason"] for token in theirs] == [
        "REVOKED",
        "CREATOR_REMOVED",
        "CREATOR_REMOVED",
    ]


async def test_activity_of_a_removed_admin_stays_without_a_name(
    client: Client, world: World
) -> None:
    owner = await world.person()
    leaving = await _colleague(world, owner)
    token = (await world.token(leaving)).token
    await admins.remove(owner.principal, leaving.admin.id)
    data = await client.of(owner).data(
        "query ($id: ID!) { token(id: $id) { revokedAt createdBy { name }"
        " activity { edges { node { __typename actor { name } } } } } }",
        id=token_id(token),
    )
    assert data["token"]["revokedAt"]
    assert data["token"]["createdBy"] == {"name": leaving.admin.name}
    assert [edge["node"] for edge in data["token"]["activity"]["edges"]] == [
        {"__typename": "TokenRevoked", "actor": {"name": owner.admin.name}},
        {"__typename": "TokenCreated", "actor": {"name": leaving.admin.name}},
    ]


async def test_removing_an_admin_revokes_many_tokens(world: World) -> None:
    """More tokens than one batch."""
    owner = await world.person()
    leaving = await _colleague(world, owner)
    made = [
        models.Token(
            tenant_id=owner.admin.tenant_id,
            name=f"token {n}",
            description="",
            hint="tsr_…",
            created_by_id=leaving.admin.id,
            owner_id=leaving.admin.id,
        )
        for n in range(1201)
    ]
    await models.Token.bulk_create(made)
    await complete(made)
    assert (await admins.remove(owner.principal, leaving.admin.id)).revoked == 1201
    assert not (await tokens.search(owner.principal, _ALL)).rows
    assert not (await tokens.search(owner.principal, _ALL, "token 7")).rows
    searched = models.TokenSearch.filter(tenant_id=owner.admin.tenant_id)
    assert not await searched.exclude(words="").exists()
    revoked = models.Activity.filter(tenant_id=owner.admin.tenant_id, kind="REVOKED")
    assert await revoked.count() == 1201


async def test_owner_and_own_account_cannot_be_removed(world: World) -> None:
    owner = await world.person()
    colleague = await _colleague(world, owner)
    with pytest.raises(OwnAccount):
        await admins.remove(colleague.principal, colleague.admin.id)
    for person in (owner, colleague):
        with pytest.raises(LastOwner):
            await admins.remove(person.principal, owner.admin.id)
    assert len((await admins.search(owner.principal, _ALL)).rows) == 2


async def test_invitation_of_a_removed_admin_is_invalid(world: World) -> None:
    owner = await world.person()
    added = await admins.add(
        owner.principal, world.service, email="a@example.com", name="A", role=Role.ADMIN
    )
    await admins.remove(owner.principal, added.admin.id)
    with pytest.raises(NotFound):
        await accept_invitation(
            world.service, invitation=added.invitation, password=_PASSWORD, address="192.0.2.1"
        )


async def test_reinvited_admin_keeps_their_tokens(world: World) -> None:
    """For a forgotten password; the owner, who cannot be removed, has no other way."""
    owner = await world.person()
    kept = (await world.token(owner)).token
    slug = (await models.Tenant.get(id=owner.admin.tenant_id)).slug
    first, second = [
        await admins.invite_again(Operator(), world.service, slug, f" {email} ")
        for email in (owner.admin.email, owner.admin.email.upper())
    ]
    assert (second.admin.id, second.admin.role) == (owner.admin.id, Role.OWNER)
    assert second.invitation not in repr(second)
    assert (await principal_of(world.service, owner.session)).admin_id == owner.admin.id
    with pytest.raises(NotFound):
        await accept_invitation(
            world.service, invitation=first.invitation, password=_PASSWORD, address="192.0.2.1"
        )
    await accept_invitation(
        world.service, invitation=second.invitation, password=_PASSWORD, address="192.0.2.1"
    )
    with pytest.raises(Unauthenticated):
        await principal_of(world.service, owner.session)
    live = (await tokens.search(owner.principal, _ALL)).rows
    assert [row.id for row in live] == [kept.id]


async def test_expired_invitation_can_be_replaced(world: World) -> None:
    owner = await world.person()
    added = await admins.add(
        owner.principal, world.service, email="a@example.com", name="A", role=Role.ADMIN
    )
    slug = (await models.Tenant.get(id=owner.admin.tenant_id)).slug
    await models.Invitation.filter(tenant_id=added.admin.tenant_id).update(expires_at=models.now())
    again = await admins.invite_again(Operator(), world.service, slug, "a@example.com")
    assert again.expires_at > added.expires_at
    await accept_invitation(
        world.service, invitation=again.invitation, password=_PASSWORD, address="192.0.2.1"
    )
    assert (await models.Admin.get(id=added.admin.id)).password_hash


async def test_only_admins_of_the_tenant_are_reinvited(world: World) -> None:
    owner, stranger = await world.person(), await world.person()
    slug = (await models.Tenant.get(id=owner.admin.tenant_id)).slug
    for wanted, email, refusal in (
        (slug, stranger.admin.email, NotFound),
        ("nobody", owner.admin.email, NotFound),
        ("No Slug", owner.admin.email, InvalidInput),
        (slug, "\udcff", InvalidInput),
    ):
        with pytest.raises(refusal):
            await admins.invite_again(Operator(), world.service, wanted, email)
    assert not await models.Invitation.exists()


async def test_address_of_a_removed_admin_can_be_invited(world: World) -> None:
    owner = await world.person()
    colleague = await _colleague(world, owner)
    await admins.remove(owner.principal, colleague.admin.id)
    again = await admins.add(
        owner.principal, world.service, email=colleague.admin.email, name="B", role=Role.ADMIN
    )
    assert again.admin.id != colleague.admin.id


async def test_admins_of_other_tenants_are_not_found(world: World) -> None:
    owner, stranger = await world.person(), await world.person()
    for change in (
        admins.remove(owner.principal, stranger.admin.id),
        admins.set_role(owner.principal, stranger.admin.id, Role.AUDITOR),
        admins.transfer_ownership(owner.principal, stranger.admin.id),
    ):
        with pytest.raises(NotFound):
            await change
    assert await admins.find_many(owner.principal, [stranger.admin.id]) == {}
    assert (await tenants.get(owner.principal)).id == owner.admin.tenant_id

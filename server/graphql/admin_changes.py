"""Changing admins: inputs, results and mutations. What they do lives in `operations.admins`."""

from typing import Annotated

import strawberry

from models import Role
from server.global_ids import id_of
from server.graphql.admins import Admin, shown_admin
from server.graphql.basics import DateTime
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, LastOwner, NotFound, OwnAccount
from server.operations import admins

_INPUT = strawberry.argument(description="What to change, and to what.")
_ADMIN_ID = "The admin's global id."


@strawberry.input(description="Whom to invite.")
class AddAdminInput:
    email: str = strawberry.field(
        description="The e-mail address they will sign in with. It is kept in lower case, and an"
        " international domain in its ASCII spelling."
    )
    name: str = strawberry.field(description="What they are called: 1 to 100 characters.")
    role: Role = strawberry.field(description="What they will be: anything but the owner.")


@strawberry.input(description="Whose invitation to make anew.")
class RenewInvitationInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.input(description="Another role for an admin.")
class SetAdminRoleInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)
    role: Role = strawberry.field(description="What they will be: anything but the owner.")


@strawberry.input(description="Who is to own the tenant.")
class TransferOwnershipInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.input(description="Whom to remove.")
class RemoveAdminInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.type(description="A new admin, who has yet to accept the invitation.")
class AddAdminPayload:
    admin: Admin = strawberry.field(description="The admin.")
    invitation: str = strawberry.field(
        description="The secret with which they set a password, once: shown here and never again."
    )
    expires_at: DateTime = strawberry.field(description="Until when the invitation holds.")


@strawberry.type(description="Another invitation; the one before no longer holds.")
class RenewInvitationPayload:
    admin: Admin = strawberry.field(description="The admin, who has yet to accept it.")
    invitation: str = strawberry.field(
        description="The secret with which they set a password, once: shown here and never again."
    )
    expires_at: DateTime = strawberry.field(description="Until when the invitation holds.")


@strawberry.type(description="The admin in their new role.")
class SetAdminRolePayload:
    admin: Admin = strawberry.field(description="The admin.")


@strawberry.type(description="The tenant's new owner, and the former one.")
class TransferOwnershipPayload:
    owner: Admin = strawberry.field(description="Who owns the tenant now.")
    former_owner: Admin = strawberry.field(description="Who owned it before; an admin now.")


@strawberry.type(description="An admin was removed, and their tokens with them.")
class RemoveAdminPayload:
    admin_id: strawberry.ID = strawberry.field(description="The global id they had.")
    revoked_token_count: int = strawberry.field(description="How many tokens were revoked.")


AddAdminResult = Annotated[
    AddAdminPayload | InvalidInput,
    strawberry.union("AddAdminResult", description="A new admin, or why there is none."),
]
RenewInvitationResult = Annotated[
    RenewInvitationPayload | InvalidInput | NotFound,
    strawberry.union(
        "RenewInvitationResult", description="Another invitation, or why there is none."
    ),
]
SetAdminRoleResult = Annotated[
    SetAdminRolePayload | InvalidInput | NotFound | LastOwner,
    strawberry.union("SetAdminRoleResult", description="The admin, or why they are unchanged."),
]
TransferOwnershipResult = Annotated[
    TransferOwnershipPayload | InvalidInput | NotFound,
    strawberry.union("TransferOwnershipResult", description="The new owner, or why there is none."),
]
RemoveAdminResult = Annotated[
    RemoveAdminPayload | NotFound | LastOwner | OwnAccount,
    strawberry.union(
        "RemoveAdminResult", description="What went with the admin, or why they are still there."
    ),
]


async def add_admin(info: Info, input: Annotated[AddAdminInput, _INPUT]) -> AddAdminResult:
    added = await admins.add(
        info.context.principal,
        info.context.service,
        email=input.email,
        name=input.name,
        role=input.role,
    )
    return AddAdminPayload(
        admin=shown_admin(added.admin),
        invitation=added.invitation,
        expires_at=DateTime(added.expires_at),
    )


async def renew_invitation(
    info: Info, input: Annotated[RenewInvitationInput, _INPUT]
) -> RenewInvitationResult:
    invited = await admins.renew_invitation(
        info.context.principal, info.context.service, id_of("Admin", input.admin_id)
    )
    return RenewInvitationPayload(
        admin=shown_admin(invited.admin),
        invitation=invited.invitation,
        expires_at=DateTime(invited.expires_at),
    )


async def set_admin_role(
    info: Info, input: Annotated[SetAdminRoleInput, _INPUT]
) -> SetAdminRoleResult:
    admin_id = id_of("Admin", input.admin_id)
    admin = await admins.set_role(info.context.principal, admin_id, input.role)
    return SetAdminRolePayload(admin=shown_admin(admin))


async def transfer_ownership(
    info: Info, input: Annotated[TransferOwnershipInput, _INPUT]
) -> TransferOwnershipResult:
    admin_id = id_of("Admin", input.admin_id)
    owner, former_owner = await admins.transfer_ownership(info.context.principal, admin_id)
    return TransferOwnershipPayload(
        owner=shown_admin(owner), former_owner=shown_admin(former_owner)
    )


async def remove_admin(info: Info, input: Annotated[RemoveAdminInput, _INPUT]) -> RemoveAdminResult:
    count = await admins.remove(info.context.principal, id_of("Admin", input.admin_id))
    return RemoveAdminPayload(admin_id=input.admin_id, revoked_token_count=count)

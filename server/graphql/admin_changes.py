"""Changing admins: inputs, results and mutations. The logic is in `operations.admins`."""

from typing import Annotated

import strawberry

from models import Role
from server.global_ids import id_of
from server.graphql.admins import Admin, shown_admin
from server.graphql.basics import DateTime
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, LastOwner, NotFound, OwnAccount
from server.operations import admins

_INPUT = strawberry.argument(description="The change and its values.")
_ADMIN_ID = "The admin's global id."


@strawberry.input(description="The admin to invite.")
class AddAdminInput:
    email: str = strawberry.field(
        description="The e-mail address they will sign in with. It is kept in lower case, and an"
        " international domain in its ASCII spelling."
    )
    name: str = strawberry.field(description="Their name: 1 to 100 characters.")
    role: Role = strawberry.field(description="Their role: any but `OWNER`.")


@strawberry.input(description="The admin whose invitation to renew.")
class RenewInvitationInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.input(description="The new role of an admin.")
class SetAdminRoleInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)
    role: Role = strawberry.field(description="Their role: any but `OWNER`.")


@strawberry.input(description="The tenant's new owner.")
class TransferOwnershipInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.input(description="The admin to remove.")
class RemoveAdminInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)


@strawberry.type(description="A new admin, who has yet to accept the invitation.")
class AddAdminPayload:
    admin: Admin = strawberry.field(description="The admin.")
    invitation: str = strawberry.field(
        description="The secret for setting their password, once. It is shown only here."
    )
    expires_at: DateTime = strawberry.field(description="When the invitation expires.")


@strawberry.type(description="A new invitation; it invalidates the previous one.")
class RenewInvitationPayload:
    admin: Admin = strawberry.field(description="The admin, who has yet to accept it.")
    invitation: str = strawberry.field(
        description="The secret for setting their password, once. It is shown only here."
    )
    expires_at: DateTime = strawberry.field(description="When the invitation expires.")


@strawberry.type(description="The admin in their new role.")
class SetAdminRolePayload:
    admin: Admin = strawberry.field(description="The admin.")


@strawberry.type(description="The tenant's new owner, and the former one.")
class TransferOwnershipPayload:
    owner: Admin = strawberry.field(description="The new owner.")
    former_owner: Admin = strawberry.field(description="The previous owner, now an admin.")


@strawberry.type(description="An admin was removed, and their tokens with them.")
class RemoveAdminPayload:
    admin_id: strawberry.ID = strawberry.field(description="The removed admin's global id.")
    revoked_token_count: int = strawberry.field(description="How many tokens were revoked.")


AddAdminResult = Annotated[
    AddAdminPayload | InvalidInput,
    strawberry.union("AddAdminResult", description="A new admin, or why there is none."),
]
RenewInvitationResult = Annotated[
    RenewInvitationPayload | InvalidInput | NotFound,
    strawberry.union(
        "RenewInvitationResult", description="The new invitation, or why there is none."
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
        "RemoveAdminResult", description="The removal, or why the admin was not removed."
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

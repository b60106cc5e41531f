"""Changing admins: inputs, results and mutations. The logic is in `operations.admins`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models import Role
from server import errors
from server.decisions.removal import Choice, Choices, RemovalAction
from server.global_ids import id_of
from server.graphql.admins import Admin, shown_admin
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.graphql.problems import (
    InvalidInput,
    LastOwner,
    NotFound,
    OwnAccount,
    RemovalPlanConflict,
)
from server.operations import admins

_INPUT = strawberry.argument(description="The change and its values.")
_SENT = (
    "Whether the server sends it to the admin by e-mail too. False where the operator has set up no"
    " mail server, and beyond 100 invitations of the tenant in 24 hours."
)
_ADMIN_ID = "The admin's global id."
_TO_ADMIN_ID = "The admin who gets it by TRANSFER; null for the organisation."


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


@strawberry.input(description="The choice for one token of the removed admin.")
class RemovalChoiceInput:
    token_id: strawberry.ID = strawberry.field(description="The token's global id.")
    action: RemovalAction = strawberry.field(description="Whether to revoke or to transfer it.")
    to_admin_id: strawberry.ID | None = strawberry.field(description=_TO_ADMIN_ID, default=UNSET)


@strawberry.input(description="The choice for the other tokens of the removed admin.")
class RemovalDefaultInput:
    action: RemovalAction = strawberry.field(description="Whether to revoke or to transfer them.")
    to_admin_id: strawberry.ID | None = strawberry.field(description=_TO_ADMIN_ID, default=UNSET)


@strawberry.input(description="The admin to remove, and what becomes of their tokens.")
class RemoveAdminInput:
    admin_id: strawberry.ID = strawberry.field(description=_ADMIN_ID)
    plan: list[RemovalChoiceInput] | None = strawberry.field(
        description="Choices for single tokens that they own: at most 1,000.", default=UNSET
    )
    others: RemovalDefaultInput | None = strawberry.field(
        description="The choice for all tokens that `plan` does not name. By default, they are"
        " revoked.",
        default=UNSET,
    )
    if_version: str | None = strawberry.field(
        description="Remove the admin only if this is the current version of `removalPlan`.",
        default=UNSET,
    )


@strawberry.type(description="A new admin, who has yet to accept the invitation.")
class AddAdminPayload:
    admin: Admin = strawberry.field(description="The admin.")
    invitation: str = strawberry.field(
        description="The secret for setting their password, once. No other answer shows it."
    )
    expires_at: DateTime = strawberry.field(description="When the invitation expires.")
    is_sent_by_email: bool = strawberry.field(description=_SENT)


@strawberry.type(description="A new invitation; it invalidates the previous one.")
class RenewInvitationPayload:
    admin: Admin = strawberry.field(description="The admin, who has yet to accept it.")
    invitation: str = strawberry.field(
        description="The secret for setting their password, once. No other answer shows it."
    )
    expires_at: DateTime = strawberry.field(description="When the invitation expires.")
    is_sent_by_email: bool = strawberry.field(description=_SENT)


@strawberry.type(description="The admin in their new role.")
class SetAdminRolePayload:
    admin: Admin = strawberry.field(description="The admin.")


@strawberry.type(description="The tenant's new owner, and the former one.")
class TransferOwnershipPayload:
    owner: Admin = strawberry.field(description="The new owner.")
    former_owner: Admin = strawberry.field(description="The previous owner, now an admin.")


@strawberry.type(description="An admin was removed, and their tokens were revoked or transferred.")
class RemoveAdminPayload:
    admin_id: strawberry.ID = strawberry.field(description="The removed admin's global id.")
    revoked_token_count: int = strawberry.field(description="How many tokens were revoked.")
    transferred_token_count: int = strawberry.field(description="How many tokens were transferred.")


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
    RemoveAdminPayload | InvalidInput | NotFound | LastOwner | OwnAccount | RemovalPlanConflict,
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
        is_sent_by_email=added.is_mailed,
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
        is_sent_by_email=invited.is_mailed,
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
    disposed = await admins.remove(
        info.context.principal,
        id_of("Admin", input.admin_id),
        _choices(input),
        given(input.if_version),
    )
    return RemoveAdminPayload(
        admin_id=input.admin_id,
        revoked_token_count=disposed.revoked,
        transferred_token_count=disposed.transferred,
    )


def _choices(input: RemoveAdminInput) -> Choices:
    """Map the choices. Raises `InvalidInput` for a token that is named twice."""
    named = given(input.plan) or []
    of_tokens = {id_of("Token", one.token_id): _choice(one) for one in named}
    if len(of_tokens) < len(named):
        raise errors.InvalidInput("plan", "Name each token once.")
    others = given(input.others)
    return Choices(of_tokens, _choice(others) if others else Choice())


def _choice(made: RemovalChoiceInput | RemovalDefaultInput) -> Choice:
    to_admin_id = given(made.to_admin_id)
    return Choice(made.action, None if to_admin_id is None else id_of("Admin", to_admin_id))

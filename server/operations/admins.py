"""Operations on admins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.functions import Count

import models
from models import ActivityKind, Role
from server.access import mails, token_search
from server.access.activity import record, record_all
from server.access.principal import Operator, Principal, SignedInAdmin
from server.access.reading import owned_rows
from server.access.sessions import end_sessions, invite
from server.access.tenancy import change, owned, page_of
from server.database import database_now, retried, transaction
from server.decisions.removal import Choices, Disposed, dispose
from server.errors import Forbidden, InvalidInput, LastOwner, NotFound, OwnAccount
from server.paging import Page, PageRequest
from server.roles import Right
from server.service import Service
from server.texts import clean_email, clean_name, clean_slug

REVOKE_ALL = Choices()
# In place of the name and the address of an admin. No address is like it.
ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Invited:
    """An admin and the secret of their invitation, which is shown now and never again.

    is_mailed: whether it is on its way to them by e-mail too.
    """

    admin: models.Admin
    invitation: str
    expires_at: datetime
    is_mailed: bool

    def __repr__(self) -> str:
        return f"Invited(admin={self.admin!r}, invitation=…)"


async def search(
    principal: Principal, request: PageRequest, *, include_removed: bool = False
) -> Page[models.Admin]:
    """The tenant's admins, the earliest first; removed ones too, if they are wanted."""
    principal.require(Right.READ)
    wanted: dict[str, Any] = {} if include_removed else {"removed_at__isnull": True}
    return await page_of(
        models.Admin, request, newest_first=False, tenant_id=principal.tenant_id, **wanted
    )


def own(principal: Principal) -> models.Admin:
    """The signed-in admin, as of authentication."""
    principal.require(Right.READ)
    if not isinstance(principal, SignedInAdmin) or principal.admin is None:
        raise Forbidden(detail="no admin who is signed in")
    return principal.admin


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Admin]:
    """The admins of the tenant among `ids`, removed ones too."""
    principal.require(Right.READ)
    return {admin.id: admin for admin in await owned_rows(models.Admin, principal, id__in=ids)}


@retried
async def add(
    principal: Principal, service: Service, *, email: str, name: str, role: Role
) -> Invited:
    """Invite an admin. Raises `InvalidInput` for an e-mail that is taken or the role of owner."""
    principal.require(Right.MANAGE_ADMINS)
    email, name = clean_email(email), clean_name(name)
    _check_assignable(role)
    try:
        async with change(principal, Right.MANAGE_ADMINS):
            admin = await models.Admin.create(
                tenant_id=principal.tenant_id, email=email, name=name, role=role
            )
            invitation = await invite(service, admin, principal.actor.id)
            await record(principal, ActivityKind.ADMIN_INVITED, admin, role=role.value)
    except IntegrityError:
        raise InvalidInput("email", "An admin with this e-mail address exists already.") from None
    return Invited(admin, invitation.secret, invitation.expires_at, invitation.is_mailed)


@retried
async def renew_invitation(principal: Principal, service: Service, admin_id: UUID) -> Invited:
    """Another invitation in place of one that was lost or has expired.

    Raises `NotFound`, or `InvalidInput` for an admin who has accepted theirs: an invitation sets a
    password, and no admin may set another's. The new invitation ends with the principal's removal.
    """
    principal.require(Right.MANAGE_ADMINS)
    async with change(principal, Right.MANAGE_ADMINS, admin_id) as admins:
        admin = _found(admins, admin_id)
        if admin.password_hash is not None:
            raise InvalidInput("adminId", "This admin has accepted their invitation already.")
        details = await _inviter_of(admin)
        invitation = await invite(service, admin, principal.actor.id)
        await record(principal, ActivityKind.INVITATION_RENEWED, admin, **details)
    return Invited(admin, invitation.secret, invitation.expires_at, invitation.is_mailed)


@retried
async def invite_again(operator: Operator, service: Service, slug: str, email: str) -> Invited:
    """An invitation for an admin who has forgotten their password, in place of any before.

    They keep their tokens, and nothing else changes until it is accepted. The operator's alone: an
    admin could become any other by it. Raises `NotFound`, or `InvalidInput` for a text that is no
    slug or no e-mail address.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    email = clean_email(email)
    tenant = await models.Tenant.get_or_none(slug=clean_slug(slug))
    if tenant is None:
        raise NotFound
    async with transaction():
        found = models.Admin.filter(tenant_id=tenant.id, email=email)
        admin = await found.select_for_update().get_or_none()
        if admin is None:
            raise NotFound
        details = await _inviter_of(admin)
        invitation = await invite(service, admin)
        await record(operator, ActivityKind.INVITATION_RENEWED, admin, **details)
    return Invited(admin, invitation.secret, invitation.expires_at, invitation.is_mailed)


@retried
async def set_role(principal: Principal, admin_id: UUID, role: Role) -> models.Admin:
    """Give an admin another role. Raises `NotFound`, `InvalidInput` or `LastOwner`."""
    principal.require(Right.MANAGE_ADMINS)
    _check_assignable(role)
    async with change(principal, Right.MANAGE_ADMINS, admin_id) as admins:
        admin = _found(admins, admin_id)
        if admin.role is Role.OWNER:
            raise LastOwner
        if admin.role is not role:
            details = {"previousRole": admin.role.value, "role": role.value}
            await _assign(admin, role)
            await record(principal, ActivityKind.ROLE_SET, admin, **details)
    return admin


@retried
async def transfer_ownership(
    principal: Principal, admin_id: UUID
) -> tuple[models.Admin, models.Admin]:
    """Make another admin the owner, and the owner an admin: the new owner, then the former one.

    Raises `NotFound`, or `InvalidInput` for an admin who has not accepted their invitation yet.
    """
    principal.require(Right.TRANSFER_OWNERSHIP)
    async with change(principal, Right.TRANSFER_OWNERSHIP, admin_id) as admins:
        heir, owner = _found(admins, admin_id), admins[principal.actor.id]
        if heir.password_hash is None:
            raise InvalidInput("adminId", "This admin has not accepted their invitation yet.")
        if heir.id == owner.id:
            raise InvalidInput("adminId", "You are the owner already.")
        details = {"previousOwner": str(owner.id), "previousRole": heir.role.value}
        await _assign(owner, Role.ADMIN)
        await _assign(heir, Role.OWNER)
        await record(principal, ActivityKind.OWNERSHIP_TRANSFERRED, heir, **details)
    return heir, owner


@retried
async def remove(
    principal: Principal,
    admin_id: UUID,
    choices: Choices = REVOKE_ALL,
    if_version: str | None = None,
) -> Disposed:
    """Remove an admin: revoke or transfer the live tokens they own, end sessions and invitations.

    The open invitations that they made end too: otherwise they could come back by one. Their row
    stays, for the activity. if_version: of the plan that the choices were made by. Raises
    `NotFound`, also for a removed one, `LastOwner`, `OwnAccount`, `InvalidInput`, or
    `RemovalPlanConflict` where they own other tokens by now.
    """
    principal.require(Right.MANAGE_ADMINS)
    choices.check(admin_id)
    recipients = choices.recipients
    # The recipients' rows are locked: their own removal waits, and then finds these tokens too.
    async with change(principal, Right.MANAGE_ADMINS, admin_id, *recipients) as admins:
        admin = _found(admins, admin_id)
        if admin.role is Role.OWNER:
            raise LastOwner
        if admin.id == principal.actor.id:
            raise OwnAccount
        if recipients - set(admins):
            raise InvalidInput("plan", "An admin who is to get tokens is not there any more.")
        disposed = await dispose(principal, admin, choices, if_version)
        await end_sessions(principal.actor, admin)
        await _end_invitations(principal, admin)
        await _leave(admin)
        details = {
            "role": admin.role.value,
            "revokedTokenCount": disposed.revoked,
            "transferredTokenCount": disposed.transferred,
        }
        await record(principal, ActivityKind.ADMIN_REMOVED, admin, **details)
    return disposed


@retried
async def erase(operator: Operator, slug: str, email: str) -> int:
    """Replace name and address of the removed admins who had this address, for good.

    The activity has only their ids, and stays whole. Gives the number of admins. Raises `NotFound`,
    or `InvalidInput` for a text that is no slug or no e-mail address.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    email = clean_email(email)
    tenant = await models.Tenant.get_or_none(slug=clean_slug(slug))
    if tenant is None:
        raise NotFound
    async with transaction():
        found = models.Admin.filter(tenant_id=tenant.id, former_email=email).order_by("id")
        admins = await found.select_for_update()
        if not admins:
            raise NotFound
        for admin in admins:
            admin.name, admin.former_email = ERASED, ERASED
            await admin.write("name", "former_email")
            await token_search.follow_creator(admin)
        await record_all(operator, ActivityKind.ADMIN_ERASED, admins)
    return len(admins)


async def count_live_tokens(principal: Principal, admin_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many live tokens would go with each of these admins; those with none are missing."""
    principal.require(Right.READ)
    live = owned(models.Token, principal).filter(owner_id__in=list(admin_ids), **models.LIVE)
    counted = live.annotate(tokens=Count("id")).group_by("owner_id")
    return dict(await counted.values_list("owner_id", "tokens"))


async def _inviter_of(admin: models.Admin) -> dict[str, str | None]:
    """Who made the open invitation of the locked admin, if any, as details of its renewal."""
    own = models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id)
    invitation = await own.get_or_none()
    inviter = invitation.invited_by_id if invitation else None
    return {"invitedBy": str(inviter) if inviter else None}


def _check_assignable(role: Role) -> None:
    if role is Role.OWNER:
        raise InvalidInput("role", "Ownership is transferred, not assigned.")


def _found(admins: dict[UUID, models.Admin], admin_id: UUID) -> models.Admin:
    admin = admins.get(admin_id)
    if admin is None:
        raise NotFound
    return admin


async def _assign(admin: models.Admin, role: Role) -> None:
    if admin.role is not role:
        admin.role = role
        await admin.write("role")


async def _end_invitations(principal: Principal, admin: models.Admin) -> None:
    """End the admin's own invitation, and those of others that the admin made."""
    await owned(models.Invitation, principal).filter(admin_id=admin.id).delete()
    await mails.end_invitations(principal.tenant_id, [admin.id])
    made = owned(models.Invitation, principal).filter(invited_by_id=admin.id)
    invited = [invitation.admin_id for invitation in await made]
    if invited:
        await made.delete()
        await mails.end_invitations(principal.tenant_id, invited)
        colleagues = await owned(models.Admin, principal).filter(id__in=invited)
        await record_all(principal, ActivityKind.INVITATION_ENDED, colleagues)


async def _leave(admin: models.Admin) -> None:
    """Mark the locked admin as removed. Their address is free for another."""
    admin.removed_at, admin.password_hash = await database_now(), None
    admin.former_email, admin.email = admin.email, f"removed:{admin.id}"
    await admin.write("removed_at", "password_hash", "former_email", "email")

"""Operations on admins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.functions import Count

import models
from models import ActivityKind, RevocationReason, Role
from server.access.activity import record_all
from server.access.principal import Operator, Principal
from server.access.sessions import end_sessions, invite
from server.access.tenancy import change, owned, page_of
from server.database import retried, transaction
from server.decisions import revoking
from server.errors import InvalidInput, LastOwner, NotFound, OwnAccount
from server.paging import Page, PageRequest
from server.roles import Right
from server.service import Service
from server.texts import clean_email, clean_name, clean_slug

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Invited:
    """An admin and the secret of their invitation, which is shown now and never again."""

    admin: models.Admin
    invitation: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Invited(admin={self.admin!r}, invitation=…)"


async def search(principal: Principal, request: PageRequest) -> Page[models.Admin]:
    """The tenant's admins, the earliest first."""
    principal.require(Right.READ)
    return await page_of(owned(models.Admin, principal), request, newest_first=False)


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Admin]:
    """The admins of the tenant among `ids`."""
    principal.require(Right.READ)
    return {admin.id: admin for admin in await owned(models.Admin, principal).filter(id__in=ids)}


@retried
async def add(
    principal: Principal, service: Service, *, email: str, name: str, role: Role
) -> Invited:
    """Invite an admin. Raises `InvalidInput` for an e-mail that is taken or the role of owner."""
    principal.require(Right.MANAGE_ADMINS)
    email, name = clean_email(email), clean_name(name)
    _check_assignable(role)
    try:
        # exempt changes_without_activity: activities are of tokens alone
        async with change(principal, Right.MANAGE_ADMINS):
            admin = await models.Admin.create(
                tenant_id=principal.tenant_id, email=email, name=name, role=role
            )
            invitation, expires_at = await invite(service, admin)
    except IntegrityError:
        raise InvalidInput("email", "An admin with this e-mail address exists already.") from None
    return Invited(admin, invitation, expires_at)


@retried
async def renew_invitation(principal: Principal, service: Service, admin_id: UUID) -> Invited:
    """Another invitation in place of one that was lost or has expired.

    Raises `NotFound`, or `InvalidInput` for an admin who has accepted theirs: an invitation sets a
    password, and no admin may set another's.
    """
    principal.require(Right.MANAGE_ADMINS)
    # exempt changes_without_activity: activities are of tokens alone
    async with change(principal, Right.MANAGE_ADMINS, admin_id) as admins:
        admin = _found(admins, admin_id)
        if admin.password_hash is not None:
            raise InvalidInput("adminId", "This admin has accepted their invitation already.")
        invitation, expires_at = await invite(service, admin)
    return Invited(admin, invitation, expires_at)


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
        invitation, expires_at = await invite(service, admin)
    return Invited(admin, invitation, expires_at)


@retried
async def set_role(principal: Principal, admin_id: UUID, role: Role) -> models.Admin:
    """Give an admin another role. Raises `NotFound`, `InvalidInput` or `LastOwner`."""
    principal.require(Right.MANAGE_ADMINS)
    _check_assignable(role)
    # exempt changes_without_activity: activities are of tokens alone
    async with change(principal, Right.MANAGE_ADMINS, admin_id) as admins:
        admin = _found(admins, admin_id)
        if admin.role is Role.OWNER:
            raise LastOwner
        await _assign(admin, role)
    return admin


@retried
async def transfer_ownership(
    principal: Principal, admin_id: UUID
) -> tuple[models.Admin, models.Admin]:
    """Make another admin the owner, and the owner an admin: the new owner, then the former one.

    Raises `NotFound`, or `InvalidInput` for an admin who has not accepted their invitation yet.
    """
    principal.require(Right.TRANSFER_OWNERSHIP)
    # exempt changes_without_activity: activities are of tokens alone
    async with change(principal, Right.TRANSFER_OWNERSHIP, admin_id) as admins:
        heir, owner = _found(admins, admin_id), admins[principal.actor.id]
        if heir.password_hash is None:
            raise InvalidInput("adminId", "This admin has not accepted their invitation yet.")
        if heir.id == owner.id:
            raise InvalidInput("adminId", "You are the owner already.")
        await _assign(owner, Role.ADMIN)
        await _assign(heir, Role.OWNER)
    return heir, owner


@retried
async def remove(principal: Principal, admin_id: UUID) -> int:
    """Remove an admin: revoke the live tokens they own, end their sessions, delete their row.

    Gives the number of tokens revoked. Raises `NotFound`, `LastOwner` or `OwnAccount`.
    """
    principal.require(Right.MANAGE_ADMINS)
    async with change(principal, Right.MANAGE_ADMINS, admin_id) as admins:
        admin = _found(admins, admin_id)
        if admin.role is Role.OWNER:
            raise LastOwner
        if admin.id == principal.actor.id:
            raise OwnAccount
        revoked_token_count = await _revoke_tokens(principal, admin)
        await end_sessions(admin.tenant_id, admin.id)
        await owned(models.Invitation, principal).filter(admin_id=admin.id).delete()
        await owned(models.Admin, principal).filter(id=admin.id).delete()
    return revoked_token_count


async def count_live_tokens(principal: Principal, admin_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many live tokens would go with each of these admins; those with none are missing."""
    principal.require(Right.READ)
    live = owned(models.Token, principal).filter(owner_id__in=list(admin_ids), **models.LIVE)
    counted = live.annotate(tokens=Count("id")).group_by("owner_id")
    return dict(await counted.values_list("owner_id", "tokens"))


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


async def _revoke_tokens(principal: Principal, admin: models.Admin) -> int:
    """In portions, each within the time a statement has. The admin's row is locked: none is new."""
    revoked = 0
    live = owned(models.Token, principal).filter(owner_id=admin.id, **models.LIVE)
    while tokens := await live.order_by("id").limit(_AT_ONCE).select_for_update():
        await revoking.revoke(principal.tenant_id, tokens)
        reason = RevocationReason.CREATOR_REMOVED.value
        await record_all(principal, ActivityKind.REVOKED, tokens, reason=reason)
        revoked += len(tokens)
    return revoked

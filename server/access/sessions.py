"""Sessions: signing in and out, accepting an invitation, changing a password.

A session is a row; ending it is deleting the row. Where the secret travels (cookie, header) lives
in `server.access.authentication`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import RawSQL

import models
from server.access import attempts
from server.access.principal import Principal
from server.database import transaction
from server.errors import NotFound, Unauthenticated, WrongPassword
from server.passwords import check_new_password, hash_password, needs_rehash, verify_password
from server.service import Service
from server.texts import is_slug, normal_email
from server.token_format import new_tenant_secret, tenant_of

IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)
INVITATION = timedelta(days=7)
_TOUCH_AFTER = timedelta(minutes=1)
# Null when the admin is gone. One statement instead of two: it stands before every request.
_ADMINS_ROLE = RawSQL(
    """(SELECT "role" FROM "admin" WHERE "admin"."tenant_id" = "session"."tenant_id"
        AND "admin"."id" = "session"."admin_id")"""
)
_PURGE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` is shown to its owner now and never again."""

    secret: str
    expires_at: datetime

    def __repr__(self) -> str:
        return "SignedIn(…)"


async def sign_in(
    service: Service, *, tenant: str, email: str, password: str, address: str
) -> SignedIn:
    """A new session for whoever knows the password.

    Raises `WrongPassword`, after the same work whatever was wrong, or `TooManyAttempts`.
    """
    found = await models.Tenant.get_or_none(slug=tenant) if is_slug(tenant) else None
    tenant_id = found.id if found else None
    address_of = normal_email(email)
    attempt = await attempts.count(service.digest_key, tenant_id, address_of, address)
    admin = await models.Admin.get_or_none(
        tenant_id=tenant_id or attempts.NO_TENANT, email=address_of
    )
    if not await verify_password(password, admin.password_hash if admin else None) or not admin:
        raise WrongPassword
    rehashed = await _rehashed(password, admin.password_hash)
    async with transaction():
        present = await _locked(admin.tenant_id, admin.id)
        if present is None:
            raise WrongPassword
        if present.password_hash != admin.password_hash:
            # Changed meanwhile; or another sign-in has only rehashed the same password.
            if not await verify_password(password, present.password_hash):
                raise WrongPassword
        elif rehashed:
            await _admin(admin).update(password_hash=rehashed)
        signed_in = await _new_session(service, present)
        await attempt.succeeded()
        return signed_in


async def principal_of(service: Service, secret: str) -> Principal:
    """Whose session `secret` is. Raises `Unauthenticated` if it is none, or has ended."""
    tenant_id = tenant_of(secret)
    if tenant_id is None:
        raise Unauthenticated(detail="not a session's secret")
    digest = service.digest_key.digest("session", secret)
    found = models.Session.filter(tenant_id=tenant_id, digest=digest).annotate(role=_ADMINS_ROLE)
    session = await found.get_or_none().values(
        "id", "admin_id", "role", "last_seen_at", "expires_at"
    )
    at = models.now()
    if not session or session["expires_at"] <= at or session["last_seen_at"] + IDLE <= at:
        raise Unauthenticated(detail="unknown or ended session")
    if session["role"] is None:
        raise Unauthenticated(detail="the session's admin is gone")
    if session["last_seen_at"] + _TOUCH_AFTER <= at:
        await models.Session.filter(tenant_id=tenant_id, id=session["id"]).update(last_seen_at=at)
    return Principal(tenant_id, session["admin_id"], models.Role(session["role"]), session["id"])


async def sign_out(principal: Principal) -> None:
    """End the principal's session at once."""
    await models.Session.filter(tenant_id=principal.tenant_id, id=principal.session_id).delete()


async def expires_at(principal: Principal) -> datetime:
    """When the principal's session ends at the latest."""
    session = await models.Session.get_or_none(
        tenant_id=principal.tenant_id, id=principal.session_id
    )
    if session is None:
        raise Unauthenticated(detail="the session ended while asking")
    return session.expires_at


async def invite(service: Service, admin: models.Admin) -> tuple[str, datetime]:
    """A new invitation for `admin`, in place of any before: its secret and when it expires.

    Call it within the transaction that holds the admin's row.
    """
    secret = new_tenant_secret(admin.tenant_id)
    expires = models.now() + INVITATION
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    await models.Invitation.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("invitation", secret),
        expires_at=expires,
    )
    return secret, expires


async def accept_invitation(service: Service, *, invitation: str, password: str) -> None:
    """Set the invited admin's password, once, and end any session they had.

    Raises `NotFound` for an invitation that is unknown, used or expired; `InvalidInput` for a
    password that will not do, which leaves the invitation as it was.
    """
    tenant_id = tenant_of(invitation) or attempts.NO_TENANT
    open_invitation = models.Invitation.filter(
        tenant_id=tenant_id,
        digest=service.digest_key.digest("invitation", invitation),
        expires_at__gt=models.now(),
    )
    found = await open_invitation.get_or_none()
    admin = found and await models.Admin.get_or_none(tenant_id=tenant_id, id=found.admin_id)
    if not admin:
        raise NotFound
    password_hash = await _checked_hash(admin, password)
    async with transaction():
        # The row lock decides between two who accept at once: one deletes, the other finds none.
        if await _locked(tenant_id, admin.id) is None or not await open_invitation.delete():
            raise NotFound
        await _set_password(admin, password_hash)


async def change_password(
    service: Service, principal: Principal, *, current: str, new: str, address: str
) -> None:
    """Set another password and end every session of the admin, this one too.

    Raises `WrongPassword`, `TooManyAttempts` or `InvalidInput`, and then changes nothing.
    """
    admin = await models.Admin.get_or_none(tenant_id=principal.tenant_id, id=principal.admin_id)
    if admin is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    attempt = await attempts.count(service.digest_key, admin.tenant_id, admin.email, address)
    if not await verify_password(current, admin.password_hash):
        raise WrongPassword("The current password is wrong.")
    await attempt.succeeded()
    password_hash = await _checked_hash(admin, new, field="newPassword")
    async with transaction():
        present = await _locked(admin.tenant_id, admin.id)
        if present is None or present.password_hash != admin.password_hash:
            raise Unauthenticated(detail="the password was changed meanwhile")
        await _set_password(admin, password_hash)


async def end_sessions(tenant_id: UUID, admin_id: UUID) -> None:
    """End every session of an admin. Call it within the transaction that asks for it."""
    await models.Session.filter(tenant_id=tenant_id, admin_id=admin_id).delete()


async def _new_session(service: Service, admin: models.Admin) -> SignedIn:
    secret = new_tenant_secret(admin.tenant_id)
    at = models.now()
    await _purge(admin.tenant_id, at)
    session = await models.Session.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("session", secret),
        last_seen_at=at,
        expires_at=at + ABSOLUTE,
    )
    return SignedIn(secret, session.expires_at)


async def _purge(tenant_id: UUID, at: datetime) -> None:
    """Drop some expired sessions; none that somebody holds, who might wait for another of them."""
    expired = models.Session.filter(tenant_id=tenant_id, expires_at__lte=at)
    rows = await expired.limit(_PURGE_AT_ONCE).select_for_update(skip_locked=True)
    if ids := [row.id for row in rows]:
        await models.Session.filter(tenant_id=tenant_id, id__in=ids).delete()


async def _rehashed(password: str, password_hash: str | None) -> str | None:
    if password_hash is None or not needs_rehash(password_hash):
        return None
    return await hash_password(password)


async def _checked_hash(admin: models.Admin, password: str, field: str = "password") -> str:
    tenant = await models.Tenant.get(id=admin.tenant_id)
    await check_new_password(password, field, [admin.email, admin.name, tenant.slug, tenant.name])
    return await hash_password(password)


async def _set_password(admin: models.Admin, password_hash: str) -> None:
    await _admin(admin).update(password_hash=password_hash)
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    await end_sessions(admin.tenant_id, admin.id)


def _admin(admin: models.Admin):  # type: ignore[no-untyped-def]  # Tortoise's own query type
    return models.Admin.filter(tenant_id=admin.tenant_id, id=admin.id)


async def _locked(tenant_id: UUID, admin_id: UUID) -> models.Admin | None:
    return await (
        models.Admin.filter(tenant_id=tenant_id, id=admin_id).select_for_update().get_or_none()
    )

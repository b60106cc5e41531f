"""Sessions: signing in and out, accepting an invitation, changing a password.

A session is a row; ending it is deleting the row. Where the secret travels (cookie, header) lives
in `server.access.authentication`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import RawSQL
from tortoise.queryset import QuerySet

import models
from server.access import attempts
from server.access.devices import remember_device
from server.access.digest_keys import generation_to_keep
from server.access.principal import SignedInAdmin
from server.access.visitors import account_of, know_address, visitor_of
from server.database import (
    read_only,
    refuse_reading,
    require_writable,
    retried,
    transaction,
)
from server.errors import NotFound, Unauthenticated, WrongPassword
from server.passwords import (
    KNOWN,
    check_new_password,
    hash_password,
    needs_rehash,
)
from server.passwords.hashing import Turn
from server.service import Service
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


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` is shown to its owner now and never again.

    `device` is the new value of the browser's device cookie.
    """

    secret: str
    device: str
    expires_at: datetime

    def __repr__(self) -> str:
        return "SignedIn(…)"


async def sign_in(
    service: Service, *, tenant: str, email: str, password: str, address: str, device: str = ""
) -> SignedIn:
    """A new session for a person who knows the password.

    device: the browser's device cookie. Raises `WrongPassword`, after the same work for every
    cause, `TooManyAttempts` or `Busy`.
    """
    account = await account_of(tenant, email)
    visitor = await visitor_of(service, account, address, device)
    await attempts.look(visitor.counted)
    async with (
        visitor.hashing.turn(visitor.caller) as turn,
        attempts.under_way(visitor.counted) as attempt,
    ):
        admin = account.admin
        if not await turn.verify(password, account.password_hash) or not admin:
            raise WrongPassword
        if needs_rehash(str(admin.password_hash)):
            rehashed = await turn.hash(password)
        else:
            rehashed = None
        present, secret, expires_at = await _begin_session(
            service, admin, attempt, turn, password, rehashed, address
        )
        new_device = remember_device(service.digest_key, present, device, visitor.device)
        return SignedIn(secret, new_device, expires_at)


@retried
async def _begin_session(
    service: Service,
    admin: models.Admin,
    attempt: attempts.Attempt,
    turn: Turn,
    password: str,
    rehashed: str | None,
    address: str,
) -> tuple[models.Admin, str, datetime]:
    """A session of an admin whose password was right: the admin as of now, its secret and end."""
    async with transaction():
        present = await _locked(admin.tenant_id, admin.id)
        if present is None:
            raise WrongPassword
        if present.password_hash != admin.password_hash:
            # Changed meanwhile; or another sign-in has only rehashed the same password.
            if not await turn.verify(password, present.password_hash):
                raise WrongPassword
        elif rehashed:
            present.password_hash = rehashed
            await _admin(admin).update(password_hash=rehashed)
        await know_address(service, present, address)
        await attempt.succeeded()
        secret, expires_at = await _new_session(service, present)
        return present, secret, expires_at


async def principal_of(service: Service, secret: str) -> SignedInAdmin:
    """Whose session `secret` is. Raises `Unauthenticated` if it is none, or has ended."""
    tenant_id = tenant_of(secret)
    if tenant_id is None:
        raise Unauthenticated(detail="not a session's secret")
    digests = service.digest_key.digests("session", secret)
    found = models.Session.filter(tenant_id=tenant_id, digest__in=digests).annotate(
        role=_ADMINS_ROLE, read_only=RawSQL(read_only())
    )
    session = await found.get_or_none().values(
        "id", "admin_id", "role", "last_seen_at", "expires_at", "read_only"
    )
    # A standby may lack the session, or keep one that was ended.
    if not session:
        await require_writable()
    elif session["read_only"]:
        await refuse_reading()
    at = models.now()
    if not session or session["expires_at"] <= at or session["last_seen_at"] + IDLE <= at:
        raise Unauthenticated(detail="unknown or ended session")
    if session["role"] is None:
        raise Unauthenticated(detail="the session's admin is gone")
    if session["last_seen_at"] + _TOUCH_AFTER <= at:
        await models.Session.filter(tenant_id=tenant_id, id=session["id"]).update(last_seen_at=at)
    return SignedInAdmin(
        tenant_id, session["admin_id"], models.Role(session["role"]), session["id"]
    )


async def sign_out(principal: SignedInAdmin) -> None:
    """End the principal's session at once."""
    await models.Session.filter(tenant_id=principal.tenant_id, id=principal.session_id).delete()


async def expires_at(principal: SignedInAdmin) -> datetime:
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
    generation = await generation_to_keep(service.digest_key)
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    await models.Invitation.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("invitation", secret, generation),
        expires_at=expires,
    )
    return secret, expires


async def accept_invitation(
    service: Service, *, invitation: str, password: str, address: str, device: str = ""
) -> str:
    """Set the invited admin's password, once, and end any session they had.

    Gives the new value of the browser's device cookie. Raises `NotFound` for an invitation that is
    unknown, used or expired; `InvalidInput` for a password that is refused, which leaves the
    invitation as it was; `TooManyAttempts` after many of either; `Busy`.
    """
    key = service.digest_key
    tenant_id = tenant_of(invitation) or attempts.NO_TENANT
    digest = key.digest("invitation", invitation)
    open_invitation = models.Invitation.filter(
        tenant_id=tenant_id,
        digest__in=key.digests("invitation", invitation),
        expires_at__gt=models.now(),
    )
    found = await open_invitation.get_or_none()
    admin = found and await models.Admin.get_or_none(tenant_id=tenant_id, id=found.admin_id)
    counted = (
        attempts.of_invitation(tenant_id, digest)
        if admin
        else attempts.of_unknown_invitation(key, address)
    )
    await attempts.look(counted)
    async with attempts.under_way(counted) as attempt:
        if not admin:
            raise NotFound
        admin.password_hash = await _checked_hash(admin, password)
        await _accept(open_invitation, admin, attempt)
    return remember_device(key, admin, device)


@retried
async def _accept(
    open_invitation: QuerySet[models.Invitation], admin: models.Admin, attempt: attempts.Attempt
) -> None:
    async with transaction():
        # The row lock decides between two who accept at once: one deletes, the other finds none.
        held = await _locked(admin.tenant_id, admin.id)
        if held is None or not await open_invitation.delete():
            raise NotFound
        await _set_password(admin)
        await attempt.succeeded()


async def change_password(
    service: Service, principal: SignedInAdmin, *, current: str, new: str, device: str = ""
) -> str:
    """Set another password and end every session of the admin, this one too.

    Gives the new value of the device cookie. Raises `WrongPassword`, `TooManyAttempts`, `Busy` or
    `InvalidInput`, and then changes nothing.
    """
    key = service.digest_key
    admin = await models.Admin.get_or_none(tenant_id=principal.tenant_id, id=principal.admin_id)
    if admin is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    await _check_new_password(admin, new, "newPassword")
    counted = attempts.of_password_change(key, admin.tenant_id, admin.id)
    await attempts.look(counted)
    async with KNOWN.turn(admin.id) as turn, attempts.under_way(counted) as attempt:
        if not await turn.verify(current, admin.password_hash):
            raise WrongPassword("The current password is wrong.")
        await _end(attempt)
    old_hash, admin.password_hash = admin.password_hash, await hash_password(new, admin.id)
    await _replace_password(admin, old_hash)
    return remember_device(key, admin, device)


@retried
async def _end(attempt: attempts.Attempt) -> None:
    async with transaction():
        await attempt.succeeded()


@retried
async def _replace_password(admin: models.Admin, old_hash: str | None) -> None:
    async with transaction():
        present = await _locked(admin.tenant_id, admin.id)
        if present is None or present.password_hash != old_hash:
            raise Unauthenticated(detail="the password was changed meanwhile")
        await _set_password(admin)


async def end_sessions(tenant_id: UUID, admin_id: UUID) -> None:
    """End every session of an admin, and forget from where they signed in.

    Call it within the transaction that asks for it.
    """
    await models.Session.filter(tenant_id=tenant_id, admin_id=admin_id).delete()
    await models.KnownAddress.filter(tenant_id=tenant_id, admin_id=admin_id).delete()


async def _new_session(service: Service, admin: models.Admin) -> tuple[str, datetime]:
    secret = new_tenant_secret(admin.tenant_id)
    at = models.now()
    generation = await generation_to_keep(service.digest_key)
    session = await models.Session.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("session", secret, generation),
        last_seen_at=at,
        expires_at=at + ABSOLUTE,
    )
    return secret, session.expires_at


async def _check_new_password(admin: models.Admin, password: str, field: str = "password") -> None:
    tenant = await models.Tenant.get(id=admin.tenant_id)
    check_new_password(password, field, [admin.email, admin.name, tenant.slug, tenant.name])


async def _checked_hash(admin: models.Admin, password: str) -> str:
    await _check_new_password(admin, password)
    return await hash_password(password, admin.id)


async def _set_password(admin: models.Admin) -> None:
    """Write the admin's new hash; delete the invitation, end all sessions, forget addresses."""
    await _admin(admin).update(password_hash=admin.password_hash)
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    await end_sessions(admin.tenant_id, admin.id)


def _admin(admin: models.Admin):  # type: ignore[no-untyped-def]  # Tortoise's own query type
    return models.Admin.filter(tenant_id=admin.tenant_id, id=admin.id)


async def _locked(tenant_id: UUID, admin_id: UUID) -> models.Admin | None:
    return await (
        models.Admin.filter(tenant_id=tenant_id, id=admin_id).select_for_update().get_or_none()
    )

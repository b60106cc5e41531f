"""Sessions: signing in and out, accepting an invitation, changing a password.

A session is a row; ending it is deleting the row. Where the secret travels (cookie, header) lives
in `server.access.authentication`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from models import ActivityKind
from server.access import attempts, mails
from server.access.activity import MAX_ADDRESS_LENGTH, record
from server.access.devices import remember_device
from server.access.digest_keys import generation_to_keep
from server.access.failed_sign_ins import noting_failure
from server.access.open_invitations import look_up
from server.access.principal import Actor, SignedInAdmin, itself
from server.access.reading import Beside, row_beside, rows
from server.access.visitors import account_of, know_address, visitor_of
from server.database import (
    READ_ONLY,
    reaching,
    refuse_reading,
    require_writable,
    retried,
    transaction,
)
from server.errors import NotFound, TenantSuspended, Unauthenticated, WrongPassword
from server.passwords import (
    KNOWN,
    check_new_password,
    hash_password,
    needs_rehash,
)
from server.passwords.hashing import Turn
from server.service import Service
from server.texts import text_of_client
from server.token_format import new_tenant_secret, tenant_of

IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)
INVITATION = timedelta(days=7)
MAX_USER_AGENT_LENGTH = 255
_TOUCH_AFTER = timedelta(minutes=1)
_MAX_LISTED = 100
_MAX_READ = 1_000
# One statement instead of three: it stands before every request.
_BESIDE = (
    row_beside("admin", models.Admin, "session.admin_id"),
    row_beside("tenant", models.Tenant, "session.tenant_id"),
    Beside("read_only", lambda dialect: READ_ONLY[dialect], bool),
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


@dataclass(frozen=True, slots=True)
class _Origin:
    """The origin of a session: the client's address and its user agent."""

    address: str
    user_agent: str

    @classmethod
    def of(cls, address: str, user_agent: str) -> "_Origin":
        return cls(address, text_of_client(user_agent, MAX_USER_AGENT_LENGTH))


async def sign_in(
    service: Service,
    *,
    tenant: str,
    email: str,
    password: str,
    address: str,
    device: str = "",
    user_agent: str = "",
) -> SignedIn:
    """A new session for a person who knows the password.

    device: the browser's device cookie. user_agent: the browser's. Raises
    `WrongPassword`, after the same work for every cause, `TooManyAttempts`, or `Busy`. Raises
    `TenantSuspended` only for a correct password.
    """
    account = await account_of(tenant, email)
    visitor = await visitor_of(service, account, address, device)
    await attempts.look(visitor.counted)
    noting = noting_failure(service.digest_key, account, address)
    async with (
        visitor.hashing.turn(visitor.caller) as turn,
        attempts.under_way(visitor.counted, noting) as attempt,
    ):
        admin = account.admin
        if not await turn.verify(password, account.password_hash) or not admin:
            raise WrongPassword
        if account.is_suspended:
            raise TenantSuspended
        if needs_rehash(str(admin.password_hash)):
            rehashed = await turn.hash(password)
        else:
            rehashed = None
        present, secret, expires_at = await _begin_session(
            service, admin, attempt, turn, password, rehashed, _Origin.of(address, user_agent)
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
    origin: _Origin,
) -> tuple[models.Admin, str, datetime]:
    """A session of an admin whose password was right: the admin as of now, its secret and end."""
    with reaching(admin.tenant_id):
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
            await know_address(service, present, origin.address)
            await attempt.succeeded()
            secret, expires_at = await _new_session(service, present, origin)
            await record(itself(present, origin.address), ActivityKind.SIGNED_IN, present)
            return present, secret, expires_at


async def principal_of(service: Service, secret: str, address: str = "") -> SignedInAdmin:
    """Return the principal of the session with this secret. Raises `Unauthenticated` if there is
    none, or if it has ended.

    address: the client's.
    """
    tenant_id = tenant_of(secret)
    if tenant_id is None:
        raise Unauthenticated(detail="not a session's secret")
    digests = service.digest_key.digests("session", secret)
    # The secret names the tenant. Until its row is found, that is a client's text.
    with reaching(tenant_id):
        return await _principal_of(tenant_id, digests, address)


async def _principal_of(tenant_id: UUID, digests: Collection[bytes], address: str) -> SignedInAdmin:
    found: list[Any] = await rows(
        models.Session, tenant_id=tenant_id, digest__in=digests, beside=_BESIDE
    )
    # A standby may lack the session, or keep one that was ended.
    if not found:
        await require_writable()
        raise Unauthenticated(detail="unknown or ended session")
    [session] = found
    if session.read_only:
        await refuse_reading()
    at = models.now()
    if session.expires_at <= at or session.last_seen_at + IDLE <= at:
        raise Unauthenticated(detail="unknown or ended session")
    admin, tenant = session.admin, session.tenant
    if admin is None or admin.removed_at is not None:
        raise Unauthenticated(detail="the session's admin is gone")
    if tenant is None or tenant.suspended_at is not None:
        raise Unauthenticated(detail="the tenant is gone or suspended")
    if session.last_seen_at + _TOUCH_AFTER <= at:
        await models.Session.filter(tenant_id=tenant_id, id=session.id).update(last_seen_at=at)
    return SignedInAdmin(tenant_id, admin.id, admin.role, session.id, address, admin, tenant)


@retried
async def sign_out(principal: SignedInAdmin) -> None:
    """End the principal's session at once."""
    async with transaction():
        own = models.Session.filter(tenant_id=principal.tenant_id, id=principal.session_id)
        admin = models.Admin.filter(tenant_id=principal.tenant_id, id=principal.admin_id)
        # Of two requests at once, one deletes the session.
        if await own.delete():
            await record(principal, ActivityKind.SIGNED_OUT, await admin.get())


async def own_sessions(principal: SignedInAdmin) -> list[models.Session]:
    """The principal's own sessions that have not ended, the latest first: 100 at most."""
    # Sorted here: no index has an admin's sessions in order.
    live = await _live(_own(principal), models.now()).limit(_MAX_READ)
    return sorted(live, key=attrgetter("id"), reverse=True)[:_MAX_LISTED]


async def end_other_sessions(principal: SignedInAdmin, before: datetime | None = None) -> int:
    """End every other session of the principal. Returns how many were still live.

    before: only those that began before this instant.
    Call it within the transaction that holds the admin's row: sessions begin and end under its
    lock. Raises `Unauthenticated` if the session was ended meanwhile.
    """
    if not await _own(principal).filter(id=principal.session_id).exists():
        raise Unauthenticated(detail="the session ended while asking")
    others = _own(principal).exclude(id=principal.session_id)
    if before is not None:
        others = others.filter(created_at__lt=before)
    ended = await _live(others, models.now()).delete()
    await others.delete()
    return ended


def _own(principal: SignedInAdmin) -> QuerySet[models.Session]:
    return models.Session.filter(tenant_id=principal.tenant_id, admin_id=principal.admin_id)


def _live(sessions: QuerySet[models.Session], at: datetime) -> QuerySet[models.Session]:
    """Those that `principal_of` accepts at this instant."""
    return sessions.filter(expires_at__gt=at, last_seen_at__gt=at - IDLE)


async def expires_at(principal: SignedInAdmin) -> datetime:
    """When the principal's session ends at the latest."""
    session = await models.Session.get_or_none(
        tenant_id=principal.tenant_id, id=principal.session_id
    )
    if session is None:
        raise Unauthenticated(detail="the session ended while asking")
    return session.expires_at


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation and its secret, which is shown now and never again.

    is_mailed: whether it is on its way by e-mail too.
    """

    secret: str = field(repr=False)
    expires_at: datetime
    is_mailed: bool


async def invite(
    service: Service, admin: models.Admin, invited_by_id: UUID | None = None
) -> Invitation:
    """A new invitation for `admin`, in place of any before, also by e-mail.

    invited_by_id: the admin with whose removal it ends; None for the operator's. Call it within the
    transaction that holds the admin's row.
    """
    secret = new_tenant_secret(admin.tenant_id)
    expires = models.now() + INVITATION
    generation = await generation_to_keep(service.digest_key)
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    invitation = await models.Invitation.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("invitation", secret, generation),
        expires_at=expires,
        invited_by_id=invited_by_id,
    )
    is_mailed = await mails.put_invitation(service, admin, invitation, secret)
    return Invitation(secret, expires, is_mailed)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted invitation: the browser's device cookie, and a session if wanted."""

    device: str = field(repr=False)
    session: SignedIn | None


async def accept_invitation(
    service: Service,
    *,
    invitation: str,
    password: str,
    address: str,
    device: str = "",
    user_agent: str = "",
    signs_in: bool = False,
) -> Accepted:
    """Set the invited admin's password, once, end any session they had, and begin one if wanted.

    Raises `NotFound` for an invitation that is unknown, used or expired. Raises `InvalidInput` for
    a refused password, which leaves the invitation as it was. Raises `TooManyAttempts` after many
    of either, `TenantSuspended`, or `Busy`.
    """
    looked = await look_up(service, invitation, address)
    admin = looked.admin
    await attempts.look(looked.counted)
    async with attempts.under_way(looked.counted) as attempt:
        if not admin:
            raise NotFound
        origin = _Origin.of(address, user_agent) if signs_in else None
        with reaching(admin.tenant_id):
            if await models.Tenant.filter(id=admin.tenant_id, suspended_at__isnull=False).exists():
                raise TenantSuspended
            admin.password_hash = await _checked_hash(admin, password)
            begun = await _accept(service, looked.rows, admin, attempt, address, origin)
    new_device = remember_device(service.digest_key, admin, device)
    return Accepted(new_device, begun and SignedIn(begun[0], new_device, begun[1]))


@retried
async def _accept(
    service: Service,
    open_invitation: QuerySet[models.Invitation],
    admin: models.Admin,
    attempt: attempts.Attempt,
    address: str,
    origin: _Origin | None,
) -> tuple[str, datetime] | None:
    """The secret and the end of the session that begins; None without an origin."""
    actor = itself(admin, address)
    async with transaction():
        # The row lock decides between two who accept at once: one deletes, the other finds none.
        held = await _locked(admin.tenant_id, admin.id)
        if held is None or not await open_invitation.delete():
            raise NotFound
        await mails.end_invitations(admin.tenant_id, [admin.id])
        await record(actor, ActivityKind.INVITATION_ACCEPTED, held)
        await _set_password(actor, admin)
        await attempt.succeeded()
        if origin is None:
            return None
        await know_address(service, admin, address)
        begun = await _new_session(service, admin, origin)
        await record(actor, ActivityKind.SIGNED_IN, held)
        return begun


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
    await _replace_password(principal, admin, old_hash)
    return remember_device(key, admin, device)


@retried
async def _end(attempt: attempts.Attempt) -> None:
    async with transaction():
        await attempt.succeeded()


@retried
async def _replace_password(
    principal: SignedInAdmin, admin: models.Admin, old_hash: str | None
) -> None:
    async with transaction():
        present = await _locked(admin.tenant_id, admin.id)
        if present is None or present.password_hash != old_hash:
            raise Unauthenticated(detail="the password was changed meanwhile")
        await record(principal, ActivityKind.PASSWORD_SET, present)
        await _set_password(principal.actor, admin)


async def end_sessions(actor: Actor, admin: models.Admin) -> None:
    """End every session of an admin, and forget the addresses of their sign-ins.

    Call it within the transaction that asks for it.
    """
    tenant_id, admin_id = admin.tenant_id, admin.id
    ended = await models.Session.filter(tenant_id=tenant_id, admin_id=admin_id).delete()
    await models.KnownAddress.filter(tenant_id=tenant_id, admin_id=admin_id).delete()
    if ended:
        await record(actor, ActivityKind.SESSIONS_ENDED, admin, sessions=ended)


async def _new_session(
    service: Service, admin: models.Admin, origin: _Origin
) -> tuple[str, datetime]:
    secret = new_tenant_secret(admin.tenant_id)
    at = models.now()
    generation = await generation_to_keep(service.digest_key)
    session = await models.Session.create(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest("session", secret, generation),
        last_seen_at=at,
        expires_at=at + ABSOLUTE,
        address=origin.address[:MAX_ADDRESS_LENGTH],
        user_agent=origin.user_agent,
    )
    return secret, session.expires_at


async def _check_new_password(admin: models.Admin, password: str, field: str = "password") -> None:
    tenant = await models.Tenant.get(id=admin.tenant_id)
    check_new_password(password, field, [admin.email, admin.name, tenant.slug, tenant.name])


async def _checked_hash(admin: models.Admin, password: str) -> str:
    await _check_new_password(admin, password)
    return await hash_password(password, admin.id)


async def _set_password(actor: Actor, admin: models.Admin) -> None:
    """Write the admin's new hash; delete the invitation, end all sessions, forget addresses."""
    await _admin(admin).update(password_hash=admin.password_hash)
    await models.Invitation.filter(tenant_id=admin.tenant_id, admin_id=admin.id).delete()
    await end_sessions(actor, admin)


def _admin(admin: models.Admin):  # type: ignore[no-untyped-def]  # Tortoise's own query type
    return models.Admin.filter(tenant_id=admin.tenant_id, id=admin.id)


async def _locked(tenant_id: UUID, admin_id: UUID) -> models.Admin | None:
    present = models.Admin.filter(tenant_id=tenant_id, id=admin_id, removed_at__isnull=True)
    return await present.select_for_update().get_or_none()

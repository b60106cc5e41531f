"""The outbox of e-mail, written in the transaction of the change that a mail reports.

A mail is kept if and only if the change is committed. `server.jobs` sends it. A mail names its
admin and tokens only by id, so it never has a name that was erased or changed before it is sent.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

import models
from models import MailKind, ReminderKind
from server.access import sealing
from server.access.digest_keys import generation_to_keep
from server.database import database_now, retried, transaction
from server.service import Service
from server.token_format import DigestKey

# Of a tenant in a day: an admin must not be able to send strangers more than that.
MAX_INVITATIONS = 100
# Of a tenant. Further reminders are dropped: an outbox must not fill the disk.
MAX_WAITING = 2000
MAX_NOTES = 50
# For so long a reminder is tried.
TRIED = timedelta(days=3)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_PURPOSE = b"invitation by mail"
_log = logging.getLogger("tessera.mail")


@dataclass(frozen=True, slots=True)
class Note:
    """A reminder in a mail, as in `models.Reminder`."""

    kind: ReminderKind
    days: int
    about: datetime
    token_id: UUID


@dataclass(frozen=True, slots=True)
class Notes:
    """The reminders of a mail, 50 at most, and how many more there are."""

    notes: tuple[Note, ...]
    more: int = 0


async def put_invitation(
    service: Service, admin: models.Admin, invitation: models.Invitation, secret: str
) -> bool:
    """Keep a mail with an admin's invitation, in place of any before; False if none is kept.

    Call it within the transaction that makes the invitation. Without a mail server none is kept,
    nor beyond 100 of a tenant in a day. The inviting admin sees the secret in any case.
    """
    await end_invitations(admin.tenant_id, [admin.id])
    if service.settings.smtp_url is None:
        return False
    at = await database_now()
    recent = models.Mail.filter(tenant_id=admin.tenant_id, created_at__gt=at - _DAY)
    if await recent.filter(kind=MailKind.INVITATION).count() >= MAX_INVITATIONS:
        _log.warning("a tenant's invitations of a day are too many to be sent by e-mail")
        return False
    mail_id = models.new_id()
    await models.Mail.create(
        id=mail_id,
        created_at=at,
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        kind=MailKind.INVITATION,
        invitation_id=invitation.id,
        secret=await _sealed(service.digest_key, admin.tenant_id, mail_id, secret),
        expires_at=invitation.expires_at,
        due_at=at,
    )
    return True


async def end_invitations(tenant_id: UUID, admin_ids: Collection[UUID]) -> None:
    """Delete the secrets that wait to be sent to these admins: their invitations have ended."""
    own = models.Mail.filter(tenant_id=tenant_id, admin_id__in=list(admin_ids))
    waiting = own.filter(kind=MailKind.INVITATION, due_at__isnull=False)
    await waiting.update(due_at=None, secret=None, lease_holder=None, leased_until=None)


async def put_reminders(tenant_id: UUID, by_admin: Mapping[UUID, Sequence[Note]]) -> None:
    """Keep mails with these reminders. One instance at a time does: its job has a lease.

    They are due at the next full hour, so that an admin gets one mail of them an hour at most.
    """
    at = await database_now()
    waiting = models.Mail.filter(tenant_id=tenant_id, due_at__isnull=False)
    room = max(MAX_WAITING - await waiting.count(), 0)
    due_at = at.replace(minute=0, second=0, microsecond=0) + _HOUR
    rows = [
        models.Mail(
            created_at=at,
            tenant_id=tenant_id,
            admin_id=admin_id,
            kind=MailKind.REMINDERS,
            reminders=_text_of(notes),
            expires_at=at + TRIED,
            due_at=due_at,
        )
        for admin_id, notes in sorted(by_admin.items())[:room]
    ]
    if len(rows) < len(by_admin):
        _log.warning("too many e-mails of a tenant wait: reminders were dropped")
    await models.Mail.bulk_create(rows)


def notes_of(mail: models.Mail) -> Notes:
    """The reminders of a mail."""
    kept = orjson.loads(mail.reminders or '{"notes": [], "more": 0}')
    notes = (
        Note(ReminderKind(kind), days, datetime.fromisoformat(about), UUID(token_id))
        for kind, days, about, token_id in kept["notes"]
    )
    return Notes(tuple(notes), kept["more"])


def opened_secret(key: DigestKey, mail: models.Mail) -> str:
    """The secret of the invitation in a mail. Raises `sealing.CannotOpen`."""
    place = _place(mail.tenant_id, mail.id)
    return sealing.open_sealed(key, _PURPOSE, place, bytes(mail.secret or b"")).decode()


async def renew(key: DigestKey, tenant_id: UUID) -> int:
    """Seal the tenant's secrets with the newest key; gives how many were sealed with another."""
    mails = models.Mail.filter(tenant_id=tenant_id, due_at__isnull=False, secret__isnull=False)
    waiting = await mails.order_by("id")
    old = [one.id for one in waiting if sealing.needs_sealing_anew(key, bytes(one.secret or b""))]
    for mail_id in old:
        await _renew_one(key, tenant_id, mail_id)
    return len(old)


@retried
async def _renew_one(key: DigestKey, tenant_id: UUID, mail_id: UUID) -> None:
    async with transaction():
        own = models.Mail.filter(tenant_id=tenant_id, id=mail_id, secret__isnull=False)
        mail = await own.select_for_update().get_or_none()
        if mail is not None:
            mail.secret = await _sealed(key, tenant_id, mail_id, opened_secret(key, mail))
            await mail.write("secret")


async def _sealed(key: DigestKey, tenant_id: UUID, mail_id: UUID, secret: str) -> bytes:
    generation = await generation_to_keep(key)
    return sealing.seal(key, generation, _PURPOSE, _place(tenant_id, mail_id), secret.encode())


def _place(tenant_id: UUID, mail_id: UUID) -> bytes:
    return tenant_id.bytes + mail_id.bytes


def _text_of(notes: Sequence[Note]) -> str:
    kept = [[one.kind, one.days, one.about, str(one.token_id)] for one in notes[:MAX_NOTES]]
    more = max(len(notes) - MAX_NOTES, 0)
    return orjson.dumps({"notes": kept, "more": more}).decode()

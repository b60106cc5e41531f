"""The queue of e-mail: which is due, its sender, and the result of each attempt.

A mail is leased to one instance at a time, by the database's clock. An attempt is noted by the
holder of the lease alone. If an instance dies in between, another one sends the mail again.
"""

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from models import MailKind
from server.access.tenancy import not_suspended
from server.database import database_now, retried, transaction
from server.jobs.due_work import is_free

# After each failed attempt; the last one is repeated until the mail expires.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (0.5, 2, 10, 30, 60, 120, 240))
# So that mails that failed together are not tried together.
_JITTER = (0.8, 1.2)
_AT_ONCE = 100
Key = tuple[UUID, UUID, MailKind]


async def due(limit: int) -> list[Key]:
    """The tenants and admins with mails of a kind that are due, the longest due first.

    Those of suspended tenants wait.
    """
    at = await database_now()
    # exempt queries_without_a_tenant: the queue of all tenants; its index holds due mails alone
    queue = models.Mail.filter(is_free(at), not_suspended(), due_at__lte=at).order_by("due_at")
    found = await queue.limit(limit).only("tenant_id", "admin_id", "kind")
    return list(dict.fromkeys((one.tenant_id, one.admin_id, one.kind) for one in found))


async def longest_due(at: datetime) -> models.Mail | None:
    """The mail whose next attempt has been due for longest, of those that no instance sends now.

    Those of suspended tenants wait, and are not late.
    """
    # exempt queries_without_a_tenant: the queue of all tenants; its index holds due ones alone
    queue = models.Mail.filter(is_free(at), not_suspended(), due_at__lte=at).order_by("due_at")
    return await queue.only("due_at").first()


@retried
async def take(key: Key, instance: UUID, lasts: timedelta) -> list[models.Mail]:
    """Lease the due mails of a kind to an admin, the earliest first: 100 at most."""
    tenant_id, admin_id, kind = key
    async with transaction():
        at = await database_now()
        own = models.Mail.filter(is_free(at), not_suspended(), tenant_id=tenant_id, kind=kind)
        own = own.filter(admin_id=admin_id)
        waiting = own.filter(due_at__lte=at).order_by("id").limit(_AT_ONCE)
        mails = await waiting.select_for_update()
        for mail in mails:
            mail.lease_holder, mail.leased_until = instance, at + lasts
            await mail.write("lease_holder", "leased_until")
    return mails


async def is_over(mail: models.Mail) -> bool:
    """Whether it is too late to send a mail."""
    return mail.expires_at <= await database_now()


async def find_open_invitation(mail: models.Mail) -> models.Invitation | None:
    """The invitation that a mail has, unless it has ended."""
    own = models.Invitation.filter(tenant_id=mail.tenant_id, id=mail.invitation_id)
    return await own.get_or_none()


async def find_tokens(tenant_id: UUID, ids: Collection[UUID]) -> dict[UUID, models.Token]:
    """The live tokens of the tenant among `ids`."""
    live = models.Token.filter(tenant_id=tenant_id, id__in=list(ids), **models.LIVE)
    return {token.id: token for token in await live}


async def find_unused_rotations(tenant_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """The tokens among `ids` whose rotation still waits for the first use of its new secret."""
    own = models.TokenRotation.filter(tenant_id=tenant_id, id__in=list(ids))
    waiting = own.filter(picked_up_at__isnull=True, ended_at__isnull=True)
    return {row.id for row in await waiting.only("id")}


async def end(mails: Sequence[models.Mail]) -> None:
    """Note that mails are done with. Their contents are deleted."""
    await _held(mails).update(
        due_at=None, secret=None, reminders=None, lease_holder=None, leased_until=None
    )


@retried
async def put_off(mails: Sequence[models.Mail]) -> None:
    """Note that mails could not be sent: they are tried again later."""
    async with transaction():
        at = await database_now()
        for mail in await _held(mails).order_by("id").select_for_update():
            wait = WAITS[min(mail.failures, len(WAITS) - 1)]
            mail.failures += 1
            # Beyond its end it is due once more, to be given up.
            wait *= random.uniform(*_JITTER)  # noqa: S311 - no secret
            mail.due_at = min(at + wait, mail.expires_at)
            mail.lease_holder = mail.leased_until = None
            await mail.write("failures", "due_at", "lease_holder", "leased_until")


def _held(mails: Sequence[models.Mail]) -> QuerySet[models.Mail]:
    first = mails[0]
    own = models.Mail.filter(tenant_id=first.tenant_id, id__in=[mail.id for mail in mails])
    return own.filter(lease_holder=first.lease_holder, due_at__isnull=False)

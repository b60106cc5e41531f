"""Reminders about tokens that need care without any change: a token that ends soon or has ended, a
rotation whose new secret is not used, a retired secret that is still used. Each is sent once, to
webhooks and by e-mail, and again after a token gets another expiry.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

import models
from models import ReminderKind
from server.access import outbox, reminders
from server.access.events import REMINDERS, Event, is_wanted
from server.access.mails import Note
from server.access.tenancy import tenants_in_portions
from server.database import database_now
from server.global_ids import encode_id
from server.jobs import reminder_mails
from server.jobs.runner import Job

# Days before the end. The first only for a token that lives for a year or more.
DAYS_BEFORE = (60, 30, 7, 1)
_LONG_LIFE = timedelta(days=365)
# A reminder that an outage delays is sent for so long.
_LATE = timedelta(days=1)
_TENANTS, _ROWS = 100, 500
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Due:
    """A reminder that may have been sent already."""

    token: models.Token
    kind: ReminderKind
    about: datetime
    days: int = 0

    @property
    def key(self) -> tuple[UUID, ReminderKind, datetime, int]:
        return self.token.id, self.kind, self.about, self.days

    @property
    def note(self) -> Note:
        return Note(self.kind, self.days, self.about, self.token.id)


def job(*, by_mail: bool) -> Job:
    """The job that reminds. by_mail: whether there is a mail server."""
    return Job("reminders", timedelta(minutes=15), lambda: remind_all(by_mail=by_mail))


async def remind_all(*, by_mail: bool = False) -> AsyncGenerator[None, None]:
    """Remind every tenant that asks for it, a part of one in a portion.

    A tenant asks by a webhook for reminders; by_mail: every tenant does.
    """
    async for tenant_ids in tenants_in_portions(_TENANTS):
        asking = tenant_ids if by_mail else await _who_want_reminders(tenant_ids)
        for tenant_id in await _with_news(asking, await database_now()):
            async for _ in _remind(tenant_id, by_mail=by_mail):
                yield
        yield


async def _who_want_reminders(tenant_ids: Sequence[UUID]) -> list[UUID]:
    webhooks = models.Webhook.filter(tenant_id__in=tenant_ids).only("tenant_id", "events")
    return sorted(
        {
            webhook.tenant_id
            for webhook in await webhooks
            if any(is_wanted(webhook, of_type) for of_type in REMINDERS.values())
        }
    )


async def _with_news(tenant_ids: Sequence[UUID], at: datetime) -> list[UUID]:
    """Those of the tenants with anything to be reminded of, so that few are looked at in turn."""
    if not tenant_ids:
        return []
    ending = models.Token.filter(tenant_id__in=tenant_ids, expires_at__gt=at - _LATE, **models.LIVE)
    soon = ending.filter(expires_at__lte=at + DAYS_BEFORE[0] * _DAY)
    pending = _newly_overdue(tenant_ids, at)
    today = reminders.start_of_day(at)
    found = {*await _tenants_of(soon), *await _tenants_of(pending)}
    return sorted(found.union(await reminders.tenants_with_retired_uses(tenant_ids, today)))


async def _tenants_of(rows: QuerySet[Any]) -> list[UUID]:
    found: list[Any] = await rows.distinct().values_list("tenant_id", flat=True)
    return found


async def _remind(tenant_id: UUID, *, by_mail: bool) -> AsyncGenerator[None, None]:
    at = await database_now()
    send = partial(_send, tenant_id, by_mail=by_mail)
    for days in DAYS_BEFORE:
        window = at + (days - 1) * _DAY, at + days * _DAY
        async for tokens in _ending(tenant_id, *window):
            await send([due for one in tokens for due in _expiring(one, days)])
            yield
    async for tokens in _ending(tenant_id, at - _LATE, at):
        await send([_Due(one, ReminderKind.EXPIRED, _end_of(one)) for one in tokens])
        yield
    await send(await _overdue_rotations(tenant_id, at))
    yield
    await send(await _used_retired_secrets(tenant_id, at))
    yield


async def _ending(
    tenant_id: UUID, after: datetime, until: datetime
) -> AsyncGenerator[list[models.Token], None]:
    """The live tokens that end after the first instant and until the second, in portions."""
    ending = models.Token.filter(tenant_id=tenant_id, expires_at__lte=until, **models.LIVE)
    ending = ending.order_by("expires_at", "id").limit(_ROWS)
    page = await ending.filter(expires_at__gt=after)
    while page:
        yield page
        at, last = page[-1].expires_at, page[-1].id
        beyond = Q(expires_at__gt=at) | Q(expires_at=at, id__gt=last)
        page = await ending.filter(beyond, expires_at__gte=at)


def _expiring(token: models.Token, days: int) -> Iterator[_Due]:
    """The reminder so many days before, unless the token was made later than that."""
    end = _end_of(token)
    life = end - token.created_at
    if life > days * _DAY and (days <= 30 or life >= _LONG_LIFE):
        yield _Due(token, ReminderKind.EXPIRING, end, days)


def _end_of(token: models.Token) -> datetime:
    if token.expires_at is None:
        raise ValueError("The token never ends")
    return token.expires_at


async def _overdue_rotations(tenant_id: UUID, at: datetime) -> list[_Due]:
    pending = await _newly_overdue([tenant_id], at).limit(_ROWS)
    started = {one.id: one.created_at for one in pending if one.is_under_way(at)}
    tokens = await _live(tenant_id, list(started))
    return [_Due(one, ReminderKind.ROTATION_OVERDUE, started[one.id]) for one in tokens]


def _newly_overdue(tenant_ids: Sequence[UUID], at: datetime) -> QuerySet[models.TokenRotation]:
    overdue = reminders.overdue_rotations(tenant_ids, at)
    return overdue.filter(created_at__gt=at - reminders.OVERDUE_AFTER - _LATE)


async def _used_retired_secrets(tenant_id: UUID, at: datetime) -> list[_Due]:
    # Each day anew, of the uses of that day.
    today = reminders.start_of_day(at)
    tokens = await _live(tenant_id, await reminders.tokens_with_retired_uses(tenant_id, today))
    return [_Due(one, ReminderKind.RETIRED_SECRET_USED, today) for one in tokens]


async def _live(tenant_id: UUID, ids: Sequence[UUID]) -> list[models.Token]:
    if not ids:
        return []
    return await models.Token.filter(tenant_id=tenant_id, id__in=ids, **models.LIVE)


async def _send(tenant_id: UUID, due: Sequence[_Due], *, by_mail: bool) -> None:
    """Send those that were not sent yet. One instance at a time does: the job has a lease."""
    if not due:
        return
    ids = {one.token.id for one in due}
    sent = await models.Reminder.filter(tenant_id=tenant_id, token_id__in=ids)
    keys = {(row.token_id, row.kind, row.about, row.days) for row in sent}
    fresh = [one for one in due if one.key not in keys]
    rows = [
        models.Reminder(
            tenant_id=tenant_id,
            token_id=one.token.id,
            kind=one.kind,
            about=one.about,
            days=one.days,
        )
        for one in fresh
    ]
    if rows:
        await models.Reminder.bulk_create(rows)
        events = [_event(row, one) for row, one in zip(rows, fresh, strict=True)]
        await outbox.put(tenant_id, events)
    if rows and by_mail:
        await reminder_mails.put(tenant_id, [(one.token, one.note) for one in fresh])


def _event(row: models.Reminder, due: _Due) -> Event:
    about = due.about.isoformat().replace("+00:00", "Z")
    details: dict[ReminderKind, dict[str, Any]] = {
        ReminderKind.EXPIRING: {"expiresAt": about, "days": due.days},
        ReminderKind.EXPIRED: {"expiresAt": about},
        ReminderKind.ROTATION_OVERDUE: {"startedAt": about},
        ReminderKind.RETIRED_SECRET_USED: {"day": about[:10]},
    }
    token_id = encode_id("Token", due.token.id)
    data = {
        "sequence": None,
        "subject": {"kind": "TOKEN", "id": token_id},
        "actor": {"kind": "SYSTEM", "id": None, "name": None},
        "details": details[due.kind],
        "token": {"id": token_id, "name": due.token.name},
    }
    return Event(f"evt_{row.id.hex}", REMINDERS[due.kind], row.created_at, data)

"""Operations on webhooks: the addresses that events of a tenant are sent to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import models
from models import ActivityKind, WebhookPauseReason, WebhookState
from server.access import events, outbox
from server.access.activity import record
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import change, owned, page_of
from server.access.webhook_secrets import sealed_secret
from server.database import database_now, retried
from server.errors import InvalidInput, NotFound
from server.outbound.signing import new_secret, shown_secret
from server.outbound.urls import clean_url
from server.paging import Page, PageRequest
from server.roles import Right
from server.service import Service

MAX_WEBHOOKS = 20


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A webhook and its secret, which is shown now and never again."""

    webhook: models.Webhook
    secret: str

    def __repr__(self) -> str:
        return f"CreatedWebhook(webhook={self.webhook!r}, secret=…)"


async def every(principal: Principal) -> list[models.Webhook]:
    """The tenant's webhooks, the earliest first: 20 at most."""
    principal.require(Right.READ)
    return await owned_rows(models.Webhook, principal, order_by=("id",))


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Webhook]:
    """The webhooks of the tenant among `ids`."""
    principal.require(Right.READ)
    return {row.id: row for row in await owned_rows(models.Webhook, principal, id__in=ids)}


async def find_deliveries(
    principal: Principal, ids: Collection[UUID]
) -> dict[UUID, models.WebhookDelivery]:
    """The deliveries of the tenant's webhooks among `ids`."""
    principal.require(Right.READ)
    found = await owned_rows(models.WebhookDelivery, principal, id__in=ids)
    return {row.id: row for row in found}


async def deliveries(
    principal: Principal, webhook_id: UUID, request: PageRequest
) -> Page[models.WebhookDelivery]:
    """The attempts to send to a webhook that are kept, the latest first."""
    principal.require(Right.READ)
    return await page_of(
        models.WebhookDelivery,
        request,
        newest_first=True,
        tenant_id=principal.tenant_id,
        webhook_id=webhook_id,
    )


@retried
async def create(
    principal: Principal, service: Service, *, url: str, wanted: Sequence[str]
) -> CreatedWebhook:
    """A new webhook. wanted: the types of its events. Raises `InvalidInput`."""
    principal.require(Right.MANAGE_WEBHOOKS)
    url = clean_url(url, service.settings.webhook_networks)
    joined = events.clean_events(wanted)
    secret, webhook_id = new_secret(), models.new_id()
    async with change(principal, Right.MANAGE_WEBHOOKS):
        await _require_room(principal)
        webhook = await models.Webhook.create(
            id=webhook_id,
            tenant_id=principal.tenant_id,
            url=url,
            events=joined,
            state=WebhookState.ACTIVE,
            created_by_id=principal.actor.id,
            secret=await sealed_secret(service.digest_key, principal.tenant_id, webhook_id, secret),
        )
        details = {"url": url, "events": events.events_of(webhook)}
        await record(principal, ActivityKind.WEBHOOK_CREATED, webhook, **details)
    return CreatedWebhook(webhook, shown_secret(secret))


@retried
async def set_webhook(
    principal: Principal,
    service: Service,
    webhook_id: UUID,
    *,
    url: str | None = None,
    wanted: Sequence[str] | None = None,
    state: WebhookState | None = None,
) -> models.Webhook:
    """Change the given values of a webhook. The others stay. Raises `InvalidInput` or `NotFound`.

    Events that wait are sent once it is active, in order, and at once if its URL is new.
    """
    principal.require(Right.MANAGE_WEBHOOKS)
    changed: dict[str, Any] = {}
    if url is not None:
        changed["url"] = clean_url(url, service.settings.webhook_networks)
    if wanted is not None:
        changed["events"] = events.clean_events(wanted)
    async with change(principal, Right.MANAGE_WEBHOOKS):
        webhook = await _locked(principal, webhook_id)
        before = events.values_of(webhook)
        webhook.url = changed.get("url", webhook.url)
        webhook.events = changed.get("events", webhook.events)
        if state is WebhookState.PAUSED and webhook.state is WebhookState.ACTIVE:
            webhook.pause_reason = WebhookPauseReason.BY_ADMIN
            webhook.paused_at, webhook.due_at = await database_now(), None
        if state is WebhookState.ACTIVE:
            webhook.pause_reason, webhook.paused_at = None, None
        webhook.state = state or webhook.state
        await _try_now(webhook)
        await webhook.write("url", "events", "state", "pause_reason", "paused_at")
        if events.values_of(webhook) != before:
            details = events.change_of(webhook, before)
            await record(principal, ActivityKind.WEBHOOK_SET, webhook, **details)
    return webhook


@retried
async def test(principal: Principal, webhook_id: UUID) -> models.Webhook:
    """Send a test event after the events that wait, and try these at once.

    Raises `NotFound`, or `InvalidInput` for a paused webhook.
    """
    principal.require(Right.MANAGE_WEBHOOKS)
    async with change(principal, Right.MANAGE_WEBHOOKS):
        webhook = await _locked(principal, webhook_id)
        if webhook.state is WebhookState.PAUSED:
            raise InvalidInput("webhookId", "This webhook is paused. Resume it first.")
        event_id = f"evt_{models.new_id().hex}"
        event = events.Event(event_id, events.TEST, await database_now(), {})
        await outbox.put_for(webhook, [event])
        await _try_now(webhook)
        await record(principal, ActivityKind.WEBHOOK_TESTED, webhook, url=webhook.url)
    return webhook


@retried
async def replay(principal: Principal, webhook_id: UUID, since: datetime) -> models.Webhook:
    """Send the events since an instant once more, with the same ids, and in the same order.

    Raises `NotFound`, or `InvalidInput` for an instant
    since which there are too many.
    """
    principal.require(Right.MANAGE_WEBHOOKS)
    async with change(principal, Right.MANAGE_WEBHOOKS):
        webhook = await _locked(principal, webhook_id)
        kept = owned(models.WebhookEvent, principal).filter(webhook_id=webhook.id)
        later = kept.filter(created_at__gte=since).order_by("created_at")
        first = await later.first().only("number")
        if first is not None and first.number <= webhook.sent_number:
            if webhook.last_number - first.number + 1 > outbox.MAX_WAITING:
                message = f"More than {outbox.MAX_WAITING:,} events are since then."
                raise InvalidInput("since", f"{message} Choose a later instant.")
            webhook.sent_number = first.number - 1
            await webhook.write("sent_number")
        await _try_now(webhook)
        details = {"url": webhook.url, "since": since.isoformat()}
        await record(principal, ActivityKind.WEBHOOK_REPLAYED, webhook, **details)
    return webhook


@retried
async def remove(principal: Principal, webhook_id: UUID) -> None:
    """Remove a webhook: nothing more is sent. Raises `NotFound`.

    Its events and the log of its deliveries are deleted when they are old enough.
    """
    principal.require(Right.MANAGE_WEBHOOKS)
    async with change(principal, Right.MANAGE_WEBHOOKS):
        webhook = await _locked(principal, webhook_id)
        await owned(models.Webhook, principal).filter(id=webhook.id).delete()
        await record(principal, ActivityKind.WEBHOOK_REMOVED, webhook, url=webhook.url)


async def _require_room(principal: Principal) -> None:
    """Raises `InvalidInput` if the tenant has 20 webhooks.

    Locks the tenant's row: two admins at once would each see room for one.
    """
    await models.Tenant.filter(id=principal.tenant_id).select_for_update().get()
    if await owned(models.Webhook, principal).count() >= MAX_WEBHOOKS:
        raise InvalidInput("url", f"There are {MAX_WEBHOOKS} webhooks already. Remove one first.")


async def _locked(principal: Principal, webhook_id: UUID) -> models.Webhook:
    own = owned(models.Webhook, principal).filter(id=webhook_id)
    webhook = await own.select_for_update().get_or_none()
    if webhook is None:
        raise NotFound
    return webhook


async def _try_now(webhook: models.Webhook) -> None:
    """Begin to send the events that wait, if any, also after failures."""
    if webhook.state is WebhookState.ACTIVE:
        webhook.failures = 0
        webhook.due_at = await database_now() if webhook.waiting else None
    await webhook.write("failures", "due_at")

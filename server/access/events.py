"""Events for webhooks, by type, made from the activity.

This file has the one table of activities and their types of events. Events hold names, ids and
changed values, and no secret.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

import models
from models import ActivityKind, ActorKind, ReminderKind, SubjectKind
from server.access.activity_ids import actor_id_of, details_of, subject_id_of
from server.errors import InvalidInput

# As Standard Webhooks recommends: receivers refuse larger ones.
MAX_BODY_BYTES = 20_000
MAX_EVENT_PATTERNS = 50
EVERY = "*"
LEAKED = "token.leaked"
TEST = "webhook.test"
EVENT_OF_KIND: dict[ActivityKind, str] = {
    ActivityKind.CREATED: "token.created",
    ActivityKind.NAME_CHANGED: "token.renamed",
    ActivityKind.DESCRIPTION_CHANGED: "token.described",
    ActivityKind.PERMISSIONS_EDITED: "token.permissions_edited",
    ActivityKind.PERMISSIONS_GREW: "token.permissions_grew",
    ActivityKind.EXPIRY_SET: "token.expiry_set",
    ActivityKind.PAUSED: "token.paused",
    ActivityKind.RESUMED: "token.resumed",
    ActivityKind.NETWORKS_SET: "token.networks_set",
    ActivityKind.RATE_LIMIT_SET: "token.rate_limit_set",
    ActivityKind.HOLDER_MAY_ROTATE_SET: "token.holder_may_rotate_set",
    ActivityKind.TRANSFERRED: "token.transferred",
    ActivityKind.ROTATION_STARTED: "token.rotation_started",
    ActivityKind.ROTATION_PICKED_UP: "token.rotation_picked_up",
    ActivityKind.ROTATION_ENDED: "token.rotation_ended",
    # For receivers that follow the permissions of tokens: its details are those of the other edits.
    ActivityKind.TRIAL_ENFORCED: "token.permissions_edited",
    ActivityKind.REVOKED: "token.revoked",
    ActivityKind.ACCESS_REQUESTED: "access.requested",
    ActivityKind.ACCESS_GRANTED: "access.granted",
    ActivityKind.ACCESS_DECLINED: "access.declined",
    ActivityKind.ADMIN_INVITED: "admin.invited",
    ActivityKind.INVITATION_RENEWED: "admin.invitation_renewed",
    ActivityKind.INVITATION_ACCEPTED: "admin.invitation_accepted",
    ActivityKind.INVITATION_ENDED: "admin.invitation_ended",
    ActivityKind.ROLE_SET: "admin.role_set",
    ActivityKind.OWNERSHIP_TRANSFERRED: "admin.ownership_transferred",
    ActivityKind.ADMIN_REMOVED: "admin.removed",
    ActivityKind.ADMIN_ERASED: "admin.erased",
    ActivityKind.PASSWORD_SET: "admin.password_set",
    ActivityKind.TENANT_LIMIT_SET: "tenant.limit_set",
    ActivityKind.TENANT_RENAMED: "tenant.renamed",
    # Sent once the tenant is resumed: nothing is sent meanwhile.
    ActivityKind.TENANT_SUSPENDED: "tenant.suspended",
    ActivityKind.TENANT_RESUMED: "tenant.resumed",
    ActivityKind.TOKEN_POLICY_SET: "policy.set",
    ActivityKind.CATALOGUE_CHANGED: "catalogue.changed",
}
_NO_CHANGE = "changes nothing of the tenant; the activity has it"
_DECIDES_NOTHING = "a trial decides nothing until it is enforced; the activity has it"
_OF_INSTALLATION = "of the installation, which has no webhooks"
# Besides, its change holds the webhook's row: to lock others then could be a deadlock.
_OF_WEBHOOK = "an admin who can change webhooks can silence them; the activity has it"
# Kinds of activity that no webhook is told of, each with its reason.
NOT_TOLD: dict[ActivityKind, str] = {
    ActivityKind.TRIAL_STARTED: _DECIDES_NOTHING,
    ActivityKind.TRIAL_DROPPED: _DECIDES_NOTHING,
    ActivityKind.SIGNED_IN: _NO_CHANGE,
    ActivityKind.SIGN_IN_FAILED: "strangers decide how many there are; the activity has it",
    ActivityKind.SIGNED_OUT: _NO_CHANGE,
    ActivityKind.SESSIONS_ENDED: _NO_CHANGE,
    ActivityKind.CATALOGUE_NOTICE_DISMISSED: _NO_CHANGE,
    ActivityKind.TENANT_CREATED: "no webhook is there before its tenant",
    ActivityKind.WEBHOOK_CREATED: _OF_WEBHOOK,
    ActivityKind.WEBHOOK_SET: _OF_WEBHOOK,
    ActivityKind.WEBHOOK_TESTED: _OF_WEBHOOK,
    ActivityKind.WEBHOOK_REPLAYED: _OF_WEBHOOK,
    ActivityKind.WEBHOOK_REMOVED: _OF_WEBHOOK,
    ActivityKind.INTROSPECTION_CLIENT_CREATED: _OF_INSTALLATION,
    ActivityKind.INTROSPECTION_CLIENT_REVOKED: _OF_INSTALLATION,
    ActivityKind.DIGEST_KEY_ANNOUNCED: _OF_INSTALLATION,
    ActivityKind.DIGEST_KEY_REPLACED: _OF_INSTALLATION,
    ActivityKind.TENANT_DELETED: _OF_INSTALLATION,
}
# `server.jobs.reminders` tells when.
REMINDERS: dict[ReminderKind, str] = {
    ReminderKind.EXPIRING: "token.expiring",
    ReminderKind.EXPIRED: "token.expired",
    ReminderKind.ROTATION_OVERDUE: "token.rotation_overdue",
    ReminderKind.RETIRED_SECRET_USED: "token.retired_secret_used",
}
# Every type that a webhook may ask for. Test events are sent unasked.
EVENT_TYPES = (*dict.fromkeys(EVENT_OF_KIND.values()), LEAKED, *REMINDERS.values())
_FAMILIES = {f"{of_type.partition('.')[0]}.*" for of_type in EVENT_TYPES}


@dataclass(frozen=True, slots=True)
class Event:
    """An event for webhooks. `id` stays the same at each attempt to send it."""

    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


def clean_events(patterns: Sequence[str], field: str = "events") -> str:
    """The types of events that a webhook asks for, joined by commas. Raises `InvalidInput`.

    Each is a type, all of a family such as `token.*`, or `*` for all.
    """
    if not 1 <= len(patterns) <= MAX_EVENT_PATTERNS:
        raise InvalidInput(field, f"Choose 1 to {MAX_EVENT_PATTERNS} types of events.")
    unknown = [one for one in patterns if one not in {*EVENT_TYPES, *_FAMILIES, EVERY}]
    if unknown:
        raise InvalidInput(field, "Choose types of events that exist.")
    return ",".join(sorted(set(patterns)))


def events_of(webhook: models.Webhook) -> list[str]:
    """The types that `clean_events` was given, in order."""
    return webhook.events.split(",")


def values_of(webhook: models.Webhook) -> dict[str, Any]:
    """The changeable values of a webhook, for the activity."""
    reason = webhook.pause_reason
    return {
        "url": webhook.url,
        "events": events_of(webhook),
        "state": webhook.state.value,
        "pauseReason": reason.value if reason else None,
    }


def change_of(webhook: models.Webhook, before: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a webhook by now and `before`, as details of its activity."""
    previous = {f"previous{name[0].upper()}{name[1:]}": value for name, value in before.items()}
    return {**values_of(webhook), **previous}


def is_wanted(webhook: models.Webhook, of_type: str) -> bool:
    """Whether the webhook asks for events of this type."""
    wanted: Collection[str] = events_of(webhook)
    return not {EVERY, of_type, f"{of_type.partition('.')[0]}.*"}.isdisjoint(wanted)


def types_of(row: models.Activity) -> list[str]:
    """The types of the events that an activity becomes.

    A secret that leaked is told of twice: as a token that was revoked, and as leaked.
    """
    if row.kind in NOT_TOLD:
        return []
    types = [EVENT_OF_KIND[row.kind]]
    if row.kind is ActivityKind.REVOKED and row.details["reason"] == "COMPROMISED":
        types.append(LEAKED)
    return types


def tokens_in(activities: Sequence[models.Activity]) -> set[UUID]:
    """The ids of the tokens that activities are about."""
    return {row.subject_id for row in activities if row.subject_kind is SubjectKind.TOKEN}


def events_in(activities: Sequence[models.Activity], names: Mapping[UUID, str]) -> Iterator[Event]:
    """The events that these activities become. names: of `tokens_in` by id."""
    for row in activities:
        for of_type in types_of(row):
            event_id = f"evt_{row.id.hex}" + ("_leaked" if of_type == LEAKED else "")
            yield Event(event_id, of_type, row.created_at, _data(row, names))


def body_of(event: Event) -> str:
    """The body of an event: JSON of at most 20,000 bytes. Lists that do not fit are left out.

    Then `isShortened` is true, and the number of a list's members stands in its place.
    """
    body = _json(event, event.data)
    if len(body) <= MAX_BODY_BYTES:
        return body.decode()
    details = event.data.get("details") or {}
    counted = {
        (f"{name}Count" if isinstance(value, list) else name): (
            len(value) if isinstance(value, list) else value
        )
        for name, value in details.items()
    }
    return _json(event, {**event.data, "details": counted, "isShortened": True}).decode()


def _json(event: Event, data: Mapping[str, Any]) -> bytes:
    at = event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"type": event.type, "timestamp": at, "data": data})


def _data(row: models.Activity, names: Mapping[UUID, str]) -> dict[str, Any]:
    subject_id = subject_id_of(row)
    data: dict[str, Any] = {
        "sequence": row.sequence,
        "subject": {"kind": row.subject_kind.value, "id": subject_id},
        "actor": _actor(row, names),
        "details": details_of(row),
    }
    if row.subject_kind is SubjectKind.TOKEN:
        data["token"] = {"id": subject_id, "name": names.get(row.subject_id)}
    return data


def _actor(row: models.Activity, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Without the names of admins: an event that was sent cannot be erased."""
    is_holder = row.actor_kind is ActorKind.HOLDER
    name = names.get(row.actor_id) if is_holder else row.actor_name
    return {"kind": row.actor_kind.value, "id": actor_id_of(row), "name": name}

"""Global ids of the actor, the subject and the details of an activity, for outside GraphQL.

The lines of the activity's export and the events of webhooks use them.
"""

from typing import Any
from uuid import UUID

from models import Activity, ActorKind, SubjectKind
from server.global_ids import encode_id

ACTOR_TYPES = {ActorKind.ADMIN: "Admin", ActorKind.HOLDER: "Token"}
SUBJECT_TYPES = {
    SubjectKind.ADMIN: "Admin",
    SubjectKind.TOKEN: "Token",
    SubjectKind.TENANT: "Tenant",
    SubjectKind.WEBHOOK: "Webhook",
}
# Details that are ids of admins.
_ADMINS = {"owner", "previousOwner", "invitedBy"}


def actor_id_of(row: Activity) -> str | None:
    """The global id of the actor; None for one that is no object of GraphQL."""
    return _global_id(ACTOR_TYPES.get(row.actor_kind), row.actor_id)


def subject_id_of(row: Activity) -> str | None:
    """The global id of the subject; None for one that is no object of GraphQL."""
    return _global_id(SUBJECT_TYPES.get(row.subject_kind), row.subject_id)


def details_of(row: Activity) -> dict[str, Any]:
    """The details, with the global id of each admin."""
    return {name: _detail(name, value) for name, value in row.details.items()}


def _global_id(type_name: str | None, row_id: UUID) -> str | None:
    return encode_id(type_name, row_id) if type_name else None


def _detail(name: str, value: Any) -> Any:
    return encode_id("Admin", UUID(value)) if name in _ADMINS and value else value

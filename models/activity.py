"""The activity: the audit trail of tokens."""

from enum import Enum
from typing import Any

from tortoise import fields

from models.rows import TenantRow


class ActivityKind(Enum):
    """The kind of a change to a token."""

    CREATED = "CREATED"
    NAME_CHANGED = "NAME_CHANGED"
    DESCRIPTION_CHANGED = "DESCRIPTION_CHANGED"
    PERMISSIONS_EDITED = "PERMISSIONS_EDITED"
    EXPIRY_SET = "EXPIRY_SET"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    NETWORKS_SET = "NETWORKS_SET"
    RATE_LIMIT_SET = "RATE_LIMIT_SET"
    TRANSFERRED = "TRANSFERRED"
    ROTATION_STARTED = "ROTATION_STARTED"
    ROTATION_PICKED_UP = "ROTATION_PICKED_UP"
    ROTATION_ENDED = "ROTATION_ENDED"
    REVOKED = "REVOKED"


class RevocationReason(Enum):
    """Why a token was revoked."""

    REVOKED = "REVOKED"
    CREATOR_REMOVED = "CREATOR_REMOVED"
    COMPROMISED = "COMPROMISED"
    SUPERSEDED = "SUPERSEDED"
    POLICY = "POLICY"
    SELF = "SELF"


class Activity(TenantRow):
    """One change of one token, written in the transaction of that change and never altered.

    `actor_id` names an admin who may have been removed; it is the nil UUID where the token's holder
    acted. `details` depends on the kind: previous and new texts, granted and withdrawn permission
    keys, or a reason.
    """

    token_id = fields.UUIDField()
    actor_id = fields.UUIDField()
    kind = fields.CharEnumField(ActivityKind, description="What happened", max_length=32)
    details: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "activity"
        table_description = "The audit trail of tokens"
        unique_together = (("tenant_id", "id"),)
        indexes = (("tenant_id", "token_id", "id"), ("tenant_id", "kind", "id"))

"""The activity: the audit trail of a tenant."""

from enum import Enum
from typing import Any

from tortoise import fields
from tortoise.indexes import Index

from models.rows import TenantRow


class ActivityKind(Enum):
    """The kind of an activity. Those of tokens come first, and have no prefix."""

    CREATED = "CREATED"
    NAME_CHANGED = "NAME_CHANGED"
    DESCRIPTION_CHANGED = "DESCRIPTION_CHANGED"
    PERMISSIONS_EDITED = "PERMISSIONS_EDITED"
    PERMISSIONS_GREW = "PERMISSIONS_GREW"
    EXPIRY_SET = "EXPIRY_SET"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    NETWORKS_SET = "NETWORKS_SET"
    RATE_LIMIT_SET = "RATE_LIMIT_SET"
    TRANSFERRED = "TRANSFERRED"
    ROTATION_STARTED = "ROTATION_STARTED"
    ROTATION_PICKED_UP = "ROTATION_PICKED_UP"
    ROTATION_ENDED = "ROTATION_ENDED"
    HOLDER_MAY_ROTATE_SET = "HOLDER_MAY_ROTATE_SET"
    TRIAL_STARTED = "TRIAL_STARTED"
    TRIAL_ENFORCED = "TRIAL_ENFORCED"
    TRIAL_DROPPED = "TRIAL_DROPPED"
    ACCESS_REQUESTED = "ACCESS_REQUESTED"
    ACCESS_GRANTED = "ACCESS_GRANTED"
    ACCESS_DECLINED = "ACCESS_DECLINED"
    REVOKED = "REVOKED"
    ADMIN_INVITED = "ADMIN_INVITED"
    INVITATION_RENEWED = "INVITATION_RENEWED"
    INVITATION_ACCEPTED = "INVITATION_ACCEPTED"
    INVITATION_ENDED = "INVITATION_ENDED"
    ROLE_SET = "ROLE_SET"
    OWNERSHIP_TRANSFERRED = "OWNERSHIP_TRANSFERRED"
    ADMIN_REMOVED = "ADMIN_REMOVED"
    ADMIN_ERASED = "ADMIN_ERASED"
    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    SIGNED_OUT = "SIGNED_OUT"
    SESSIONS_ENDED = "SESSIONS_ENDED"
    PASSWORD_SET = "PASSWORD_SET"
    TENANT_CREATED = "TENANT_CREATED"
    TENANT_LIMIT_SET = "TENANT_LIMIT_SET"
    TENANT_RENAMED = "TENANT_RENAMED"
    TENANT_SUSPENDED = "TENANT_SUSPENDED"
    TENANT_RESUMED = "TENANT_RESUMED"
    TOKEN_POLICY_SET = "TOKEN_POLICY_SET"
    CATALOGUE_CHANGED = "CATALOGUE_CHANGED"
    CATALOGUE_NOTICE_DISMISSED = "CATALOGUE_NOTICE_DISMISSED"
    WEBHOOK_CREATED = "WEBHOOK_CREATED"
    WEBHOOK_SET = "WEBHOOK_SET"
    WEBHOOK_TESTED = "WEBHOOK_TESTED"
    WEBHOOK_REPLAYED = "WEBHOOK_REPLAYED"
    WEBHOOK_REMOVED = "WEBHOOK_REMOVED"
    INTROSPECTION_CLIENT_CREATED = "INTROSPECTION_CLIENT_CREATED"
    INTROSPECTION_CLIENT_REVOKED = "INTROSPECTION_CLIENT_REVOKED"
    DIGEST_KEY_ANNOUNCED = "DIGEST_KEY_ANNOUNCED"
    DIGEST_KEY_REPLACED = "DIGEST_KEY_REPLACED"
    TENANT_DELETED = "TENANT_DELETED"


class ActorKind(Enum):
    """The kind of actor that made a change."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    MACHINE = "MACHINE"
    HOLDER = "HOLDER"
    SYSTEM = "SYSTEM"


class SubjectKind(Enum):
    """The kind of thing that an activity is about."""

    TOKEN = "TOKEN"
    ADMIN = "ADMIN"
    TENANT = "TENANT"
    WEBHOOK = "WEBHOOK"
    INTROSPECTION_CLIENT = "INTROSPECTION_CLIENT"
    DIGEST_KEY = "DIGEST_KEY"


class RevocationReason(Enum):
    """Why a token was revoked."""

    REVOKED = "REVOKED"
    CREATOR_REMOVED = "CREATOR_REMOVED"
    COMPROMISED = "COMPROMISED"
    SUPERSEDED = "SUPERSEDED"
    POLICY = "POLICY"
    SELF = "SELF"


class Activity(TenantRow):
    """One change or sign-in, written in the transaction of that change and never altered.

    `sequence` numbers the activities of a tenant from 1, without gaps, in the order in which their
    transactions ended; `id` and `created_at` increase with it. The activities of the installation,
    which are no tenant's, have the nil UUID as their tenant.

    `actor_id` is an admin's id, a token's where its holder acted, or one of those in
    `server.access.principal` for the operator and the system. `actor_name` is the login name of an
    operator; names of admins and tokens stand in their own rows. `address` is the client's, null
    for none. `details` depends on the kind: old and new values, no secret, and of admins only ids.
    """

    sequence = fields.BigIntField(db_default=0)
    kind = fields.CharEnumField(ActivityKind, description="What happened", max_length=32)
    actor_kind = fields.CharEnumField(
        ActorKind, description="Who acted", max_length=32, db_default="ADMIN"
    )
    actor_id = fields.UUIDField()
    actor_name = fields.CharField(max_length=100, null=True)
    subject_kind = fields.CharEnumField(
        SubjectKind, description="What it is about", max_length=32, db_default="TOKEN"
    )
    subject_id = fields.UUIDField()
    address = fields.CharField(max_length=64, null=True)
    details: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "activity"
        table_description = "The audit trail"
        unique_together = (("tenant_id", "id"),)
        # A page by any filter is a range of one index for each kind: `server.access.trail`.
        indexes = (
            ("tenant_id", "kind", "id"),
            Index(fields=("tenant_id", "subject_id", "id"), name="idx_activity_subject"),
            Index(
                fields=("tenant_id", "subject_id", "kind", "id"), name="idx_activity_subject_kind"
            ),
            Index(fields=("tenant_id", "actor_id", "id"), name="idx_activity_actor"),
            Index(fields=("tenant_id", "actor_id", "kind", "id"), name="idx_activity_actor_kind"),
            Index(
                fields=("tenant_id", "actor_id", "subject_id", "kind", "id"),
                name="idx_activity_actor_subject",
            ),
        )


class ActivityCounter(TenantRow):
    """The last `sequence` of a tenant's activities, and the last tick of their ids.

    Its id is the tenant's. A transaction that writes activity locks the row until it ends.
    """

    sequence = fields.BigIntField()
    tick = fields.BigIntField()

    class Meta:
        table = "activity_counter"
        table_description = "The last number of each tenant's activities"
        unique_together = (("tenant_id", "id"),)

"""The requests of holders for permissions that their tokens lack."""

from enum import Enum
from typing import Any

from tortoise import fields
from tortoise.indexes import Index

from models.rows import TenantRow
from models.token_permission import permission_fingerprint


class AccessRequestState(Enum):
    """The state of an access request. Only an open one changes."""

    OPEN = "OPEN"
    GRANTED = "GRANTED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


class AccessRequest(TenantRow):
    """The holder of a token asks for one permission.

    `key` is "METHOD path-template" as the catalogue had it; `fingerprint` tells the permission.
    `address` is the holder's. `decided_at` is when it was granted, declined, or ended with its
    token. `decided_by_id` names an admin, null where none decided. `decline_reason` is for the
    holder.
    """

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)
    fingerprint = fields.BinaryField()
    reason = fields.CharField(max_length=500)
    address = fields.CharField(max_length=64)
    state = fields.CharEnumField(
        AccessRequestState,
        description="Its state",
        max_length=32,
        default=AccessRequestState.OPEN,
    )
    decided_at = fields.DatetimeField(null=True)
    decided_by_id = fields.UUIDField(null=True)
    decline_reason = fields.CharField(max_length=500, null=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(fingerprint=permission_fingerprint(values["key"]), **values)

    class Meta:
        table = "access_request"
        table_description = "Requests of holders for permissions"
        unique_together = (("tenant_id", "id"),)
        indexes = (
            ("tenant_id", "state", "id"),
            ("tenant_id", "token_id", "id"),
            Index(fields=("tenant_id", "decided_at"), name="idx_access_request_decided"),
        )

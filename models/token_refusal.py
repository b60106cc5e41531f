"""The refusal of a token: why a call was denied."""

from enum import Enum

from tortoise import fields

from models.rows import ConditionalIndex, TenantRow


class RefusalReason(Enum):
    """Why a call with a known token was refused."""

    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    PAUSED = "PAUSED"
    SECRET_RETIRED = "SECRET_RETIRED"
    TENANT_SUSPENDED = "TENANT_SUSPENDED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    NOT_GRANTED = "NOT_GRANTED"
    NO_SUCH_OPERATION = "NO_SUCH_OPERATION"
    TARGET_NOT_CANONICAL = "TARGET_NOT_CANONICAL"
    HEADER_NOT_CANONICAL = "HEADER_NOT_CANONICAL"
    RATE_LIMITED = "RATE_LIMITED"


class TokenRefusal(TenantRow):
    """One of the latest refusals of a token; older ones are deleted.

    `path` is the template of the operation, or empty where none matched: the target itself is not
    stored, since it may hold anything. `address` is the client's, as the gateway reports it.
    """

    token_id = fields.UUIDField()
    method = fields.CharField(max_length=16)
    path = fields.CharField(max_length=512)
    reason = fields.CharEnumField(RefusalReason, description="Why", max_length=32)
    address = fields.CharField(max_length=64)
    user_agent = fields.CharField(max_length=255)
    request_id = fields.CharField(max_length=64)

    class Meta:
        table = "token_refusal"
        table_description = "The latest refusals of tokens"
        unique_together = (("tenant_id", "id"),)
        indexes = (
            ("tenant_id", "token_id", "id"),
            ConditionalIndex(
                fields=("tenant_id", "created_at"),
                name="idx_refusal_retired",
                condition="reason = 'SECRET_RETIRED'",
            ),
        )

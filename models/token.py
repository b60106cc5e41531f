"""The token: an API token's record. Its secrets have rows of their own, `token_secret`."""

from enum import Enum
from typing import Any

from tortoise import fields

from models.rows import ConditionalIndex, LiveIndex, LiveNameIndex, TenantRow

# A token is live until it is revoked: the one definition, for queries and for SQL.
LIVE: dict[str, Any] = {"revoked_at__isnull": True}
LIVE_SQL = "revoked_at IS NULL"


class TokenState(Enum):
    """The state of a token: the last that applies."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class Token(TenantRow):
    """An API token's record; `LIVE` is the condition of a live one.

    `hint` is the public beginning of its secret. `revision` counts the changes. `created_by_id`
    names an admin who may have been removed. `owner_id` names the admin with whose removal it ends;
    null where the organisation owns it. `networks` are joined by commas, null for anywhere.
    `holder_may_rotate` is null, which means no, on rows older than the column. `resumed_at` is when
    it was last resumed from a pause or revived after its expiry. `first_used_at` is set about when
    `token_last_use` gets a row of it. `idempotency_key` is a keyed digest, in
    hexadecimal. `recipe` names the recipe that it was made from, in its version `recipe_version`;
    both are null for none.
    """

    name = fields.CharField(max_length=100)
    description = fields.CharField(max_length=1000)
    hint = fields.CharField(max_length=32)
    revision = fields.IntField(default=1)
    created_by_id = fields.UUIDField()
    owner_id = fields.UUIDField(null=True)
    idempotency_key = fields.CharField(max_length=255, null=True)
    revoked_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    paused_at = fields.DatetimeField(null=True)
    resumed_at = fields.DatetimeField(null=True)
    first_used_at = fields.DatetimeField(null=True)
    networks: str | None = fields.TextField(null=True)
    requests_per_hour = fields.IntField(null=True)
    holder_may_rotate = fields.BooleanField(default=False, null=True)
    recipe = fields.CharField(max_length=64, null=True)
    recipe_version = fields.IntField(null=True)

    @property
    def is_live(self) -> bool:
        """Whether the token is live."""
        return self.revoked_at is None

    class Meta:
        table = "token"
        table_description = "API tokens"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "created_by_id", "idempotency_key"),
        )
        indexes = (
            LiveIndex(fields=("tenant_id", "id"), name="idx_token_live"),
            LiveIndex(fields=("tenant_id", "owner_id", "id"), name="idx_token_owner"),
            LiveNameIndex(fields=("tenant_id", "name", "id"), name="idx_token_name"),
            LiveIndex(fields=("tenant_id", "expires_at", "id"), name="idx_token_expiry"),
            ConditionalIndex(
                fields=("tenant_id", "id"),
                name="idx_token_paused",
                condition="revoked_at IS NULL AND paused_at IS NOT NULL",
            ),
            ConditionalIndex(
                fields=("tenant_id", "id"),
                name="idx_token_unused",
                condition="revoked_at IS NULL AND first_used_at IS NULL",
            ),
            ConditionalIndex(
                fields=("tenant_id", "id"),
                name="idx_token_revoked",
                condition="revoked_at IS NOT NULL",
            ),
        )

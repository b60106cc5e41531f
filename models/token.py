"""The token: an API token's record. Its secret is never stored."""

from tortoise import fields

from models.rows import LiveIndex, TenantRow


class Token(TenantRow):
    """An API token's record, live until `revoked_at` is set.

    `digest` is the keyed digest of the secret, `hint` its public beginning. `revision` counts the
    changes. `search_text` is name and description, case-folded. `created_by_id` names an admin
    who may be gone. `idempotency_key` is a keyed digest too, in hexadecimal. `last_used_…`
    are written a few seconds late.
    """

    name = fields.CharField(max_length=100)
    description = fields.CharField(max_length=1000)
    search_text = fields.TextField()
    digest = fields.BinaryField()
    hint = fields.CharField(max_length=32)
    revision = fields.IntField(default=1)
    created_by_id = fields.UUIDField()
    idempotency_key = fields.CharField(max_length=255, null=True)
    last_used_at = fields.DatetimeField(null=True)
    last_used_from = fields.CharField(max_length=64, null=True)
    last_used_user_agent = fields.CharField(max_length=255, null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "token"
        table_description = "API tokens, their secrets kept as keyed digests"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "digest"),
            ("tenant_id", "created_by_id", "idempotency_key"),
        )
        # By digest alone for introspection, which names no tenant.
        indexes = (
            LiveIndex(fields=("tenant_id", "id"), name="idx_token_live"),
            ("digest",),
        )

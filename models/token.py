"""The token: an API token's record. Its secret is never stored."""

from collections.abc import Collection

from tortoise import fields
from tortoise.indexes import Index

from models.rows import LiveIndex, TenantRow
from models.token_permission import permission_fingerprint

TOKEN_WIRE_INDEX = "idx_token_wire"
# With at most 48 of 16 bytes, an entry of the wire index still fits into a page of both databases.
_MAX_FINGERPRINTS = 48


def grants_of(keys: Collection[str]) -> bytes | None:
    """The `grants` of a token with these permissions: their fingerprints; None for more than 48."""
    return b"".join(map(permission_fingerprint, keys)) if len(keys) <= _MAX_FINGERPRINTS else None


class Token(TenantRow):
    """An API token's record, live until `revoked_at` is set.

    `digest` is the keyed digest of the secret, `hint` its public beginning. `revision` counts the
    changes. `created_by_id` names an admin who may have been removed. `grants` are the permission
    fingerprints of all its permissions, changed together with them in one transaction; where it is
    null, read the rows of `token_permission`. `idempotency_key` is a keyed digest too, in
    hexadecimal.
    """

    name = fields.CharField(max_length=100)
    description = fields.CharField(max_length=1000)
    digest = fields.BinaryField()
    hint = fields.CharField(max_length=32)
    revision = fields.IntField(default=1)
    created_by_id = fields.UUIDField()
    idempotency_key = fields.CharField(max_length=255, null=True)
    revoked_at = fields.DatetimeField(null=True)
    grants = fields.BinaryField(null=True)

    class Meta:
        table = "token"
        table_description = "API tokens, their secrets kept as keyed digests"
        unique_together = (
            ("tenant_id", "id"),
            ("tenant_id", "digest"),
            ("tenant_id", "created_by_id", "idempotency_key"),
        )
        # The index on the digest alone serves introspection, which names no tenant. The wire index
        # contains every column of a token that a check reads, to spare it reading the table.
        indexes = (
            LiveIndex(fields=("tenant_id", "id"), name="idx_token_live"),
            ("digest",),
            Index(
                fields=("tenant_id", "digest", "id", "revoked_at", "grants"),
                name=TOKEN_WIRE_INDEX,
            ),
        )

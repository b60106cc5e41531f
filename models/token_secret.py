"""The secrets of tokens: one narrow row each, holding everything that a decision reads."""

from collections.abc import Collection
from enum import Enum, StrEnum

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from models.token_permission import permission_fingerprint

# 48 of 16 bytes: a row stays small enough for PostgreSQL to keep it whole and for several to share
# a page of either database.
_MAX_FINGERPRINTS = 48
# Tortoise knows keys of one column only, no hash index, and no table that is its own index.
_FIND_BY_DIGEST = {
    "postgres": (
        """
        DO $$
        DECLARE redundant text;
        BEGIN
            SELECT c.conname INTO STRICT redundant FROM pg_constraint c
            WHERE c.conrelid = 'token_secret'::regclass AND c.contype = 'u';
            EXECUTE format('ALTER TABLE token_secret DROP CONSTRAINT %I', redundant);
            ALTER TABLE token_secret DROP CONSTRAINT token_secret_pkey;
            ALTER TABLE token_secret ADD PRIMARY KEY (tenant_id, token_id, generation);
        END $$;
        """,
        "CREATE INDEX idx_token_secret_digest ON token_secret USING hash (digest)",
    ),
    "sqlite": (
        "DROP TABLE token_secret",
        'CREATE TABLE token_secret ("digest" BLOB NOT NULL, "tenant_id" CHAR(36) NOT NULL,'
        ' "token_id" CHAR(36) NOT NULL, "generation" SMALLINT NOT NULL DEFAULT 1,'
        ' "closed_by" VARCHAR(16), "grants" BLOB, "expires_at" TIMESTAMP, "block" VARCHAR(16),'
        ' "trial" BLOB, "networks" TEXT, "requests_per_hour" INT, "retires_at" TIMESTAMP,'
        ' "rotation" VARCHAR(8), "trial_until" TIMESTAMP,'
        ' PRIMARY KEY ("digest", "tenant_id"),'
        " CONSTRAINT uid_token_secret_generation UNIQUE (tenant_id, token_id, generation)"
        ") WITHOUT ROWID",
    ),
}


class ClosedBy(Enum):
    """The event that closed a secret for good."""

    REVOKED = "REVOKED"
    RETIRED = "RETIRED"


class RotationPart(StrEnum):
    """The part that a secret has in a rotation under way."""

    OLD = "OLD"
    NEW = "NEW"


def grants_of(keys: Collection[str]) -> bytes | None:
    """The `grants` of a token with these permissions: their fingerprints; None for more than 48."""
    return b"".join(map(permission_fingerprint, keys)) if len(keys) <= _MAX_FINGERPRINTS else None


async def find_by_digest(client: BaseDBAsyncClient) -> None:
    """Give the empty table `token_secret` the keys and indexes that Tortoise cannot describe.

    One index by digest serves checks, which name the tenant, and introspection, which does not. On
    PostgreSQL it is a hash index: one page instead of three for a lookup, in half the space of
    a B-tree. On SQLite the table is its own index (WITHOUT ROWID): a lookup is one descent.
    """
    for statement in _FIND_BY_DIGEST[client.capabilities.dialect]:
        await client.execute_script(statement)


class TokenSecret(Model):
    """A secret of a token, by the keyed digest of the secret; it never holds the secret itself.

    `generation` numbers the secrets of a token from 1. `closed_by` is set once the secret is closed
    for good. `grants` are the fingerprints of all permissions of the token; where it is null, read
    the rows of `token_permission`. `server.decisions.terms` alone writes these rows, in the
    transaction of the change that they follow.

    `expires_at`, `block`, `networks` and `requests_per_hour` repeat columns of the token, and are
    the same for all its secrets: the instant from which it is refused; the reason why it is blocked
    (`PAUSED`); the networks it may be used from (joined by commas, null for anywhere); and its own
    limit.

    `retires_at` is the instant from which this secret is refused, since another has taken its
    place; `rotation` is its `RotationPart` in a rotation under way.

    `trial_until` is the instant at which the token's trial ends, null without one. `trial` has the
    fingerprints of the permissions that the trial withholds. If it is null during a trial, read the
    rows of `token_permission`.
    """

    digest = fields.BinaryField(primary_key=True)
    tenant_id = fields.UUIDField()
    token_id = fields.UUIDField()
    generation = fields.SmallIntField(default=1)
    closed_by = fields.CharEnumField(ClosedBy, description="Why", max_length=16, null=True)
    grants = fields.BinaryField(null=True)
    expires_at = fields.DatetimeField(null=True)
    block = fields.CharField(max_length=16, null=True)
    trial = fields.BinaryField(null=True)
    networks: str | None = fields.TextField(null=True)
    requests_per_hour = fields.IntField(null=True)
    retires_at = fields.DatetimeField(null=True)
    rotation = fields.CharField(max_length=8, null=True)
    trial_until = fields.DatetimeField(null=True)

    class Meta:
        table = "token_secret"
        table_description = "What a decision reads of the secrets of tokens"
        unique_together = (("tenant_id", "token_id", "generation"),)

"""Indexes for the orders and filters of tokens, and first use: which tokens were never used."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.migrations._frozen import LiveIndex

_FIRST_USES = """
UPDATE token SET first_used_at = (
    SELECT u.created_at FROM token_last_use AS u
    WHERE u.tenant_id = token.tenant_id AND u.id = token.id)
WHERE EXISTS (
    SELECT 1 FROM token_last_use AS u
    WHERE u.tenant_id = token.tenant_id AND u.id = token.id)
"""
_REVOKED = """
UPDATE token_last_use SET revoked_at = (
    SELECT t.revoked_at FROM token AS t
    WHERE t.tenant_id = token_last_use.tenant_id AND t.id = token_last_use.id)
WHERE EXISTS (
    SELECT 1 FROM token AS t
    WHERE t.tenant_id = token_last_use.tenant_id AND t.id = token_last_use.id
      AND t.revoked_at IS NOT NULL)
"""


class _LiveNameIndex(LiveIndex):
    """An index of names in which upper and lower case are the same."""

    @property
    def field_names(self) -> list[str]:
        return ["(lower(name))" if field == "name" else field for field in self.fields]


class _ConditionalIndex(Index):
    """An index of the rows that meet a condition."""

    def __init__(self, *, fields: list[str], name: str, condition: str) -> None:
        super().__init__(fields=fields, name=name)
        self.condition = condition
        self.extra = f" WHERE {condition}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"condition": self.condition}


def _token_index(name: str, condition: str) -> ops.AddIndex:
    index = _ConditionalIndex(fields=["tenant_id", "id"], name=name, condition=condition)
    return ops.AddIndex(model_name="Token", index=index)


class Migration(migrations.Migration):
    dependencies = [("models", "0014_token_rotation")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Token",
            name="first_used_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TokenLastUse",
            name="revoked_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(_FIRST_USES),
        ops.RunSQL(_REVOKED),
        ops.AddIndex(
            model_name="Token",
            index=_LiveNameIndex(fields=["tenant_id", "name", "id"], name="idx_token_name"),
        ),
        ops.AddIndex(
            model_name="Token",
            index=LiveIndex(fields=["tenant_id", "expires_at", "id"], name="idx_token_expiry"),
        ),
        _token_index("idx_token_paused", "revoked_at IS NULL AND paused_at IS NOT NULL"),
        _token_index("idx_token_unused", "revoked_at IS NULL AND first_used_at IS NULL"),
        _token_index("idx_token_revoked", "revoked_at IS NOT NULL"),
        ops.AddIndex(
            model_name="TokenLastUse",
            index=LiveIndex(fields=["tenant_id", "last_used_at", "id"], name="idx_last_use_live"),
        ),
        ops.AddIndex(
            model_name="TokenPermission",
            index=Index(
                fields=["tenant_id", "fingerprint", "token_id"], name="idx_permission_holders"
            ),
        ),
    ]

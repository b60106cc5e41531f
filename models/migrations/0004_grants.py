"""What a check reads of a token, in one entry of one index."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_activity_by_kind")]

    initial = False

    operations = [
        # Null until the permissions change next: then their own rows tell.
        ops.AddField(
            model_name="Token",
            name="grants",
            field=fields.BinaryField(null=True),
        ),
        ops.AddIndex(
            model_name="Token",
            index=Index(
                name="idx_token_wire",
                fields=["tenant_id", "digest", "id", "revoked_at", "grants"],
            ),
        ),
    ]

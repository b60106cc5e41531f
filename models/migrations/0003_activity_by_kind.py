"""Activity by kind: an index for pages of one kind of what happened in a tenant."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_data_plane")]

    initial = False

    operations = [
        ops.AddIndex(
            model_name="Activity",
            index=Index(fields=["tenant_id", "kind", "id"]),
        ),
    ]

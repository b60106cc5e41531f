"""What the database knows of itself: where it is served, and whether it was restored."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0027_tenant_suspension")]

    initial = False

    operations = [
        ops.CreateModel(
            name="InstallationState",
            fields=[
                (
                    "id",
                    fields.IntField(generated=False, primary_key=True, unique=True, db_index=True),
                ),
                ("place", fields.CharField(null=True, max_length=100)),
                (
                    "restored_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "installation_state",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Where the database is served, and whether it was restored",
            },
            bases=["Model"],
        ),
    ]

"""The batches of decisions that were written."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0015_token_lists")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DecisionBatch",
            fields=[
                ("id", fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                (
                    "written_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "decision_batch",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Which batches of decisions were written",
            },
            bases=["Model"],
        ),
    ]

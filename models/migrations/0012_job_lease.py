"""Leases of background jobs."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0011_token_secret")]

    initial = False

    operations = [
        ops.CreateModel(
            name="JobLease",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("holder", fields.UUIDField(null=True)),
                ("until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "last_run_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "job_lease",
                "app": "models",
                "pk_attr": "name",
                "table_description": "Which instance runs which background job",
            },
            bases=["Model"],
        ),
    ]

"""The key of all digests becomes one generation of several: it can be replaced."""

from enum import Enum

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_COPY = """
INSERT INTO installation_key (generation, fingerprint, "key", state)
SELECT 0, digest_key_check, digest_key, 'CURRENT' FROM installation
"""


class _KeyState(Enum):
    ANNOUNCED = "ANNOUNCED"
    CURRENT = "CURRENT"
    REPLACED = "REPLACED"
    FORMER = "FORMER"


class Migration(migrations.Migration):
    dependencies = [("models", "0008_token_search")]

    initial = False

    operations = [
        ops.CreateModel(
            name="InstallationKey",
            fields=[
                (
                    "generation",
                    fields.IntField(generated=False, primary_key=True, unique=True, db_index=True),
                ),
                ("fingerprint", fields.BinaryField()),
                ("key", fields.BinaryField(null=True)),
                ("sealed", fields.BinaryField(null=True)),
                (
                    "state",
                    fields.CharEnumField(
                        description="How far it is in use", enum_type=_KeyState, max_length=16
                    ),
                ),
            ],
            options={
                "table": "installation_key",
                "app": "models",
                "pk_attr": "generation",
                "table_description": "The keys of all digests, by generation",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_COPY),
        ops.DeleteModel(name="Installation"),
    ]

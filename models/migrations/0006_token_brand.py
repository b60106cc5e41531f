"""The brands of token secrets get a table, so that none is in use without being listed."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

# A hint is the brand, an underscore and some characters.
_BRANDS = {
    "postgres": "split_part(hint, '_', 1)",
    "sqlite": "substr(hint, 1, instr(hint, '_') - 1)",
}


async def _fill(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    brand = _BRANDS[schema_editor.client.capabilities.dialect]
    await schema_editor.client.execute_script(
        f"INSERT INTO token_brand (brand)"  # noqa: S608 - made of constants
        f" SELECT DISTINCT {brand} FROM token WHERE revoked_at IS NULL"
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0005_last_use")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenBrand",
            fields=[
                (
                    "brand",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16),
                ),
            ],
            options={
                "table": "token_brand",
                "app": "models",
                "pk_attr": "brand",
                "table_description": "What the secrets of tokens start with",
            },
            bases=["Model"],
        ),
        ops.RunPython(_fill),
    ]

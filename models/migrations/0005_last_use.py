"""The last use of a token leaves its row for a table of its own."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("token_last_use",)
_COPY = """
INSERT INTO token_last_use
    (id, created_at, tenant_id, last_used_at, last_used_from, last_used_user_agent)
SELECT id, last_used_at, tenant_id, last_used_at,
       COALESCE(last_used_from, ''), COALESCE(last_used_user_agent, '')
FROM token WHERE last_used_at IS NOT NULL
ORDER BY tenant_id, id
"""


class _DropColumn(ops.RemoveField):
    """As both databases drop a column.

    Tortoise would make SQLite's table anew, and leave out its indexes and unique constraints.
    """

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor:
            model = old_state.apps.get_model(f"{app_label}.{self.model_name}")
            field = model._meta.fields_map[self.name]
            await BaseSchemaEditor.remove_field(state_editor, model, field)


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0004_grants")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenLastUse",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("tenant_id", fields.UUIDField()),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_from", fields.CharField(max_length=64)),
                ("last_used_user_agent", fields.CharField(max_length=255)),
            ],
            options={
                "table": "token_last_use",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "pk_attr": "id",
                "table_description": "When and from where tokens were last used",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
        ops.RunSQL(_COPY),
        _DropColumn(model_name="Token", name="last_used_at"),
        _DropColumn(model_name="Token", name="last_used_from"),
        _DropColumn(model_name="Token", name="last_used_user_agent"),
    ]

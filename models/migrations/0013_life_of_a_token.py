"""Expiry, pause, networks, own limits and owners of tokens. A token's creator becomes its owner."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import LiveIndex

_CREATORS_OWN = "UPDATE token SET owner_id = created_by_id"


async def _creators_own(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await schema_editor.client.execute_script(_CREATORS_OWN)


class Migration(migrations.Migration):
    dependencies = [("models", "0012_job_lease")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Tenant",
            name="networks",
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name="Token",
            name="owner_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Token",
            name="expires_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Token",
            name="paused_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Token",
            name="networks",
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name="Token",
            name="requests_per_hour",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Token",
            name="holder_may_rotate",
            field=fields.BooleanField(default=False, null=True),
        ),
        ops.RunPython(_creators_own),
        ops.AddIndex(
            model_name="Token",
            index=LiveIndex(fields=["tenant_id", "owner_id", "id"], name="idx_token_owner"),
        ),
        ops.RenameField(
            model_name="TokenSecret",
            old_name="closes_at",
            new_name="expires_at",
        ),
        ops.AddField(
            model_name="TokenSecret",
            name="retires_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TokenSecret",
            name="rotation",
            field=fields.CharField(null=True, max_length=8),
        ),
    ]

"""The versions of the tenant API's document, who was told of them, and what tokens follow."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("catalogue_notice", "followed_category")


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


class Migration(migrations.Migration):
    dependencies = [("models", "0023_access_requests")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CatalogueVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("number", fields.IntField(unique=True)),
                ("fingerprint", fields.BinaryField()),
                ("operations", fields.BinaryField(null=True)),
                ("changes", fields.TextField(unique=False)),
                ("affected", fields.BinaryField()),
                (
                    "announced_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "catalogue_version",
                "app": "models",
                "unique_together": (("fingerprint",),),
                "pk_attr": "id",
                "table_description": "The versions of the tenant API's document",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="CatalogueNotice",
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
                ("version_id", fields.UUIDField()),
                ("affected_tokens", fields.IntField()),
                (
                    "dismissed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "catalogue_notice",
                "app": "models",
                "unique_together": (("tenant_id", "id"), ("tenant_id", "version_id")),
                "pk_attr": "id",
                "table_description": "Which tenant was told of which version",
            },
            bases=["TenantRow"],
        ),
        ops.CreateModel(
            name="FollowedCategory",
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
                ("token_id", fields.UUIDField()),
                ("category", fields.CharField(max_length=200)),
                ("through", fields.IntField()),
            ],
            options={
                "table": "followed_category",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "token_id", "category"),
                ),
                "indexes": [Index(fields=["tenant_id", "through", "token_id"])],
                "pk_attr": "id",
                "table_description": "Which token follows which category",
            },
            bases=["TenantRow"],
        ),
        ops.AddField(
            model_name="Token",
            name="recipe",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Token",
            name="recipe_version",
            field=fields.IntField(null=True),
        ),
        ops.RunPython(_key_by_tenant),
    ]

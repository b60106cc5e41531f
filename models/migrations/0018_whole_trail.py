"""The trail of everything: actors, subjects, addresses and the sequence of activities."""

from enum import Enum

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now


class _ActorKind(Enum):
    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    MACHINE = "MACHINE"
    HOLDER = "HOLDER"
    SYSTEM = "SYSTEM"


class _SubjectKind(Enum):
    TOKEN = "TOKEN"
    ADMIN = "ADMIN"
    TENANT = "TENANT"
    INTROSPECTION_CLIENT = "INTROSPECTION_CLIENT"
    DIGEST_KEY = "DIGEST_KEY"


# Until now, activities of tokens' holders had the nil UUID as their actor. The name of an admin who
# was removed is lost: their rows were deleted.
_HOLDERS = """
UPDATE activity SET actor_kind = 'HOLDER', actor_id = subject_id
WHERE actor_id = '00000000-0000-0000-0000-000000000000'
"""
_SEQUENCE = """
UPDATE activity SET sequence = numbered.number FROM (
    SELECT a.tenant_id, a.id,
           row_number() OVER (PARTITION BY a.tenant_id ORDER BY a.id) AS number
    FROM activity AS a) AS numbered
WHERE numbered.tenant_id = activity.tenant_id AND numbered.id = activity.id
"""
# The tick of an id is its first 48 bits and, after the version, 12 more: hexadecimal digits 1 to 12
# and 14 to 16 without the hyphens.
_LAST = "SELECT tenant_id, max(sequence) AS sequence, max({id}) AS last FROM activity GROUP BY 1"
# For PostgreSQL; SQLite has no function that reads hexadecimal digits.
_COUNTERS = f"""
INSERT INTO activity_counter (id, created_at, tenant_id, sequence, tick)
SELECT a.tenant_id, now(), a.tenant_id, a.sequence,
       ('x0' || substr(a.last, 1, 12) || substr(a.last, 14, 3))::bit(64)::bigint
FROM ({_LAST.format(id="replace(id::text, '-', '')")}) AS a
"""  # noqa: S608 - constants
_DESCRIPTIONS = """
COMMENT ON TABLE activity IS 'The audit trail';
COMMENT ON COLUMN activity.actor_kind IS 'Who acted';
COMMENT ON COLUMN activity.subject_kind IS 'What it is about';
"""


async def _count(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    await client.execute_script(_SEQUENCE)
    if client.capabilities.dialect == "postgres":
        await client.execute_script(_COUNTERS)
        return
    _, rows = await client.execute_query(_LAST.format(id="id"))
    for row in rows:
        digits = row["last"].replace("-", "")
        await client.execute_query(
            "INSERT INTO activity_counter (id, created_at, tenant_id, sequence, tick)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                row["tenant_id"],
                now().isoformat(" "),
                row["tenant_id"],
                row["sequence"],
                int(digits[:12] + digits[13:16], 16),
            ],
        )


async def _describe(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    """The texts that Tortoise gives a new table, and not one that is altered."""
    if schema_editor.client.capabilities.dialect == "postgres":
        await schema_editor.client.execute_script(_DESCRIPTIONS)


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, ["activity_counter"])


def _activity_index(name: str, *columns: str) -> ops.AddIndex:
    index = Index(fields=["tenant_id", *columns, "id"], name=name)
    return ops.AddIndex(model_name="Activity", index=index)


class Migration(migrations.Migration):
    dependencies = [("models", "0017_token_policy")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ActivityCounter",
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
                ("sequence", fields.BigIntField()),
                ("tick", fields.BigIntField()),
            ],
            options={
                "table": "activity_counter",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "pk_attr": "id",
                "table_description": "The last number of each tenant's activities",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
        ops.RemoveIndex(model_name="Activity", fields=["tenant_id", "token_id", "id"]),
        ops.RenameField(model_name="Activity", old_name="token_id", new_name="subject_id"),
        ops.AddField(
            model_name="Activity",
            name="sequence",
            field=fields.BigIntField(db_default=0),
        ),
        ops.AddField(
            model_name="Activity",
            name="actor_kind",
            field=fields.CharEnumField(
                enum_type=_ActorKind,
                max_length=32,
                description="Who acted",
                db_default="ADMIN",
            ),
        ),
        ops.AddField(
            model_name="Activity",
            name="actor_name",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name="Activity",
            name="subject_kind",
            field=fields.CharEnumField(
                enum_type=_SubjectKind,
                max_length=32,
                description="What it is about",
                db_default="TOKEN",
            ),
        ),
        ops.AddField(
            model_name="Activity",
            name="address",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AlterModelOptions(
            name="Activity", options={"pk_attr": "id", "table_description": "The audit trail"}
        ),
        ops.RunPython(_describe),
        ops.RunSQL(_HOLDERS),
        ops.RunPython(_count),
        _activity_index("idx_activity_subject", "subject_id"),
        _activity_index("idx_activity_subject_kind", "subject_id", "kind"),
        _activity_index("idx_activity_actor", "actor_id"),
        _activity_index("idx_activity_actor_kind", "actor_id", "kind"),
        _activity_index("idx_activity_actor_subject", "actor_id", "subject_id", "kind"),
        ops.AddField(
            model_name="Admin",
            name="removed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Admin",
            name="former_email",
            field=fields.CharField(null=True, max_length=254),
        ),
        ops.AddField(
            model_name="Invitation",
            name="invited_by_id",
            field=fields.UUIDField(null=True),
        ),
    ]

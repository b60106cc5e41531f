"""Where sessions began: the address and the browser at sign-in."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0020_reminders")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Session",
            name="address",
            field=fields.CharField(max_length=64, null=True),
        ),
        ops.AddField(
            model_name="Session",
            name="user_agent",
            field=fields.CharField(max_length=255, null=True),
        ),
    ]

"""The rows of a trial without an address: they count no longer what the clients' rows count."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_TAKE_OFF = """
    UPDATE trial_denial SET requests = requests - COALESCE((
        SELECT SUM(client.requests) FROM trial_denial AS client
        WHERE client.tenant_id = trial_denial.tenant_id
          AND client.token_id = trial_denial.token_id
          AND client.key = trial_denial.key AND client.address <> ''), 0)
    WHERE address = ''
"""
_DELETE_EMPTY = "DELETE FROM trial_denial WHERE address = '' AND requests <= 0"


class Migration(migrations.Migration):
    dependencies = [("models", "0025_mail")]

    initial = False

    operations = [ops.RunSQL(_TAKE_OFF), ops.RunSQL(_DELETE_EMPTY)]

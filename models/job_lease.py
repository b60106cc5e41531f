"""The lease of a background job: which instance runs it, and until when."""

from tortoise import fields
from tortoise.models import Model


class JobLease(Model):
    """One job of the installation. `holder` is the instance that runs it, null while none does.

    The lease ends at `until` by the database's clock, so that another instance takes over the job
    of one that died. `last_run_at` is the end of the last complete run.
    """

    name = fields.CharField(max_length=64, primary_key=True)
    holder = fields.UUIDField(null=True)
    until = fields.DatetimeField(null=True)
    last_run_at = fields.DatetimeField(null=True)

    class Meta:
        table = "job_lease"
        table_description = "Which instance runs which background job"

"""The batches of decisions that were written, so that none is written a second time."""

from tortoise import fields
from tortoise.models import Model


class DecisionBatch(Model):
    """A batch of decisions, written in the transaction that counts it.

    It belongs to an instance, not to a tenant. An instance whose COMMIT was not answered cannot
    tell whether it took effect: the row does, when the batch is tried again.
    """

    id = fields.UUIDField(primary_key=True)
    written_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "decision_batch"
        table_description = "Which batches of decisions were written"

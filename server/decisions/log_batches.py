"""Records the batches of decisions that were written, so that a repeated one is counted once."""

from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from server.database import dialect

# Waits for an earlier try that has not ended.
_NOTE = {
    "postgres": """
        INSERT INTO decision_batch (id, written_at) VALUES ($1, statement_timestamp())
        ON CONFLICT (id) DO NOTHING RETURNING id
    """,
    "sqlite": """
        INSERT INTO decision_batch (id, written_at)
        VALUES (?, strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'))
        ON CONFLICT (id) DO NOTHING RETURNING id
    """,
}


async def note(client: BaseDBAsyncClient, batch_id: UUID) -> bool:
    """Note that the client's transaction writes a batch; False for one that was written before."""
    given = str(batch_id) if dialect() == "sqlite" else batch_id
    return bool(await client.execute_query_dict(_NOTE[dialect()], [given]))

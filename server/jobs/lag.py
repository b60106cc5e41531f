"""Measures how long events and e-mail wait for their first attempt, or the next one that is due."""

from server.database import database_now, reaching_every_tenant
from server.jobs import delivery_queue, mail_queue


async def outbox_lag() -> dict[str, float]:
    """The seconds for which the longest due has waited, by queue; 0 where nothing is due.

    A refused attempt is due again later, and counts from then on.
    """
    at = await database_now()
    with reaching_every_tenant():
        waiting = (
            ("webhooks", await delivery_queue.longest_due(at)),
            ("mails", await mail_queue.longest_due(at)),
        )
    lags = {}
    for name, found in waiting:
        due_at = found and found.due_at
        lags[name] = max(0.0, (at - due_at).total_seconds()) if due_at else 0.0
    return lags

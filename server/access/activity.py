"""The audit trail: written with each change, in its transaction, and handed on to webhooks.

The activities of a transaction are numbered and written as its last step, see `_write`: a reader
who goes on from the last id misses none, on any instance, also where clocks differ.
"""

from collections.abc import Sequence
from secrets import randbits
from typing import Any
from uuid import UUID

import orjson

import models
from server.access import revocation_journal
from server.access.outbox import hand_on, locked_for
from server.access.principal import Actor, Caller, Holder
from server.database import at_the_end, connection, dialect, is_distributed

MAX_ADDRESS_LENGTH = 64
MAX_ACTOR_NAME_LENGTH = 100
_AT_ONCE = 500
# Of an id, after its tick.
_RANDOM_BITS = 62
# The row is locked from here to the end of the transaction. The tick is that of the database's
# clock, read once the lock is held; where that was set back, the one after the last.
_ADVANCE = {
    "postgres": """
        INSERT INTO activity_counter (id, created_at, tenant_id, sequence, tick)
        VALUES ($1, now(), $1, $2, (extract(epoch FROM clock_timestamp()) * 4096000)::bigint)
        ON CONFLICT (tenant_id, id) DO UPDATE SET
            sequence = activity_counter.sequence + excluded.sequence,
            tick = greatest(activity_counter.tick + excluded.sequence,
                            (extract(epoch FROM clock_timestamp()) * 4096000)::bigint)
        RETURNING sequence, tick
    """,
    "sqlite": """
        INSERT INTO activity_counter (id, created_at, tenant_id, sequence, tick)
        VALUES (?1, ?4, ?1, ?2, ?3)
        ON CONFLICT (tenant_id, id) DO UPDATE SET sequence = sequence + excluded.sequence,
            tick = max(tick + excluded.sequence, excluded.tick)
        RETURNING sequence, tick
    """,
}
# Citus takes no clock in ON CONFLICT: lock, read the clock, advance.
_LOCK = """
    INSERT INTO activity_counter (id, created_at, tenant_id, sequence, tick)
    VALUES ($1, now(), $1, 0, 0)
    ON CONFLICT (tenant_id, id) DO UPDATE SET sequence = activity_counter.sequence
"""
_TICK = "SELECT (extract(epoch FROM clock_timestamp()) * 4096000)::bigint AS tick"
_ADVANCE_LOCKED = """
    UPDATE activity_counter SET sequence = sequence + $2, tick = greatest(tick + $2, $3)
    WHERE tenant_id = $1 AND id = $1 RETURNING sequence, tick
"""

# The id and the instant of a tick, as `models.id_of_tick` and `models.instant_of_tick` make them.
_WRITE_ONE = f"""
    WITH advanced AS ({_ADVANCE["postgres"].replace("$2", "1")})
    INSERT INTO activity (id, created_at, tenant_id, sequence, kind, actor_kind, actor_id,
                          actor_name, subject_kind, subject_id, address, details)
    SELECT (lpad(to_hex(((tick >> 12) << 16) | 28672 | (tick & 4095)), 16, '0') || $2)::uuid,
           timestamptz 'epoch' + (tick * 125 / 512) * interval '1 microsecond',
           $1, sequence, $3, $4, $5, $6, $7, $8, $9, $10
    FROM advanced RETURNING id, created_at, sequence
"""  # noqa: S608 - constants


async def record(
    who: Caller | Actor, kind: models.ActivityKind, subject: models.Subject, **details: Any
) -> None:
    """Note that `who` changed `subject`. Call it within the transaction of the change.

    details: old and new values, as JSON. Never a secret; of admins only ids, since names and
    addresses are to be erasable.
    """
    await record_all(who, kind, [subject], **details)


async def record_all(
    who: Caller | Actor,
    kind: models.ActivityKind,
    subjects: Sequence[models.Subject],
    **details: Any,
) -> None:
    """Note the same change of several subjects."""
    actor = who if isinstance(who, Actor) else who.actor
    await at_the_end(_write, [_row(actor, kind, subject, details) for subject in subjects])


async def record_by_holder(kind: models.ActivityKind, token: models.Token, address: str) -> None:
    """Note that the token's holder changed it by using it, from `address`."""
    holder = Holder(token.tenant_id, token.id, address)
    await record(holder, kind, token, address=address)


def _row(
    actor: Actor, kind: models.ActivityKind, subject: models.Subject, details: dict[str, Any]
) -> models.Activity:
    """The row without its number, id and instant, which `_write` gives it."""
    tenant_id, subject_kind, subject_id = models.identity_of(subject)
    return models.Activity(
        tenant_id=tenant_id,
        kind=kind,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:MAX_ACTOR_NAME_LENGTH] or None,
        subject_kind=subject_kind,
        subject_id=subject_id,
        address=actor.address[:MAX_ADDRESS_LENGTH] or None,
        details=details,
    )


async def _write(rows: list[models.Activity]) -> None:
    """Number and write the activities of a transaction. It is the transaction's last step.

    The tenant's counter is locked here until the transaction ends, so that numbers and ids are in
    the order of the ends of transactions, without gaps. It is the last lock that is taken: its
    holders wait for no other.
    """
    for tenant_id in sorted({row.tenant_id for row in rows}):
        own = [row for row in rows if row.tenant_id == tenant_id]
        # Before the counter: who changes a webhook holds its row, and then waits for the counter.
        listening = await locked_for(own)
        if len(own) == 1 and dialect() == "postgres" and not is_distributed():
            await _write_one(own[0])
        else:
            await _number(tenant_id, own)
            await models.Activity.bulk_create(own, batch_size=_AT_ONCE)
        # They have their numbers, and stand or fall with this transaction.
        await hand_on(own, listening)
        await revocation_journal.keep(own)


async def _write_one(row: models.Activity) -> None:
    """As `_number`, and write: in one statement, so that the counter is locked for less time."""
    values = [
        row.tenant_id,
        f"{(0b10 << 62) | randbits(62):016x}",
        row.kind.value,
        row.actor_kind.value,
        row.actor_id,
        row.actor_name,
        row.subject_kind.value,
        row.subject_id,
        row.address,
        orjson.dumps(row.details).decode(),
    ]
    [written] = await connection().execute_query_dict(_WRITE_ONE, values)
    row.id, row.created_at, row.sequence = (
        written["id"],
        written["created_at"],
        written["sequence"],
    )


async def _number(tenant_id: UUID, rows: Sequence[models.Activity]) -> None:
    """Give the rows the next numbers of the tenant, and ids and instants in the same order."""
    sequence, tick = await _advance(tenant_id, len(rows))
    for back, row in enumerate(reversed(rows)):
        row.sequence = sequence - back
        row.id = models.id_of_tick(tick - back, randbits(_RANDOM_BITS))
        row.created_at = models.instant_of_tick(tick - back)


async def _advance(tenant_id: UUID, count: int) -> tuple[int, int]:
    """Take the next `count` numbers and ticks of the tenant; gives the last of each."""
    if is_distributed():
        await connection().execute_query(_LOCK, [tenant_id])
        [clock] = await connection().execute_query_dict(_TICK)
        [row] = await connection().execute_query_dict(
            _ADVANCE_LOCKED, [tenant_id, count, clock["tick"]]
        )
        return row["sequence"], row["tick"]
    values: list[Any] = [tenant_id, count]
    if dialect() == "sqlite":
        values = [str(tenant_id), count, models.present_tick(), models.now().isoformat(" ")]
    [row] = await connection().execute_query_dict(_ADVANCE[dialect()], values)
    return row["sequence"], row["tick"]

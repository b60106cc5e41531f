"""The decision log's tables: uses counted by day, each token's last use, its latest refusals.

Here too: the latest uses of old secrets during rotations.

Written from many instances at once and in bulk. The times of writing, and the entries dropped under
pressure, are up to `server.decisions.log`.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

import models
from models import RefusalReason
from server.database import dialect, retried, transaction

KEPT_REFUSALS = 20
KEPT_SECRET_USES = 50
KEPT_DAYS = 400
_AT_ONCE = 100


@dataclass(slots=True)
class Use:
    """How often a token asked for an operation, since the last writing."""

    allowed: int
    denied: int
    first_at: float
    last_at: float


# A token's last allowed request: seconds since 1970, and the client's address and user agent.
LastUse = tuple[float, str, str]


class Denial(NamedTuple):
    """A denied request. `key` is empty where no operation matched."""

    at: float
    method: str
    key: str
    reason: RefusalReason
    address: str
    user_agent: str
    request_id: str


@dataclass(slots=True)
class OldUse:
    """How often a client presented an old secret, since the last writing."""

    requests: int
    last_at: float


@dataclass(slots=True)
class Unwritten:
    """Decisions that are not written yet. Tokens are (tenant's id, token's id)."""

    uses: dict[tuple[str, str, str, date], Use]
    last: dict[tuple[str, str], LastUse]
    refused: dict[tuple[str, str], list[Denial]]
    # Requests with the old secret of a rotation: of a token, from an address, by a user agent.
    old_uses: dict[tuple[str, str, str, str], OldUse] = field(default_factory=dict)


def _members(names: str) -> str:
    return ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names.split())


# One parameter of JSON for each statement: either database takes it apart faster than a driver
# passes a thousand rows, and SQLite does so without holding up Python.
_STATEMENTS: dict[str, dict[str, str]] = {
    "postgres": {
        "use": """
            INSERT INTO token_use (id, created_at, tenant_id, token_id, key, day,
                                   allowed, denied, first_used_at, last_used_at)
            SELECT u.id, u.last_at, u.tenant_id, u.token_id, u.key, u.day,
                   u.allowed, u.denied, u.first_at, u.last_at
            FROM json_to_recordset($1::json) AS u(
                id uuid, tenant_id uuid, token_id uuid, key text, day date,
                allowed bigint, denied bigint, first_at timestamptz, last_at timestamptz)
            ON CONFLICT (tenant_id, token_id, key, day) DO UPDATE SET
                allowed = token_use.allowed + excluded.allowed,
                denied = token_use.denied + excluded.denied,
                first_used_at = LEAST(token_use.first_used_at, excluded.first_used_at),
                last_used_at = GREATEST(token_use.last_used_at, excluded.last_used_at)
        """,
        "fresh": """
            SELECT u.tenant_id, u.token_id
            FROM json_to_recordset($1::json) AS u(tenant_id uuid, token_id uuid)
            WHERE NOT EXISTS (
                SELECT 1 FROM token_last_use l
                WHERE l.tenant_id = u.tenant_id AND l.id = u.token_id)
        """,
        "last": """
            INSERT INTO token_last_use (id, created_at, tenant_id, last_used_at, last_used_from,
                                        last_used_user_agent)
            SELECT u.token_id, u.at, u.tenant_id, u.at, u.address, u.user_agent
            FROM json_to_recordset($1::json) AS u(
                tenant_id uuid, token_id uuid, at timestamptz, address text, user_agent text)
            ON CONFLICT (tenant_id, id) DO UPDATE SET
                last_used_at = excluded.last_used_at,
                last_used_from = excluded.last_used_from,
                last_used_user_agent = excluded.last_used_user_agent
            WHERE token_last_use.last_used_at < excluded.last_used_at
        """,
        "refused": """
            INSERT INTO token_refusal (id, created_at, tenant_id, token_id, method, path,
                                       reason, address, user_agent, request_id)
            SELECT * FROM json_to_recordset($1::json) AS u(
                id uuid, at timestamptz, tenant_id uuid, token_id uuid, method text, path text,
                reason text, address text, user_agent text, request_id text)
        """,
        # Skip rows that another instance is deleting: two instances that waited for each other
        # here would deadlock.
        "trim": f"""
            WITH old AS MATERIALIZED (
                SELECT r.tenant_id, r.id
                FROM json_to_recordset($1::json) AS u(tenant_id uuid, token_id uuid)
                JOIN token_refusal r ON r.tenant_id = u.tenant_id AND r.token_id = u.token_id
                WHERE r.id <= (
                    SELECT x.id FROM token_refusal x
                    WHERE x.tenant_id = u.tenant_id AND x.token_id = u.token_id
                    ORDER BY x.id DESC OFFSET {KEPT_REFUSALS} LIMIT 1)
                FOR UPDATE OF r SKIP LOCKED
            )
            DELETE FROM token_refusal r USING old
            WHERE r.tenant_id = old.tenant_id AND r.id = old.id
        """,
        "old": """
            INSERT INTO secret_use (id, created_at, tenant_id, token_id, address, user_agent,
                                    requests, last_used_at)
            SELECT u.id, u.at, u.tenant_id, u.token_id, u.address, u.user_agent, u.requests, u.at
            FROM json_to_recordset($1::json) AS u(
                id uuid, tenant_id uuid, token_id uuid, address text, user_agent text,
                requests bigint, at timestamptz)
            ON CONFLICT (tenant_id, token_id, address, user_agent) DO UPDATE SET
                requests = secret_use.requests + excluded.requests,
                last_used_at = GREATEST(secret_use.last_used_at, excluded.last_used_at)
        """,
        "trim old": f"""
            WITH old AS MATERIALIZED (
                SELECT r.tenant_id, r.id
                FROM json_to_recordset($1::json) AS u(tenant_id uuid, token_id uuid)
                JOIN secret_use r ON r.tenant_id = u.tenant_id AND r.token_id = u.token_id
                WHERE (r.last_used_at, r.id) <= (
                    SELECT x.last_used_at, x.id FROM secret_use x
                    WHERE x.tenant_id = u.tenant_id AND x.token_id = u.token_id
                    ORDER BY x.last_used_at DESC, x.id DESC OFFSET {KEPT_SECRET_USES} LIMIT 1)
                FOR UPDATE OF r SKIP LOCKED
            )
            DELETE FROM secret_use r USING old
            WHERE r.tenant_id = old.tenant_id AND r.id = old.id
        """,
    },
    "sqlite": {
        "use": f"""
            INSERT INTO token_use (id, created_at, tenant_id, token_id, key, day,
                                   allowed, denied, first_used_at, last_used_at)
            SELECT {_members("id last_at tenant_id token_id key day allowed denied")},
                   {_members("first_at last_at")}
            FROM json_each(?) WHERE true
            ON CONFLICT (tenant_id, token_id, key, day) DO UPDATE SET
                allowed = token_use.allowed + excluded.allowed,
                denied = token_use.denied + excluded.denied,
                first_used_at = min(token_use.first_used_at, excluded.first_used_at),
                last_used_at = max(token_use.last_used_at, excluded.last_used_at)
        """,
        "fresh": f"""
            SELECT u.tenant_id, u.token_id
            FROM (SELECT {_members("tenant_id token_id")} FROM json_each(?)) AS u
            WHERE NOT EXISTS (
                SELECT 1 FROM token_last_use l
                WHERE l.tenant_id = u.tenant_id AND l.id = u.token_id)
        """,
        "last": f"""
            INSERT INTO token_last_use (id, created_at, tenant_id, last_used_at, last_used_from,
                                        last_used_user_agent)
            SELECT {_members("token_id at tenant_id at address user_agent")}
            FROM json_each(?) WHERE true
            ON CONFLICT (tenant_id, id) DO UPDATE SET
                last_used_at = excluded.last_used_at,
                last_used_from = excluded.last_used_from,
                last_used_user_agent = excluded.last_used_user_agent
            WHERE token_last_use.last_used_at < excluded.last_used_at
        """,
        "refused": f"""
            INSERT INTO token_refusal (id, created_at, tenant_id, token_id, method, path,
                                       reason, address, user_agent, request_id)
            SELECT {_members("id at tenant_id token_id method path")},
                   {_members("reason address user_agent request_id")}
            FROM json_each(?)
        """,
        # exempt statements_without_a_tenant: SQLite is never distributed
        "trim": f"""
            DELETE FROM token_refusal WHERE id IN (
                SELECT r.id FROM (SELECT {_members("tenant_id token_id")} FROM json_each(?)) AS u
                JOIN token_refusal r ON r.tenant_id = u.tenant_id AND r.token_id = u.token_id
                WHERE r.id <= (
                    SELECT x.id FROM token_refusal x
                    WHERE x.tenant_id = r.tenant_id AND x.token_id = r.token_id
                    ORDER BY x.id DESC LIMIT 1 OFFSET {KEPT_REFUSALS}))
        """,
        "old": f"""
            INSERT INTO secret_use (id, created_at, tenant_id, token_id, address, user_agent,
                                    requests, last_used_at)
            SELECT {_members("id at tenant_id token_id address user_agent requests at")}
            FROM json_each(?) WHERE true
            ON CONFLICT (tenant_id, token_id, address, user_agent) DO UPDATE SET
                requests = secret_use.requests + excluded.requests,
                last_used_at = max(secret_use.last_used_at, excluded.last_used_at)
        """,
        # exempt statements_without_a_tenant: SQLite is never distributed
        "trim old": f"""
            DELETE FROM secret_use WHERE id IN (
                SELECT r.id FROM (SELECT {_members("tenant_id token_id")} FROM json_each(?)) AS u
                JOIN secret_use r ON r.tenant_id = u.tenant_id AND r.token_id = u.token_id
                WHERE (r.last_used_at, r.id) <= (
                    SELECT x.last_used_at, x.id FROM secret_use x
                    WHERE x.tenant_id = r.tenant_id AND x.token_id = r.token_id
                    ORDER BY x.last_used_at DESC, x.id DESC LIMIT 1 OFFSET {KEPT_SECRET_USES}))
        """,
    },
}


@retried
async def write(unwritten: Unwritten) -> None:
    """Write all of `unwritten`, or nothing. Two instances that write at once are both counted."""
    async with transaction() as client:
        statements = _STATEMENTS[dialect()]
        await _mark_first_uses(client, unwritten)
        for name, rows in (
            ("use", _use_rows(unwritten)),
            ("last", _last_rows(unwritten)),
            ("refused", _refused_rows(unwritten)),
            ("trim", _tokens(unwritten.refused)),
            ("old", _old_use_rows(unwritten)),
            ("trim old", _tokens({key[:2] for key in unwritten.old_uses})),
        ):
            # Made part by part: requests are answered in between, and wait for one part at most.
            while part := list(islice(rows, _AT_ONCE)):
                await client.execute_query(statements[name], [orjson.dumps(part).decode()])


async def _mark_first_uses(client: BaseDBAsyncClient, unwritten: Unwritten) -> None:
    """Set `first_used_at` of the tokens that get a last use for the first time.

    A token that an admin is changing is left unmarked, since the flush waits for no admin: lists
    look at `token_last_use` too.
    """
    used = _tokens(unwritten.last)
    while part := list(islice(used, _AT_ONCE)):
        statement = _STATEMENTS[dialect()]["fresh"]
        fresh: dict[UUID, list[UUID]] = defaultdict(list)
        for row in (await client.execute_query(statement, [orjson.dumps(part).decode()]))[1]:
            fresh[UUID(str(row["tenant_id"]))].append(UUID(str(row["token_id"])))
        for tenant_id, token_ids in fresh.items():
            await _mark(tenant_id, token_ids)


async def _mark(tenant_id: UUID, token_ids: Sequence[UUID]) -> None:
    tokens = models.Token.filter(tenant_id=tenant_id, id__in=token_ids, first_used_at__isnull=True)
    free = await tokens.select_for_update(skip_locked=True).only("id")
    if free:
        marked = models.Token.filter(tenant_id=tenant_id, id__in=[token.id for token in free])
        await marked.update(first_used_at=models.now())


async def mark_revoked(tenant_id: UUID, token_ids: Sequence[UUID], at: datetime) -> None:
    """Take these tokens out of the lists by last use, within the transaction that revokes them."""
    last_uses = models.TokenLastUse.filter(tenant_id=tenant_id, id__in=token_ids)
    # Locked in the order in which decisions are written.
    await last_uses.order_by("id").select_for_update().only("id")
    await last_uses.update(revoked_at=at)


async def delete_old_uses(tenant_ids: Sequence[UUID], limit: int, today: date) -> int:
    """Delete at most `limit` counts of days over 400 days before `today`; gives their number."""
    oldest = today - timedelta(days=KEPT_DAYS)
    old = models.TokenUse.filter(tenant_id__in=tenant_ids, day__lt=oldest).limit(limit)
    ids = [row.id for row in await old.only("id")]
    if ids:
        await models.TokenUse.filter(tenant_id__in=tenant_ids, id__in=ids).delete()
    return len(ids)


async def delete_secret_uses(tenant_id: UUID, token_id: UUID) -> None:
    """Forget the uses of a token's old secret."""
    await models.SecretUse.filter(tenant_id=tenant_id, token_id=token_id).delete()


def day_of(at: float) -> date:
    """The day, in UTC, of a time in seconds since 1970."""
    return date(1970, 1, 1) + timedelta(days=at // 86_400)


def _ids() -> Iterator[str]:
    """Consecutive ids, for a fraction of the time that as many new ones would take."""
    first = str(models.new_id())
    return map(f"{first[:-12]}{{:012x}}".format, count(int(first[-12:], 16) >> 1))


def _use_rows(unwritten: Unwritten) -> Iterator[dict[str, Any]]:
    # In the order of the unique index, in which every instance takes its locks.
    ordered = sorted(unwritten.uses.items(), key=itemgetter(0))
    for row_id, ((tenant_id, token_id, key, day), use) in zip(_ids(), ordered, strict=False):
        yield {
            "id": row_id,
            "tenant_id": tenant_id,
            "token_id": token_id,
            "key": key,
            "day": day,
            "allowed": use.allowed,
            "denied": use.denied,
            "first_at": _instant(use.first_at),
            "last_at": _instant(use.last_at),
        }


def _last_rows(unwritten: Unwritten) -> Iterator[dict[str, Any]]:
    ordered = sorted(unwritten.last.items(), key=itemgetter(0))
    for (tenant_id, token_id), (at, address, user_agent) in ordered:
        yield {
            "tenant_id": tenant_id,
            "token_id": token_id,
            "at": _instant(at),
            "address": address,
            "user_agent": user_agent,
        }


def _refused_rows(unwritten: Unwritten) -> Iterator[dict[str, Any]]:
    for (tenant_id, token_id), latest in unwritten.refused.items():
        for refused in latest:
            yield {
                "id": models.new_id(),
                "at": _instant(refused.at),
                "tenant_id": tenant_id,
                "token_id": token_id,
                "method": refused.method,
                "path": refused.key.partition(" ")[2],
                "reason": refused.reason.value,
                "address": refused.address,
                "user_agent": refused.user_agent,
                "request_id": refused.request_id,
            }


def _old_use_rows(unwritten: Unwritten) -> Iterator[dict[str, Any]]:
    # In the order of the unique index, as the uses.
    ordered = sorted(unwritten.old_uses.items(), key=itemgetter(0))
    for row_id, (key, use) in zip(_ids(), ordered, strict=False):
        tenant_id, token_id, address, user_agent = key
        yield {
            "id": row_id,
            "tenant_id": tenant_id,
            "token_id": token_id,
            "address": address,
            "user_agent": user_agent,
            "requests": use.requests,
            "at": _instant(use.last_at),
        }


def _tokens(tokens: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for tenant_id, token_id in tokens:
        yield {"tenant_id": tenant_id, "token_id": token_id}


def _instant(at: float) -> str:
    """As Tortoise writes instants into SQLite, so that they compare as text there too."""
    seconds = int(at)
    microseconds = round((at - seconds) * 1_000_000)
    if microseconds == 1_000_000:
        seconds, microseconds = seconds + 1, 0
    return f"{_second(seconds)}.{microseconds:06}+00:00"


@lru_cache(256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ")

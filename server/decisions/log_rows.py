"""The decision log's tables: uses counted by day, each token's last use, its latest refusals.

Here too: the latest uses of old secrets during rotations.

Written from many instances at once and in bulk. The times of writing, and the entries dropped under
pressure, are up to `server.decisions.log`.
"""
# ruff: noqa: S608 - the statements are made of constants

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID, uuid4, uuid5

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

import models
from models import RefusalReason
from server.database import dialect, is_distributed, retried, transaction
from server.decisions import log_batches, old_use_rows, withheld_rows
from server.decisions.json_members import members
from server.decisions.old_use_rows import OldUse
from server.decisions.trimming import delete_found, too_old
from server.decisions.withheld_rows import WithheldKey, WithheldUse

KEPT_REFUSALS = 20
_AT_ONCE = 100


@dataclass(slots=True)
class Use:
    """How often a token asked for an operation, since the last writing.

    Instants are in seconds since 1970. allowed_at: of the last allowed request, which came from
    `address` by `user_agent`; None where all were denied. old: the last client of an old secret.
    """

    allowed: int
    denied: int
    first_at: float
    last_at: float
    allowed_at: float | None = None
    address: str = ""
    user_agent: str = ""
    old: "OldUse | None" = None


class Denial(NamedTuple):
    """A denied request. `key` is empty where no operation matched."""

    at: float
    method: str
    key: str
    reason: RefusalReason
    address: str
    user_agent: str
    request_id: str


# A tenant's id and a token's.
TokenKey = tuple[str, str]


@dataclass(slots=True)
class Unwritten:
    """Decisions that are not written yet.

    uses: by token, permission and day. old_uses: requests with the old secret of a rotation, by
    token, address and user agent. withheld: allowed requests that the trial of a token would have
    denied. written: tokens whose last use was written before. id: tells the
    batch when it is tried again. Add nothing to it after the first try. tenant_id: the one whose
    decisions all of these are, if the batch was made by `by_tenant`.
    """

    uses: dict[tuple[str, str, str, date], Use] = field(default_factory=dict)
    refused: dict[TokenKey, list[Denial]] = field(default_factory=dict)
    old_uses: dict[tuple[str, str, str, str], OldUse] = field(default_factory=dict)
    withheld: dict[WithheldKey, WithheldUse] = field(default_factory=dict)
    written: Set[TokenKey] = frozenset()
    id: UUID = field(default_factory=uuid4)
    tenant_id: UUID | None = None

    def used(self) -> set[TokenKey]:
        """The tokens that had an allowed request."""
        return {key[:2] for key, use in self.uses.items() if use.allowed_at is not None}

    def by_tenant(self) -> dict[str, "Unwritten"]:
        """The decisions of each tenant, as a batch of their own. Each key begins with a tenant."""
        parts: dict[str, Unwritten] = {}
        for name in ("uses", "refused", "old_uses", "withheld"):
            # exempt names_made_at_run_time: the names of the four fields above
            for key, entry in getattr(self, name).items():
                part = parts.get(key[0])
                if part is None:
                    part_id = uuid5(self.id, key[0])  # the same at each try
                    part = Unwritten(written=self.written, id=part_id, tenant_id=UUID(key[0]))
                    parts[key[0]] = part
                # exempt names_made_at_run_time: the names of the four fields above
                getattr(part, name)[key] = entry
        return parts

    def take(self, other: "Unwritten") -> None:
        """Add the decisions of a tenant that has none here."""
        self.uses.update(other.uses)
        self.refused.update(other.refused)
        self.old_uses.update(other.old_uses)
        self.withheld.update(other.withheld)


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
    },
    "sqlite": {
        "use": f"""
            INSERT INTO token_use (id, created_at, tenant_id, token_id, key, day,
                                   allowed, denied, first_used_at, last_used_at)
            SELECT {members("id last_at tenant_id token_id key day allowed denied")},
                   {members("first_at last_at")}
            FROM json_each(?) WHERE true
            ON CONFLICT (tenant_id, token_id, key, day) DO UPDATE SET
                allowed = token_use.allowed + excluded.allowed,
                denied = token_use.denied + excluded.denied,
                first_used_at = min(token_use.first_used_at, excluded.first_used_at),
                last_used_at = max(token_use.last_used_at, excluded.last_used_at)
        """,
        "fresh": f"""
            SELECT u.tenant_id, u.token_id
            FROM (SELECT {members("tenant_id token_id")} FROM json_each(?)) AS u
            WHERE NOT EXISTS (
                SELECT 1 FROM token_last_use l
                WHERE l.tenant_id = u.tenant_id AND l.id = u.token_id)
        """,
        "last": f"""
            INSERT INTO token_last_use (id, created_at, tenant_id, last_used_at, last_used_from,
                                        last_used_user_agent)
            SELECT {members("token_id at tenant_id at address user_agent")}
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
            SELECT {members("id at tenant_id token_id method path")},
                   {members("reason address user_agent request_id")}
            FROM json_each(?)
        """,
    },
}
# Where a table is compared with the tenants that are given as JSON, or were found by them.
_OF_GIVEN = re.compile(r"= (?:u|old)\.tenant_id\b")
_TRIM_REFUSALS = {
    name: (
        delete_found(name, "token_refusal", too_old(name, "token_refusal", ("id",), KEPT_REFUSALS)),
    )
    for name in _STATEMENTS
}


async def write(unwritten: Unwritten) -> None:
    """Write all of `unwritten`, or nothing; on a distributed database, all of each tenant.

    Two instances that write at once are both counted. A batch is counted once, however often it is
    tried: also where an earlier try seemed to fail, since the answer to its COMMIT was lost.
    """
    if unwritten.tenant_id is None and is_distributed():
        for part in unwritten.by_tenant().values():
            await _write(part)
    else:
        await _write(unwritten)


@retried
async def _write(unwritten: Unwritten) -> None:
    async with transaction() as connected:
        client = _Client(connected, unwritten.tenant_id)
        statements = _STATEMENTS[dialect()]
        if not await log_batches.note(connected, unwritten.id):
            return
        await _mark_first_uses(client, unwritten)
        for name, rows in (
            ("use", _use_rows(unwritten)),
            ("last", _last_rows(unwritten)),
            ("refused", _refused_rows(unwritten)),
        ):
            await client.execute(statements[name], rows)
        await _trim(client, _TRIM_REFUSALS, unwritten.refused)
        for rows, add, trim in (
            (_old_use_rows(unwritten), old_use_rows.ADD, old_use_rows.TRIM),
            (_withheld_rows(unwritten), withheld_rows.ADD, withheld_rows.TRIM),
        ):
            sent = list(rows)
            written = await client.execute(add[dialect()], iter(sent))
            await _trim(client, trim, _grown(sent, written))


async def _trim(
    client: "_Client", statements: Mapping[str, Sequence[str]], tokens: Iterable[TokenKey]
) -> None:
    # In the same order on every instance.
    ordered = sorted(tokens)
    for statement in statements[dialect()]:
        await client.execute(statement, _tokens(ordered))


def _grown(sent: Iterable[dict[str, Any]], written: Iterable[Any]) -> set[TokenKey]:
    """The tokens that may have too many rows: a row that was there keeps its id."""
    tokens = {row["id"]: (row["tenant_id"], row["token_id"]) for row in sent}
    return {tokens[row["id"]] for row in written if row["id"] in tokens}


@dataclass(frozen=True, slots=True)
class _Client:
    """The transaction that writes a batch. tenant_id: the one of all its decisions, if it has one.

    Then each statement compares the tenant with that value, so that one node is asked.
    """

    connected: BaseDBAsyncClient
    tenant_id: UUID | None

    async def execute(self, statement: str, rows: Iterator[dict[str, Any]]) -> list[Any]:
        """Execute a statement for all rows; gives the rows that it returns.

        Made part by part: requests are answered in between, and wait for one part at most.
        """
        further: list[Any] = []
        if self.tenant_id is not None and (own := of_tenant(statement)) != statement:
            statement, further = own, [self.tenant_id]
        returned: list[Any] = []
        while part := list(islice(rows, _AT_ONCE)):
            values = [orjson.dumps(part).decode(), *further]
            returned += await self.connected.execute_query_dict(statement, values)
        return returned


@lru_cache
def of_tenant(statement: str) -> str:
    """A statement about tokens of several tenants, for those of the tenant $2 alone."""
    return _OF_GIVEN.sub("= $2", statement)


async def _mark_first_uses(client: _Client, unwritten: Unwritten) -> None:
    """Set `first_used_at` of the tokens that get a last use for the first time.

    A token that an admin is changing is left unmarked, since the flush waits for no admin: lists
    look at `token_last_use` too.
    """
    used = _tokens(unwritten.used() - unwritten.written)
    while part := list(islice(used, _AT_ONCE)):
        statement = _STATEMENTS[dialect()]["fresh"]
        fresh: dict[UUID, list[UUID]] = defaultdict(list)
        for row in await client.execute(statement, iter(part)):
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
    """One row for each token: a second one would meet the first in the same statement."""
    allowed = ((key[:2], use) for key, use in unwritten.uses.items() if use.allowed_at is not None)
    last: dict[TokenKey, tuple[float, str, str]] = {}
    for token, use in allowed:
        at = use.allowed_at or 0.0
        if token not in last or last[token][0] <= at:
            last[token] = at, use.address, use.user_agent
    for (tenant_id, token_id), (at, address, user_agent) in sorted(last.items()):
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
    for row_id, ((tenant_id, token_id, *_), use) in zip(_ids(), ordered, strict=False):
        yield {
            "id": row_id,
            "tenant_id": tenant_id,
            "token_id": token_id,
            "address": use.address,
            "user_agent": use.user_agent,
            "requests": use.requests,
            "at": _instant(use.last_at),
        }


def _withheld_rows(unwritten: Unwritten) -> Iterator[dict[str, Any]]:
    names = ("tenant_id", "token_id", "key", "address", "user_agent")
    # In the order of the unique index, as the uses.
    ordered = sorted(unwritten.withheld.items(), key=itemgetter(0))
    for row_id, (key, use) in zip(_ids(), ordered, strict=False):
        named = dict(zip(names, key, strict=True))
        yield named | {"id": row_id, "requests": use.requests, "at": _instant(use.last_at)}


def _tokens(tokens: Iterable[TokenKey]) -> Iterator[dict[str, Any]]:
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

"""The ranges of indexes from which lists of tokens are read, and how a part of one is read.

A range is read in the order of its index and up to a limit, so that the cost does not grow with the
tokens that a tenant has.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import models
from models import TokenState
from server.access.reading import joined_by_id, joined_by_place
from server.access.token_filter import AMONG, Question, Values, never_used
from server.database import dialect
from server.texts import query_words

_COLUMNS = (
    "t.id, t.name, t.owner_id, t.created_by_id, t.created_at, t.expires_at, t.paused_at,"
    " t.resumed_at, t.revoked_at"
)
_TOKENS = "FROM token t{by} WHERE t.tenant_id = {tenant}"
_LIVE = _TOKENS + " AND t.revoked_at IS NULL"
_LAST_USES = "FROM token_last_use u{by} WHERE u.tenant_id = {tenant} AND u.revoked_at IS NULL"
_HOLDERS = "FROM token_permission p{by} WHERE p.tenant_id = {tenant}"
_SEARCHED = {
    "postgres": "FROM token_search s WHERE s.tenant_id = {tenant}",
    "sqlite": (
        "FROM token_search_index CROSS JOIN token_search s"
        " ON s.tenant_id = {tenant} AND s.place = token_search_index.rowid WHERE true"
    ),
}
_WORDS = {
    "postgres": "string_to_array(s.words, ' ') @> {}::text[]",
    "sqlite": "token_search_index MATCH {}",
}
# The value of a term: the present instant by the clock of the database.
NOW = object()
# A token's id has its instant of creation: a later one where the instance's clock was set back.
_SLACK = timedelta(minutes=1)
_MAX_ID_MILLISECONDS = 2**48 - 1


@dataclass(frozen=True, slots=True)
class Range:
    """A range of an index of tokens, or of rows that name tokens.

    columns: those that the index is sorted by within the range. terms: further conditions on its
    rows, each with its value. id: the column with the token's id. meets: the names of the
    conditions that all its tokens meet. has_strays: holds some used tokens among unused ones.
    """

    sql: str
    index: str
    columns: tuple[str, ...]
    terms: tuple[tuple[str, object], ...] = ()
    id: str = "t.id"
    meets: frozenset[str] = frozenset({"live"})
    has_strays: bool = False

    def within(self, term: str, value: object, *meets: str) -> "Range":
        """The part of the range that meets another term."""
        return replace(self, terms=(*self.terms, (term, value)), meets=self.meets | {*meets})


@dataclass(frozen=True, slots=True)
class Beyond:
    """The part of a sorted list beyond a place, in one direction.

    key: the value that sorts the place before its id; None in a list that ids alone sort.
    id: None for the whole list. inclusive: with the place itself.
    """

    descending: bool = False
    id: UUID | None = None
    key: object = None
    inclusive: bool = False

    def term(self, key: str, row_id: str, values: Values) -> str:
        """The condition on a row's key and id; "" for the whole list."""
        if self.id is None:
            return ""
        sign = ("<" if self.descending else ">") + ("=" if self.inclusive else "")
        if self.key is None:
            return f" AND {row_id} {sign} {values.put(self.id)}"
        return f" AND ({key}, {row_id}) {sign} ({values.put(self.key)}, {values.put(self.id)})"

    def order(self, *columns: str) -> str:
        """The columns for ORDER BY."""
        return ", ".join(f"{column} {'DESC' if self.descending else 'ASC'}" for column in columns)


EVERYTHING = Beyond()


def walked(
    part: Range, values: Values, limit: int, beyond: Beyond, *, has_key: bool
) -> tuple[str, str]:
    """The part of a statement that reads the first tokens of a range, in its order, as `token`.

    With it the expression of the column that sorts them before their ids, if there is one. They
    keep the order of the range: either database joins them one by one.
    """
    key = part.columns[0] if has_key else "NULL"
    rows = _rows(part, values, limit, beyond)
    if part.id != "t.id":
        token = joined_by_id(values.dialect, "token", "token", values.tenant)
        return f"FROM (SELECT {part.id} AS id, {key} AS key {rows}) x {token}", "x.key"
    if values.dialect != "sqlite":
        return f"FROM (SELECT t.*, {key} AS key {rows}) token", "token.key"
    # SQLite would copy each column of each token that is examined.
    token = joined_by_place("token", values.tenant)
    return f"FROM (SELECT t.rowid AS place, {key} AS key {rows}) x {token}", "x.key"


def examined(part: Range, key: str, values: Values, limit: int) -> str:
    """The statement that reads the first tokens of a range, and with each its `key`."""
    if part.id == "t.id":
        rows = f"SELECT {_COLUMNS}, {key} AS key {_rows(part, values, limit, EVERYTHING)}"
    else:
        named = f"SELECT {part.id} AS id {_rows(part, values, limit, EVERYTHING)}"
        token = joined_by_id(values.dialect, "token", "t", values.tenant)
        rows = f"SELECT {_COLUMNS}, {key} AS key FROM ({named}) x {token}"
    if part.has_strays:
        return f"SELECT * FROM ({rows}) e WHERE {never_used(values, 'e')}"
    return rows


def counted(part: Range, values: Values, limit: int, beyond: Beyond = EVERYTHING) -> str:
    """The statement that counts the rows of a range, up to a limit."""
    return f"SELECT count(*) AS examined FROM (SELECT 1 {_rows(part, values, limit, beyond)}) x"


def _rows(part: Range, values: Values, limit: int, beyond: Beyond) -> str:
    # SQLite keeps no statistics, and is told the index; PostgreSQL takes it for the order.
    by = f" INDEXED BY {part.index}" if part.index and values.dialect == "sqlite" else ""
    sql = part.sql.format(by=by, tenant=values.tenant)
    for term, value in part.terms:
        sql += f" AND {term.format(values.now() if value is NOW else values.put(value))}"
    if part.columns:
        sql += beyond.term(part.columns[0], part.id, values)
        sql += f" ORDER BY {beyond.order(*part.columns)}"
    return f"{sql} LIMIT {limit}"


def by_id(question: Question) -> Range:
    """The narrowest range with the filter's tokens that is sorted by ids."""
    narrow = next(_sorted_by_ids(question), None)
    if narrow is None and question.wanted.is_of_live:
        narrow = Range(_LIVE, "idx_token_live", ("t.id",))
    found = narrow or Range(_TOKENS, "", ("t.id",), meets=frozenset())
    if question.wanted.created_before is not None:
        return found.within(f"{found.id} < {{}}", _id_at(question.wanted.created_before))
    return found


def by_name(_: Question) -> Range:
    """The live tokens by their names."""
    return Range(_LIVE, "idx_token_name", ("lower(t.name)", "t.id"))


def with_expiry(question: Question) -> Range:
    """The live tokens that expire, by their expiries."""
    sql = _LIVE + " AND t.expires_at IS NOT NULL"
    found = Range(sql, "idx_token_expiry", ("t.expires_at", "t.id"))
    if question.wanted.expires_before is not None:
        found = found.within("t.expires_at < {}", question.wanted.expires_before, "expiry")
    if question.wanted.states == {TokenState.EXPIRED}:
        found = found.within("t.expires_at <= {}", NOW, "states")
    return found


def without_expiry(question: Question) -> Range | None:
    """The live tokens without expiry, by their ids; None where the filter excludes them."""
    if question.wanted.expires_before or question.wanted.states == {TokenState.EXPIRED}:
        return None
    sql = _LIVE + " AND t.expires_at IS NULL"
    return Range(sql, "idx_token_expiry", ("t.expires_at", "t.id"))


def used(question: Question) -> Range | None:
    """The live tokens that were used, by their last uses; None where the filter excludes them.

    A token that was first used while it was revoked stays among them, and is no live one.
    """
    if question.wanted.never_used:
        return None
    columns = ("u.last_used_at", "u.id")
    found = Range(_LAST_USES, "idx_last_use_live", columns, id="u.id", meets=frozenset())
    if question.wanted.unused_since is not None:
        found = found.within("u.last_used_at < {}", question.wanted.unused_since, "unused")
    return found


def unused(question: Question) -> Range | None:
    """The live tokens that were never used, by their ids; None where the filter excludes them."""
    wanted = question.wanted
    if wanted.never_used is False:
        return None
    met = frozenset({"live", "use"} if wanted.never_used else {"live"})
    sql = _LIVE + " AND t.first_used_at IS NULL"
    found = Range(sql, "idx_token_unused", ("t.id",), meets=met, has_strays=True)
    if question.wanted.unused_since is not None:
        found = found.within("t.id < {}", _id_at(question.wanted.unused_since))
    return found


def selections(question: Question) -> Iterator[tuple[Range, ...]]:
    """For each condition with an index: the ranges that together hold every token that meets it."""
    wanted = question.wanted
    if wanted.ids is not None:
        yield (_named(question, wanted.ids),)
    for one in _sorted_by_ids(question):
        yield (one,)
    if wanted.is_of_live and wanted.search:
        words = query_words(question.tenant_id, wanted.search)
        searched = Range(_SEARCHED[dialect()], "", (), id="s.id")
        value = " ".join(words) if dialect() == "sqlite" else words
        yield (searched.within(_WORDS[dialect()], value),)
    if wanted.is_of_live and without_expiry(question) is None:
        yield (with_expiry(question),)
    if wanted.is_of_live and (wanted.never_used or wanted.unused_since is not None):
        yield tuple(one for one in (used(question), unused(question)) if one is not None)
    if wanted.created_by_id is not None:
        columns = ("t.created_by_id", "t.idempotency_key")
        creators = Range(_TOKENS, "", columns, meets=frozenset())
        yield (creators.within("t.created_by_id = {}", wanted.created_by_id, "creator"),)


def _named(question: Question, ids: frozenset[UUID]) -> Range:
    """The tokens with these ids."""
    is_of_live = question.wanted.is_of_live
    met = frozenset({"live"} if is_of_live else ())
    # In no order: PostgreSQL would read all of the tenant's in that order, and pick these.
    named = Range(_LIVE if is_of_live else _TOKENS, "", (), meets=met)
    term = AMONG[dialect()].format(id="t.id", value="{}")
    return named.within(term, ids, "ids")


def _sorted_by_ids(question: Question) -> Iterator[Range]:
    """The ranges of single conditions that are sorted by ids."""
    wanted = question.wanted
    if wanted.is_of_live and wanted.owner_id is not None:
        owned = Range(_LIVE, "idx_token_owner", ("t.id",))
        yield owned.within("t.owner_id = {}", wanted.owner_id, "owner")
    if wanted.is_of_live and wanted.is_owned_by_organisation:
        sql, met = _LIVE + " AND t.owner_id IS NULL", frozenset({"live", "organisation"})
        yield Range(sql, "idx_token_owner", ("t.owner_id", "t.id"), meets=met)
    if wanted.states == {TokenState.PAUSED}:
        yield Range(_LIVE + " AND t.paused_at IS NOT NULL", "idx_token_paused", ("t.id",))
    if wanted.states == {TokenState.REVOKED}:
        sql, met = _TOKENS + " AND t.revoked_at IS NOT NULL", frozenset({"states"})
        yield Range(sql, "idx_token_revoked", ("t.id",), meets=met)
    if wanted.permission is not None:
        columns, fingerprint = ("p.token_id",), models.permission_fingerprint(wanted.permission)
        holders = Range(
            _HOLDERS, "idx_permission_holders", columns, id="p.token_id", meets=frozenset()
        )
        yield holders.within("p.fingerprint = {}", fingerprint, "permission")


def _id_at(instant: datetime) -> UUID:
    """An id above those of the tokens created before an instant."""
    milliseconds = int((instant.astimezone(UTC).timestamp() + _SLACK.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), _MAX_ID_MILLISECONDS) << 80)

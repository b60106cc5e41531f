"""The filter of a list of tokens, and its conditions as SQL."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

import models
from models import TokenState
from server.access import token_search
from server.access.reading import Beside
from server.database import dialect
from server.errors import BadSearch

NOT_REVOKED = frozenset(TokenState) - {TokenState.REVOKED}
MAX_KEY_LENGTH = 512
MAX_IDS = 500
TOO_MANY_IDS = f"A filter names at most {MAX_IDS} tokens by their ids."

_STATE = (
    "CASE WHEN {of}.revoked_at IS NOT NULL THEN 'REVOKED'"
    " WHEN {of}.expires_at <= {now} THEN 'EXPIRED'"
    " WHEN {of}.paused_at IS NOT NULL THEN 'PAUSED' ELSE 'ACTIVE' END IN ({states})"
)
# Scalars, not joins or EXISTS, which PostgreSQL may answer from all rows of the tenant.
_LAST_USE = (
    "(SELECT u.last_used_at FROM token_last_use u WHERE u.tenant_id = {tenant} AND u.id = {of}.id)"
)
_HOLDS = (
    "(SELECT 1 FROM token_permission p WHERE p.tenant_id = {tenant} AND p.token_id = {of}.id"
    " AND p.fingerprint = {value} LIMIT 1) IS NOT NULL"
)
AMONG = {
    "postgres": "{id} = ANY({value}::uuid[])",
    "sqlite": "{id} IN (SELECT value FROM json_each({value}))",
}
_TEXT = "(SELECT s.text FROM token_search s WHERE s.tenant_id = {tenant} AND s.id = {of}.id)"
_CONTAINS = {
    "postgres": "strpos(" + _TEXT + ", {value}) > 0",
    "sqlite": "instr(" + _TEXT + ", {value}) > 0",
}


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """The conditions of a list: its tokens meet each one that is given.

    states: by the clock of the database. unused_since: neither created nor used since.
    not_resumed_since: nor resumed or revived. never_used: whether never used, or used. search: a
    text of `token_search`, "" for none. permission: a key, whose shape counts. ids: at most 500.
    """

    states: frozenset[TokenState] = NOT_REVOKED
    owner_id: UUID | None = None
    is_owned_by_organisation: bool | None = None
    created_by_id: UUID | None = None
    unused_since: datetime | None = None
    created_before: datetime | None = None
    expires_before: datetime | None = None
    permission: str | None = None
    search: str = ""
    not_resumed_since: datetime | None = None
    ids: frozenset[UUID] | None = None
    never_used: bool | None = None

    @property
    def is_of_live(self) -> bool:
        """Whether no revoked token meets it."""
        return self.states <= NOT_REVOKED


def cleaned(wanted: TokenFilter, text: str | None = None) -> TokenFilter:
    """The filter with its search text, or else `text`, in searchable form. Raises `BadSearch`."""
    if wanted.ids is not None and len(wanted.ids) > MAX_IDS:
        raise BadSearch(TOO_MANY_IDS)
    if wanted.permission is not None and len(wanted.permission) > MAX_KEY_LENGTH:
        raise BadSearch(f"A permission's key has at most {MAX_KEY_LENGTH} characters.")
    if text and wanted.search and text != wanted.search:
        raise BadSearch("Give one search text: as `search`, or in `filter`.")
    return replace(wanted, search=token_search.term_of(wanted.search or text or ""))


@dataclass(frozen=True, slots=True)
class Question:
    """A filter, and the tenant that it is applied to.

    beside: to be read beside each token; None where only ids are asked for.
    """

    wanted: TokenFilter
    tenant_id: UUID
    beside: tuple[Beside, ...] | None = None


@dataclass(slots=True)
class Values:
    """The values of a statement and their placeholders. The tenant's id is the first.

    dialect: that of the statement, asked for once.
    """

    tenant_id: UUID
    given: list[Any] = field(init=False, default_factory=list)
    dialect: str = field(init=False, default_factory=dialect)
    tenant: str = field(init=False)

    def __post_init__(self) -> None:
        self.tenant = self.put(self.tenant_id)

    def now(self) -> str:
        """The present instant by the clock of the database."""
        return "statement_timestamp()" if self.dialect != "sqlite" else self.put(datetime.now(UTC))

    def put(self, value: Any) -> str:
        """Add a value; gives its placeholder."""
        embedded = self.dialect == "sqlite"
        if embedded and isinstance(value, UUID):
            value = str(value)
        elif isinstance(value, frozenset):
            value = orjson.dumps(sorted(map(str, value))).decode() if embedded else sorted(value)
        elif embedded and isinstance(value, datetime):
            value = value.isoformat(" ")
        self.given.append(value)
        return f"{'?' if embedded else '$'}{len(self.given)}"


def condition_names(wanted: TokenFilter) -> frozenset[str]:
    """The names of the conditions of a filter."""
    given = {
        "live": wanted.states == NOT_REVOKED,
        "states": wanted.states not in (NOT_REVOKED, frozenset(TokenState)),
        "owner": wanted.owner_id is not None,
        "organisation": wanted.is_owned_by_organisation is not None,
        "creator": wanted.created_by_id is not None,
        "created": wanted.created_before is not None,
        "expiry": wanted.expires_before is not None,
        "unused": wanted.unused_since is not None,
        "resumed": wanted.not_resumed_since is not None,
        "permission": wanted.permission is not None,
        "search": bool(wanted.search),
        "ids": wanted.ids is not None,
        "use": wanted.never_used is not None,
    }
    return frozenset(name for name, is_given in given.items() if is_given)


def conditions(
    names: frozenset[str], question: Question, values: Values, of: str = "token"
) -> Iterator[str]:
    """These conditions of the filter, over the tokens that a statement calls `of`."""
    for name in sorted(names):
        yield _condition(name, question, values, of)


def never_used(values: Values, of: str = "token") -> str:
    """The condition that a token was never used."""
    return f"{_LAST_USE.format(tenant=values.tenant, of=of)} IS NULL"


def _condition(name: str, question: Question, values: Values, of: str) -> str:
    wanted, put, tenant = question.wanted, values.put, values.tenant
    match name:
        case "states":
            states = ", ".join(f"'{state.value}'" for state in wanted.states) or "NULL"
            return _STATE.format(of=of, now=values.now(), states=states)
        case "owner":
            return f"{of}.owner_id = {put(wanted.owner_id)}"
        case "organisation":
            return f"({of}.owner_id IS NULL) = {put(wanted.is_owned_by_organisation)}"
        case "creator":
            return f"{of}.created_by_id = {put(wanted.created_by_id)}"
        case "created":
            return f"{of}.created_at < {put(wanted.created_before)}"
        case "expiry":
            return f"{of}.expires_at < {put(wanted.expires_before)}"
        case "unused":
            last_use = _LAST_USE.format(tenant=tenant, of=of)
            return f"COALESCE({last_use}, {of}.created_at) < {put(wanted.unused_since)}"
        case "resumed":
            return f"COALESCE({of}.resumed_at, {of}.created_at) < {put(wanted.not_resumed_since)}"
        case "permission":
            fingerprint = models.permission_fingerprint(wanted.permission or "")
            return _HOLDS.format(of=of, tenant=tenant, value=put(fingerprint))
        case "search":
            return _CONTAINS[values.dialect].format(of=of, tenant=tenant, value=put(wanted.search))
        case "ids":
            return AMONG[values.dialect].format(id=f"{of}.id", value=put(wanted.ids))
        case "use":
            return f"({never_used(values, of)}) = {put(wanted.never_used)}"
    return f"{of}.revoked_at IS NULL"

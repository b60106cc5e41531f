"""The search of a tenant's tokens: its index rows, and the ids of live ones that a term finds.

Revoked tokens keep their text, which `token_lists` compares in the order of the list.

A search examines a bounded number of tokens however many the tenant has, or refuses to. On both
databases a full-text index gives those that hold every sequence of characters of the term, as
hashes that include the tenant; their texts are then compared.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import orjson

import models
from server.access.principal import Principal
from server.access.reading import Beside, owned_rows, rows, uuid_of
from server.access.tenancy import cut
from server.database import StatementTooLong, dialect, fetch
from server.errors import BadSearch, SearchTooBroad
from server.paging import Page, PageRequest
from server.texts import has_too_many_marks, index_words, query_words, search_text, searchable

MAX_TERM_LENGTH = 200
# Among 100,000 tokens a term in fewer is read by the index, and one in more fills a page of 100
# from as many of the newest.
MAX_EXAMINED = 4000
_FEW = 256
_AT_ONCE = 500
_MAX_SECONDS = 1.0
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """A statement that examines up to `limit` tokens, and gives how many, and the ids it found.

    It asks for one more: then there are tokens that it has not examined. `in_order`: those are
    beyond the ones that it found.
    """

    sql: str
    limit: int
    in_order: bool = True


# {beyond} and {order} are < and DESC, or > and ASC.
_NEWEST = """
    WITH examined AS MATERIALIZED (
        SELECT id, text FROM token_search
        WHERE tenant_id = $1 AND words <> '' AND id {beyond} $2
        ORDER BY id {order} LIMIT $4)
    SELECT (SELECT count(*) FROM examined) AS examined, ARRAY(
        SELECT id FROM examined WHERE strpos(text, $3) > 0 ORDER BY id {order} LIMIT $5) AS found
"""
# A GIN index has no order: it gives all that hold the words, from the position on or not.
_HOLDING = """
    WITH examined AS MATERIALIZED (
        SELECT id, text FROM token_search
        WHERE tenant_id = $1 AND string_to_array(words, ' ') @> $6::text[] LIMIT $4)
    SELECT (SELECT count(*) FROM examined) AS examined, ARRAY(
        SELECT id FROM examined WHERE strpos(text, $3) > 0 AND id {beyond} $2
        ORDER BY id {order} LIMIT $5) AS found
"""
# SQLite's reads in the order of the ids, and no further than it must.
_NEXT_HOLDING = """
    WITH examined AS (
        SELECT rowid AS place FROM token_search_index
        WHERE token_search_index MATCH ?6 AND rowid {beyond} ?2 ORDER BY rowid {order} LIMIT ?4)
    SELECT (SELECT count(*) FROM examined) AS examined, (
        SELECT json_group_array(id) FROM (
            SELECT id FROM examined CROSS JOIN token_search
            ON tenant_id = ?1 AND token_search.place = examined.place
            WHERE instr(text, ?3) > 0 ORDER BY examined.place {order} LIMIT ?5)) AS found
"""
_STEPS = {
    "postgres": (
        _Step(_NEWEST, _FEW),
        _Step(_HOLDING, MAX_EXAMINED, in_order=False),
        _Step(_NEWEST, MAX_EXAMINED),
    ),
    "sqlite": (_Step(_NEXT_HOLDING, _FEW), _Step(_NEXT_HOLDING, MAX_EXAMINED)),
}


async def add(token: models.Token) -> None:
    """Let searches find a new token. Call it within the transaction that creates the token."""
    await models.TokenSearch.bulk_create([row_of(token, await _creator_of(token))])


async def update(token: models.Token) -> None:
    """Follow a live token's name, description and hint, in the transaction that changes them."""
    await row_of(token, await _creator_of(token)).write("text", "words")


async def _creator_of(token: models.Token) -> str:
    """The name of the admin who created it, "" for one whose row is deleted."""
    found = await rows(models.Admin, tenant_id=token.tenant_id, id=token.created_by_id)
    return found[0].name if found else ""


async def follow_creator(admin: models.Admin) -> None:
    """Follow an admin's new name in the rows of all tokens that the admin created.

    Locks the tokens: a change of one that read the old name is written before this.
    """
    made = models.Token.filter(tenant_id=admin.tenant_id, created_by_id=admin.id)
    ids = sorted(await made.values_list("id", flat=True))
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        tokens = models.Token.filter(tenant_id=admin.tenant_id, id__in=part).order_by("id")
        for token in await tokens.select_for_update():
            await row_of(token, admin.name).write("text", "words")


async def remove(tenant_id: UUID, token_ids: Collection[UUID]) -> None:
    """Let no search of live tokens find these, within the transaction that revokes them."""
    found = models.TokenSearch.filter(tenant_id=tenant_id, id__in=list(token_ids))
    await found.update(words="")


def row_of(token: models.Token, creator: str = "") -> models.TokenSearch:
    """The search row of a token, not yet written. creator: its creator's name, "" for none."""
    text = search_text(token.name, token.description, creator, token.hint)
    return models.TokenSearch(
        tenant_id=token.tenant_id,
        id=token.id,
        text=text,
        words=" ".join(index_words(token.tenant_id, text)) if token.is_live else "",
        place=models.place_of(token.id),
    )


def term_of(text: str) -> str:
    """The searchable form of a typed text; "" asks for all. Raises `BadSearch`."""
    if not text:
        return ""
    if len(text) > MAX_TERM_LENGTH:
        raise BadSearch(f"A search text has at most {MAX_TERM_LENGTH} characters.")
    if has_too_many_marks(text):
        raise BadSearch("A search text has too many accents on one letter.")
    return searchable(text)


async def page(
    principal: Principal, request: PageRequest, term: str, beside: tuple[Beside, ...] = ()
) -> Page[models.Token]:
    """The live tokens with `term`, newest first. Raises `SearchTooBroad`."""
    ids = await _find(principal.tenant_id, request, term)
    live = await owned_rows(models.Token, principal, id__in=ids.rows, beside=beside, **models.LIVE)
    tokens = {token.id: token for token in live}
    # One that was revoked between the two statements is missing.
    shown = [tokens[token_id] for token_id in ids.rows if token_id in tokens]
    return Page(shown, ids.has_previous, ids.has_next)


async def _find(tenant_id: UUID, request: PageRequest, term: str) -> Page[UUID]:
    try:
        found = await _first_complete(tenant_id, request, term)
        return cut(found, request, behind=await _is_behind(tenant_id, request, term))
    except StatementTooLong:
        raise SearchTooBroad from None


async def _is_behind(tenant_id: UUID, request: PageRequest, term: str) -> bool:
    """Whether the term finds something on the side that the request came from."""
    if request.position is None:
        return False
    own = await models.TokenSearch.get_or_none(tenant_id=tenant_id, id=request.position)
    if own is not None and own.words and term in own.text:
        return True
    # The cursor's token is revoked by now, or renamed.
    back = PageRequest(1, request.position, not request.backwards)
    return bool(await _first_complete(tenant_id, back, term))


async def _first_complete(tenant_id: UUID, request: PageRequest, term: str) -> list[UUID]:
    """The ids by the first step that fills the page, or leaves no token unexamined."""
    for step in _STEPS[dialect()]:
        examined, found = await _run(step, tenant_id, request, term)
        if _is_complete(step, examined, found, request):
            return found
    raise SearchTooBroad


def _is_complete(step: _Step, examined: int, found: Collection[UUID], request: PageRequest) -> bool:
    return examined <= step.limit or (step.in_order and len(found) > request.size)


async def _run(
    step: _Step, tenant_id: UUID, request: PageRequest, term: str
) -> tuple[int, list[UUID]]:
    """How many tokens the step examined, and the ids that it found."""
    sql, values = _question(step, tenant_id, request, term)
    [[examined, found]] = await fetch(sql, values, may_sort=True, seconds=_MAX_SECONDS)
    ids = orjson.loads(found) if isinstance(found, str) else found
    return examined, [uuid_of(one) for one in ids]


def _question(
    step: _Step, tenant_id: UUID, request: PageRequest, term: str
) -> tuple[str, list[object]]:
    """The statement of the step in the page's direction, and its values."""
    beyond, order = (">", "ASC") if request.backwards else ("<", "DESC")
    start = _FIRST_ID if request.backwards else _LAST_ID
    position = start if request.position is None else request.position
    words = query_words(tenant_id, term)
    embedded = dialect() == "sqlite"
    values: list[object] = [
        str(tenant_id) if embedded else tenant_id,
        models.place_of(position) if embedded else position,
        term,
        step.limit + 1,
        request.size + 1,
        " ".join(words) if embedded else words,
    ]
    # A driver refuses a value that the statement does not name.
    named = values if step.sql is not _NEWEST else values[:-1]
    return step.sql.format(beyond=beyond, order=order), named

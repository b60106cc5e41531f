"""Compares tokens with their audit trail, which races and crashes must keep consistent.

Reads rows and writes none.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

import models
from models import ActivityKind
from server.texts import search_text


@dataclass(frozen=True)
class Birth:
    """A token's initial texts and permissions. Its activity has the later changes only."""

    name: str
    permissions: frozenset[str] = frozenset()
    description: str = ""


@dataclass(frozen=True)
class Ledger:
    """All tokens of a database with their permissions, ordered activity and search texts."""

    tokens: dict[UUID, models.Token]
    held: dict[UUID, set[str]]
    story: dict[UUID, list[models.Activity]]
    searched: dict[UUID, str]

    def of(self, tenant_id: UUID) -> list[models.Token]:
        return [token for token in self.tokens.values() if token.tenant_id == tenant_id]

    def contradictions(self, token_id: UUID, birth: Birth) -> list[str]:
        """Contradictions between a token's row, permissions and activity."""
        token = self.tokens.get(token_id)
        if token is None:
            return [f"{token_id} has activity or permissions, and no row"]
        found = _replayed(token, self.held[token_id], self.story[token_id], birth)
        search = _searched(token, self.searched.get(token_id))
        return [f"{token_id}: {one}" for one in (*found, *search)]

    def orphans(self) -> set[UUID]:
        """Tokens without a row that activity or permissions refer to."""
        return (self.held.keys() | self.story.keys()) - self.tokens.keys()


async def read_ledger(tenants: Collection[UUID] | None = None) -> Ledger:
    """The ledger of these tenants, or of all."""
    within = {} if tenants is None else {"tenant_id__in": list(tenants)}
    held: dict[UUID, set[str]] = defaultdict(set)
    story: dict[UUID, list[models.Activity]] = defaultdict(list)
    for token_id, key in await models.TokenPermission.filter(**within).values_list(
        "token_id", "key"
    ):
        held[token_id].add(key)
    for activity in await models.Activity.filter(**within).order_by("id"):
        story[activity.token_id].append(activity)
    searched = await models.TokenSearch.filter(**within).values_list("id", "text")
    tokens = {token.id: token for token in await models.Token.filter(**within)}
    return Ledger(tokens, held, story, dict(searched))


def _searched(token: models.Token, text: str | None) -> Iterable[str]:
    """A live token's search row has its name and description; a revoked one has none."""
    live = token.revoked_at is None
    if text != (search_text(token.name, token.description) if live else None):
        yield f"it is searched as {text!r}"


def _replayed(
    token: models.Token, held: set[str], story: list[models.Activity], birth: Birth
) -> Iterable[str]:
    """Replay the token's activity and compare the result with its row."""
    name, description, keys = birth.name, birth.description, set(birth.permissions)
    kinds = [activity.kind for activity in story]
    if kinds[:1] != [ActivityKind.CREATED] or kinds.count(ActivityKind.CREATED) != 1:
        yield f"its activity does not begin with its making: {kinds}"
    if ActivityKind.REVOKED in kinds[:-1]:
        yield f"something happened after it was revoked: {kinds}"
    for activity in story:
        details = activity.details
        if activity.kind is ActivityKind.NAME_CHANGED:
            if details["previousName"] != name:
                yield f"it was {name!r} before, its activity says {details['previousName']!r}"
            name = details["name"]
        elif activity.kind is ActivityKind.DESCRIPTION_CHANGED:
            if details["previousDescription"] != description:
                yield "its activity gives another previous description"
            description = details["description"]
        elif activity.kind is ActivityKind.PERMISSIONS_EDITED:
            granted, withdrawn = set(details["granted"]), set(details["withdrawn"])
            if granted & keys or withdrawn - keys:
                yield f"holding {keys}, it was granted {granted} and withdrawn {withdrawn}"
            keys = (keys | granted) - withdrawn
    if (token.name, token.description) != (name, description):
        yield f"it is called {token.name!r}, by its activity {name!r}"
    if held != keys:
        yield f"it holds {held}, by its activity {keys}"
    if {*_marks(token.grants)} != {models.permission_fingerprint(key) for key in held}:
        yield f"its row tells the wire of {token.grants!r} where it holds {held}"
    if (token.revoked_at is not None) is not (kinds[-1:] == [ActivityKind.REVOKED]):
        yield f"revoked at {token.revoked_at}, by its activity {kinds}"
    if token.revision != len(kinds):
        yield f"its revision is {token.revision} after {len(kinds)} activities"


def _marks(grants: bytes | None) -> Iterable[bytes]:
    """The `grants` of a token with few permissions, as all tokens here have."""
    whole = bytes(grants or b"")
    return (whole[at : at + 16] for at in range(0, len(whole), 16))

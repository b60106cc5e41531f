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
    secrets: dict[UUID, list[models.TokenSecret]]

    def of(self, tenant_id: UUID) -> list[models.Token]:
        return [token for token in self.tokens.values() if token.tenant_id == tenant_id]

    def contradictions(self, token_id: UUID, birth: Birth) -> list[str]:
        """Contradictions between a token's row, permissions and activity."""
        token = self.tokens.get(token_id)
        if token is None:
            return [f"{token_id} has activity or permissions, and no row"]
        found = _replayed(token, self.held[token_id], self.story[token_id], birth)
        search = _searched(token, self.searched.get(token_id))
        terms = _decided(token, self.held[token_id], self.secrets[token_id])
        return [f"{token_id}: {one}" for one in (*found, *search, *terms)]

    def orphans(self) -> set[UUID]:
        """Tokens that activity, permissions or secrets name, without a row."""
        named = self.held.keys() | self.story.keys() | self.secrets.keys()
        return named - self.tokens.keys()


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
    secrets: dict[UUID, list[models.TokenSecret]] = defaultdict(list)
    for secret in await models.TokenSecret.filter(**within):
        secrets[secret.token_id].append(secret)
    return Ledger(tokens, held, story, dict(searched), secrets)


def _searched(token: models.Token, text: str | None) -> Iterable[str]:
    """A live token's search row has its name and description; a revoked one has none."""
    live = token.revoked_at is None
    if text != (search_text(token.name, token.description) if live else None):
        yield f"it is searched as {text!r}"


def _decided(
    token: models.Token, held: set[str], secrets: list[models.TokenSecret]
) -> Iterable[str]:
    """The wire decides by the secret's row: it says the same as the token and its permissions."""
    if len(secrets) != 1:
        yield f"it has {len(secrets)} secrets"
    for secret in secrets:
        closed_by = None if token.is_live else models.ClosedBy.REVOKED
        if secret.closed_by is not closed_by:
            yield f"revoked at {token.revoked_at}, its secret is closed by {secret.closed_by}"
        conditions = (
            token.expires_at,
            "PAUSED" if token.paused_at else None,
            token.networks,
            token.requests_per_hour,
        )
        of_secret = (secret.expires_at, secret.block, secret.networks, secret.requests_per_hour)
        if of_secret != conditions:
            yield f"under {conditions}, its secret has {of_secret}"
        if {*_marks(secret.grants)} != {models.permission_fingerprint(key) for key in held}:
            yield f"holding {held}, its secret grants {secret.grants!r}"


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
    if (token.revoked_at is not None) is not (kinds[-1:] == [ActivityKind.REVOKED]):
        yield f"revoked at {token.revoked_at}, by its activity {kinds}"
    if token.revision != len(kinds):
        yield f"its revision is {token.revision} after {len(kinds)} activities"


def _marks(grants: bytes | None) -> Iterable[bytes]:
    """The `grants` of a token with few permissions, as all tokens here have."""
    whole = bytes(grants or b"")
    return (whole[at : at + 16] for at in range(0, len(whole), 16))

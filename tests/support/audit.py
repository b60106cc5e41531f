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
    rotations: dict[UUID, models.TokenRotation]

    def of(self, tenant_id: UUID) -> list[models.Token]:
        return [token for token in self.tokens.values() if token.tenant_id == tenant_id]

    def contradictions(self, token_id: UUID, birth: Birth) -> list[str]:
        """Contradictions between a token's row, permissions and activity."""
        token = self.tokens.get(token_id)
        if token is None:
            return [f"{token_id} has activity or permissions, and no row"]
        found = _replayed(token, self.held[token_id], self.story[token_id], birth)
        search = _searched(token, self.searched.get(token_id))
        secrets, story = self.secrets[token_id], self.story[token_id]
        terms = _decided(token, self.held[token_id], secrets)
        lives = _rotated(token, secrets, story, self.rotations.get(token_id))
        return [f"{token_id}: {one}" for one in (*found, *search, *terms, *lives)]

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
    rotations = {one.id: one for one in await models.TokenRotation.filter(**within)}
    return Ledger(tokens, held, story, dict(searched), secrets, rotations)


def _searched(token: models.Token, text: str | None) -> Iterable[str]:
    """A live token's search row has its name and description; a revoked one has none."""
    live = token.revoked_at is None
    if text != (search_text(token.name, token.description) if live else None):
        yield f"it is searched as {text!r}"


def _decided(
    token: models.Token, held: set[str], secrets: list[models.TokenSecret]
) -> Iterable[str]:
    """The wire decides by the secret's row: it says the same as the token and its permissions."""
    for secret in secrets:
        if (secret.closed_by is models.ClosedBy.REVOKED) is token.is_live:
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


def _rotated(
    token: models.Token,
    secrets: list[models.TokenSecret],
    story: list[models.Activity],
    rotation: models.TokenRotation | None,
) -> Iterable[str]:
    """A token got a secret when it was made and at each rotation; two live only during one."""
    made = 1 + sum(one.kind is ActivityKind.ROTATION_STARTED for one in story)
    numbers = {secret.generation for secret in secrets}
    if numbers != {*range(1, made + 1)}:
        yield f"it has had {made} secrets, and has these: {numbers}"
    live = {secret.generation for secret in secrets if secret.closed_by is None}
    if not token.is_live:
        return
    expected = {max(live, default=0)}
    if rotation is not None and rotation.ended_at is None:
        expected = {rotation.old_generation, rotation.new_generation}
        hints = {rotation.new_hint}
    else:
        hints = {token.hint}
    if live != expected or token.hint not in hints:
        yield f"these secrets live: {live}, instead of {expected}; its hint is {token.hint!r}"
    for secret in secrets:
        is_old = rotation is not None and secret.generation == rotation.old_generation
        if secret.closed_by is None and secret.retires_at is not None and not is_old:
            yield f"secret {secret.generation} retires at {secret.retires_at}"
        if is_old and secret.closed_by is None and rotation is not None:
            if secret.retires_at != rotation.old_secret_ends_at:
                yield f"the old secret retires at {secret.retires_at}, by its rotation at another"
            if secret.rotation != models.RotationPart.OLD:
                yield f"the old secret has the part {secret.rotation}"


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

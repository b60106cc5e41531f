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

_OF_ACCESS = {
    ActivityKind.ACCESS_REQUESTED,
    ActivityKind.ACCESS_GRANTED,
    ActivityKind.ACCESS_DECLINED,
}


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
    withheld: dict[UUID, set[str]]
    trials: dict[UUID, models.TokenTrial]

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
        trial = self.trials.get(token_id)
        tried = _tried(token, self.withheld[token_id], secrets, story, trial)
        return [f"{token_id}: {one}" for one in (*found, *search, *terms, *lives, *tried)]

    def orphans(self) -> set[UUID]:
        """Tokens that activity, permissions or secrets name, without a row."""
        named = self.held.keys() | self.story.keys() | self.secrets.keys()
        return named - self.tokens.keys()


async def read_ledger(tenants: Collection[UUID] | None = None) -> Ledger:
    """The ledger of these tenants, or of all."""
    within = {} if tenants is None else {"tenant_id__in": list(tenants)}
    held: dict[UUID, set[str]] = defaultdict(set)
    story: dict[UUID, list[models.Activity]] = defaultdict(list)
    withheld: dict[UUID, set[str]] = defaultdict(set)
    for token_id, key, is_withheld in await models.TokenPermission.filter(**within).values_list(
        "token_id", "key", "is_withheld"
    ):
        held[token_id].add(key)
        if is_withheld:
            withheld[token_id].add(key)
    of_tokens = models.Activity.filter(subject_kind=models.SubjectKind.TOKEN, **within)
    for activity in await of_tokens.order_by("id"):
        story[activity.subject_id].append(activity)
    searched = await models.TokenSearch.filter(**within).values_list("id", "text")
    tokens = {token.id: token for token in await models.Token.filter(**within)}
    secrets: dict[UUID, list[models.TokenSecret]] = defaultdict(list)
    for secret in await models.TokenSecret.filter(**within):
        secrets[secret.token_id].append(secret)
    rotations = {one.id: one for one in await models.TokenRotation.filter(**within)}
    trials = {one.id: one for one in await models.TokenTrial.filter(**within)}
    return Ledger(tokens, held, story, dict(searched), secrets, rotations, withheld, trials)


def _searched(token: models.Token, text: str | None) -> Iterable[str]:
    """A token's search row has its name, description, creator and hint."""
    own, rest = search_text(token.name, token.description), search_text(token.hint)
    if text is None or not (text.startswith(f"{own}\n") and text.endswith(f"\n{rest}")):
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
        if not _are_same(secret.grants, models.grants_of(held)):
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


def _tried(
    token: models.Token,
    withheld: set[str],
    secrets: list[models.TokenSecret],
    story: list[models.Activity],
    trial: models.TokenTrial | None,
) -> Iterable[str]:
    """The trial's permissions follow from the activity, and the wire counts by the same."""
    expected: set[str] = set()
    is_running = False
    for activity in story:
        if activity.kind is ActivityKind.TRIAL_STARTED:
            expected, is_running = set(activity.details["withheld"]), True
        elif activity.kind in (ActivityKind.TRIAL_ENFORCED, ActivityKind.TRIAL_DROPPED):
            expected, is_running = set(), False
        expected -= set(activity.details.get("withdrawn", ()))
    # The trial of a revoked token is forgotten at its end.
    if (token.is_live or trial is not None) and (withheld, trial is not None) != (
        expected,
        is_running,
    ):
        yield f"its trial withholds {withheld}, by its activity {expected}: {trial}"
    for secret in secrets:
        if secret.trial_until != (trial.until if trial else None):
            yield f"its secret's trial ends at {secret.trial_until}, its trial {trial}"
        kept = None if trial is None else models.grants_of(withheld)
        if not _are_same(secret.trial, kept):
            yield f"its trial withholds {withheld}, its secret's {secret.trial!r}"


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
        elif activity.kind in (ActivityKind.PERMISSIONS_EDITED, ActivityKind.TRIAL_ENFORCED):
            granted, withdrawn = set(details["granted"]), set(details["withdrawn"])
            if granted & keys or withdrawn - keys:
                yield f"holding {keys}, it was granted {granted} and withdrawn {withdrawn}"
            keys = (keys | granted) - withdrawn
        elif activity.kind is ActivityKind.PERMISSIONS_GREW:
            granted = set(details["granted"])
            if granted & keys:
                yield f"holding {keys}, it was granted {granted} as it grew"
            keys |= granted
    if (token.name, token.description) != (name, description):
        yield f"it is called {token.name!r}, by its activity {name!r}"
    if held != keys:
        yield f"it holds {held}, by its activity {keys}"
    if (token.revoked_at is not None) is not (kinds[-1:] == [ActivityKind.REVOKED]):
        yield f"revoked at {token.revoked_at}, by its activity {kinds}"
    # The clock's end of a rotation changes nothing of what somebody has read of the token; nor do
    # access requests, beside the permissions that a grant edits.
    beside = sum(bool(activity.details.get("byClock")) for activity in story)
    beside += sum(kind in _OF_ACCESS for kind in kinds)
    if token.revision != len(kinds) - beside:
        yield f"its revision is {token.revision} after {len(kinds)} activities"


def _are_same(fingerprints: bytes | None, expected: bytes | None) -> bool:
    """Whether both are None, or have the same fingerprints in any order."""
    if fingerprints is None or expected is None:
        return fingerprints is expected
    return {*_marks(fingerprints)} == {*_marks(expected)}


def _marks(fingerprints: bytes) -> Iterable[bytes]:
    whole = bytes(fingerprints)
    return (whole[at : at + 16] for at in range(0, len(whole), 16))
